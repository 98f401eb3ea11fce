/**
 * Drives PostgreSQL with the driver that comes with it: a C program, each
 * connection with one transaction under way, statements prepared beforehand.
 *
 * @module
 */

import { join } from "@std/path";
import {
  findPostgres,
  type PostgresServer,
  runPostgres,
} from "../../tests/support/postgres_server.ts";
import { Latencies, type LatencySummary } from "../load/latency.ts";
import { pause } from "../row.ts";
import { cpuMsOf } from "../servers/child_server.ts";
import type { Script } from "./scripts.ts";

/** Time to connect and prepare before anything is counted. */
const SETTLE_MS = 2000;
/** Time after what is counted, so that all connections are busy to its end. */
const TAIL_MS = 1000;
/** Beyond the time of the run. */
const SPARE_MS = 30_000;
const LOG_PREFIX = "transactions";

/** What a run came to. */
export interface PgbenchRun {
  /** Transactions a second. */
  readonly rate: number;
  readonly latency: LatencySummary;
  /** CPU time of all of PostgreSQL's processes for a transaction, µs. */
  readonly serverCpuUs: number;
}

/** What is to be run. */
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
  postgres: PostgresServer,
  job: PgbenchJob,
): Promise<PgbenchRun> {
  const directory = await Deno.makeTempDir({ dir: job.directory });
  const scriptFile = join(directory, "script.sql");
  await Deno.writeTextFile(scriptFile, job.script.text);
  const url = messageDbUrl(postgres);
  const messagesBefore = countMessages(url);
  const output = new Deno.Command(join(findPostgres() ?? "", "pgbench"), {
    args: [...argsOf(job, scriptFile), url],
    cwd: directory,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    signal: AbortSignal.timeout(SETTLE_MS + job.measureMs + SPARE_MS),
  }).output();
  const [pid] = Deno.readTextFileSync(join(postgres.data, "postmaster.pid"))
    .split("\n");
  const takeTimes = () => ({
    epochUs: (performance.timeOrigin + performance.now()) * 1000,
    serverMs: cpuMsOf(Number(pid)),
  });
  await pause(SETTLE_MS);
  const from = takeTimes();
  await pause(job.measureMs);
  const until = takeTimes();
  const { success, stderr, stdout } = await output;
  const decoder = new TextDecoder();
  const said = decoder.decode(stdout);
  if (!success || !/failed transactions: 0 /.test(said)) {
    throw new Error(`pgbench failed:\n${said}${decoder.decode(stderr)}`);
  }
  const log = readLog(directory, from.epochUs, until.epochUs);
  const written = countMessages(url) - messagesBefore;
  if (written !== log.transactionsInAll * job.script.messages) {
    throw new Error(
      `Cannot compare: ${log.transactionsInAll} transactions of ` +
        `${job.script.messages} wrote ${written} messages`,
    );
  }
  const latency = log.latencies.summary();
  return {
    rate: latency.count / ((until.epochUs - from.epochUs) / 1e6),
    latency,
    serverCpuUs: (until.serverMs - from.serverMs) * 1000 / latency.count,
  };
}

/** The database, where the names of message-db are known. */
export function messageDbUrl({ url }: PostgresServer): string {
  const options = "-csearch_path=message_store,public " +
    "-cclient_min_messages=warning";
  return `${url}?options=${encodeURIComponent(options)}`;
}

/**
 * Runs one statement, or several with semicolons between them.
 *
 * @returns The rows, one a line.
 * @throws {Error} With what PostgreSQL says is wrong.
 */
export function runSql(url: string, sql: string): string {
  return new TextDecoder().decode(
    runPostgres("psql", [
      ...["-X", "-q", "-v", "ON_ERROR_STOP=1", "-A", "-t", "-c", sql, url],
    ]),
  );
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

function countMessages(url: string): number {
  return Number(runSql(url, "SELECT count(*) FROM messages"));
}

/** Latencies of the transactions that ended between two moments. */
function readLog(
  directory: string,
  fromUs: number,
  untilUs: number,
): { readonly latencies: Latencies; readonly transactionsInAll: number } {
  const latencies = new Latencies();
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
      latencies.record(Number(tookUs) / 1000);
    }
  }
  return { latencies, transactionsInAll };
}
