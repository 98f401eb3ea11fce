/**
 * What every event store does, as tests: what surrounds its events — names,
 * leases, news, promises.
 *
 * @module
 */

import {
  assert,
  assertEquals,
  assertGreater,
  assertRejects,
} from "@std/assert";
import { QuipuError } from "../../lib/model/errors.ts";
import { LIMITS } from "../../lib/model/limits.ts";
import type { CommitHint, EventStore } from "../../lib/store/event_store.ts";
import type { Lease } from "../../lib/store/leases.ts";
import { anEvent } from "../support/events.ts";
import {
  aDelete,
  anAppend,
  appendMetadata,
  duplicateAt,
} from "./event_store_expectations.ts";
import { appendNumbers, type OpenStore, storeTest } from "./store_steps.ts";

/** Defines the tests of everything that is neither written nor read. */
export function testPort(name: string, open: OpenStore): void {
  testNames(name, open);
  testLeases(name, open);
  testWatching(name, open);
  testLocalReads(name, open);
  testStoreLimits(name, open);
}

/** Names whose order differs between UTF-8, UTF-16 and alphabets. */
const NAMES_IN_ORDER = [
  "$user-x",
  "$$b-1",
  "B",
  "a",
  "a-1",
  "a-2",
  "a-\u00e4",
  "a-\uffee",
  "a-\u{10000}",
  "b-1",
  "\u00e9",
].sort((one, other) => {
  const [left, right] = [one, other].map((text) =>
    [...new TextEncoder().encode(text)].map((byte) =>
      byte.toString(16).padStart(2, "0")
    ).join("")
  );
  return (left ?? "") < (right ?? "") ? -1 : 1;
});

function testNames(name: string, open: OpenStore): void {
  storeTest(`${name}: listNames() pages in byte order`, open, async (store) => {
    const unordered = NAMES_IN_ORDER.toSorted((one, other) =>
      one.length - other.length
    );
    for (const [index, streamName] of unordered.entries()) {
      await appendNumbers(store, streamName, [index]);
    }
    for (const limit of [1, 2, 3, NAMES_IN_ORDER.length, 1000]) {
      assertEquals(await allNames(store, "streams", limit), NAMES_IN_ORDER);
    }
    const begun = await store.listNames("streams", {
      prefix: "a-",
      after: "a-1",
      limit: 2,
    });
    assertEquals(begun, ["a-2", "a-\u00e4"]);
    assertEquals(
      await store.listNames("streams", { prefix: "a-", after: "b", limit: 9 }),
      [],
    );
    assertEquals(await allNames(store, "categories", 1), ["a", "b"]);
  });

  storeTest(`${name}: listNames() of what has events`, open, async (store) => {
    for (const kind of ["streams", "categories", "types"] as const) {
      assertEquals(await allNames(store, kind, 10), []);
    }
    await store.append(
      anAppend({ streamName: "b-1", events: [anEvent(1, { eventType: "y" })] }),
    );
    await store.append(
      anAppend({ streamName: "a-1", events: [anEvent(2, { eventType: "x" })] }),
    );
    await store.append(
      anAppend({ streamName: "$sys-1", events: [anEvent(3)] }),
    );
    await store.append(
      anAppend({
        streamName: "b-2",
        expectedVersion: 5,
        events: [anEvent(4, { eventType: "no" })],
      }),
    );
    await store.append(
      anAppend({
        streamName: "plain",
        events: [anEvent(5, { eventType: "y" })],
      }),
    );
    const soft = { expectedVersion: "any", mode: "soft" } as const;
    await store.deleteStream({ streamName: "b-1", ...soft });
    const streams = ["$$b-1", "$sys-1", "a-1", "b-1", "plain"];
    assertEquals(await allNames(store, "streams", 10), streams);
    assertEquals(await allNames(store, "categories", 10), ["a", "b"]);
    const types = await allNames(store, "types", 10);
    assertEquals(types, ["$deleted", "x", "y"]);
  });

  storeTest(`${name}: listNames() of a bounded number`, open, async (store) => {
    for (const limit of [0, -1, LIMITS.listedNamesMax + 1, NaN]) {
      const refused = await assertRejects(
        () => store.listNames("streams", { limit }),
        QuipuError,
      );
      assertEquals(refused.code, "invalidRequest", String(limit));
    }
  });

  storeTest(`${name}: listNames() of many`, open, async (store) => {
    const count = 2 * LIMITS.listedNamesMax + 500;
    const names = Array.from(
      { length: count },
      (_, index) => `s-${(index * 7919 % count).toString().padStart(6, "0")}`,
    );
    for (let at = 0; at < count; at += 100) {
      await Promise.all(
        names.slice(at, at + 100).map((streamName, index) =>
          appendNumbers(store, streamName, [at + index])
        ),
      );
    }
    const listed = await allNames(store, "streams", LIMITS.listedNamesMax);
    assertEquals(listed, names.toSorted());
  });
}

async function allNames(
  store: EventStore,
  kind: "streams" | "categories" | "types",
  limit: number,
): Promise<string[]> {
  const names: string[] = [];
  for (;;) {
    const after = names.at(-1);
    const page = await store.listNames(kind, {
      ...(after !== undefined && { after }),
      limit,
    });
    assert(page.length <= limit);
    names.push(...page);
    if (page.length < limit) return names;
  }
}

/** Long enough for any test. */
const HOLD_MS = 60_000;

async function acquire(store: EventStore, name: string): Promise<Lease> {
  const lease = await store.leases.acquire(name, HOLD_MS);
  assert(lease !== undefined);
  assertEquals(lease.name, name);
  return lease;
}

function testLeases(name: string, open: OpenStore): void {
  storeTest(`${name}: a lease has one holder`, open, async (store) => {
    const { leases } = store;
    const first = await acquire(store, "job");
    assertEquals(await leases.acquire("job", HOLD_MS), undefined);
    await acquire(store, "another job");
    assert(await leases.renew(first, HOLD_MS));
    await leases.release(first);
    assertEquals(await leases.renew(first, HOLD_MS), false);
    const second = await acquire(store, "job");
    assertGreater(second.token, first.token);
    // What is lost takes nothing away from its successor.
    await leases.release(first);
    assertEquals(await leases.acquire("job", HOLD_MS), undefined);
    assert(await leases.renew(second, HOLD_MS));
  });

  storeTest(`${name}: a lost lease writes nothing`, open, async (store) => {
    const first = await acquire(store, "job");
    const request = anAppend({ streamName: "s", events: [anEvent(1)] });
    await store.append({ ...request, lease: first });
    await store.leases.release(first);
    const second = await acquire(store, "job");
    for (const number of [1, 2]) {
      const late = anAppend({ streamName: "s", events: [anEvent(number)] });
      const refused = await assertRejects(
        () => store.append({ ...late, lease: first }),
        QuipuError,
      );
      assertEquals(refused.code, "leaseLost");
    }
    assertEquals((await store.readState("s")).head, 0);
    assertEquals(
      await store.append({ ...request, lease: second }),
      duplicateAt(0),
    );
  });
}

/** Notes what a watcher hears, and waits until it has heard enough. */
class Heard {
  readonly hints: CommitHint[] = [];
  #wake = () => {};

  readonly listener = (hints: readonly CommitHint[]): void => {
    this.hints.push(...hints);
    this.#wake();
  };

  /** `stream type lowest-number`, each once, in order. */
  get texts(): string[] {
    const texts = new Map<string, number>();
    for (const { streamName, eventType, eventNumber } of this.hints) {
      const key = `${streamName} ${eventType}`;
      texts.set(key, Math.min(texts.get(key) ?? Infinity, eventNumber));
    }
    return [...texts].map(([key, number]) => `${key} ${number}`).sort();
  }

  async until(isEnough: (texts: readonly string[]) => boolean): Promise<void> {
    while (!isEnough(this.texts)) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await promise;
    }
  }
}

function testWatching(name: string, open: OpenStore): void {
  storeTest(
    `${name}: watchers hear of every stream and type`,
    open,
    async (store) => {
      await appendNumbers(store, "before", [1]);
      // Or it might be heard of, as calls may come late.
      await store.barrier?.();
      const heard = new Heard();
      const end = store.watch(
        heard.listener,
        (streamName) => streamName !== "unwanted",
      );
      await Promise.all(
        [1, 2, 3].map((number) =>
          store.append(anAppend({
            streamName: `s-${number}`,
            events: [
              anEvent(10 * number, { eventType: "x" }),
              anEvent(10 * number + 1, { eventType: "y" }),
            ],
          }))
        ),
      );
      await appendNumbers(store, "unwanted", [50]);
      await store.append(
        anAppend({
          streamName: "s-1",
          events: [anEvent(60, { eventType: "x" })],
        }),
      );
      await store.deleteStream({
        streamName: "s-2",
        expectedVersion: "any",
        mode: "hard",
      });
      const wanted = [
        "s-1 x 0",
        "s-1 y 1",
        "s-2 $streamDeleted 9223372036854776000",
        "s-2 x 0",
        "s-2 y 1",
        "s-3 x 0",
        "s-3 y 1",
      ];
      await heard.until((texts) => texts.length >= wanted.length);
      assertEquals(heard.texts, wanted);
      end();
      await store.barrier?.();
      const another = new Heard();
      const endAnother = store.watch(another.listener);
      await appendNumbers(store, "after", [70]);
      await another.until((texts) => texts.length > 0);
      endAnother();
      assertEquals(heard.texts, wanted);
      assertEquals(another.hints.map((hint) => hint.streamName), ["after"]);
    },
  );

  storeTest(`${name}: what is told can be read`, open, async (store) => {
    const reads: Promise<number>[] = [];
    const heard = new Heard();
    const end = store.watch((hints) => {
      reads.push(store.readState("s").then((state) => state.head));
      heard.listener(hints);
    });
    await appendNumbers(store, "s", [1]);
    await heard.until((texts) => texts.length > 0);
    assertGreater((await Promise.all(reads))[0], -1);
    end();
  });

  storeTest(
    `${name}: after the barrier watchers were told`,
    open,
    async (store) => {
      const heard = new Heard();
      const end = store.watch(heard.listener);
      await appendNumbers(store, "s", [1]);
      await store.barrier?.();
      assertEquals(heard.hints.map((hint) => hint.streamName), ["s"]);
      end();
    },
  );
}

function testLocalReads(name: string, open: OpenStore): void {
  storeTest(`${name}: readEnd() follows the log`, open, async (store) => {
    const empty = await store.readEnd();
    assertEquals([empty.lastPosition, empty.wasRewritten], [-1, false]);
    await appendNumbers(store, "s", [1, 2]);
    const { end, lastPosition } = await store.readEnd();
    assertGreater(end, lastPosition);
    const { events, end: readEnd } = await store.readAll({
      from: 0,
      count: 10,
      direction: "forward",
      withBodies: false,
    });
    assertEquals([events.at(-1)?.logPosition, readEnd], [lastPosition, end]);
  });

  storeTest(
    `${name}: local reads know what reads know`,
    open,
    async (store) => {
      const { local } = store;
      if (local === undefined) return;
      const assertSame = async () => {
        await store.barrier?.();
        for (const streamName of ["s", "$$s", "$ce-s", "never", "$settings"]) {
          const state = local.peekState(streamName);
          if (state === undefined) continue;
          assertEquals(state, await store.readState(streamName), streamName);
        }
        for (const number of [0, 1, 2]) {
          const entry = local.peekEvent("s", number);
          if (entry === undefined) continue;
          const read = await store.readEvent("s", number);
          assertEquals(entry, read ?? "missing", String(number));
        }
        const end = local.peekEnd();
        if (end !== undefined) assertEquals(end, await store.readEnd());
      };
      await assertSame();
      await appendNumbers(store, "s", [1, 2]);
      await assertSame();
      await appendMetadata(store, { $maxCount: 5 });
      await assertSame();
      await store.deleteStream(aDelete({}));
      await assertSame();
      await store.deleteStream(aDelete({ mode: "hard" }));
      await assertSame();
    },
  );
}

function testStoreLimits(name: string, open: OpenStore): void {
  storeTest(
    `${name}: an append may hold what limits say`,
    open,
    async (store) => {
      const { eventBytesMax, streamNameBytesMax, eventTypeBytesMax } =
        store.limits;
      const largest = anEvent(1, {
        data: new Uint8Array(eventBytesMax - 1),
        metadata: "m",
        eventType: "t".repeat(eventTypeBytesMax),
      });
      const longName = "s".repeat(streamNameBytesMax);
      const done = await store.append(
        anAppend({ streamName: longName, events: [largest] }),
      );
      assertEquals(done.kind, "appended");
      const larger = { ...largest, metadata: "mm" };
      const refused = await assertRejects(
        () =>
          store.append(anAppend({ streamName: longName, events: [larger] })),
        QuipuError,
      );
      assertEquals(refused.code, "eventTooLarge");
    },
  );
}
