/**
 * Another client of a server that is being abused: it appends small events, one
 * after another, and notes how long that takes. Beside it, the memory that the
 * server takes.
 *
 * @module
 */

import { assert, assertEquals, assertLess } from "@std/assert";
import { type RunningServer, startServer } from "../support/program.ts";
import { startStopwatch } from "../support/stopwatch.ts";

/** Longest time that an append of another client may take meanwhile. */
const APPEND_MS_MAX = 1000;

/** A machine with other work, too, makes anyone wait; but not each time. */
const ATTEMPTS_MAX = 10;

/** Peak of the server's memory; at rest it takes some 70 MiB. */
const PEAK_MIB_MAX = 768;

/**
 * Abuses a server of its own; another one when somebody had to wait.
 *
 * @param options Of the server.
 * @throws {AssertionError} If another client was harmed, the server took too
 * much memory, or it did not outlive it all.
 */
export async function abuse(
  attack: (server: RunningServer) => Promise<void>,
  options: readonly string[] = [],
): Promise<void> {
  let longestMs = Infinity;
  for (
    let count = 0;
    count < ATTEMPTS_MAX && longestMs >= APPEND_MS_MAX;
    count++
  ) {
    longestMs = await abuseOnce(attack, options);
  }
  assertLess(longestMs, APPEND_MS_MAX, "Another client had to wait");
}

/** @returns The longest time that another client's append took. */
async function abuseOnce(
  attack: (server: RunningServer) => Promise<void>,
  options: readonly string[],
): Promise<number> {
  await using server = await startServer(["--mem-db", ...options]);
  let isOver = false;
  const longest = appendUntil(server, () => isOver);
  try {
    await attack(server);
  } finally {
    isOver = true;
  }
  const longestMs = await longest;
  const peak = readPeakMebibytes(server.processId);
  assert(peak === undefined || peak < PEAK_MIB_MAX, `It took ${peak} MiB`);
  return longestMs;
}

/**
 * @returns The longest time that an append took, in milliseconds. While other
 * processes had the processor that the server wanted does not count.
 */
async function appendUntil(
  { url, processId }: RunningServer,
  isOver: () => boolean,
): Promise<number> {
  let longest = 0;
  let count = 0;
  do {
    // The main thread is the one that answers.
    const stopwatch = startStopwatch(`${processId}/task/${processId}`);
    const response = await fetch(`${url}/streams/bystander`, {
      method: "POST",
      headers: {
        "Content-Type": "application/json",
        "ES-EventType": "Bystander",
        "ES-EventId": crypto.randomUUID(),
      },
      body: `{"count":${count}}`,
      redirect: "manual",
    });
    await response.body?.cancel();
    assertEquals(response.status, 201);
    assertEquals(
      response.headers.get("Location"),
      `${url}/streams/bystander/${count++}`,
    );
    longest = Math.max(longest, stopwatch());
  } while (!isOver());
  return longest;
}

/** Most memory that a process ever had, in MiB; undefined where unknown. */
function readPeakMebibytes(processId: number): number | undefined {
  if (Deno.build.os !== "linux") return undefined;
  const status = Deno.readTextFileSync(`/proc/${processId}/status`);
  const peak = /^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1];
  assert(peak !== undefined, status);
  return Number(peak) / 1024;
}
