/**
 * Appends over a store in PostgreSQL beside a server that only reads bodies, in
 * turns; with the quorum of two standbys if `--standbys` is given. Ratios within
 * one round are what to compare.
 *
 * Run: `deno run --allow-all bench/postgres/main.ts [--standbys]`
 *
 * @module
 */

import { SYSTEM_TIMERS } from "../../lib/runtime/system_clock.ts";
import { parseDatabaseUrl } from "../../lib/store/database_url.ts";
import { connectOwner, migrate } from "../../storage/postgres/migrate.ts";
import { Cluster } from "../../tests/failover/cluster.ts";
import { startPostgres } from "../../tests/support/postgres_server.ts";
import { runFlags } from "../../tests/support/run_flags.ts";
import { print } from "../report.ts";
import { appends, drive as driveServer } from "../load/run_driver.ts";
import { PROJECT_ROOT } from "../project_root.ts";
import { median } from "../row.ts";
import { type ChildServer, startServer } from "../servers/child_server.ts";
import { startReference } from "../servers/quipu_server.ts";

interface Row {
  readonly connections: number;
  readonly eventsPerPost: number;
}

const ROWS: readonly Row[] = [
  { connections: 64, eventsPerPost: 1 },
  { connections: 256, eventsPerPost: 1 },
  { connections: 16, eventsPerPost: 100 },
];
const ROUNDS = 3;
const DATA_BYTES = 230;
const STREAMS = 10_000;

const hasStandbys = Deno.args.includes("--standbys");
await using stack = new AsyncDisposableStack();
const url = await startDatabase();
const flags = ["run", ...runFlags(PROJECT_ROOT)];
const quipu = await startServer({
  args: [
    ...flags,
    ...["main.ts", "serve", "--port={port}", "--log-level=error"],
    `--db=${url}`,
    ...hasStandbys ? [] : ["--durability=local"],
  ],
  readyPath: "/health/ready",
});
stack.defer(() => quipu.stop());
const reference = await startReference("drain");
stack.defer(() => reference.stop());
for (const row of ROWS) print(await measure(row));

/** Starts PostgreSQL with a store; returns the URL for servers. */
async function startDatabase(): Promise<string> {
  let url: string;
  if (hasStandbys) {
    const cluster = stack.use(await Cluster.start());
    url = cluster.url;
  } else {
    const server = startPostgres(["-c", "fsync=on", "-c", "max_wal_size=4GB"]);
    stack.defer(() => server.stop());
    url = server.url;
  }
  const address = parseDatabaseUrl(url);
  const owner = await connectOwner({
    address,
    password: undefined,
    timers: SYSTEM_TIMERS,
  });
  await migrate(owner, { schema: "quipu", role: undefined, isNew: true });
  await owner.close();
  return url;
}

async function measure({ connections, eventsPerPost }: Row): Promise<string> {
  const ratios: number[] = [];
  const rates: number[] = [];
  const medians: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const drive = (server: ChildServer, expectedStatus: number) =>
      driveServer(server, {
        connections,
        warmupMs: 1_000,
        measureMs: 4_000,
        seed: 1 + round + 100 * connections + eventsPerPost,
        ...appends({
          eventsPerPost,
          dataBytes: DATA_BYTES,
          streamCount: STREAMS,
          streamPrefix: `order-${connections}-${eventsPerPost}-${round}`,
        }),
        expectedStatus,
      });
    const ours = await drive(quipu, 201);
    const theirs = await drive(reference, 200);
    if (ours.errors > 0) throw new Error(ours.firstError);
    rates.push(ours.rate);
    medians.push(ours.latency.p50Us / 1000);
    ratios.push(ours.rate / theirs.rate);
  }
  const rate = median(rates);
  return `${connections} connections, ${eventsPerPost} events a POST: ` +
    `${rate.toFixed(0)} requests/s, ` +
    `${(rate * eventsPerPost).toFixed(0)} events/s, ` +
    `p50 ${median(medians).toFixed(1)} ms, ` +
    `${median(ratios).toFixed(3)} of a server that reads bodies alone`;
}
