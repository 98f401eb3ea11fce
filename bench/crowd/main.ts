/**
 * What 64 honest writers lose to a crowd of 2,000 idle connections and 500
 * half-sent requests: drives a server without and with the crowd, in turns.
 *
 * Ends with 0; with 1 when they lose a fifth of their speed or meet errors.
 *
 * @module
 */

import { join } from "@std/path";
import { print } from "../command_line.ts";
import type { ChildServer } from "../load/child_server.ts";
import type { DriverResult } from "../load/job.ts";
import { median } from "../load/median.ts";
import { runDriver } from "../load/run_driver.ts";
import { steadyAppends } from "../load/steady_appends.ts";
import { startQuipu } from "../scale/quipu_server.ts";
import { Crowd, type CrowdSize } from "./crowd.ts";

const WRITERS = 64;
const CROWD: CrowdSize = { idle: 2_000, halfSent: 500 };
const ROUNDS = 5;
const WARMUP_MS = 1_000;
const MEASURE_MS = 4_000;
const SHARE_MIN = 0.8;

/** The writers alone, and with the crowd there. */
interface Round {
  readonly alone: DriverResult;
  readonly crowded: DriverResult;
}

async function measure(): Promise<boolean> {
  const directory = await Deno.makeTempDir({ prefix: "quipu-crowd-" });
  const server = await startQuipu(join(directory, "store"));
  try {
    await drive(server, 0);
    const rounds: Round[] = [];
    for (let number = 1; number <= ROUNDS; number++) {
      rounds.push(await runRound(server, number));
    }
    return report(rounds);
  } finally {
    await server.stop();
    await Deno.remove(directory, { recursive: true });
  }
}

async function runRound(server: ChildServer, number: number): Promise<Round> {
  const before = server.residentMb();
  const alone = await drive(server, 2 * number);
  await using crowd = new Crowd(server.port);
  await crowd.gather(CROWD);
  const crowded = await drive(server, 2 * number + 1);
  const after = server.residentMb();
  print(
    `round ${number}: alone ${rateText(alone)}, crowded ${
      rateText(crowded)
    }, ` +
      `${crowd.openCount} connections, ${crowd.reopenedCount} opened again, ` +
      `memory ${before?.toFixed(0)} -> ${after?.toFixed(0)} MB`,
  );
  return { alone, crowded };
}

async function drive(server: ChildServer, seed: number): Promise<DriverResult> {
  return await runDriver(steadyAppends({
    port: server.port,
    connections: WRITERS,
    warmupMs: WARMUP_MS,
    measureMs: MEASURE_MS,
    seed,
    streamCount: 1_000,
    streamPrefix: "crowd",
  }));
}

function report(rounds: readonly Round[]): boolean {
  const shares = rounds.map(({ alone, crowded }) =>
    rateOf(crowded) / rateOf(alone)
  );
  const share = median(shares);
  const errors = rounds.flatMap(({ alone, crowded }) => [alone, crowded])
    .reduce((sum, result) => sum + result.errors, 0);
  const hasPassed = share >= SHARE_MIN && errors === 0;
  print(
    `${WRITERS} writers keep ${(share * 100).toFixed(1)} % of their speed ` +
      `(${shares.map((one) => (one * 100).toFixed(0)).join(", ")}), ` +
      `${errors} errors: ${hasPassed ? "passed" : "failed"}`,
  );
  return hasPassed;
}

function rateOf({ requests, seconds }: DriverResult): number {
  return requests / seconds;
}

function rateText(result: DriverResult): string {
  const { p50Us, p99Us } = result.latency;
  return `${rateOf(result).toFixed(0)} appends/s ` +
    `(p50 ${(p50Us / 1000).toFixed(1)} ms, p99 ${
      (p99Us / 1000).toFixed(1)
    } ms)`;
}

if (import.meta.main) Deno.exit(await measure() ? 0 : 1);
