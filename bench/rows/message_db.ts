/**
 * PostgreSQL with the functions of message-db, which others run for the same
 * purpose, beside this server: same work, same machine, both synced before each
 * answer, over TCP on 127.0.0.1, each driven by the driver that suits it.
 *
 * @module
 */

import { join } from "@std/path";
import {
  findPostgres,
  type PostgresServer,
  startPostgres,
} from "../../tests/support/postgres_server.ts";
import { drive } from "../load/run_driver.ts";
import {
  fetchMessageDb,
  installMessageDb,
} from "../message_db/fetch_package.ts";
import {
  messageDbUrl,
  type PgbenchRun,
  runPgbench,
  runSql,
} from "../message_db/pgbench.ts";
import { fillStatement, SCRIPTS } from "../message_db/scripts.ts";
import { grouped, milliseconds } from "../report.ts";
import {
  type Bench,
  type BenchContext,
  inTurns,
  type Measured,
  measured,
  medianOf,
  ratiosOf,
  type Row,
} from "../row.ts";
import { startQuipu } from "../servers/quipu_server.ts";
import { seedReads } from "../stores/seed_reads.ts";
import { HTTP_ROWS, type HttpRow } from "./http.ts";

const WARMUP_MS = 2000;
/** Of the event ids of runs; seeded streams have those below. */
const FIRST_RUN_SEED = 1_000_000;
/** What PostgreSQL may use, beyond what it comes with. */
const SETTINGS = [
  ...["fsync=on", "full_page_writes=on", "synchronous_commit=on"],
  ...["shared_buffers=1GB", "max_wal_size=8GB", "max_connections=300"],
].flatMap((setting) => ["-c", setting]);

const COMPARED = HTTP_ROWS.filter(({ name }) => name in SCRIPTS);

function rowOf({ name, title }: HttpRow): Row {
  return {
    name: `message-db-${name}`,
    title: `${title}, requests/s against PostgreSQL with message-db`,
    unit: "ratio",
  };
}

/** None where there is no PostgreSQL. */
export const MESSAGE_DB: readonly Bench[] = findPostgres() === undefined
  ? []
  : [{
    rows: COMPARED.map(rowOf),
    async measure(context) {
      await using stack = new AsyncDisposableStack();
      const postgres = startPostgres(SETTINGS);
      stack.defer(() => postgres.stop());
      const url = messageDbUrl(postgres);
      installMessageDb(url, await fetchMessageDb(context.directory));
      const results: Measured[] = [];
      for (const row of COMPARED) {
        if (!context.wants(rowOf(row))) continue;
        runSql(url, "TRUNCATE messages RESTART IDENTITY");
        runSql(url, fillStatement());
        runSql(url, "VACUUM ANALYZE messages");
        runSql(url, "CHECKPOINT");
        results.push(await compare(row, postgres, context));
      }
      return results;
    },
  }];

/** This server on an empty store, PostgreSQL on a fresh table, in turns. */
async function compare(
  row: HttpRow,
  postgres: PostgresServer,
  { options, directory }: BenchContext,
): Promise<Measured> {
  const { rounds, measureMs } = options;
  await using server = await startQuipu(join(directory, row.name));
  const work = row.work(
    row.expectedStatus === 201
      ? { events: [], feeds: [], bodyFeeds: [], xmlFeeds: [] }
      : await seedReads(server, options),
  );
  let seed = FIRST_RUN_SEED;
  const turns: Record<string, () => Promise<PgbenchRun>> = {
    async quipu() {
      const run = await drive(server, {
        connections: row.connections,
        warmupMs: WARMUP_MS,
        measureMs,
        seed: ++seed,
        work,
        expectedStatus: row.expectedStatus,
      });
      if (run.errors > 0) throw new Error(`quipu answered ${run.firstError}`);
      return run;
    },
  };
  for (const script of SCRIPTS[row.name] ?? []) {
    turns[script.title] = () =>
      runPgbench(postgres, {
        script,
        connections: row.connections,
        measureMs,
        seed: ++seed,
        directory,
      });
  }
  const { quipu = [], ...others } = await inTurns(rounds, turns);
  const ratios = Object.values(others).map((runs) =>
    ratiosOf(quipu, runs, ({ rate }) => rate)
  );
  // The way that suits PostgreSQL best counts.
  const least = quipu.map((_, round) =>
    Math.min(...ratios.map((own) => own[round] ?? NaN))
  );
  return measured(rowOf(row), least, {
    notes: Object.entries({ quipu, ...others }).map(([title, runs]) =>
      `${title.padEnd(22)} ${grouped(medianOf(runs, ({ rate }) => rate))} ` +
      `requests/s, p50 ` +
      `${milliseconds(medianOf(runs, ({ latency }) => latency.p50Us))} ms, ` +
      `server ${medianOf(runs, (run) => run.serverCpuUs).toFixed(1)} µs`
    ),
  });
}
