/**
 * Lives of three servers of ours over three of PostgreSQL, with faults: clients
 * append and read side by side at all of them, and what they were told must be
 * explained by one order of events.
 *
 * @module
 */

import { assert, assertEquals, assertGreater } from "@std/assert";
import { SYSTEM_TIMERS } from "../../lib/runtime/system_clock.ts";
import { parseDatabaseUrl } from "../../lib/store/database_url.ts";
import type { EventStore } from "../../lib/store/event_store.ts";
import { connectOwner, migrate } from "../../storage/postgres/migrate.ts";
import { verifyDatabase } from "../../storage/postgres/verify.ts";
import { isLinearizable } from "../histories/linearizable.ts";
import { type History, recordHistory } from "../histories/recorder.ts";
import { STREAM_OBJECT } from "../histories/stream_object.ts";
import { openPostgresAt } from "../support/postgres_server.ts";
import { type RunningServer, startServer } from "../support/program.ts";
import type { Random } from "../support/random.ts";
import { Cluster } from "./cluster.ts";

/** What is done to the servers of PostgreSQL in a round. */
const FAULTS: readonly ((cluster: Cluster) => Promise<void>)[] = [
  (cluster) => cluster.failOver(),
  (cluster) => cluster.failOverPaused(1_000),
  (cluster) => cluster.restartInPlace(),
  (cluster) => cluster.disturbSessions("pg_terminate_backend"),
  (cluster) => cluster.disturbSessions("pg_cancel_backend"),
];

/** What so many rounds came to. */
export interface RoundsReport {
  readonly answeredCount: number;
  readonly eventCount: number;
}

/** Runs so many rounds on servers of their own. Throws what it finds wrong. */
export async function runRounds(
  count: number,
  random: Random,
  tell: (line: string) => void = () => {},
): Promise<RoundsReport> {
  await using cluster = await Cluster.start();
  const address = () => parseDatabaseUrl(cluster.primaryUrl);
  const owner = () =>
    connectOwner({
      address: address(),
      password: undefined,
      timers: SYSTEM_TIMERS,
    });
  const maker = await owner();
  await migrate(maker, { schema: "quipu", role: undefined, isNew: true });
  await maker.close();
  await using servers = await startServers(cluster.url);
  await using follower = await Follower.open(cluster.url);
  let answeredCount = 0;
  for (let round = 0; round < count; round++) {
    const fault = FAULTS[round % FAULTS.length];
    const beganMs = performance.now();
    const history: History = new Map();
    const recording = Promise.all(
      servers.urls.map((url) =>
        recordHistory(history, {
          url,
          random,
          clients: 3,
          operations: 24,
          streams: [`one-${round}`, `two-${round}`, `three-${round}`],
          isOver: () => false,
        })
      ),
    );
    await pauseMs(random.integer(20, 300));
    await fault?.(cluster);
    await recording;
    const answered = check(history);
    assertGreater(answered, 50);
    answeredCount += answered;
    tell(
      `round ${round}: ${answered} answers, ` +
        `${Math.round(performance.now() - beganMs)} ms`,
    );
  }
  const eventCount = await follower.check();
  const checker = await owner();
  const report = await verifyDatabase(checker, "quipu");
  await checker.close();
  assertEquals(report.findings, []);
  assertEquals(report.eventCount, eventCount);
  return { answeredCount, eventCount };
}

/** Asserts that a history is explained; tells how many answers it has. */
function check(history: History): number {
  let answered = 0;
  for (const [streamName, operations] of history) {
    assert(
      isLinearizable(STREAM_OBJECT, operations),
      `The history of ${streamName} is not linearizable:\n` +
        operations.map((operation) => JSON.stringify(operation)).join("\n"),
    );
    answered += operations.filter(({ output }) => output !== undefined).length;
  }
  return answered;
}

async function startServers(
  url: string,
): Promise<{ readonly urls: string[] } & AsyncDisposable> {
  const servers: RunningServer[] = [];
  for (let count = 0; count < 3; count++) {
    servers.push(await startServer([`--db=${url}`]));
  }
  return {
    urls: servers.map((server) => server.url),
    async [Symbol.asyncDispose]() {
      for (const server of servers) await server[Symbol.asyncDispose]();
    },
  };
}

/** Follows the whole log by what watchers are told, across every failover. */
class Follower implements AsyncDisposable {
  readonly #store: EventStore;
  readonly #ids: string[] = [];
  #next = 0;
  #reading = Promise.resolve();

  private constructor(store: EventStore) {
    this.#store = store;
    store.watch(() => {
      this.#reading = this.#reading.then(() => this.#read().catch(() => {}));
    });
  }

  static async open(url: string): Promise<Follower> {
    const store = await openPostgresAt(url, { mayBeLocal: false });
    return new Follower(store);
  }

  async #read(): Promise<void> {
    for (;;) {
      const page = await this.#store.readAll({
        from: this.#next,
        count: 500,
        direction: "forward",
        withBodies: false,
      });
      this.#ids.push(...page.events.map(({ eventId }) => eventId));
      this.#next = page.next;
      if (page.isAtEnd) return;
    }
  }

  /** Asserts that it saw what is there, once each, in order; tells how many. */
  async check(): Promise<number> {
    await this.#store.barrier?.();
    await this.#reading;
    await this.#read();
    const ids: string[] = [];
    for (let from = 0, isAtEnd = false; !isAtEnd;) {
      const page = await this.#store.readAll({
        from,
        count: 500,
        direction: "forward",
        withBodies: false,
      });
      ids.push(...page.events.map(({ eventId }) => eventId));
      ({ next: from, isAtEnd } = page);
    }
    assertEquals(this.#ids, ids);
    return ids.length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#store.close();
  }
}

function pauseMs(durationMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, durationMs));
}
