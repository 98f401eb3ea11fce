/**
 * The time that a thread sees pass, and how much of it it has worked.
 *
 * @module
 */

import process from "node:process";
import type { InstanceParts } from "./query_instance.ts";

/** The clock of the thread that asks. */
export const THREAD_CLOCK: InstanceParts = {
  nowMs: () => performance.now(),
  workedMs() {
    const { user, system } = process.threadCpuUsage();
    return (user + system) / 1000;
  },
};
