/**
 * A client that asks a server for `/ping` again and again, in a thread of its
 * own: the thread of a test that sends bodies of many megabytes answers late
 * itself.
 *
 * @module
 */

/// <reference no-default-lib="true" />
/// <reference lib="deno.worker" />

import { assertEquals } from "@std/assert";
import { startRunStopwatch } from "../support/stopwatch.ts";

/** What the worker is told. */
export interface PingTask {
  /** Base URL, without a slash at its end. */
  readonly url: string;
  readonly processId: number;
}

/** What it answers: after the first ping, and when it is asked to end. */
export interface PingReport {
  /**
   * Longest time for which the server's main thread, which answers, ran while a
   * ping was under way, in milliseconds.
   */
  readonly longestMs: number;
}

let isOver = false;

self.addEventListener("message", ({ data }: MessageEvent<PingTask | "end">) => {
  if (data === "end") isOver = true;
  else void pingUntilTheEnd(data);
});

async function pingUntilTheEnd({ url, processId }: PingTask): Promise<void> {
  // The first one makes the connection.
  await ping(url);
  report(0);
  let longestMs = 0;
  do {
    const stopwatch = startRunStopwatch(`${processId}/task/${processId}`);
    await ping(url);
    longestMs = Math.max(longestMs, stopwatch());
  } while (!isOver);
  report(longestMs);
}

async function ping(url: string): Promise<void> {
  const response = await fetch(`${url}/ping`);
  await response.body?.cancel();
  assertEquals(response.status, 200);
}

function report(longestMs: number): void {
  self.postMessage({ longestMs } satisfies PingReport);
}
