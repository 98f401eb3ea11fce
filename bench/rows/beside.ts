/**
 * What something costs those who append meanwhile: runs alone and beside it, in
 * turns.
 *
 * @module
 */

import { appends, driveWell, type Run } from "../load/run_driver.ts";
import { grouped, milliseconds } from "../report.ts";
import { inTurns, medianOf } from "../row.ts";
import type { ChildServer } from "../servers/child_server.ts";

const CONNECTIONS = 64;
const WARM_UP_MS = 500;

/** Runs alone and beside it, a round each. */
export interface Beside {
  readonly alone: readonly Run[];
  readonly beside: readonly Run[];
}

/**
 * Lets 64 connections append, alone and while something is there.
 *
 * @param open Starts it, and ends it when it is disposed of.
 */
export async function appendBeside(
  server: ChildServer,
  { rounds, measureMs }: {
    readonly rounds: number;
    readonly measureMs: number;
  },
  open: () => Promise<AsyncDisposable>,
): Promise<Beside> {
  let seed = 0;
  const run = () =>
    driveWell(server, {
      connections: CONNECTIONS,
      warmupMs: WARM_UP_MS,
      measureMs,
      seed: ++seed,
      ...appends({ streamCount: 10_000 }),
    });
  await run();
  return await inTurns(rounds, {
    alone: run,
    beside: async () => {
      await using _it = await open();
      return await run();
    },
  });
}

/** Some runs in words. */
export function runsText(runs: readonly Run[]): string {
  return `${grouped(medianOf(runs, (run) => run.rate))} a second, ` +
    `p99 ${milliseconds(medianOf(runs, (run) => run.latency.p99Us))} ms, ` +
    `${
      medianOf(runs, (run) => run.serverCpuUs).toFixed(1)
    } µs of CPU time each`;
}
