/**
 * What every event store does, as tests. A store passes all of them or is none.
 * This file holds writing; the other files of this folder hold the rest.
 *
 * @module
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { QuipuError } from "../../lib/model/errors.ts";
import type { AppendResult } from "../../lib/store/event_store.ts";
import type { ExpectedVersion } from "../../lib/model/expected_version.ts";
import { LIMITS } from "../../lib/model/limits.ts";
import { aMetadataEvent, anEvent, testUuid } from "../support/events.ts";
import {
  aDelete,
  anAppend,
  appendedAt,
  appendMetadata,
  conflictAt,
  DELETED,
  duplicateAt,
  STREAM_STATES,
  testExpectations,
} from "./event_store_expectations.ts";
import { testLog } from "./event_store_log_contract.ts";
import { testReading } from "./event_store_reading_contract.ts";
import { testPort } from "./event_store_port_contract.ts";
import { testLists } from "./event_store_lists_contract.ts";
import { testTruncation } from "./event_store_truncation_contract.ts";
import {
  appendNumbers,
  type OpenStore,
  storeTest,
  textsOf,
} from "./store_steps.ts";

/**
 * Defines the tests of the whole port.
 *
 * @param open Opens an empty store; the test closes it.
 */
export function testEventStore(name: string, open: OpenStore): void {
  testExpectations(name, open);
  testIdempotency(name, open);
  testDeletes(name, open);
  testMetadata(name, open);
  testTruncation(name, open);
  testRefusals(name, open);
  testConcurrency(name, open);
  testReading(name, open);
  testLog(name, open);
  testLists(name, open);
  testPort(name, open);
}

/** Posts to a stream that holds events 1 and 2 (spec: streams §3). */
const REPETITIONS: readonly [number[], ExpectedVersion, AppendResult][] = [
  [[1, 2], "noStream", duplicateAt(0)],
  [[1], "noStream", duplicateAt(0)],
  [[1, 2, 3], "noStream", conflictAt(1)],
  [[2, 1], "noStream", conflictAt(1)],
  [[2], 0, duplicateAt(1)],
  [[1], 0, conflictAt(1)],
  [[1, 2], "any", duplicateAt(0)],
  [[2], "any", duplicateAt(1)],
  [[2, 1], "any", duplicateAt(1)],
  [[1, 2], "streamExists", duplicateAt(0)],
  [[1, 4], "any", conflictAt(1)],
  [[5, 1], "any", appendedAt(2)],
  [[1], 1, appendedAt(2)],
  [[9], 99, conflictAt(1)],
  [[1], 99, conflictAt(1)],
];

function testIdempotency(name: string, open: OpenStore): void {
  for (const [numbers, expectedVersion, wanted] of REPETITIONS) {
    const title = `append() of ${numbers} expecting ${expectedVersion}` +
      ` over 1,2 is ${wanted.kind}`;
    storeTest(`${name}: ${title}`, open, async (store) => {
      await appendNumbers(store, "s", [1, 2]);
      const events = numbers.map((number) => anEvent(number));
      const result = await store.append(anAppend({ expectedVersion, events }));
      assertEquals(result, wanted);
      const { head } = await store.readState("s");
      assertEquals(head, wanted.kind === "appended" ? 1 + numbers.length : 1);
    });
  }

  storeTest(`${name}: ids are known from every batch`, open, async (store) => {
    for (const batch of [[1, 2], [3], [4, 5, 6]]) {
      await appendNumbers(store, "s", batch);
    }
    const events = [anEvent(5), anEvent(3)];
    assertEquals(await store.append(anAppend({ events })), duplicateAt(4));
  });

  storeTest(`${name}: ids are known by stream`, open, async (store) => {
    await appendNumbers(store, "s", [1]);
    await appendNumbers(store, "t", [1]);
    assertEquals((await store.readState("t")).head, 0);
    const events = [anEvent(1, { eventType: "other", data: "{}" })];
    assertEquals(await store.append(anAppend({ events })), duplicateAt(0));
  });

  storeTest(`${name}: one batch may hold an id twice`, open, async (store) => {
    await appendNumbers(store, "s", [1, 1]);
    assertEquals((await store.readState("s")).head, 1);
    const events = [anEvent(1)];
    assertEquals(await store.append(anAppend({ events })), duplicateAt(0));
  });

  storeTest(
    `${name}: the first number of a repeated id is told`,
    open,
    async (store) => {
      await appendNumbers(store, "s", [1]);
      const events = [anEvent(1)];
      await store.append(anAppend({ expectedVersion: 0, events }));
      assertEquals(await store.append(anAppend({ events })), duplicateAt(0));
    },
  );
}

function testDeletes(name: string, open: OpenStore): void {
  storeTest(
    `${name}: hard delete ends the stream and its metastream`,
    open,
    async (store) => {
      await STREAM_STATES.hardDeleted(store);
      assert((await store.readState("s")).isTombstoned);
      assert((await store.readState("$$s")).isTombstoned);
      assertEquals(await appendMetadata(store, {}), DELETED);
      const { events } = await store.readAll({
        from: "end",
        count: 1,
        direction: "backward",
        withBodies: true,
      });
      assertEquals(events[0]?.eventType, "$streamDeleted");
      assertEquals(events[0]?.eventNumber, 2 ** 63);
      assertEquals(events[0]?.data.length, 0);
    },
  );
}

function testMetadata(name: string, open: OpenStore): void {
  storeTest(`${name}: state tells the newest metadata`, open, async (store) => {
    const before = await store.readState("s");
    assertEquals(before, {
      head: -1,
      isTombstoned: false,
      metadata: {},
      metadataNumber: -1,
    });
    await appendMetadata(store, { $maxCount: 3 });
    const events = [aMetadataEvent(901, { $maxAge: 9, $acl: { $r: "a" } })];
    await store.append(anAppend({ streamName: "$$s", events }));
    const state = await store.readState("s");
    assertEquals(state.metadata, { maxAgeSeconds: 9, acl: { read: ["a"] } });
    assertEquals([state.head, state.metadataNumber], [-1, 1]);
  });

  storeTest(`${name}: a metastream keeps one event`, open, async (store) => {
    assertEquals((await store.readState("$$s")).metadata, { maxCount: 1 });
  });

  storeTest(`${name}: system lists have metadata too`, open, async (store) => {
    const events = [aMetadataEvent(1, { $acl: { $r: "team" } })];
    await store.append(anAppend({ streamName: "$$$ce-s", events }));
    const { metadata } = await store.readState("$ce-s");
    assertEquals(metadata, { acl: { read: ["team"] } });
  });
}

function testRefusals(name: string, open: OpenStore): void {
  storeTest(`${name}: system lists cannot be written`, open, async (store) => {
    for (const streamName of ["$ce-a", "$et-a", "$category-a", "$streams"]) {
      await assertRefused(store.append(anAppend({ streamName })));
      await assertRefused(
        store.deleteStream(aDelete({ streamName, mode: "hard" })),
      );
    }

    async function assertRefused(promise: Promise<unknown>): Promise<void> {
      const error = await assertRejects(() => promise, QuipuError);
      assertEquals(error.code, "reservedStream");
    }
  });

  storeTest(
    `${name}: too large an event is refused, with its batch`,
    open,
    async (store) => {
      const fits = anEvent(1, {
        data: "x".repeat(LIMITS.eventBytesMax - 1),
        metadata: "y",
      });
      const tooLarge = anEvent(2, { data: fits.data, metadata: "yz" });
      const events = [anEvent(3), tooLarge];
      const error = await assertRejects(
        () => store.append(anAppend({ events })),
        QuipuError,
      );
      assertEquals(error.code, "eventTooLarge");
      assertEquals((await store.readState("s")).head, -1);
      const result = await store.append(anAppend({ events: [fits] }));
      assertEquals(result, appendedAt(0));
    },
  );

  storeTest(`${name}: a closed store refuses`, open, async (store) => {
    await appendNumbers(store, "s", [1]);
    await store.close();
    await store.close();
    const error = await assertRejects(
      () => store.append(anAppend({})),
      QuipuError,
    );
    assertEquals(error.code, "storeClosed");
  });
}

function testConcurrency(name: string, open: OpenStore): void {
  storeTest(
    `${name}: of appends at one version one wins`,
    open,
    async (store) => {
      for (let round = 0; round < 20; round++) {
        const results = await Promise.all(
          Array.from({ length: 10 }, (_, index) =>
            store.append(anAppend({
              expectedVersion: round === 0 ? "noStream" : round - 1,
              events: [anEvent(round * 10 + index)],
            }))),
        );
        const kinds = results.map((result) => result.kind).sort();
        assertEquals(kinds, ["appended", ...Array(9).fill("conflict")]);
      }
      assertEquals((await store.readState("s")).head, 19);
    },
  );

  storeTest(
    `${name}: appends at once are all kept, batches whole`,
    open,
    async (store) => {
      const batches = Array.from({ length: 50 }, (_, index) => [
        anEvent(index * 2),
        anEvent(index * 2 + 1),
      ]);
      const results = await Promise.all(
        batches.map((events) => store.append(anAppend({ events }))),
      );
      const { entries } = await store.readStream({
        streamName: "s",
        from: 0,
        count: 100,
        direction: "forward",
        withBodies: true,
      });
      assertEquals(entries.length, 100);
      for (const [index, result] of results.entries()) {
        assert(result.kind === "appended");
        const first = entries[result.firstEventNumber]?.event.eventId;
        const second = entries[result.firstEventNumber + 1]?.event.eventId;
        assertEquals([first, second], [
          testUuid(index * 2),
          testUuid(index * 2 + 1),
        ]);
      }
    },
  );

  storeTest(
    `${name}: a repetition of a write under way is answered as it`,
    open,
    async (store) => {
      const request = anAppend({ events: [anEvent(1), anEvent(2)] });
      const [first, second] = await Promise.all([
        store.append(request),
        store.append(request),
      ]);
      assertEquals([first, second], [appendedAt(0), duplicateAt(0)]);
      assertEquals(await textsOf(store, "s"), ['{"n":1}', '{"n":2}']);
    },
  );
}
