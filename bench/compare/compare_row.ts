/**
 * One row: quipu and each script, in turns, so that what else the machine
 * does meets all of them alike.
 *
 * @module
 */

import { join } from "@std/path";
import type { ChildServer } from "../load/child_server.ts";
import type { DriverJob } from "../load/job.ts";
import { median } from "../load/median.ts";
import { READ_STREAMS, SEED_DATA_BYTES } from "../load/rows.ts";
import { rateOf, type Run, runOnce } from "../load/run_row.ts";
import { seedReads } from "../load/seed_store.ts";
import { startQuipu } from "../scale/quipu_server.ts";
import type { CompareOptions } from "./options.ts";
import { runPgbench } from "./pgbench.ts";
import type { Postgres } from "./postgres.ts";
import { type ComparedRow, fillStatement } from "./rows.ts";

const WARMUP_MS = 2000;
const REQUESTS_MAX = 20_000_000;
/** Of the event ids of runs; seeded streams have those below. */
const FIRST_RUN_SEED = 1_000_000;

/** What is known of a contestant in a row: medians over its rounds. */
export interface Standing {
  readonly title: string;
  readonly requestsPerSecond: number;
  readonly eventsPerSecond: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly serverCpuUs: number | undefined;
  readonly driverCpuUs: number | undefined;
  /** Rate of quipu in the same round over this one's, each round. */
  readonly quipuRatios: readonly number[];
}

export interface ComparedResult {
  readonly compared: ComparedRow;
  readonly standings: readonly Standing[];
}

/** A run's figures, whoever drove it. */
interface Figures {
  readonly rate: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly serverCpuUs: number | undefined;
  readonly driverCpuUs: number | undefined;
}

/**
 * Runs the row, quipu on an empty store, PostgreSQL on a fresh table.
 *
 * @throws {Error} If a contestant fails, or answers anything unexpected.
 */
export async function compareRow(
  compared: ComparedRow,
  postgres: Postgres,
  place: {
    readonly options: CompareOptions;
    /** Existing one, for what is needed meanwhile. */
    readonly directory: string;
    /** Stops what is started here, should it be disposed of before the end. */
    readonly stack: AsyncDisposableStack;
  },
): Promise<ComparedResult> {
  const { options } = place;
  await using stack = place.stack.use(new AsyncDisposableStack());
  const directory = await Deno.makeTempDir({ dir: place.directory });
  stack.defer(() => Deno.remove(directory, { recursive: true }));
  await refill(postgres);
  const quipu = await startQuipu(join(directory, "store"));
  stack.defer(() => quipu.stop());
  const job = await quipuJob(compared, quipu, options.measureMs);
  let seed = FIRST_RUN_SEED;
  const contestants = [
    {
      title: "quipu",
      run: async () => figuresOf(await runOnce(quipu, { ...job, seed })),
    },
    ...compared.scripts.map((script) => ({
      title: `PostgreSQL, ${script.title}`,
      run: async () => {
        const { connections } = compared.row;
        const { measureMs } = options;
        const run = await runPgbench(postgres, {
          ...{ script, connections, measureMs, seed, directory },
        });
        const { p50Us, p99Us } = run.latency;
        const rate = run.transactions / run.seconds;
        return { ...run, rate, p50Us, p99Us };
      },
    })),
  ];
  const runs = new Map<string, Figures[]>(
    contestants.map(({ title }) => [title, []]),
  );
  for (let round = 0; round < options.rounds; round++) {
    for (let turn = 0; turn < contestants.length; turn++) {
      const one = contestants[(turn + round) % contestants.length];
      if (one === undefined) continue;
      seed++;
      runs.get(one.title)?.push(await one.run());
    }
  }
  const own = runs.get("quipu") ?? [];
  const standings = Array.from(
    runs,
    ([title, figures]) =>
      standingOf(title, figures, { own, events: compared.row.events }),
  );
  return { compared, standings };
}

/** A table with events in every stream, planned for as it is. */
async function refill(postgres: Postgres): Promise<void> {
  await postgres.query("TRUNCATE messages RESTART IDENTITY");
  await postgres.query(fillStatement());
  await postgres.query("VACUUM ANALYZE messages");
  await postgres.query("CHECKPOINT");
}

async function quipuJob(
  { row }: ComparedRow,
  quipu: ChildServer,
  measureMs: number,
): Promise<DriverJob> {
  const recorded = row.expectedStatus === 201
    ? { events: [], feeds: [], bodyFeeds: [], xmlFeeds: [] }
    : await seedReads(quipu, {
      dataBytes: SEED_DATA_BYTES,
      seed: READ_STREAMS,
    });
  return {
    port: quipu.port,
    connections: row.connections,
    warmupMs: WARMUP_MS,
    measureMs,
    requestsMax: REQUESTS_MAX,
    seed: 0,
    work: row.work(recorded),
    expectedStatus: row.expectedStatus,
  };
}

function figuresOf(run: Run): Figures {
  if (run.errors > 0) {
    throw new Error(`Cannot compare: quipu answered ${run.firstError}`);
  }
  return {
    rate: rateOf(run),
    p50Us: run.latency.p50Us,
    p99Us: run.latency.p99Us,
    serverCpuUs: run.serverCpuUs,
    driverCpuUs: run.driverCpuMs * 1000 / run.requestsInAll,
  };
}

function standingOf(
  title: string,
  figures: readonly Figures[],
  row: { readonly own: readonly Figures[]; readonly events: number },
): Standing {
  const of = (figure: (one: Figures) => number) => median(figures.map(figure));
  const cpu = (figure: (one: Figures) => number | undefined) =>
    figures.some((one) => figure(one) === undefined)
      ? undefined
      : of((one) => figure(one) ?? Number.NaN);
  const requestsPerSecond = of((one) => one.rate);
  return {
    title,
    requestsPerSecond,
    eventsPerSecond: requestsPerSecond * row.events,
    p50Us: of((one) => one.p50Us),
    p99Us: of((one) => one.p99Us),
    serverCpuUs: cpu((one) => one.serverCpuUs),
    driverCpuUs: cpu((one) => one.driverCpuUs),
    quipuRatios: figures.map((one, round) =>
      (row.own[round]?.rate ?? Number.NaN) / one.rate
    ),
  };
}
