/**
 * Measures a row of requests: fresh servers, each a process of its own, a
 * warm-up, then rounds in which each of them has its turn.
 *
 * @module
 */

import { join } from "@std/path";
import { type DiskTimes, probeDisk } from "../load/disk_probe.ts";
import { drive, type Run } from "../load/run_driver.ts";
import { grouped, milliseconds } from "../report.ts";
import {
  type BenchContext,
  inTurns,
  type Measured,
  measured,
  median,
  medianOf,
  ratiosOf,
} from "../row.ts";
import type { RecordedAnswers } from "../servers/answers.ts";
import type { ChildServer } from "../servers/child_server.ts";
import { startQuipu, startReference } from "../servers/quipu_server.ts";
import {
  recordCreated,
  type RecordedReads,
  seedReads,
} from "../stores/seed_reads.ts";
import type { HttpRow } from "./http.ts";

/** Compilers need a while: each server is driven for so long first. */
const FIRST_WARMUP_MS = 1500;
/** What a change may cost a request in CPU time, of a paired comparison. */
const CPU_RATIO_MAX = 1.05;
/** Answers that differ more in size than this are not the same bytes. */
const SIZE_DIFFERENCE_MAX = 0.02;
const NO_READS = { events: [], feeds: [], bodyFeeds: [], xmlFeeds: [] };

type Contestant = "quipu" | "before" | "reference" | "bare";
type Runs = Readonly<Partial<Record<Contestant, readonly Run[]>>>;

interface RowServers {
  readonly servers: ReadonlyMap<Contestant, ChildServer>;
  /** What can be read of the one under test. */
  readonly recorded: RecordedReads;
}

/** Runs the row, everything it needs in the context's directory. */
export async function measureHttpRow(
  row: HttpRow,
  context: BenchContext,
): Promise<Measured> {
  const { options, directory } = context;
  await using stack = new AsyncDisposableStack();
  const { servers, recorded } = await startServers(stack, row, context);
  // The first seed is the seeded streams', the next ones each run's own: an
  // event id that came again would be answered without being written.
  let seed = options.seed + 1_000_000;
  const run = (name: Contestant, warmupMs: number, measureMs: number) => {
    const isTwin = name === "reference" && row.twin !== undefined;
    const server = servers.get(isTwin ? "quipu" : name);
    if (server === undefined) throw new Error(`Cannot drive ${name}`);
    return drive(server, {
      connections: row.connections,
      warmupMs,
      measureMs,
      seed: ++seed,
      work: (isTwin ? row.twin : row.work)?.(recorded) ?? row.work(recorded),
      expectedStatus: name === "bare" ? 200 : row.expectedStatus,
    });
  };
  const names: Contestant[] = [...servers.keys()];
  if (row.twin !== undefined && !options.isPaired) names.push("reference");
  for (const name of names) await run(name, 0, FIRST_WARMUP_MS);
  const disk: DiskTimes[] = [];
  const runs: Runs = await inTurns(
    options.rounds,
    Object.fromEntries(names.map((name, index) => [name, async () => {
      if (index === 0 && !options.isPaired) {
        disk.push(await probeDisk(directory));
      }
      return await run(name, options.warmupMs, options.measureMs);
    }])),
  );
  const memory = `${servers.get("quipu")?.residentMb().toFixed(0)} MB resident`;
  return result(row, runs, { disk, memory, isPaired: options.isPaired });
}

/** Starts all that take part; the stack stops them. */
async function startServers(
  stack: AsyncDisposableStack,
  row: HttpRow,
  { options, directory }: BenchContext,
): Promise<RowServers> {
  const servers = new Map<Contestant, ChildServer>();
  const add = (name: Contestant, server: ChildServer) => {
    servers.set(name, stack.use(server));
    return server;
  };
  const place = (name: string) =>
    options.isInMemory ? undefined : join(directory, name);
  const seed = async (server: ChildServer) =>
    row.expectedStatus === 201 ? NO_READS : await seedReads(server, options);
  const quipu = add(
    "quipu",
    await startQuipu(place("store"), {
      binary: options.serverBinary,
      profile: options.profileDirectory &&
        join(options.profileDirectory, `${row.name}.cpuprofile`),
    }),
  );
  const recorded = await seed(quipu);
  if (options.beforeDirectory !== undefined) {
    const root = options.beforeDirectory;
    await seed(add("before", await startQuipu(place("before"), { root })));
  }
  if (options.isPaired) return { servers, recorded };
  if (row.twin === undefined) {
    const answers: RecordedAnswers = {
      created: await recordCreated(quipu.origin),
      reads: [...recorded.events, ...recorded.feeds, ...recorded.bodyFeeds],
    };
    const answersFile = join(directory, "answers.json");
    await Deno.writeTextFile(answersFile, JSON.stringify(answers));
    add("reference", await startReference("parse", answersFile));
  }
  const work = row.work(recorded);
  const isLarge = work.kind === "append" &&
    work.eventsPerPost * work.dataBytes > 1000;
  add("bare", await startReference(isLarge ? "drain" : "noop"));
  return { servers, recorded };
}

function result(
  row: HttpRow,
  runs: Runs,
  { disk, memory, isPaired }: {
    readonly disk: readonly DiskTimes[];
    readonly memory: string;
    readonly isPaired: boolean;
  },
): Measured {
  const { quipu = [], before = [], reference = [] } = runs;
  const values = isPaired
    ? ratiosOf(quipu, before, (run) => run.serverCpuUs)
    : row.isLatency
    ? quipu.map((run, round) => run.latency.p50Us / leastLatencyUs(disk[round]))
    : ratiosOf(quipu, reference, (run) => run.rate);
  const errors = errorsIn(runs);
  const shown = isPaired ? asPaired(row) : row;
  return measured(shown, values, {
    hasFailed: errors.length > 0,
    byCpuTime: isPaired
      ? undefined
      : median(ratiosOf(reference, quipu, (run) => run.serverCpuUs)),
    notes: [
      HEAD,
      ...Object.entries(runs).map(([name, own]) => line(row, name, own)),
      ...isPaired || before.length === 0 ? [] : [beforeText(quipu, before)],
      ...disk.length === 0 ? [] : [diskText(disk)],
      memory,
      ...errors,
      ...row.twin === undefined ? sizesIn(runs) : [],
    ],
  });
}

/** The row that a pair is judged by: CPU time a request over the other's. */
function asPaired(row: HttpRow): HttpRow {
  return { ...row, isLessBetter: true, marks: { goal: CPU_RATIO_MAX } };
}

/** What an append takes at least: one sync, and after it one commit. */
function leastLatencyUs(times: DiskTimes | undefined): number {
  return (times?.sync.p50Us ?? NaN) + (times?.commit.p50Us ?? NaN);
}

const CELL_WIDTH = 11;
const HEAD = cells("", [
  ...["requests/s", "events/s", "p50 ms", "p99 ms", "p99.9 ms"],
  ...["server µs", "driver µs", "bytes"],
]);

function cells(title: string, texts: readonly string[]): string {
  return [
    title.padEnd(CELL_WIDTH),
    ...texts.map((text) => text.padStart(CELL_WIDTH)),
  ].join("");
}

function line(row: HttpRow, name: string, runs: readonly Run[]): string {
  const rate = medianOf(runs, (run) => run.rate);
  const isTwin = name === "reference" && row.twin !== undefined;
  return cells(isTwin ? "JSON twin" : name, [
    grouped(rate),
    name === "bare" || row.events === 0 ? "–" : grouped(rate * row.events),
    milliseconds(medianOf(runs, (run) => run.latency.p50Us)),
    milliseconds(medianOf(runs, (run) => run.latency.p99Us)),
    milliseconds(medianOf(runs, (run) => run.latency.p999Us)),
    medianOf(runs, (run) => run.serverCpuUs).toFixed(1),
    medianOf(runs, (run) => run.driverCpuMs * 1000 / run.requestsInAll)
      .toFixed(1),
    medianOf(runs, (run) => run.responseBytes).toFixed(0),
  ]);
}

function beforeText(quipu: readonly Run[], before: readonly Run[]): string {
  const rate = median(ratiosOf(quipu, before, (run) => run.rate));
  const cpu = median(ratiosOf(quipu, before, (run) => run.serverCpuUs));
  return `${rate.toFixed(3)} of before, ${cpu.toFixed(3)} of its CPU time`;
}

/** What the disk took. */
function diskText(times: readonly DiskTimes[]): string {
  const of = (kind: keyof DiskTimes) =>
    `p50 ${milliseconds(medianOf(times, (time) => time[kind].p50Us))} ms, ` +
    `p99 ${milliseconds(medianOf(times, (time) => time[kind].p99Us))} ms`;
  return `disk: append of 300 B and fdatasync ${of("sync")}; ` +
    `one KV commit ${of("commit")}`;
}

function errorsIn(runs: Runs): string[] {
  return Object.entries(runs).flatMap(([name, own]) => {
    const errors = own.reduce((sum, run) => sum + run.errors, 0);
    const first = own.find((run) => run.firstError !== undefined);
    return errors === 0
      ? []
      : [`! ${name}: ${errors} errors, the first: ${first?.firstError}`];
  });
}

function sizesIn({ quipu = [], reference = [] }: Runs): string[] {
  const [own, other] = [quipu, reference].map((runs) =>
    medianOf(runs, (run) => run.responseBytes)
  );
  if (own === undefined || other === undefined) return [];
  return Math.abs(own - other) > SIZE_DIFFERENCE_MAX * other
    ? [`! answers differ in size: ${own} against ${other} bytes`]
    : [];
}
