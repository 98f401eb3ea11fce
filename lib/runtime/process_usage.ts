/**
 * What this process and its machine use, asked of the system.
 *
 * @module
 */

import { statfsSync } from "node:fs";
import process from "node:process";
import type { DeviceSpace, ProcessUsage } from "../model/process_usage.ts";

const startedAtMs = Date.now() - performance.now();

/** Asks the system; takes some tenths of a millisecond. */
export function readProcessUsage(): ProcessUsage {
  const { rss, heapUsed, heapTotal, external } = Deno.memoryUsage();
  const cpu = process.cpuUsage();
  const memory = allowed(() => Deno.systemMemoryInfo());
  const resources = allowed(() => process.resourceUsage());
  return {
    processId: Deno.pid,
    startedAtUs: Math.round(startedAtMs * 1000),
    uptimeSeconds: performance.now() / 1000,
    cpuUserSeconds: cpu.user / 1e6,
    cpuSystemSeconds: cpu.system / 1e6,
    residentBytes: rss,
    heapUsedBytes: heapUsed,
    heapTotalBytes: heapTotal,
    externalBytes: external,
    openFileCount: allowed(() => [...Deno.readDirSync("/proc/self/fd")].length),
    processorCount: navigator.hardwareConcurrency,
    deviceReads: resources?.fsRead,
    deviceWrites: resources?.fsWrite,
    freeMemoryBytes: memory?.available,
    totalMemoryBytes: memory?.total,
  };
}

/** Room on the device of a directory; undefined if the system does not tell. */
export function readDeviceSpace(directory: string): DeviceSpace | undefined {
  return allowed(() => {
    const { bavail, blocks, bsize } = statfsSync(directory);
    return {
      freeBytes: Number(bavail) * Number(bsize),
      totalBytes: Number(blocks) * Number(bsize),
    };
  });
}

/** What the system tells; undefined where it has none, or may not be asked. */
function allowed<T>(ask: () => T): T | undefined {
  try {
    return ask();
  } catch {
    return undefined;
  }
}
