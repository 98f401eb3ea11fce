/**
 * Bugs planted in the function that appends: two servers that write side by
 * side must show each of them. And what must not matter.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import type { EventStore } from "../../lib/store/event_store.ts";
import { verifyDatabase } from "../../storage/postgres/verify.ts";
import { anEvent } from "../support/events.ts";
import { plantBug, withOwner } from "../support/postgres_owner.ts";
import {
  createPostgresStore,
  openPostgresAt,
  testWithPostgres,
} from "../support/postgres_server.ts";

/** What is put in the place of what, by the bug that it is. */
const BUGS: Readonly<Record<string, readonly [string, string]>> = {
  "the expected version is not checked": [
    "want_head = coalesce(own, -1)",
    "true",
  ],
  "ids are not looked for": [
    "stream_ids[u.stream] and e.id = u.id",
    "stream_ids[u.stream] and false",
  ],
  "ordinals of a category leave one out": [
    "then ordinals[u.category]",
    "then ordinals[u.category] + 1",
  ],
  "times are those of the servers' clocks": [
    "greatest(newest_us, n.latest)",
    "n.created",
  ],
  "numbers leave one out": ["heads[u.stream] + 1) - 1", "heads[u.stream] + 1)"],
};

await testWithPostgres("planted bugs", () => {
  for (const [name, [good, bad]] of Object.entries(BUGS)) {
    Deno.test(`a bug is noticed: ${name}`, async () => {
      const url = await createPostgresStore();
      await plantBug(url, "append_v1", [good, bad]);
      assert((await liveBeside(url)).length > 0);
    });
  }

  Deno.test("nothing is noticed without a bug", async () => {
    assertEquals(await liveBeside(await createPostgresStore()), []);
  });

  Deno.test("without its lock the function is slow, and never wrong", async () => {
    const url = await createPostgresStore();
    await plantBug(url, "append_v1", [
      "perform pg_advisory_xact_lock",
      "perform sin",
    ]);
    assertEquals(await liveBeside(url), []);
  });
});

/** Two servers write side by side; returns what is wrong then. */
async function liveBeside(url: string): Promise<string[]> {
  let nowUs = 1_800_000_000_000_000;
  const clock = { nowUs: () => nowUs };
  const late = { nowUs: () => nowUs - 5_000_000 };
  await using one = await openPostgresAt(url, { clock });
  await using other = await openPostgresAt(url, { clock: late });
  const wrong: string[] = [];
  for (let round = 0; round < 8; round++) {
    nowUs += 1000;
    try {
      await writeRound([one, other], round, wrong);
    } catch (error) {
      wrong.push(String(error));
      break;
    }
  }
  const { events } = await one.readAll({
    from: 0,
    count: 4096,
    direction: "forward",
    withBodies: false,
  });
  const ids = new Set(events.map(({ eventId }) => eventId));
  if (ids.size !== events.length) wrong.push("an event is there twice");
  const { findings } = await withOwner(url, verifyDatabase);
  wrong.push(...findings.map(({ what }) => what));
  return wrong;
}

/**
 * Appends at one version of which one wins, and each event to both servers;
 * then one event by each server in turn: whichever was first until then, the
 * one whose clock is late has written after the other.
 */
async function writeRound(
  stores: readonly EventStore[],
  round: number,
  wrong: string[],
): Promise<void> {
  const numberOf = (index: number) => 100 * round + index;
  const versions = stores.map((store, index) =>
    store.append({
      streamName: "cart-versions",
      expectedVersion: round === 0 ? "noStream" : round - 1,
      events: [anEvent(numberOf(index))],
    })
  );
  const repeated = Array.from(
    { length: 10 },
    (_, index) =>
      stores.map((store) =>
        store.append({
          streamName: `cart-${index % 3}`,
          expectedVersion: "any",
          events: [anEvent(numberOf(10 + index))],
        })
      ),
  ).flat();
  const kinds = (await Promise.all(versions)).map(({ kind }) => kind).sort();
  if (kinds.join() !== "appended,conflict") {
    wrong.push(`at one version: ${kinds.join()}`);
  }
  await Promise.all(repeated);
  for (const [index, store] of stores.entries()) {
    await store.append({
      streamName: "cart-turns",
      expectedVersion: "any",
      events: [anEvent(numberOf(50 + index))],
    });
  }
}
