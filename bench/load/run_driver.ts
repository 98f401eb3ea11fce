/**
 * Drives a server from a process of its own, and says what it cost the server.
 *
 * @module
 */

import { join } from "@std/path";
import { PROJECT_ROOT } from "../project_root.ts";
import type { ChildServer } from "../servers/child_server.ts";
import type { AppendWork, DriverJob, DriverResult, Work } from "./job.ts";

const DRIVER = join(PROJECT_ROOT, "bench", "load", "driver.ts");
/** Beyond the time of the run, for the driver's start and end. */
const DRIVER_SPARE_MS = 30_000;
/** More than any server answers in the time. */
const REQUESTS_MAX = 20_000_000;
/** Bytes of an event's data; gives events of about 300 bytes in the log. */
export const DATA_BYTES = 200;

/** One run against one server. */
export interface Run extends DriverResult {
  /** Requests a second. */
  readonly rate: number;
  /** CPU time of the server for each request, µs; NaN if not known. */
  readonly serverCpuUs: number;
}

/**
 * Drives the server once.
 *
 * @throws {Error} If the driver fails.
 */
export async function drive(
  server: ChildServer,
  job: Omit<DriverJob, "port" | "requestsMax"> & {
    readonly requestsMax?: number;
  },
): Promise<Run> {
  const before = server.cpuMs();
  const result = await runDriver({
    requestsMax: REQUESTS_MAX,
    ...job,
    port: server.port,
  });
  return {
    ...result,
    rate: result.requests / result.seconds,
    serverCpuUs: (server.cpuMs() - before) * 1000 / result.requestsInAll,
  };
}

/**
 * As `drive`, for runs in which each answer is as expected.
 *
 * @throws {Error} If one was not.
 */
export async function driveWell(
  server: ChildServer,
  job: Parameters<typeof drive>[1],
): Promise<Run> {
  const run = await drive(server, job);
  if (run.errors > 0) throw new Error(`Cannot drive: ${run.firstError}`);
  return run;
}

async function runDriver(job: DriverJob): Promise<DriverResult> {
  const driver = new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-net=127.0.0.1", DRIVER],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
    signal: AbortSignal.timeout(job.warmupMs + job.measureMs + DRIVER_SPARE_MS),
  }).spawn();
  const writer = driver.stdin.getWriter();
  await writer.write(new TextEncoder().encode(JSON.stringify(job)));
  await writer.close();
  const { success, stdout } = await driver.output();
  if (!success) throw new Error("Cannot measure: the driver failed");
  return JSON.parse(new TextDecoder().decode(stdout));
}

/**
 * Work and status of the load that most benches put on a server: POSTs of one
 * small event as JSON, spread over a thousand streams.
 */
export function appends(
  change: Partial<AppendWork> = {},
): { readonly work: Work; readonly expectedStatus: number } {
  return {
    work: {
      kind: "append",
      format: "json",
      eventsPerPost: 1,
      dataBytes: DATA_BYTES,
      streamCount: 1000,
      streamPrefix: "load",
      ...change,
    },
    expectedStatus: 201,
  };
}
