/**
 * Starts the load driver as a process of its own.
 *
 * @module
 */

import { join } from "@std/path";
import type { DriverJob, DriverResult } from "./job.ts";
import { PROJECT_ROOT } from "./project_root.ts";

const DRIVER = join(PROJECT_ROOT, "bench", "load", "driver.ts");
/** Beyond the time of the run, for the driver's start and end. */
const DRIVER_SPARE_MS = 30_000;

/** Drives a server from a process of its own. */
export async function runDriver(job: DriverJob): Promise<DriverResult> {
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
