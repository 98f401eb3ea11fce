/**
 * The load driver's own process: reads a `DriverJob` from standard input,
 * drives one server over keep-alive connections as hard as they allow, and
 * writes a `DriverResult` to standard output.
 *
 * A closed loop: each connection sends its next request when it has the
 * answer to the last, so what one slow answer delays is not counted again
 * for those that would have come behind it.
 *
 * @module
 */

import process from "node:process";
import type { DriverJob, DriverResult } from "./job.ts";
import { Latencies } from "./latency.ts";
import { createRequestSource } from "./request_source.ts";
import { ResponseReader } from "./response_reader.ts";

/** Errors after which a connection gives up. */
const ERRORS_PER_CONNECTION_MAX = 3;
/** Time for the last answers to arrive before the run counts as hung. */
const DRAIN_MS = 15_000;

/** What the connections of a run count together. */
interface Tally {
  readonly job: DriverJob;
  readonly latencies: Latencies;
  /** Milliseconds of `performance.now()`. */
  readonly measureFrom: number;
  readonly measureUntil: number;
  requests: number;
  requestsInAll: number;
  errors: number;
  firstError: string | undefined;
  responseBytes: number;
  lastAnswerAt: number;
}

/** Runs the job to its end. */
export async function drive(job: DriverJob): Promise<DriverResult> {
  const cpuMsBefore = cpuMs();
  const measureFrom = performance.now() + job.warmupMs;
  const tally: Tally = {
    job,
    latencies: new Latencies(),
    measureFrom,
    measureUntil: measureFrom + job.measureMs,
    requests: 0,
    requestsInAll: 0,
    errors: 0,
    firstError: undefined,
    responseBytes: 0,
    lastAnswerAt: measureFrom,
  };
  const connections = Array.from(
    { length: job.connections },
    (_, connection) => driveConnection(tally, connection),
  );
  await withDeadline(
    Promise.all(connections),
    job.warmupMs + job.measureMs + DRAIN_MS,
  );
  return {
    requests: tally.requests,
    seconds: Math.max(0.001, (tally.lastAnswerAt - measureFrom) / 1000),
    errors: tally.errors,
    firstError: tally.firstError,
    latency: tally.latencies.summary(),
    responseBytes: tally.requests === 0
      ? 0
      : tally.responseBytes / tally.requests,
    requestsInAll: tally.requestsInAll,
    driverCpuMs: cpuMs() - cpuMsBefore,
  };
}

/** CPU time of this process so far. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** Keeps one connection busy, with a new one after an error. */
async function driveConnection(
  tally: Tally,
  connection: number,
): Promise<void> {
  const { port, seed, work } = tally.job;
  const source = createRequestSource(work, { port, seed, connection });
  for (let errors = 0; errors < ERRORS_PER_CONNECTION_MAX; errors++) {
    try {
      using socket = await Deno.connect({ hostname: "127.0.0.1", port });
      socket.setNoDelay(true);
      const hasEnded = await driveSocket(tally, socket, () => source.next());
      if (hasEnded) return;
    } catch (error) {
      noteError(tally, String(error));
    }
    if (performance.now() >= tally.measureUntil) return;
  }
}

/** @returns Whether the run is over; otherwise the server closes the connection. */
async function driveSocket(
  tally: Tally,
  socket: Deno.TcpConn,
  nextRequest: () => Uint8Array,
): Promise<boolean> {
  const reader = new ResponseReader(socket);
  const { expectedStatus, requestsMax } = tally.job;
  while (true) {
    const request = nextRequest();
    const sentAt = performance.now();
    if (sentAt >= tally.measureUntil) return true;
    if (tally.requestsInAll >= requestsMax) return true;
    // The write is begun, not awaited: it is done at once as a rule, and
    // waiting for it would cost another turn of the event loop.
    const writing = writeAll(socket, request);
    await reader.read();
    await writing;
    const answeredAt = performance.now();
    if (reader.status !== expectedStatus) {
      noteError(tally, `status ${reader.status}`);
      // An erring server is not to be hammered for the whole run.
      if (tally.errors > tally.job.connections * 3) return true;
    } else {
      tally.requestsInAll++;
      if (sentAt >= tally.measureFrom) {
        tally.requests++;
        tally.responseBytes += reader.byteLength;
        tally.lastAnswerAt = answeredAt;
        tally.latencies.record(answeredAt - sentAt);
      }
    }
    if (reader.willClose) return false;
  }
}

async function writeAll(
  socket: Deno.TcpConn,
  request: Uint8Array,
): Promise<void> {
  let written = await socket.write(request);
  while (written < request.length) {
    written += await socket.write(request.subarray(written));
  }
}

function noteError(tally: Tally, what: string): void {
  tally.errors++;
  tally.firstError ??= what;
}

async function withDeadline(work: Promise<unknown>, ms: number): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`Cannot end the run: no answer after ${ms} ms`)),
      ms,
    );
  });
  try {
    await Promise.race([work, deadline]);
  } finally {
    clearTimeout(timer);
  }
}

if (import.meta.main) {
  const job: DriverJob = await new Response(Deno.stdin.readable).json();
  const result = await drive(job);
  await Deno.stdout.write(new TextEncoder().encode(JSON.stringify(result)));
  // Connections that hang would keep the process.
  Deno.exit(0);
}
