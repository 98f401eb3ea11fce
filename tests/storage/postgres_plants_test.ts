/**
 * Bugs planted in the function that appends: two servers that write side by
 * side must show each of them. And what must not matter.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { parseDatabaseUrl } from "../../lib/store/database_url.ts";
import type { EventStore } from "../../lib/store/event_store.ts";
import type { Connection } from "../../storage/postgres/driver.ts";
import type { PostgresStore } from "../../storage/postgres/postgres_store.ts";
import { verifyDatabase } from "../../storage/postgres/verify.ts";
import { appendNumbers } from "../contract/store_steps.ts";
import { anEvent } from "../support/events.ts";
import { plantBug, withOwner } from "../support/postgres_owner.ts";
import {
  createPostgresStore,
  openPostgresAt,
  testWithPostgres,
} from "../support/postgres_server.ts";

/** Texts of the function, and what stands there instead. */
type Change = readonly [good: string, bad: string];

const COUNTED_PER = (list: string) =>
  `row_number() over (partition by u.${list} order by u.o) end`;
const COUNTED_AS_ASKED = (list: string) =>
  `(select count(*) from unnest(e_${list}) with ordinality a(list, o)
    where a.list = u.${list} and a.o <= u.o) end`;
const ID_IS_THERE = "stream_ids[u.stream] and e.id = u.id";
const LOCK = "perform pg_advisory_xact_lock";

/** What is put in the place of what, by the bug that it is. */
const BUGS: Readonly<Record<string, readonly Change[]>> = {
  "the expected version is not checked": [[
    "want_head = coalesce(own, -1)",
    "true",
  ]],
  "ids are not looked for": [[
    ID_IS_THERE,
    "stream_ids[u.stream] and false",
  ]],
  "ids are looked for before the lock": [[
    LOCK,
    `ordinals := array(select u.stream from unnest(i_stream, i_id) u(stream, id)
      where exists (select from {s}.events e where e.id = u.id));
    ${LOCK}`,
  ], [
    `where exists (select from {s}.events e where e.stream = ${ID_IS_THERE})`,
    "where u.stream = any(ordinals)",
  ]],
  "the lock and what is read under it are one statement": [[
    LOCK,
    "perform sin",
  ], [
    "with state as materialized (",
    "with locked as materialized (select pg_advisory_xact_lock({lock})), " +
    "state as materialized (",
  ], [
    "from (\n      select s.*",
    "from locked, (\n      select s.*",
  ]],
  "ordinals of a category leave one out": [[
    "then ordinals[u.category]",
    "then ordinals[u.category] + 1",
  ]],
  "ordinals are not counted again after a refusal": [[
    COUNTED_PER("category"),
    COUNTED_AS_ASKED("category"),
  ]],
  "a group is split: metadata without its events": [[
    "where met[s_unit[u.stream]]",
    `where met[s_unit[u.stream]] and (s_meta[u.stream] or not exists (
      select from unnest(s_unit, s_meta) x(unit, meta)
      where x.unit = s_unit[u.stream] and x.meta))`,
  ]],
  "times are those of the servers' clocks": [[
    "greatest(newest_us, n.latest)",
    "n.created",
  ]],
  "numbers leave one out": [[
    "heads[u.stream] + 1) - 1",
    "heads[u.stream] + 1)",
  ]],
};

await testWithPostgres("planted bugs", () => {
  for (const [name, changes] of Object.entries(BUGS)) {
    Deno.test(`a bug is noticed: ${name}`, async () => {
      const url = await createPostgresStore();
      const { schema } = parseDatabaseUrl(url);
      await plantBug(
        url,
        "append_v1",
        ...changes.map(([good, bad]): Change => [
          filled(good, schema),
          filled(bad, schema),
        ]),
      );
      assert((await liveBeside(url, { roundCount: 3 })).length > 0);
    });
  }

  for (const hasFilter of [false, true]) {
    const reader = hasFilter ? "that wait for older transactions" : "at once";
    Deno.test(`a bug is noticed: positions come from a sequence, with reads ${reader}`, async () => {
      assertEquals(await heardWithSequence(hasFilter), ["b"]);
    });
  }

  Deno.test("nothing is noticed without a bug", async () => {
    assertEquals(await liveBeside(await createPostgresStore()), []);
  });

  Deno.test("without its lock the function is slow, and never wrong", async () => {
    const url = await createPostgresStore();
    await plantBug(url, "append_v1", [LOCK, "perform sin"]);
    assertEquals(await liveBeside(url, { hasLock: false }), []);
  });
});

/** A text as it is in the function of a schema. */
function filled(text: string, schema: string): string {
  return text.replaceAll("{s}", `"${schema}"`)
    .replaceAll("{lock}", lockOf(schema));
}

/** Key of the lock that appends to a schema take. */
function lockOf(schema: string): string {
  return `pg_catalog.hashtextextended('quipu ${schema}', 0)`;
}

const SEQUENCE_LOCK = 700_000;

/**
 * Streams that a watcher hears of when positions come from a sequence, and the
 * append that has the lower one, to "a", is committed last.
 */
async function heardWithSequence(hasFilter: boolean): Promise<string[]> {
  const url = await createPostgresStore();
  await using one = await openPostgresAt(url);
  await using other = await openPostgresAt(url);
  await using reader = await openPostgresAt(url);
  // Of a type each: ordinals of one type would keep both in order.
  const append = (store: EventStore, streamName: string, number: number) =>
    store.append({
      streamName,
      expectedVersion: "any",
      events: [{ ...anEvent(number), eventType: `type of ${streamName}` }],
    });
  await append(one, "a", 1);
  await append(one, "b", 2);
  await reader.barrier();
  const heard: string[] = [];
  reader.watch((hints) => {
    heard.push(...hints.map(({ streamName }) => streamName));
  });
  await plantBug(url, "append_v1", [LOCK, "perform sin"], [
    "base := coalesce(base, 0);",
    `base := nextval('${parseDatabaseUrl(url).schema}.positions');
    perform pg_advisory_xact_lock(${SEQUENCE_LOCK} + base);`,
  ]);
  if (hasFilter) {
    await plantBug(url, "tail_v1", [
      "where e.position >= start",
      "where e.position >= start and e.xmin::text::bigint < " +
      "pg_snapshot_xmin(pg_current_snapshot())::text::bigint",
    ]);
  }
  await withOwner(url, async (owner, schema) => {
    await owner.run(
      // The first value is written to the log, and gives its reader an xid.
      `create sequence ${schema}.positions;` +
        `select nextval('${schema}.positions');` +
        `select pg_advisory_lock(${SEQUENCE_LOCK} + 2)`,
    );
    const slow = append(one, "a", 3);
    await untilWaiting(owner, 1);
    await append(other, "b", 4);
    // Transactions of others, such as beats, hold it back for a moment.
    while (!heard.includes("b")) await reader.barrier();
    await owner.run(`select pg_advisory_unlock(${SEQUENCE_LOCK} + 2)`);
    await slow;
  });
  await reader.barrier();
  return heard;
}

/** Waits until so many calls wait for a lock. */
async function untilWaiting(owner: Connection, count: number): Promise<void> {
  const waiting = "select from pg_locks where not granted and " +
    "locktype = 'advisory'";
  while ((await owner.query(waiting)).length < count) {
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** Two servers write side by side; returns what is wrong then. */
async function liveBeside(
  url: string,
  { roundCount = 8, hasLock = true } = {},
): Promise<string[]> {
  let nowUs = 1_800_000_000_000_000;
  const clock = { nowUs: () => nowUs };
  const late = { nowUs: () => nowUs - 5_000_000 };
  const newEventId = () => crypto.randomUUID();
  await using one = await openPostgresAt(url, { clock, newEventId });
  await using other = await openPostgresAt(url, { clock: late, newEventId });
  const wrong: string[] = [];
  for (let round = 0; round < roundCount; round++) {
    nowUs += 1000;
    try {
      await writeRound([one, other], round, wrong);
      if (hasLock) {
        wrong.push(...await writeInTurns(url, [one, other], round));
      }
      wrong.push(...await writeToDeleted([one, other], round));
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
  // In one group with those that are refused.
  const own = stores.map((store, index) =>
    appendNumbers(store, "cart-own", [numberOf(40 + index)])
  );
  const kinds = (await Promise.all(versions)).map(({ kind }) => kind).sort();
  if (kinds.join() !== "appended,conflict") {
    wrong.push(`at one version: ${kinds.join()}`);
  }
  await Promise.all([...repeated, ...own]);
  for (const [index, store] of stores.entries()) {
    await store.append({
      streamName: "cart-turns",
      expectedVersion: "any",
      events: [anEvent(numberOf(50 + index))],
    });
  }
}

/**
 * Calls of both servers that wait for the lock together: the same event, and
 * an append to a stream that the call before has deleted.
 */
async function writeInTurns(
  url: string,
  [one, other]: readonly [PostgresStore, PostgresStore],
  round: number,
): Promise<string[]> {
  const numberOf = (index: number) => 100 * round + 60 + index;
  const streamName = `cart-deleted-${round}`;
  const together = async (first: Asked, second: Asked) =>
    await withOwner(url, async (owner, schema) => {
      await owner.run(`select pg_advisory_lock(${lockOf(schema)})`);
      const asked = [first()];
      await untilWaiting(owner, 1);
      asked.push(second());
      await untilWaiting(owner, 2);
      await owner.run(`select pg_advisory_unlock(${lockOf(schema)})`);
      await Promise.all(asked);
    });
  const append = (store: EventStore, name: string, index: number) => () =>
    appendNumbers(store, name, [numberOf(index)]);
  await append(one, streamName, 0)();
  await together(append(one, "cart-same", 1), append(other, "cart-same", 1));
  await together(
    () =>
      one.deleteStream({ streamName, mode: "soft", expectedVersion: "any" }),
    append(other, streamName, 2),
  );
  await one.barrier();
  return await isLastAlone(one, streamName)
    ? []
    : ["an event behind a deletion is hidden"];
}

type Asked = () => Promise<unknown>;

/** An append that undoes a deletion is one group with metadata. */
async function writeToDeleted(
  [one, other]: readonly [PostgresStore, PostgresStore],
  round: number,
): Promise<string[]> {
  const streamName = `cart-again-${round}`;
  const number = 100 * round + 70;
  await appendNumbers(one, streamName, [number]);
  await other.deleteStream({
    streamName,
    mode: "soft",
    expectedVersion: "any",
  });
  await appendNumbers(one, streamName, [number + 1]);
  await other.barrier();
  return await isLastAlone(other, streamName)
    ? []
    : ["an event after a deletion is missing"];
}

/** Whether of a stream of two events the second alone is visible. */
async function isLastAlone(
  store: EventStore,
  streamName: string,
): Promise<boolean> {
  const { head, metadata } = await store.readState(streamName);
  return head === 1 && metadata.truncateBefore === 1;
}
