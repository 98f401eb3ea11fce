/**
 * Ids that a delete hides stay forgotten, and those written again stay known,
 * whatever part of the store answers for them: memory, index files, or index
 * files that are made again.
 *
 * @module
 */

import { assertEquals, assertGreater } from "@std/assert";
import type { EventStore } from "../../lib/model/event_store.ts";
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
