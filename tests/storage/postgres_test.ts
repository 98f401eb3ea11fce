/**
 * What a store in PostgreSQL does beyond the contract: random histories beside
 * the model, several servers, moving to files and back, keeping house.
 *
 * @module
 */

import {
  assert,
  assertEquals,
  assertGreater,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { QuipuError } from "../../lib/model/errors.ts";
import { SILENT_LOGGER } from "../../lib/model/logger.ts";
import { SYSTEM_TIMERS } from "../../lib/runtime/system_clock.ts";
import { parseDatabaseUrl } from "../../lib/store/database_url.ts";
import type { EventStore } from "../../lib/store/event_store.ts";
import {
  type ExportedStore,
  exportEvents,
} from "../../lib/store/export_events.ts";
import { importEvents } from "../../lib/store/import_events.ts";
import type { ImportingStore } from "../../lib/store/import_run.ts";
import type { JobControl } from "../../lib/store/maintenance.ts";
import { createMemoryPlatform } from "../../storage/memory/memory_platform.ts";
import { openStoreOn } from "../../storage/mod.ts";
import { connectOwner, migrate } from "../../storage/postgres/migrate.ts";
import { SCHEMA_VERSION } from "../../storage/postgres/schema.ts";
import { scavengeDatabase } from "../../storage/postgres/scavenge.ts";
import { verifyDatabase } from "../../storage/postgres/verify.ts";
import {
  appendMetadata,
  conflictAt,
} from "../contract/event_store_expectations.ts";
import { appendNumbers, textsOf } from "../contract/store_steps.ts";
import {
  aMetadataEvent,
  anEvent,
  createTestClock,
  createTestIds,
} from "../support/events.ts";
import { createModelStore } from "../support/model_store.ts";
import {
  createPostgresStore,
  openPostgresAt,
  testWithPostgres,
} from "../support/postgres_server.ts";
import {
  assertVerified,
  cutSessions,
  loseEvent,
  withOwner,
} from "../support/postgres_owner.ts";
import { withSeed } from "../support/random.ts";
import { createRandomSteps } from "../support/random_steps.ts";
import { carryOut, compareStores } from "../support/store_twins.ts";

const CONTROL: JobControl = {
  signal: new AbortController().signal,
  report() {},
};

await testWithPostgres("the store", () => {
  Deno.test("random histories are answered as the model answers them", async () => {
    await withSeed(async (random) => {
      const clock = createTestClock();
      const url = await createPostgresStore();
      await using store = await openPostgresAt(url, {
        clock,
        newEventId: createTestIds(),
      });
      await using model = createModelStore({
        clock,
        newEventId: createTestIds(),
      });
      const nextStep = createRandomSteps(random);
      for (let count = 0; count < 400; count++) {
        clock.advanceMs(random.integer(0, 2000));
        const step = nextStep();
        const wanted = await carryOut(model, step);
        assertEquals(await carryOut(store, step), wanted, JSON.stringify(step));
      }
      await compareStores(store, model, random);
      await assertVerified(url);
    });
  });

  Deno.test("of appends at one version at two servers one wins", async () => {
    const url = await createPostgresStore();
    await using one = await openPostgresAt(url);
    await using other = await openPostgresAt(url);
    for (let round = 0; round < 20; round++) {
      const results = await Promise.all([one, other, one, other].map(
        (store, index) =>
          store.append({
            streamName: "s",
            expectedVersion: round === 0 ? "noStream" : round - 1,
            events: [anEvent(round * 10 + index)],
          }),
      ));
      const kinds = results.map(({ kind }) => kind).sort();
      assertEquals(kinds, ["appended", "conflict", "conflict", "conflict"]);
    }
    await assertVerified(url);
  });

  Deno.test("appends at two servers at once are all kept, each once", async () => {
    const url = await createPostgresStore();
    await using one = await openPostgresAt(url);
    await using other = await openPostgresAt(url);
    await Promise.all(
      Array.from({ length: 200 }, (_, index) =>
        // Each is sent to both: an event with an id is written once.
        [one, other].map((store) =>
          store.append({
            streamName: `cart-${index % 7}`,
            expectedVersion: "any",
            events: [anEvent(2 * index), anEvent(2 * index + 1)],
          })
        )).flat(),
    );
    const { events } = await one.readAll({
      from: 0,
      count: 4096,
      direction: "forward",
      withBodies: false,
    });
    assertEquals(events.length, 400);
    assertEquals(new Set(events.map(({ eventId }) => eventId)).size, 400);
    assertEquals(
      events.map(({ logPosition }) => logPosition),
      Array.from({ length: 400 }, (_, index) => index),
    );
    await assertVerified(url);
  });

  Deno.test("after the barrier a server knows what another one wrote", async () => {
    const url = await createPostgresStore();
    await using one = await openPostgresAt(url);
    await using other = await openPostgresAt(url);
    const heard: string[] = [];
    other.watch((hints) => {
      heard.push(...hints.map(({ streamName }) => streamName));
    });
    await appendNumbers(one, "s", [1]);
    await other.barrier();
    assertEquals(heard, ["s"]);
    assertEquals((await other.readState("s")).head, 0);
  });

  Deno.test("the age of what watchers know begins anew with a barrier", async () => {
    await using store = await openPostgresAt(await createPostgresStore());
    await new Promise((resolve) => setTimeout(resolve, 30));
    const askedAtMs = SYSTEM_TIMERS.nowMs();
    await store.barrier();
    const { connection } = store.status();
    const oldestMs = SYSTEM_TIMERS.nowMs() - askedAtMs;
    assert((connection?.tailAgeMs ?? Infinity) <= oldestMs);
  });

  Deno.test("a lease that ran out goes to another server, and its old holder writes nothing", async () => {
    const url = await createPostgresStore();
    await using one = await openPostgresAt(url);
    await using other = await openPostgresAt(url);
    const first = await one.leases.acquire("job", 30);
    assert(first !== undefined);
    let second = await other.leases.acquire("job", 60_000);
    while (second === undefined) {
      second = await other.leases.acquire("job", 60_000);
    }
    assertGreater(second.token, first.token);
    assertEquals(await one.leases.renew(first, 1000), false);
    const append = { streamName: "s", expectedVersion: "any" } as const;
    const refused = await assertRejects(
      () => one.append({ ...append, events: [anEvent(1)], lease: first }),
      QuipuError,
    );
    assertEquals(refused.code, "leaseLost");
    await other.append({ ...append, events: [anEvent(2)], lease: second });
    assertEquals((await one.readState("s")).head, 0);
  });

  Deno.test("a store moves from files to PostgreSQL and back, event for event", async () => {
    await withSeed(async (random) => {
      const clock = createTestClock();
      const newEventId = createTestIds();
      const nextStep = createRandomSteps(random);
      await using files = await openFiles(clock);
      for (let count = 0; count < 300; count++) {
        clock.advanceMs(random.integer(0, 2000));
        await carryOut(files, nextStep());
      }
      const url = await createPostgresStore();
      await using tables = await openPostgresAt(url, { clock, newEventId });
      const exported = await linesOf(files);
      const count = exported.length;
      assertEquals(await importTo(tables, exported), [count, 0]);
      assertEquals(await linesOf(tables), exported);
      // Again: everything is known.
      assertEquals(await importTo(tables, exported), [0, count]);
      await assertVerified(url);
      await using back = await openFiles(clock);
      assertEquals(await importTo(back, await linesOf(tables)), [count, 0]);
      assertEquals(await linesOf(back), exported);
    });
  });

  Deno.test("an import that does not fit is refused with its line", async () => {
    const url = await createPostgresStore();
    await using store = await openPostgresAt(url);
    await appendNumbers(store, "s", [1, 2]);
    const [first = ""] = await linesOf(store);
    const refused = await assertRejects(
      () => importTo(store, [first, first.replace("00000001", "00000009")]),
      QuipuError,
    );
    assertStringIncludes(
      refused.message,
      'Cannot import line 3: "s" has another event with number 0 already',
    );
    assertEquals(await textsOf(store, "s"), ['{"n":1}', '{"n":2}']);
  });

  Deno.test("a scavenge takes what is hidden, and no number is given twice", async () => {
    const url = await createPostgresStore();
    const clock = createTestClock();
    await using store = await openPostgresAt(url, { clock });
    await appendNumbers(store, "cart-1", [1, 2, 3, 4]);
    await appendNumbers(store, "cart-2", [5, 6]);
    await appendNumbers(store, "gone-1", [7, 8]);
    await appendNumbers(store, "old", [9]);
    await store.append({
      streamName: "$$cart-1",
      expectedVersion: "any",
      events: [aMetadataEvent(901, { $tb: 3 })],
    });
    await store.append({
      streamName: "$$old",
      expectedVersion: "any",
      events: [aMetadataEvent(902, { $maxAge: 10 })],
    });
    const any = { expectedVersion: "any" } as const;
    await store.deleteStream({ streamName: "cart-2", mode: "soft", ...any });
    await store.deleteStream({ streamName: "gone-1", mode: "hard", ...any });
    clock.advanceMs(11_000);
    const before = await store.readState("$ce-cart");
    await withOwner(url, async (owner, schema) => {
      const report = await scavengeDatabase(owner, {
        schema,
        nowUs: clock.nowUs(),
        control: CONTROL,
      });
      assertEquals(report.removedCount, 3 + 2 + 2 + 1);
      const again = await scavengeDatabase(owner, {
        schema,
        nowUs: clock.nowUs(),
        control: CONTROL,
      });
      assertEquals(again.removedCount, 0);
    });
    assertEquals(await textsOf(store, "cart-1"), ['{"n":4}']);
    assertEquals(await textsOf(store, "cart-2"), []);
    assertEquals(await textsOf(store, "old"), []);
    assertEquals(await store.readState("$ce-cart"), before);
    assertEquals(await store.findNearest("cart-1", 0, "forward"), 3);
    assertEquals((await store.readEnd()).wasRewritten, true);
    await appendNumbers(store, "cart-2", [20]);
    assertEquals((await store.readState("cart-2")).head, 2);
    assertEquals((await store.readState("$ce-cart")).head, before.head + 2);
    await appendNumbers(store, "old", [21]);
    assertEquals((await store.readState("old")).head, 1);
    await assertVerified(url);
  });

  Deno.test("a verification names what is wrong", async () => {
    const url = await createPostgresStore();
    await using store = await openPostgresAt(url);
    await appendNumbers(store, "cart-1", [1, 2, 3]);
    await appendNumbers(store, "cart-2", [4]);
    const wrong = async (change: string) => {
      let found: string[] = [];
      await withOwner(url, async (owner, schema) => {
        await owner.run(change.replaceAll("{s}", schema));
        const report = await verifyDatabase(owner, schema);
        found = report.findings.map(({ what }) => what);
      });
      return found;
    };
    assertEquals(await wrong("select 1"), []);
    assertEquals(
      await wrong("update {s}.events set created_us = 0 where position = 2"),
      ["events are older than the one before them"],
    );
    assertEquals(
      (await wrong("delete from {s}.events where position = 1")).slice(0, 3),
      [
        "positions are missing",
        "streams have gaps in their numbers",
        "categories have gaps in their ordinals",
      ],
    );
  });

  Deno.test("a store without synchronous standbys is refused unless that is accepted", async () => {
    const url = await createPostgresStore();
    const refused = await assertRejects(
      () => openPostgresAt(url, { mayBeLocal: false }),
      QuipuError,
    );
    assertStringIncludes(refused.message, "--durability local");
  });

  Deno.test("servers go on while a schema is upgraded by a version, and start on it", async () => {
    const url = await createPostgresStore();
    const upgradeTo = (version: number) =>
      withOwner(
        url,
        (owner, schema) =>
          owner.run(`update ${schema}.meta set schema_version = ${version}`),
      );
    await using old = await openPostgresAt(url);
    await upgradeTo(SCHEMA_VERSION + 1);
    await cutSessions(url);
    await appendNumbers(old, "s", [1]);
    await using started = await openPostgresAt(url);
    assertEquals(await textsOf(started, "s"), ['{"n":1}']);
    await upgradeTo(SCHEMA_VERSION + 2);
    await assertRejects(
      () => openPostgresAt(url),
      QuipuError,
      `and this program knows ${SCHEMA_VERSION}: use a newer one`,
    );
  });

  Deno.test("the role of servers calls functions and sees no table", async () => {
    const url = await createPostgresStore();
    const { schema } = parseDatabaseUrl(url);
    const role = `role_of_${schema}`;
    await withOwner(url, async (owner) => {
      await owner.run(`create role ${role} login`);
      await migrate(owner, { schema, role, isNew: true });
      // As an upgrade would.
      await owner.run(
        `create function ${schema}.later() returns integer language sql ` +
          `as 'select 1'; revoke execute on function ${schema}.later() from public`,
      );
    });
    const asRole = url.replace("postgres@", `${role}@`);
    await using store = await openPostgresAt(asRole);
    await appendNumbers(store, "s", [1]);
    assertEquals(await textsOf(store, "s"), ['{"n":1}']);
    const session = await connectOwner({
      address: parseDatabaseUrl(asRole),
      password: undefined,
      timers: SYSTEM_TIMERS,
    });
    for (const table of ["events", "names", "leases", "meta"]) {
      await assertRejects(
        () => session.query(`select * from ${schema}.${table}`),
        Error,
        "permission denied",
      );
    }
    assertEquals(await session.call("later", []), [[1]]);
    await session.close();
  });

  Deno.test("a database whose transactions repeat reads is written to all the same", async () => {
    const url = await createPostgresStore();
    await withOwner(url, async (owner) => {
      await owner.run(
        "alter database postgres set default_transaction_isolation = 'repeatable read'",
      );
    });
    try {
      await using store = await openPostgresAt(url);
      await appendNumbers(store, "s", [1]);
      assertEquals((await store.readState("s")).head, 0);
      await assertRejects(
        () => openPostgresAt(`${url}&notify=off`),
        QuipuError,
        "are REPEATABLE READ, and behind a pooler a server cannot set that",
      );
    } finally {
      await withOwner(url, async (owner) => {
        await owner.run(
          "alter database postgres reset default_transaction_isolation",
        );
      });
    }
  });

  Deno.test("without NOTIFY the poll finds what others wrote", async () => {
    const url = `${await createPostgresStore()}&notify=off`;
    await using one = await openPostgresAt(url);
    await using other = await openPostgresAt(url);
    const heard = Promise.withResolvers<string>();
    other.watch(([hint]) => heard.resolve(hint?.streamName ?? ""));
    await appendNumbers(one, "s", [1]);
    assertEquals(await heard.promise, "s");
  });

  Deno.test("connections that are cut are made anew, and appends are written once", async () => {
    const url = await createPostgresStore();
    await using store = await openPostgresAt(url);
    for (let number = 0; number < 60; number++) {
      const cutting = number % 4 === 0 ? cutSessions(url) : undefined;
      const result = await store.append({
        streamName: "s",
        expectedVersion: number === 0 ? "noStream" : number - 1,
        events: [anEvent(number)],
      });
      await cutting;
      assert(result.kind === "appended" || result.kind === "duplicate");
      assertEquals(result.firstEventNumber, number);
    }
    assertEquals((await store.readState("s")).head, 59);
    const late = await store.append({
      streamName: "s",
      expectedVersion: 5,
      events: [anEvent(999)],
    });
    assertEquals(late, conflictAt(59));
    await assertVerified(url);
  });

  Deno.test("history that the database lost is noticed, and nothing more is written", async () => {
    const url = await createPostgresStore();
    await using store = await openPostgresAt(url);
    await appendNumbers(store, "s", [1, 2]);
    await loseEvent(url, 1);
    await cutSessions(url);
    await store.barrier();
    const refused = await assertRejects(
      () => appendNumbers(store, "s", [3]),
      QuipuError,
    );
    assertEquals(refused.code, "storeReadOnly");
    assertStringIncludes(refused.message, "The database lost events");
    assertStringIncludes(store.status().readOnlyReason ?? "", "lost events");
    assertEquals(await textsOf(store, "s"), ['{"n":1}']);
  });

  Deno.test("metadata is decided on the stream as it is when it is written", async () => {
    const url = await createPostgresStore();
    await using one = await openPostgresAt(url);
    await using other = await openPostgresAt(url);
    await appendNumbers(one, "s", [1, 2, 3]);
    await Promise.all([
      appendMetadata(one, { $tb: 1 }),
      other.append({
        streamName: "$$s",
        expectedVersion: "any",
        keepsTruncation: true,
        events: [aMetadataEvent(950, { custom: 1 })],
      }),
    ]);
    const { metadata } = await one.readState("s");
    assertEquals(metadata.truncateBefore, 1);
  });
});

function openFiles(clock: ReturnType<typeof createTestClock>) {
  return openStoreOn(createMemoryPlatform(), {
    directory: "memory",
    segmentSizeBytes: 1024 * 1024,
    clock,
    newEventId: createTestIds(),
    logger: SILENT_LOGGER,
  });
}

/** Lines of all events of a store, as far as stores agree on them. */
async function linesOf(store: ExportedStore): Promise<string[]> {
  let text = "";
  await exportEvents(store, {
    selection: { withSystem: true },
    sink(part) {
      text += part;
      return Promise.resolve();
    },
    control: CONTROL,
  });
  return text.trimEnd().split("\n").slice(1, -1).map((line) => {
    const { position: _position, run: _run, ...event } = JSON.parse(line);
    return JSON.stringify(event);
  });
}

async function importTo(
  store: EventStore & ImportingStore,
  lines: readonly string[],
): Promise<[imported: number, known: number]> {
  const text = [
    '{"quipuExport":1,"storeId":""}',
    ...lines,
    `{"quipuExportEnd":1,"events":${lines.length},"end":0}`,
    "",
  ].join("\n");
  const bytes = new TextEncoder().encode(text);
  const { importedCount, knownCount } = await importEvents({ store }, {
    bytes: (async function* () {
      yield bytes;
      await Promise.resolve();
    })(),
    length: bytes.length,
    withSystem: true,
    clock: createTestClock(),
    control: CONTROL,
  });
  return [importedCount, knownCount];
}
