/**
 * Measures one row: fresh servers, a warm-up, then rounds in which each server
 * has its turn, so that what else the machine does meets all of them alike.
 *
 * @module
 */

import type { ChildServer } from "./child_server.ts";
import {
  type Contestant,
  contestantsOf,
  startContestants,
} from "./contestants.ts";
import { type DiskTimes, probeDisk } from "./disk_probe.ts";
import type { DriverJob, DriverResult } from "./job.ts";
import { median } from "./median.ts";
import type { BenchOptions } from "./options.ts";
import { type Row, type Verdict, verdictOf } from "./rows.ts";
import { runDriver } from "./run_driver.ts";

/** Compilers need a while: each server is driven for so long first. */
const FIRST_WARMUP_MS = 1500;
const REQUESTS_MAX = 20_000_000;
/** What a change may cost a request in CPU time, of a paired comparison. */
const CPU_RATIO_MAX = 1.05;

/** One run of one server. */
export interface Run extends DriverResult {
  /** CPU time of the server for each request, µs; undefined if not known. */
  readonly serverCpuUs: number | undefined;
}

export interface RowResult {
  readonly row: Row;
  readonly runs: ReadonlyMap<Contestant, readonly Run[]>;
  /** One for each round, before its runs. */
  readonly disk: readonly DiskTimes[];
  /** Median over the rounds of what the row measures. */
  readonly ratio: number;
  readonly ratioLeast: number;
  readonly ratioMost: number;
  /** The same over the other checkout's rate; undefined without one. */
  readonly ratioToBefore: number | undefined;
  /** CPU time a request over the other checkout's, one for each round. */
  readonly cpuRatiosToBefore: readonly number[];
  readonly verdict: Verdict | undefined;
  /** Memory of the server under test at the end; undefined if not known. */
  readonly residentMb: number | undefined;
  /** Answers that were not as expected, of all servers. */
  readonly errors: number;
}

/** Runs the row in a directory of its own below `directory`. */
export async function runRow(
  row: Row,
  options: BenchOptions,
  directory: string,
): Promise<RowResult> {
  await using stack = new AsyncDisposableStack();
  const rowDirectory = await Deno.makeTempDir({ dir: directory });
  stack.defer(() => Deno.remove(rowDirectory, { recursive: true }));
  const { servers, recorded } = await startContestants(stack, row, {
    options,
    directory: rowDirectory,
  });
  const job = {
    connections: row.connections,
    warmupMs: options.warmupMs,
    measureMs: options.measureMs,
    requestsMax: REQUESTS_MAX,
    work: row.work(recorded),
    expectedStatus: row.expectedStatus,
  };
  // The first seed is the seeded streams', the next ones each run's own: an
  // event id that came again would be answered without being written.
  let seed = options.seed + 1_000_000;
  const run = (name: Contestant, change: Partial<DriverJob> = {}) => {
    const isTwin = name === "reference" && row.twin !== undefined;
    const server = servers.get(isTwin ? "quipu" : name);
    if (server === undefined) throw new Error(`Cannot drive ${name}`);
    seed++;
    return runOnce(server, {
      ...job,
      port: server.port,
      seed,
      work: isTwin && row.twin ? row.twin(recorded) : job.work,
      expectedStatus: name === "bare" ? 200 : job.expectedStatus,
      ...change,
    });
  };
  const names = contestantsOf(options);
  for (const name of names) {
    await run(name, { warmupMs: 0, measureMs: FIRST_WARMUP_MS });
  }
  const disk: DiskTimes[] = [];
  const runs = new Map(names.map((name): [Contestant, Run[]] => [name, []]));
  for (let round = 0; round < options.rounds; round++) {
    if (!options.isPaired) disk.push(await probeDisk(rowDirectory));
    for (const name of turnOrder(names, round)) {
      runs.get(name)?.push(await run(name));
    }
  }
  const residentMb = servers.get("quipu")?.residentMb();
  const ratings = rated(row, runs, disk);
  const { cpuRatiosToBefore, errors } = ratings;
  const verdict = !options.isPaired
    ? ratings.verdict
    : errors > 0 || !(median(cpuRatiosToBefore) <= CPU_RATIO_MAX)
    ? "failed"
    : undefined;
  return { ...ratings, verdict, row, runs, disk, residentMb };
}

/** Who comes first changes from round to round. */
function turnOrder(
  names: readonly Contestant[],
  round: number,
): readonly Contestant[] {
  const first = round % names.length;
  return [...names.slice(first), ...names.slice(0, first)];
}

/**
 * Drives the server once and takes its CPU time.
 *
 * @throws {Error} If the driver fails.
 */
export async function runOnce(
  server: ChildServer,
  job: DriverJob,
): Promise<Run> {
  const before = server.cpuMs();
  const result = await runDriver(job);
  const after = server.cpuMs();
  const isKnown = before !== undefined && after !== undefined &&
    result.requestsInAll > 0;
  return {
    ...result,
    serverCpuUs: isKnown
      ? (after - before) * 1000 / result.requestsInAll
      : undefined,
  };
}

function rated(
  row: Row,
  runs: ReadonlyMap<Contestant, readonly Run[]>,
  disk: readonly DiskTimes[],
): Pick<
  RowResult,
  | "ratio"
  | "ratioLeast"
  | "ratioMost"
  | "ratioToBefore"
  | "cpuRatiosToBefore"
  | "verdict"
  | "errors"
> {
  const own = runs.get("quipu") ?? [];
  // Round by round, so that a slow minute of the machine cancels out.
  const ratiosTo = (name: Contestant) =>
    own.map((run, round) => rateOf(run) / rateOf(runs.get(name)?.[round]));
  const ratios = row.measure === "rate"
    ? ratiosTo("reference")
    : own.map((run, round) => run.latency.p50Us / leastLatencyUs(disk[round]));
  const errors = [...runs.values()].flat()
    .reduce((sum, run) => sum + run.errors, 0);
  const ratio = median(ratios);
  return {
    ratio,
    ratioLeast: Math.min(...ratios),
    ratioMost: Math.max(...ratios),
    ratioToBefore: runs.has("before") ? median(ratiosTo("before")) : undefined,
    cpuRatiosToBefore: (runs.get("before") ?? []).map((before, round) =>
      (own[round]?.serverCpuUs ?? Number.NaN) /
      (before.serverCpuUs ?? Number.NaN)
    ),
    verdict: errors > 0 ? "failed" : verdictOf(row, ratio),
    errors,
  };
}

/** What an append takes at least: one sync, and after it one commit. */
function leastLatencyUs(times: DiskTimes | undefined): number {
  return (times?.sync.p50Us ?? 0) + (times?.commit.p50Us ?? 0);
}

/** Requests per second. */
export function rateOf(run: DriverResult | undefined): number {
  return run === undefined ? Number.NaN : run.requests / run.seconds;
}
