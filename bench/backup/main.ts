/**
 * Backup bench: what a backup that is taken of a server costs those who append
 * meanwhile. 64 connections post events of 200 bytes; in every other turn one
 * client takes one backup after the other, as fast as it gets them.
 *
 * Run: `deno task bench:backup [events of the store, default 1000000]`. Ends
 * with 1 when a backup takes more of a core than the mark.
 *
 * @module
 */

import { print } from "../command_line.ts";
import type { ChildServer } from "../load/child_server.ts";
import { drive } from "../load/driver.ts";
import { median } from "../load/median.ts";
import { steadyAppends } from "../load/steady_appends.ts";
import { fillStore } from "../scale/keep_store.ts";
import { startQuipu } from "../scale/quipu_server.ts";

const CONNECTIONS = 64;
const STREAMS = 10_000;
const WARM_UP_MS = 500;
const MEASURE_MS = 3000;
const ROUNDS = 5;
/** Mark: the share of a core, and so of their throughput, that appends lose at most. */
const LOSS_MAX = 0.2;
const MIB = 2 ** 20;

interface Turn {
  readonly perSecond: number;
  readonly p99Ms: number;
  /** Of the server, backup included, per append. */
  readonly cpuUs: number;
  /** Of the server, milliseconds of CPU time in each millisecond. */
  readonly cores: number;
  /** Bytes a second that a backup got; NaN without one. */
  readonly backupRate: number;
}

/** A client that takes backups until it is told to stop. */
class BackupClient {
  /** Bytes a second of each backup that came whole. */
  readonly rates: number[] = [];
  readonly #process: Deno.ChildProcess;
  readonly #reading: Promise<void>;

  constructor(origin: string) {
    // Processes of their own: their work must not count as the driver's.
    const command = `while :; do curl -sf -u admin:changeit -o /dev/null ` +
      `-w '%{speed_download}\\n' ${origin}/admin/backup; done`;
    this.#process = new Deno.Command("sh", {
      args: ["-c", command],
      stdout: "piped",
    }).spawn();
    this.#reading = this.#read();
  }

  async stop(): Promise<void> {
    this.#process.kill("SIGTERM");
    await this.#process.status;
    await this.#reading;
  }

  async #read(): Promise<void> {
    let text = "";
    for await (
      const more of this.#process.stdout.pipeThrough(new TextDecoderStream())
    ) text += more;
    this.rates.push(...text.trim().split("\n").map(Number));
  }
}

async function measure(
  server: ChildServer,
  { withBackup, seed }: { withBackup: boolean; seed: number },
): Promise<Turn> {
  const client = withBackup ? new BackupClient(server.origin) : undefined;
  const startedAt = performance.now();
  const cpuBeforeMs = server.cpuMs() ?? NaN;
  const result = await drive(steadyAppends({
    port: server.port,
    connections: CONNECTIONS,
    warmupMs: WARM_UP_MS,
    measureMs: MEASURE_MS,
    seed,
    streamCount: STREAMS,
    streamPrefix: "load",
  }));
  const cpuMs = (server.cpuMs() ?? NaN) - cpuBeforeMs;
  const tookMs = performance.now() - startedAt;
  await client?.stop();
  if (result.errors > 0) throw new Error(result.firstError);
  return {
    perSecond: result.requests / result.seconds,
    p99Ms: result.latency.p99Us / 1000,
    cpuUs: cpuMs * 1000 / result.requestsInAll,
    cores: cpuMs / tookMs,
    backupRate: median(client?.rates ?? []),
  };
}

function show(name: string, turns: readonly Turn[]): void {
  const middle = (of: (turn: Turn) => number) => median(turns.map(of));
  const rate = middle(({ backupRate }) => backupRate);
  print(
    `${name.padEnd(16)} ${Math.round(middle((turn) => turn.perSecond))}/s, ` +
      `p99 ${middle((turn) => turn.p99Ms).toFixed(1)} ms, ` +
      `${middle((turn) => turn.cpuUs).toFixed(1)} µs of CPU each` +
      (Number.isNaN(rate) ? "" : `; backup ${Math.round(rate / MIB)} MiB/s`),
  );
}

/** @returns Whether the mark is met. */
async function run(eventCount: number): Promise<boolean> {
  const directory = await Deno.makeTempDir({ prefix: "quipu-backup-bench-" });
  try {
    await fillStore(directory, eventCount, Math.ceil(eventCount / 10));
    const server = await startQuipu(directory);
    try {
      const alone: Turn[] = [];
      const beside: Turn[] = [];
      await measure(server, { withBackup: false, seed: 99 });
      for (let round = 0; round < ROUNDS; round++) {
        for (
          const withBackup of round % 2 === 0 ? [false, true] : [true, false]
        ) {
          const turn = await measure(server, { withBackup, seed: round + 1 });
          (withBackup ? beside : alone).push(turn);
        }
      }
      show("appends alone", alone);
      show("beside a backup", beside);
      // The server has one thread for all of it: what the backup takes of a
      // core, appends cannot have. Rates alone say less, as the client and the
      // driver are on the same machine.
      const aloneUs = median(alone.map(({ cpuUs }) => cpuUs));
      const loss = median(
        beside.map(({ cores, cpuUs }) => cores * (1 - aloneUs / cpuUs)),
      );
      print(
        `the backup takes ${(loss * 100).toFixed(1)} % of a core (mark: ` +
          `${LOSS_MAX * 100} %); memory of the server: ` +
          `${Math.round(server.residentMb() ?? NaN)} MB`,
      );
      return loss <= LOSS_MAX;
    } finally {
      await server.stop();
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

const eventCount = Number(Deno.args[0] ?? 1_000_000);
if (!Number.isSafeInteger(eventCount) || eventCount < 1) {
  print("Usage: deno task bench:backup [events of the store]");
  Deno.exit(2);
}
Deno.exit(await run(eventCount) ? 0 : 1);
