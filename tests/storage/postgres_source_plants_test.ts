/**
 * Bugs planted in the source of the store: what the unchanged source does right
 * must go wrong with each.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import type { JobControl } from "../../lib/store/maintenance.ts";
import {
  channelOf,
  openPostgres,
} from "../../storage/postgres/open_postgres.ts";
import type { PostgresStore } from "../../storage/postgres/postgres_store.ts";
import { scavengeDatabase } from "../../storage/postgres/scavenge.ts";
import { appendNumbers } from "../contract/store_steps.ts";
import { loadPatchedStore, type Patch } from "../faults/patched_store.ts";
import { createTestClock } from "../support/events.ts";
import {
  cutSessions,
  loseEvent,
  withOwner,
} from "../support/postgres_owner.ts";
import {
  createPostgresStore,
  openPostgresAt,
  sharedPostgres,
  testWithPostgres,
} from "../support/postgres_server.ts";
import { startRelay } from "../support/relay.ts";

/** A store's source. */
interface Source {
  readonly openPostgres: typeof openPostgres;
  readonly scavengeDatabase: typeof scavengeDatabase;
  /** How long to wait for what a bug keeps from coming, in milliseconds. */
  readonly waitMs: number;
}

const UNCHANGED: Source = { openPostgres, scavengeDatabase, waitMs: 60_000 };

/** Long enough for what comes at once, if nothing keeps it from coming. */
const NO_ANSWER_MS = 1_500;

interface Bug {
  readonly patches: readonly Patch[];
  /** What is no bug, but makes waits short. */
  readonly quick?: readonly Patch[];
  readonly isRight: (source: Source) => Promise<boolean>;
}

const BUGS: Readonly<Record<string, Bug>> = {
  "an append is answered before its commit": {
    patches: [{
      file: "postgres/writer.ts",
      from: "const [row] = await session.call(",
      to: 'await session.run("begin"); const [row] = await session.call(',
    }, {
      file: "postgres/writer.ts",
      from: "    return Number(written);",
      to: '    await session.run("commit"); return Number(written);',
    }],
    isRight: waitsForCommit,
  },
  "what a failover lost is not looked for": {
    patches: [{
      file: "postgres/open_postgres.ts",
      from: "if (loss === undefined) return;",
      to: "return;",
    }],
    isRight: noticesLoss,
  },
  "the tail moves to the end that was told, not to the rows that were read": {
    patches: [{
      file: "postgres/tail.ts",
      from: "(end) => this.poke(Number(end))",
      to: "(end) => void (this.#next = Number(end))",
    }],
    isRight: hearsAll,
  },
  "nothing is polled when a NOTIFY is lost": {
    patches: [{
      file: "postgres/tail.ts",
      from: "        this.poke();\n        this.#schedule();",
      to: "        this.#schedule();",
    }],
    isRight: hearsWithoutNotify,
  },
  "a session that hangs is not closed": {
    quick: [{
      file: "postgres/limits.ts",
      from: "answerMs: 5_000,",
      to: "answerMs: 1_000,",
    }],
    patches: [{
      file: "postgres/driver.ts",
      from: "setTimer(answerMs, () => {\n      this.destroy();",
      to: "setTimer(answerMs, () => {",
    }, {
      file: "postgres/database.ts",
      from: "for (const connection of this.#admitted) connection.destroy();",
      to: "",
    }],
    isRight: leavesHungSession,
  },
  "a scavenge takes the newest event of a list": {
    patches: [{
      file: "postgres/scavenge.ts",
      from: "and not h.is_newest returning",
      to: "returning",
    }, {
      file: "postgres/scavenge.ts",
      from: "and h.is_newest returning",
      to: "and false returning",
    }],
    isRight: countsOn,
  },
};

await testWithPostgres("bugs planted in the source", () => {
  for (const [name, { patches, quick = [], isRight }] of Object.entries(BUGS)) {
    Deno.test(`a bug is noticed: ${name}`, async () => {
      await using right = await load(quick);
      assertEquals(await isRight(right), true);
      await using wrong = await load([...quick, ...patches]);
      assertEquals(await isRight({ ...wrong, waitMs: NO_ANSWER_MS }), false);
    });
  }
});

async function load(
  patches: readonly Patch[],
): Promise<Source & AsyncDisposable> {
  if (patches.length === 0) {
    return { ...UNCHANGED, [Symbol.asyncDispose]: () => Promise.resolve() };
  }
  const patched = await loadPatchedStore(patches);
  const [opening, scavenging] = await Promise.all([
    patched.load<Pick<Source, "openPostgres">>("postgres/open_postgres.ts"),
    patched.load<Pick<Source, "scavengeDatabase">>("postgres/scavenge.ts"),
  ]);
  return {
    ...UNCHANGED,
    openPostgres: opening.openPostgres,
    scavengeDatabase: scavenging.scavengeDatabase,
    [Symbol.asyncDispose]: () => patched[Symbol.asyncDispose](),
  };
}

function open(
  source: Source,
  url: string,
  clock = createTestClock(),
): Promise<PostgresStore> {
  return openPostgresAt(url, { clock }, source.openPostgres);
}

const HELD = 424_242;

/** A trigger keeps commits from ending while the owner holds a lock. */
async function waitsForCommit(source: Source): Promise<boolean> {
  const url = await createPostgresStore();
  await using store = await open(source, url);
  return await withOwner(url, async (owner, schema) => {
    await owner.run(
      `create function ${schema}.hold() returns trigger language plpgsql as ` +
        `$$ begin perform pg_advisory_xact_lock(${HELD}); return null; end $$;` +
        `create constraint trigger hold after insert on ${schema}.events ` +
        "deferrable initially deferred for each row execute function " +
        `${schema}.hold(); select pg_advisory_lock(${HELD})`,
    );
    let isAnswered = false;
    const answer = appendNumbers(store, "s", [1]).then(() => {
      isAnswered = true;
    });
    const waiting = "select from pg_locks where not granted and objid = $1";
    while ((await owner.query(waiting, [HELD])).length === 0) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    const isEarly = isAnswered;
    await owner.run(`select pg_advisory_unlock(${HELD})`);
    await answer;
    return !isEarly;
  });
}

async function noticesLoss(source: Source): Promise<boolean> {
  const url = await createPostgresStore();
  await using store = await open(source, url);
  await appendNumbers(store, "s", [1, 2]);
  await loseEvent(url, 1);
  await cutSessions(url);
  await store.barrier();
  return await appendNumbers(store, "s", [3]).then(() => false, () => true);
}

/** Somebody tells of an end that is not there yet, again and again. */
async function hearsAll(source: Source): Promise<boolean> {
  const url = await createPostgresStore();
  await using store = await open(source, url);
  await using other = await openPostgresAt(url);
  const heard = new Set<string>();
  store.watch((hints) => hints.forEach((hint) => heard.add(hint.streamName)));
  return await withOwner(url, async (owner, schema) => {
    for (let round = 0; round < 100; round++) {
      await owner.run(`notify "${channelOf(schema)}", '1000000'`);
      await appendNumbers(other, `s-${round}`, [round]);
      await store.barrier();
      if (!heard.has(`s-${round}`)) return false;
    }
    return true;
  });
}

async function hearsWithoutNotify(source: Source): Promise<boolean> {
  const url = await createPostgresStore();
  await using store = await open(source, url);
  await using other = await openPostgresAt(`${url}&notify=off`);
  const heard = Promise.withResolvers<void>();
  store.watch(() => heard.resolve());
  await appendNumbers(other, "s", [1]);
  return await comesWithin(heard.promise, source.waitMs);
}

async function leavesHungSession(source: Source): Promise<boolean> {
  const { port } = sharedPostgres();
  await using relay = startRelay(port);
  const url = await createPostgresStore();
  const through = url.replace(`:${port}/`, `:${relay.port}/`);
  await using store = await open(source, through);
  await appendNumbers(store, "s", [1]);
  relay.hang();
  const answer = appendNumbers(store, "s", [2]);
  const isAnswered = await comesWithin(answer, source.waitMs);
  relay.goOn();
  await answer;
  return isAnswered;
}

async function countsOn(source: Source): Promise<boolean> {
  const url = await createPostgresStore();
  const clock = createTestClock();
  await using store = await open(source, url, clock);
  await appendNumbers(store, "s", [1, 2]);
  await store.deleteStream({
    streamName: "s",
    mode: "soft",
    expectedVersion: "any",
  });
  const control: JobControl = {
    signal: new AbortController().signal,
    report() {},
  };
  await withOwner(
    url,
    (owner, schema) =>
      source.scavengeDatabase(owner, { schema, nowUs: clock.nowUs(), control }),
  );
  await appendNumbers(store, "s", [3]);
  return (await store.readState("s")).head === 2;
}

/** Whether something comes in a while. */
async function comesWithin(
  coming: Promise<unknown>,
  waitMs: number,
): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const nothing = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), waitMs);
  });
  const isFirst = await Promise.race([coming.then(() => true), nothing]);
  clearTimeout(timer);
  return isFirst;
}
