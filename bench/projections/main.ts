/**
 * What projections do in a second, over a store of files in this process, and
 * what they cost appends:
 *
 *   count      one state over all events
 *   sum        the same, by a handler that reads the events' data
 *   category   100,000 partitions, each of which takes ten events
 *   links      a link to each event
 *   appends    appends with ten live projections, beside those without
 *   served     the same by HTTP
 *   latency    from an append to the changed state
 *   feed       from an append by HTTP to the state in server-sent events
 *   memory     of a server with 50 running projections
 *
 * Run: `deno run --allow-all bench/projections/main.ts [events] [name …]`
 *
 * @module
 */

import process from "node:process";
import { join } from "@std/path";
import type { ProposedEvent } from "../../lib/model/event.ts";
import { LIMITS } from "../../lib/model/limits.ts";
import { SILENT_LOGGER } from "../../lib/model/logger.ts";
import { SYSTEM_PRINCIPAL } from "../../lib/model/principal.ts";
import type {
  ProjectionRun,
  ProjectionRuns,
} from "../../lib/projections/run.ts";
import { openProjectionRuns } from "../../lib/projections/running/projection_runs.ts";
import { newEventId } from "../../lib/runtime/event_ids.ts";
import { SYSTEM_CLOCK, SYSTEM_TIMERS } from "../../lib/runtime/system_clock.ts";
import type { EventStore } from "../../lib/store/event_store.ts";
import { openStore } from "../../storage/mod.ts";
import { print } from "../report.ts";
import { median } from "../row.ts";
import { measureFeed, measureMemory, measureServedAppends } from "./served.ts";

const EVENT_COUNT = Number(Deno.args[0] ?? 1_000_000);
const WANTED = Deno.args.slice(1);
const PARTITIONS = 100_000;
const BATCH = 500;
const LIVE_PROJECTIONS = 10;
const LIVE_ROUNDS = 5;
const LIVE_MS = 2_000;
const APPENDERS = 16;
const LATENCY_ROUNDS = 300;
const SEGMENT_BYTES = 256 * 1024 * 1024;

/** 200 bytes of data. */
function eventOf(n: number): ProposedEvent {
  return {
    eventId: newEventId(),
    eventType: "ordered",
    isJson: true,
    data: JSON.stringify({ n, text: "x".repeat(200 - 20) }),
    metadata: "",
  };
}

interface Bench {
  readonly store: EventStore;
  readonly runs: ProjectionRuns;
}

let number = 0;

async function start(
  { store, runs }: Bench,
  query: string,
): Promise<ProjectionRun> {
  const name = `bench${++number}`;
  return runs.start({
    name,
    mode: "Continuous",
    handlerType: "JS",
    query,
    config: {
      emitEnabled: true,
      trackEmittedStreams: false,
      checkpointAfterMs: 0,
      checkpointHandledThreshold: 4000,
      checkpointUnhandledBytesThreshold: 10_000_000,
      pendingEventsThreshold: 5000,
      maxWriteBatchLength: 500,
      maxAllowedWritesInFlight: 0,
    },
    hasCheckpoints: true,
    number,
    epoch: -1,
    version: 0,
    runAs: SYSTEM_PRINCIPAL,
    definition: undefined,
    runs: true,
    lease: await store.leases.acquire(name, 600_000),
  });
}

/** Appends events in parts, to the stream that each belongs to. */
async function fill(
  { store }: Bench,
  count: number,
  streamOf: (n: number) => string,
): Promise<void> {
  const pending = new Set<Promise<unknown>>();
  let batch: ProposedEvent[] = [];
  for (let n = 0; n < count; n++) {
    batch.push(eventOf(n));
    const streamName = streamOf(n);
    const isLast = n + 1 === count || streamOf(n + 1) !== streamName;
    if (!isLast && batch.length < BATCH) continue;
    const events = batch;
    const append = store.append({ streamName, expectedVersion: "any", events });
    pending.add(append);
    void append.then(() => pending.delete(append));
    batch = [];
    if (pending.size >= 64) await Promise.race(pending);
  }
  await Promise.all(pending);
}

/** Runs a query over so many events; tells how many it takes in a second. */
async function measure(
  bench: Bench,
  name: string,
  query: string,
  count: number,
): Promise<void> {
  const startedAt = performance.now();
  const cpu = process.cpuUsage();
  const run = await start(bench, query);
  while (run.status.eventsProcessed < count || run.status.pendingWrites > 0) {
    if (run.status.phase === "faulted") throw new Error(run.status.reason);
    await pause(5);
  }
  const seconds = (performance.now() - startedAt) / 1000;
  await run.stop({ withCheckpoint: true });
  const rate = Math.round(count / seconds).toLocaleString("en");
  const { user, system } = process.cpuUsage(cpu);
  const each = ((user + system) / count).toFixed(1);
  print(
    `${name.padEnd(10)} ${rate.padStart(9)} events a second, ` +
      `${each} µs of processor time each`,
  );
}

/** Appends to streams of a category; tells how many in a second. */
async function appendFor(
  { store }: Bench,
  category: string,
  durationMs = LIVE_MS,
): Promise<number> {
  const endsAt = performance.now() + durationMs;
  let count = 0;
  await Promise.all(
    Array.from({ length: APPENDERS }, async (_, index) => {
      while (performance.now() < endsAt) {
        await store.append({
          streamName: `${category}-${index}`,
          expectedVersion: "any",
          events: [eventOf(count)],
        });
        count++;
      }
    }),
  );
  return count * 1000 / durationMs;
}

async function measureAppends(bench: Bench): Promise<void> {
  await appendFor(bench, "warm");
  const rounds: { alone: number; beside: number }[] = [];
  // In turns, so that a slow moment of the machine counts for both.
  for (let round = 0; round < LIVE_ROUNDS; round++) {
    const alone = await appendFor(bench, "alone");
    const category = `live${round}`;
    const query =
      `fromCategory('${category}').when({$init:()=>({n:0}), $any(s){s.n++}})`;
    const live: ProjectionRun[] = [];
    for (let index = 0; index < LIVE_PROJECTIONS; index++) {
      live.push(await start(bench, query));
    }
    for (const run of live) while (run.status.progress < 100) await pause(20);
    const beside = await appendFor(bench, category);
    for (const run of live) await run.stop({ withCheckpoint: true });
    rounds.push({ alone, beside });
  }
  const loss = 100 * (1 - median(rounds.map((r) => r.beside / r.alone)));
  const alone = Math.round(median(rounds.map((r) => r.alone)));
  const beside = Math.round(median(rounds.map((r) => r.beside)));
  print(
    `appends    ${loss.toFixed(1)} % less beside ${LIVE_PROJECTIONS} live ` +
      `projections: ${alone} a second alone, ${beside} beside them`,
  );
}

async function measureLatency(bench: Bench): Promise<void> {
  const { store } = bench;
  const run = await start(
    bench,
    "fromStream('quick').when({$init:()=>({n:0}), $any(s){s.n++}})",
  );
  while (run.status.progress < 100) await pause(5);
  const latencies: number[] = [];
  for (let n = 0; n < LATENCY_ROUNDS; n++) {
    const changed = Promise.withResolvers<void>();
    run.onChange = () => {
      if (run.status.eventsProcessed > n) changed.resolve();
    };
    const startedAt = performance.now();
    await store.append({
      streamName: "quick",
      expectedVersion: "any",
      events: [eventOf(n)],
    });
    const appendedAt = performance.now();
    await changed.promise;
    await run.state("");
    latencies.push(performance.now() - Math.max(startedAt, appendedAt));
  }
  await run.stop({ withCheckpoint: false });
  const sorted = latencies.sort((a, b) => a - b);
  const at = (share: number) =>
    (sorted[Math.floor(sorted.length * share)] ?? 0).toFixed(2);
  print(`latency    p50 ${at(0.5)} ms, p99 ${at(0.99)} ms`);
}

function pause(durationMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, durationMs));
}

function isWanted(name: string): boolean {
  return WANTED.length === 0 || WANTED.includes(name);
}

const directory = await Deno.makeTempDir({ prefix: "quipu-bench-" });
try {
  await using store = await openStore({
    directory,
    segmentSizeBytes: SEGMENT_BYTES,
    clock: SYSTEM_CLOCK,
    newEventId,
    logger: SILENT_LOGGER,
  });
  const runs = openProjectionRuns({
    store,
    clock: SYSTEM_CLOCK,
    timers: SYSTEM_TIMERS,
    newId: newEventId,
    limits: LIMITS,
  });
  const bench = { store, runs };
  const count = "when({$init:()=>({n:0}), $any(s){s.n++}})";
  const sum = "when({$init:()=>({n:0}), ordered(s,e){s.n+=e.data.n}})";
  if (["count", "sum", "links"].some(isWanted)) {
    await fill(bench, EVENT_COUNT, () => "orders");
  }
  if (isWanted("count")) {
    const query = `fromStream('orders').${count}`;
    await measure(bench, "count", query, EVENT_COUNT);
  }
  if (isWanted("sum")) {
    const query = `fromStream('orders').${sum}`;
    await measure(bench, "sum", query, EVENT_COUNT);
  }
  if (isWanted("links")) {
    await measure(
      bench,
      "links",
      "fromStream('orders').when({ordered(s,e){linkTo('links',e)}})",
      EVENT_COUNT,
    );
  }
  if (isWanted("category")) {
    await fill(bench, EVENT_COUNT, (n) => `part-${n % PARTITIONS}`);
    const query = `fromCategory('part').foreachStream().${sum}`;
    await measure(bench, "category", query, EVENT_COUNT);
  }
  if (isWanted("appends")) await measureAppends(bench);
  if (isWanted("latency")) await measureLatency(bench);
  if (isWanted("served")) await measureServedAppends(join(directory, "served"));
  if (isWanted("feed")) await measureFeed(join(directory, "feed"));
  if (isWanted("memory")) await measureMemory(join(directory, "memory"));
} finally {
  await Deno.remove(directory, { recursive: true });
}
