/**
 * States that a server keeps of streams in PostgreSQL: after a barrier they are
 * what the database says, whoever wrote.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import type { EventStore } from "../../lib/store/event_store.ts";
import { StateCache } from "../../storage/postgres/state_cache.ts";
import { metastreamOf } from "../../lib/model/stream_names.ts";
import { aMetadataEvent, anEvent } from "../support/events.ts";
import {
  createPostgresStore,
  openPostgresAt,
  testWithPostgres,
} from "../support/postgres_server.ts";
import { type Random, withSeed } from "../support/random.ts";

const EMPTY = {
  head: -1,
  isTombstoned: false,
  metadata: {},
  metadataNumber: -1,
};

Deno.test("a state that is read while its stream is written is not kept", () => {
  const cache = new StateCache(10_000);
  const read = cache.beginRead();
  cache.take([{ streamName: "written", eventNumber: 0 }]);
  cache.take([{ streamName: "$$described", eventNumber: 0 }]);
  read.keep(["written", "described", "$$described", "other", "$ce-list"], [
    EMPTY,
    EMPTY,
    EMPTY,
    EMPTY,
    EMPTY,
  ]);
  read.end();
  assertEquals(
    ["written", "described", "$$described", "other", "$ce-list"].filter((
      name,
    ) => cache.find(name) !== undefined),
    ["other"],
  );
  const later = cache.beginRead();
  cache.clear();
  later.keep(["other"], [EMPTY]);
  assertEquals(cache.find("other"), undefined);
});

Deno.test("states take no more room than they may, and those asked for last stay", () => {
  const cache = new StateCache(320);
  const put = (name: string) => cache.beginRead().keep([name], [EMPTY]);
  ["a", "b", "c"].forEach(put);
  assert(cache.find("a"));
  put("d");
  assertEquals(
    ["a", "b", "c", "d"].filter((name) => cache.find(name) !== undefined),
    ["a", "c", "d"],
  );
});

await testWithPostgres("states", () => {
  Deno.test("states are those of the database after a barrier, whichever server wrote", async () => {
    await withSeed(async (random) => {
      const url = await createPostgresStore();
      await using one = await openPostgresAt(url);
      await using other = await openPostgresAt(url);
      const names = ["a", "b-1", "$$a", "$$b-1", "$settings", "c"];
      let known = 0;
      for (let step = 0; step < 60; step++) {
        await write(random.pick([one, other]), random);
        for (const store of [one, other]) {
          await store.barrier();
          for (const name of names) {
            const peeked = store.local.peekState(name);
            if (peeked === undefined && random.chance(0.5)) continue;
            const read = await store.readState(name);
            if (peeked === undefined) continue;
            assertEquals(peeked, read, `${name}, step ${step}`);
            known++;
          }
        }
      }
      assert(known > 60, `${known} were known`);
    });
  });
});

async function write(store: EventStore, random: Random): Promise<void> {
  const streamName = random.pick(["a", "b-1", "$settings", "c"]);
  const kind = random.integer(0, 9);
  if (kind < 6) {
    const count = random.integer(1, 3);
    await store.append({
      streamName,
      expectedVersion: "any",
      events: Array.from(
        { length: count },
        () => anEvent(random.integer(0, 1e9)),
      ),
    });
  } else if (kind < 8) {
    const number = random.integer(0, 1e9);
    await store.append({
      streamName: metastreamOf(streamName),
      expectedVersion: "any",
      events: [aMetadataEvent(number, { $maxCount: 1 + kind })],
    });
  } else {
    await store.deleteStream({
      streamName,
      expectedVersion: "any",
      mode: kind === 9 && streamName === "c" ? "hard" : "soft",
    });
  }
}
