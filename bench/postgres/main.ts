/**
 * A store in PostgreSQL: appends beside a server that only reads bodies, in
 * turns, so that ratios within one round are what to compare; pages; an append
 * on one server until a live feed of another has it. First over one server of
 * PostgreSQL that syncs, then over three of which any one standby confirms.
 *
 * Run: `deno run --allow-all bench/postgres/main.ts`. It takes some three
 * minutes.
 *
 * @module
 */

import { SYSTEM_TIMERS } from "../../lib/runtime/system_clock.ts";
import { parseDatabaseUrl } from "../../lib/store/database_url.ts";
import { connectOwner, migrate } from "../../storage/postgres/migrate.ts";
import { Cluster } from "../../tests/failover/cluster.ts";
import { startPostgres } from "../../tests/support/postgres_server.ts";
import { appends, drive, driveWell } from "../load/run_driver.ts";
import { eventsOf, post } from "../load/post.ts";
import { print } from "../report.ts";
import { inTurns, median, medianOf, ratiosOf } from "../row.ts";
import type { ChildServer } from "../servers/child_server.ts";
import { startQuipu, startReference } from "../servers/quipu_server.ts";

/** Appends of some connections, and the least ratio to reach. */
interface AppendRow {
  readonly connections: number;
  readonly eventsPerPost: number;
  readonly floor?: number;
}

const ALONE: readonly AppendRow[] = [
  { connections: 64, eventsPerPost: 1, floor: 0.14 },
  { connections: 256, eventsPerPost: 1, floor: 0.2 },
  { connections: 16, eventsPerPost: 100 },
];
const QUORUM: readonly AppendRow[] = [
  { connections: 64, eventsPerPost: 1, floor: 0.08 },
  { connections: 256, eventsPerPost: 1 },
];
const ROUNDS = 3;
const WARMUP_MS = 1_000;
const MEASURE_MS = 3_000;
const DATA_BYTES = 230;
const STREAMS = 10_000;
/** More than are asked for, so that none is asked for twice. */
const PAGE_STREAMS = 10_000;
const PAGE_EVENTS = 20;
const LIVE_EVENTS = 300;
const ATOM = "application/vnd.eventstore.atom+json";

const reference = await startReference("drain");
try {
  await measureAlone();
  await measureQuorum();
} finally {
  await reference.stop();
}

/** One server of PostgreSQL, and two of ours. */
async function measureAlone(): Promise<void> {
  const server = startPostgres(["-c", "fsync=on", "-c", "max_wal_size=4GB"]);
  try {
    await makeStore(server.url);
    const args = ["--durability=local"];
    await using one = await startQuipu(server.url, { args });
    for (const row of ALONE) print(await measureAppends(one, row));
    print(await measurePages(one));
    await using other = await startQuipu(server.url, { args });
    print(await measureLive(one, other));
  } finally {
    server.stop();
  }
}

/** Three servers of PostgreSQL. */
async function measureQuorum(): Promise<void> {
  await using cluster = await Cluster.start();
  await makeStore(cluster.url);
  {
    await using strict = await startQuipu(cluster.url);
    for (const row of QUORUM) {
      print(`quorum, ${await measureAppends(strict, row)}`);
    }
  }
  const args = ["--consistency=bounded"];
  await using bounded = await startQuipu(cluster.url, { args });
  print(`quorum, ${await measureKnownPage(bounded)}`);
}

async function makeStore(url: string): Promise<void> {
  const owner = await connectOwner({
    address: parseDatabaseUrl(url),
    password: undefined,
    timers: SYSTEM_TIMERS,
  });
  await migrate(owner, { schema: "quipu", role: undefined, isNew: true });
  await owner.close();
}

async function measureAppends(
  server: ChildServer,
  { connections, eventsPerPost, floor }: AppendRow,
): Promise<string> {
  const jobOf = (round: number) => ({
    connections,
    warmupMs: WARMUP_MS,
    measureMs: MEASURE_MS,
    seed: 1 + round + 100 * connections + eventsPerPost,
    ...appends({
      eventsPerPost,
      dataBytes: DATA_BYTES,
      streamCount: STREAMS,
      streamPrefix: `order-${connections}-${eventsPerPost}`,
    }),
  });
  const { ours, theirs } = await inTurns(ROUNDS, {
    ours: (round) => driveWell(server, jobOf(round)),
    theirs: (round) =>
      drive(reference, { ...jobOf(round), expectedStatus: 200 }),
  });
  const rate = medianOf(ours, (run) => run.rate);
  const ratio = median(ratiosOf(ours, theirs, (run) => run.rate));
  const p50Ms = medianOf(ours, (run) => run.latency.p50Us) / 1000;
  const cpuUs = medianOf(ours, (run) => run.serverCpuUs);
  return `${connections} connections, ${eventsPerPost} events a POST: ` +
    `${ratio.toFixed(3)} of a server that reads bodies alone` +
    `${floor === undefined ? "" : ` (floor ${floor})`}, ` +
    `${rate.toFixed(0)} requests/s, ` +
    `${(rate * eventsPerPost).toFixed(0)} events/s, ` +
    `p50 ${p50Ms.toFixed(1)} ms, ${cpuUs.toFixed(0)} µs CPU of ours a request`;
}

/** Pages of streams, none of them twice: nothing is known of any. */
async function measurePages(server: ChildServer): Promise<string> {
  const names = Array.from({ length: PAGE_STREAMS }, (_, n) => `page-${n}`);
  const data = Array.from({ length: PAGE_EVENTS }, (_, n) => ({
    n,
    text: "x".repeat(DATA_BYTES),
  }));
  const waiting = [...names];
  await Promise.all(Array.from({ length: 64 }, async () => {
    for (let name = waiting.pop(); name; name = waiting.pop()) {
      await post(`${server.origin}/streams/${name}`, eventsOf(data));
    }
  }));
  const { rate, serverCpuUs } = await driveWell(server, {
    connections: 64,
    warmupMs: WARMUP_MS / 2,
    measureMs: MEASURE_MS,
    seed: 1,
    work: { kind: "read", requests: names.map(pageOf) },
    expectedStatus: 200,
  });
  return `64 connections, pages of ${PAGE_EVENTS} with bodies, each once: ` +
    `${rate.toFixed(0)} a second (floor 1500), ` +
    `${serverCpuUs.toFixed(0)} µs CPU of ours a page`;
}

/** One page that is asked for again and again. */
async function measureKnownPage(server: ChildServer): Promise<string> {
  const data = Array.from({ length: PAGE_EVENTS }, (_, n) => ({ n }));
  await post(`${server.origin}/streams/known`, eventsOf(data));
  const job = {
    connections: 64,
    warmupMs: WARMUP_MS,
    measureMs: MEASURE_MS,
    seed: 1,
    work: { kind: "read" as const, requests: [pageOf("known")] },
    expectedStatus: 200,
  };
  const { rate } = await driveWell(server, job);
  return `bounded, 64 connections, one page of ${PAGE_EVENTS} again and again: ` +
    `${rate.toFixed(0)} a second`;
}

function pageOf(name: string) {
  return {
    path: `/streams/${name}/0/forward/${PAGE_EVENTS}?embed=body`,
    headers: { Accept: ATOM },
  };
}

/** From sending an append on one server to its event on another one's feed. */
async function measureLive(
  one: ChildServer,
  other: ChildServer,
): Promise<string> {
  const stop = new AbortController();
  await post(`${one.origin}/streams/live`, eventsOf([-1]));
  const { body } = await fetch(`${other.origin}/streams/live`, {
    headers: { Accept: "text/event-stream" },
    signal: stop.signal,
  });
  if (body === null) throw new Error("The feed has no body");
  const feed = body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  const until = async (part: string) => {
    while (!text.includes(part)) {
      const { value, done } = await feed.read();
      if (done) throw new Error("The feed ended");
      text += value;
    }
    text = "";
  };
  await until("caught-up");
  const times: number[] = [];
  for (let number = 1; number <= LIVE_EVENTS; number++) {
    const sentMs = performance.now();
    const sent = post(`${one.origin}/streams/live`, eventsOf([number]));
    await until(`id: ${number}\n`);
    times.push(performance.now() - sentMs);
    await sent;
  }
  stop.abort();
  await feed.cancel().catch(() => {});
  const p99 = times.toSorted((a, b) => a - b)[Math.floor(times.length * 0.99)];
  return `append on one server to a live feed of another: ` +
    `p50 ${median(times).toFixed(1)} ms (at most 5), ` +
    `p99 ${(p99 ?? NaN).toFixed(1)} ms`;
}
