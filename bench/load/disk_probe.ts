/**
 * What the machine's disk takes at this moment: one fdatasync after a small
 * append, and one commit of Deno KV, each alone, on the file system under
 * test. A server that syncs before it answers cannot be faster than these.
 *
 * @module
 */

import { join } from "@std/path";
import { Latencies, type LatencySummary } from "./latency.ts";

const PROBES = 300;
const RECORD_BYTES = 300;
const KEY = ["probe"];

export interface DiskTimes {
  /** Append of 300 bytes and fdatasync. */
  readonly sync: LatencySummary;
  /** Set of one small value, checked for its versionstamp. */
  readonly commit: LatencySummary;
}

/** Measures both, one after the other, some hundred times. */
export async function probeDisk(directory: string): Promise<DiskTimes> {
  return {
    sync: await probeSync(join(directory, "probe.log")),
    commit: await probeCommit(join(directory, "probe.kv")),
  };
}

async function probeSync(path: string): Promise<LatencySummary> {
  const latencies = new Latencies();
  const record = new Uint8Array(RECORD_BYTES).fill(7);
  using file = await Deno.open(path, { append: true, create: true });
  for (let i = 0; i < PROBES; i++) {
    const startedAt = performance.now();
    await file.write(record);
    await file.syncData();
    latencies.record(performance.now() - startedAt);
  }
  return latencies.summary();
}

async function probeCommit(path: string): Promise<LatencySummary> {
  const latencies = new Latencies();
  using kv = await Deno.openKv(path);
  let versionstamp = (await kv.get(KEY)).versionstamp;
  for (let i = 0; i < PROBES; i++) {
    const startedAt = performance.now();
    const result = await kv.atomic()
      .check({ key: KEY, versionstamp })
      .set(KEY, { end: i, checksum: i, epoch: 1 })
      .commit();
    latencies.record(performance.now() - startedAt);
    if (!result.ok) throw new Error("Cannot probe the KV: someone else wrote");
    versionstamp = result.versionstamp;
  }
  return latencies.summary();
}
