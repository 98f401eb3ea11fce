/**
 * Ids that a delete hides stay forgotten, and those written again stay known,
 * whatever part of the store answers for them: memory, index files, or index
 * files that are made again.
 *
 * @module
 */

import { assertEquals, assertGreater } from "@std/assert";
import type { EventStore } from "../../lib/store/event_store.ts";
import { anEvent } from "../support/events.ts";
import { createStoreDirectory } from "../support/store_directory.ts";

const COUNT = 30;

/** Appends each event alone; tells the kinds of results and the first number. */
async function appendAll(store: EventStore): Promise<[string[], number[]]> {
  const kinds = new Set<string>();
  const numbers: number[] = [];
  for (let number = 1; number <= COUNT; number++) {
    const result = await store.append({
      streamName: "s",
      expectedVersion: "any",
      events: [anEvent(number)],
    });
    kinds.add(result.kind);
    if ("firstEventNumber" in result) numbers.push(result.firstEventNumber);
  }
  return [[...kinds], numbers];
}

function numbersFrom(first: number): number[] {
  return Array.from({ length: COUNT }, (_, index) => first + index);
}

Deno.test("ids that a delete hid are forgotten after a restart, and known once they are written again", async () => {
  await using directory = await createStoreDirectory();
  for (let life = 0; life < 3; life++) {
    const expected = numbersFrom(life * COUNT);
    {
      await using opened = await directory.open();
      assertEquals(await appendAll(opened.store), [["appended"], expected]);
      assertEquals(await appendAll(opened.store), [["duplicate"], expected]);
    }
    assertGreater(directory.namesOf("idx").length, life * 2 + 1);
    {
      await using opened = await directory.open();
      assertEquals(await appendAll(opened.store), [["duplicate"], expected]);
    }
    for (const name of directory.namesOf("idx")) {
      Deno.removeSync(directory.pathOf("segments", name));
    }
    await using opened = await directory.open();
    assertEquals(await appendAll(opened.store), [["duplicate"], expected]);
    await opened.store.deleteStream({
      streamName: "s",
      expectedVersion: "any",
      mode: "soft",
    });
  }
});

const SCAVENGE_CONTROL = {
  signal: new AbortController().signal,
  report() {},
};

for (const isScavenged of [false, true]) {
  for (const kept of ["all", "catalog", "indexes", "segments"] as const) {
    Deno.test(`ids of a stream deleted twice count as before, scavenged: ${isScavenged}, after a restart with ${kept}`, async () => {
      await using directory = await createStoreDirectory();
      {
        await using opened = await directory.open();
        for (let life = 0; life < 2; life++) {
          await appendAll(opened.store);
          await opened.store.deleteStream({
            streamName: "s",
            expectedVersion: "any",
            mode: "soft",
          });
        }
        // The first two are there again; the others are hidden.
        assertEquals(await appendIds(opened.store, [1, 2]), "appended 60");
      }
      if (isScavenged) {
        await using opened = await directory.open();
        const { removedCount } = await opened.store.maintenance.scavenge(
          {},
          SCAVENGE_CONTROL,
        );
        assertGreater(removedCount, COUNT);
      }
      if (kept === "catalog" || kept === "segments") {
        for (const name of directory.namesOf("idx")) {
          Deno.removeSync(directory.pathOf("segments", name));
        }
      }
      if (kept === "indexes" || kept === "segments") directory.removeCatalog();
      await using opened = await directory.open();
      const { store } = opened;
      assertEquals(await appendIds(store, [1, 2]), "duplicate 60");
      assertEquals(await appendIds(store, [2]), "duplicate 61");
      // The first is known and another hidden: neither a repetition nor new.
      assertEquals(await appendIds(store, [1, 3]), "conflict");
      assertEquals(await appendIds(store, [3, 4]), "appended 62");
      assertEquals(await appendIds(store, [3, 4]), "duplicate 62");
      assertEquals(await appendIds(store, [5, 99]), "appended 64");
      assertEquals(await appendIds(store, [2, 4, 5]), "duplicate 61");
    });
  }
}

/** Appends the events together; the kind of the result and the first number. */
async function appendIds(
  store: EventStore,
  numbers: readonly number[],
): Promise<string> {
  const result = await store.append({
    streamName: "s",
    expectedVersion: "any",
    events: numbers.map((number) => anEvent(number)),
  });
  return "firstEventNumber" in result
    ? `${result.kind} ${result.firstEventNumber}`
    : result.kind;
}
