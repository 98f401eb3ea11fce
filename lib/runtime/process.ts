/**
 * The process that the program is: its version, what it may do and uses, errors
 * that nobody handled, and its end.
 *
 * @module
 */

import { statfsSync } from "node:fs";
import process from "node:process";
import project from "../../deno.json" with { type: "json" };
import type { Logger } from "../model/logger.ts";
import type { DeviceSpace, ProcessUsage } from "../model/process_usage.ts";

/** Version by semver, such as `0.1.0`. `deno.json` alone says what it is. */
export const VERSION: string = project.version;

/** Ends the program now, whatever still runs. */
export function exitProgram(exitCode: number): never {
  Deno.exit(exitCode);
}

/**
 * Tells of rejections and errors that nobody handled, instead of ending the
 * program: one request that meets a bug must not take all others down.
 *
 * @returns A function that ends it.
 */
export function onUnhandledError(
  listener: (error: unknown) => void,
): () => void {
  function onRejection(event: PromiseRejectionEvent): void {
    event.preventDefault();
    listener(event.reason);
  }
  function onError(event: ErrorEvent): void {
    event.preventDefault();
    listener(event.error);
  }
  globalThis.addEventListener("unhandledrejection", onRejection);
  globalThis.addEventListener("error", onError);
  return () => {
    globalThis.removeEventListener("unhandledrejection", onRejection);
    globalThis.removeEventListener("error", onError);
  };
}

type RevocableName = "run" | "ffi" | "env" | "net";

/**
 * Gives up permissions that the program needs no longer, for good, in workers,
 * too: what it cannot do, nobody can make it do.
 *
 * Only whole kinds can be given up. A path or an address that was granted
 * cannot be narrowed from inside: that is the part of the flags at the start.
 */
export function revokePermissions(
  names: readonly RevocableName[],
  logger: Logger,
): void {
  for (const name of names) Deno.permissions.revokeSync({ name });
  logger.debug("permissions.revoked", { names: names.join(",") });
}

/**
 * Whether the process can open so many further files: it opens them, and closes
 * them again. The limit itself cannot be asked for without every permission.
 */
export function canOpenFiles(count: number): boolean {
  // Windows has no limit that connections would meet.
  if (Deno.build.os === "windows") return true;
  const files: Deno.FsFile[] = [];
  try {
    while (files.length < count) files.push(Deno.openSync("/dev/null"));
    return true;
  } catch {
    return false;
  } finally {
    for (const file of files) file.close();
  }
}

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
