/**
 * Drives PostgreSQL with the driver that comes with it: a C program, each
 * connection with one transaction under way, statements prepared beforehand.
 *
 * @module
 */

import { join } from "@std/path";
import { LatencyHistogram, type LatencySummary } from "../load/histogram.ts";
import type { Postgres } from "./postgres.ts";
import { cpuMsOf } from "./process_cpu.ts";
import type { Script } from "./rows.ts";

/** Time to connect and prepare before anything is counted. */
const SETTLE_MS = 2000;
/** Time after what is counted, so that all connections are busy to its end. */
const TAIL_MS = 1000;
/** Beyond the time of the run. */
const SPARE_MS = 30_000;
const LOG_PREFIX = "transactions";

export interface PgbenchRun {
  /** Transactions in the time measured. */
  readonly transactions: number;
  readonly seconds: number;
  readonly latency: LatencySummary;
  /** For each transaction, µs, of all of PostgreSQL's processes. */
  readonly serverCpuUs: number | undefined;
  /** For each transaction, µs. */
  readonly driverCpuUs: number | undefined;
}

export interface PgbenchJob {
  readonly script: Script;
  readonly connections: number;
  readonly measureMs: number;
  readonly seed: number;
  /** Existing directory for the script and the log of transactions. */
  readonly directory: string;
}

/**
 * Runs a script.
 *
 * @throws {Error} If a transaction fails, or the messages that it should have
 * written are not there.
 */
export async function runPgbench(
  postgres: Postgres,
  job: PgbenchJob,
): Promise<PgbenchRun> {
  const directory = await Deno.makeTempDir({ dir: job.directory });
  const scriptFile = join(directory, "script.sql");
  await Deno.writeTextFile(scriptFile, job.script.text);
  const messagesBefore = await countMessages(postgres);
  const driver = new Deno.Command(postgres.pgbench, {
    args: argsOf(job, scriptFile),
    cwd: directory,
    env: postgres.environment,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    signal: AbortSignal.timeout(SETTLE_MS + job.measureMs + SPARE_MS),
  }).spawn();
  const output = driver.output();
  const takeTimes = () => ({
    epochUs: (performance.timeOrigin + performance.now()) * 1000,
    serverMs: postgres.cpuMs(),
    driverMs: cpuMsOf(driver.pid),
  });
  await delay(SETTLE_MS);
  const from = takeTimes();
  await delay(job.measureMs);
  const until = takeTimes();
  const { success, stderr, stdout } = await output;
  const decoder = new TextDecoder();
  const said = decoder.decode(stdout);
  if (!success || !/failed transactions: 0 /.test(said)) {
    throw new Error(`pgbench failed:\n${said}${decoder.decode(stderr)}`);
  }
  const log = readLog(directory, from.epochUs, until.epochUs);
  const written = await countMessages(postgres) - messagesBefore;
  if (written !== log.transactionsInAll * job.script.messages) {
    throw new Error(
      `Cannot compare: ${log.transactionsInAll} transactions of ` +
        `${job.script.messages} wrote ${written} messages`,
    );
  }
  await Deno.remove(directory, { recursive: true });
  const latency = log.histogram.summary();
  const each = (before: number | undefined, after: number | undefined) =>
    before === undefined || after === undefined
      ? undefined
      : (after - before) * 1000 / latency.count;
  return {
    transactions: latency.count,
    seconds: (until.epochUs - from.epochUs) / 1e6,
    latency,
    serverCpuUs: each(from.serverMs, until.serverMs),
    driverCpuUs: each(from.driverMs, until.driverMs),
  };
}

function argsOf(job: PgbenchJob, scriptFile: string): string[] {
  const { script, connections, measureMs, seed } = job;
  const seconds = Math.ceil((SETTLE_MS + measureMs + TAIL_MS) / 1000);
  return [
    ...["--no-vacuum", "--protocol=prepared", `--file=${scriptFile}`],
    `--client=${connections}`,
    `--jobs=${Math.min(2, navigator.hardwareConcurrency)}`,
    `--time=${seconds}`,
    `--random-seed=${seed}`,
    ...["--log", `--log-prefix=${LOG_PREFIX}`],
    ...Object.entries(script.variables).map(([name, value]) =>
      `--define=${name}=${value}`
    ),
  ];
}

async function countMessages(postgres: Postgres): Promise<number> {
  return Number(await postgres.query("SELECT count(*) FROM messages"));
}

/** Latencies of the transactions that ended between two moments. */
function readLog(
  directory: string,
  fromUs: number,
  untilUs: number,
): { histogram: LatencyHistogram; transactionsInAll: number } {
  const histogram = new LatencyHistogram();
  let transactionsInAll = 0;
  for (const { name } of Deno.readDirSync(directory)) {
    if (!name.startsWith(LOG_PREFIX)) continue;
    const text = Deno.readTextFileSync(join(directory, name));
    for (const line of text.split("\n")) {
      // Client, transaction, µs taken, script, seconds and µs of its end.
      const [, , tookUs, , seconds, us] = line.split(" ");
      if (us === undefined) continue;
      transactionsInAll++;
      const endedUs = Number(seconds) * 1e6 + Number(us);
      if (endedUs < fromUs || endedUs >= untilUs) continue;
      histogram.record(Number(tookUs));
    }
  }
  return { histogram, transactionsInAll };
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
