/**
 * What a slow disk does to appends: the server on the real disk, and on one
 * whose syncs take 5 and 10 ms longer, driven by 256 connections.
 *
 * A batch waits for two forced writes, its own sync and the commit's. If that
 * alone came on top, batch by batch, there would be left
 * `batch ÷ (time of a batch + what sync and commit take longer)` requests a
 * second. Batches have to grow and overlap, so that there is more; else it ends
 * with 1.
 *
 * Run: `main.ts [rounds]`
 *
 * @module
 */

import { join } from "@std/path";
import { print } from "../command_line.ts";
import { type ChildServer, startServer } from "../load/child_server.ts";
import { drive } from "../load/driver.ts";
import { median } from "../load/median.ts";
import { PROJECT_ROOT } from "../load/project_root.ts";
import { steadyAppends } from "../load/steady_appends.ts";
import type { WriterCounts } from "./slow_server.ts";

const SERVER = join(PROJECT_ROOT, "bench", "slow_disk", "slow_server.ts");
const CONNECTIONS = 256;
const SYNC_MS = [0, 5, 10];
const WARM_UP_MS = 500;
const MEASURE_MS = 2000;
const DEFAULT_ROUNDS = 5;

interface Run {
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Requests in a batch, on average. */
  readonly batch: number;
  /** Time of a sync and of a commit, on average. */
  readonly forcedMs: number;
}

/** Servers by the time that their syncs take longer. */
type Servers = ReadonlyMap<number, ChildServer>;

async function runBench(rounds: number): Promise<boolean> {
  const directory = await Deno.makeTempDir({ prefix: "quipu-slow-" });
  const servers = new Map<number, ChildServer>();
  try {
    for (const syncMs of SYNC_MS) {
      servers.set(
        syncMs,
        await startSlow(join(directory, `${syncMs}`), syncMs),
      );
    }
    return report(await measureInTurns(servers, rounds));
  } finally {
    for (const server of servers.values()) await server.stop();
    await Deno.remove(directory, { recursive: true });
  }
}

function startSlow(directory: string, syncMs: number): Promise<ChildServer> {
  return startServer({
    args: ["run", "--allow-all", SERVER, "{port}", directory, String(syncMs)],
    readyPath: "/ping",
  });
}

async function measureInTurns(
  servers: Servers,
  rounds: number,
): Promise<ReadonlyMap<number, readonly Run[]>> {
  const runs = new Map(SYNC_MS.map((syncMs): [number, Run[]] => [syncMs, []]));
  // The first round only warms up.
  for (let round = 0; round <= rounds; round++) {
    for (const [syncMs, server] of servers) {
      const run = await measure(server, round + 1);
      if (round > 0) runs.get(syncMs)?.push(run);
    }
  }
  return runs;
}

async function measure(server: ChildServer, seed: number): Promise<Run> {
  const before = await countsOf(server);
  const result = await drive(steadyAppends({
    port: server.port,
    connections: CONNECTIONS,
    warmupMs: WARM_UP_MS,
    measureMs: MEASURE_MS,
    seed,
    streamCount: 1000,
    streamPrefix: "slow",
  }));
  if (result.errors > 0) throw new Error(result.firstError);
  const after = await countsOf(server);
  const batches = after.batches - before.batches;
  return {
    requestsPerSecond: result.requests / result.seconds,
    p50Ms: result.latency.p50Us / 1000,
    p99Ms: result.latency.p99Us / 1000,
    batch: (after.requests - before.requests) / batches,
    forcedMs: (after.syncMs - before.syncMs) / batches +
      (after.commitMs - before.commitMs) / (after.commits - before.commits),
  };
}

async function countsOf(server: ChildServer): Promise<WriterCounts> {
  const response = await fetch(`${server.origin}/counts`);
  return await response.json();
}

/** Prints the table; false when batches did not make up for enough. */
function report(runs: ReadonlyMap<number, readonly Run[]>): boolean {
  const medianOf = (syncMs: number, value: (run: Run) => number) =>
    median((runs.get(syncMs) ?? []).map(value));
  const fastMs = medianOf(0, (run) => run.forcedMs);
  const fastBatch = medianOf(0, (run) => run.batch);
  const fastBatchSeconds = fastBatch / medianOf(0, rateOf);
  let hasPassed = true;
  for (const syncMs of SYNC_MS) {
    const rate = medianOf(syncMs, rateOf);
    const forcedMs = medianOf(syncMs, (run) => run.forcedMs);
    const explained = fastBatch /
      (fastBatchSeconds + (forcedMs - fastMs) / 1000);
    if (syncMs > 0 && rate <= explained) hasPassed = false;
    print(
      `sync + ${syncMs} ms: ${rate.toFixed(0)} requests/s, ` +
        `${medianOf(syncMs, (run) => run.batch).toFixed(0)} in a batch, ` +
        `p50 ${medianOf(syncMs, (run) => run.p50Ms).toFixed(1)} ms, ` +
        `p99 ${medianOf(syncMs, (run) => run.p99Ms).toFixed(1)} ms; ` +
        `sync and commit ${forcedMs.toFixed(1)} ms` +
        (syncMs === 0 ? "" : `, which explains ${explained.toFixed(0)}`),
    );
  }
  print(hasPassed ? "passed" : "failed: slower than the syncs alone explain");
  return hasPassed;
}

function rateOf(run: Run): number {
  return run.requestsPerSecond;
}

if (import.meta.main) {
  const rounds = Number(Deno.args[0] ?? DEFAULT_ROUNDS);
  Deno.exit(await runBench(rounds) ? 0 : 1);
}
