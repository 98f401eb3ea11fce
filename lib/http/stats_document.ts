/**
 * The document of `/stats`, under the names of the original (spec: admin). What a
 * program on one thread doesn't have — threads, contention, generations of
 * garbage — reads as zero; so do the original's queues that have no counterpart
 * here, which stay because monitors ask for them by name.
 *
 * @module
 */

import type { StoreMetrics } from "../telemetry/store_metrics.ts";
import type { StoreStatus } from "../store/event_store.ts";
import type { StoreFigures } from "../store/maintenance.ts";
import type { ProcessUsage } from "../model/process_usage.ts";

/** A number or text, with what a chart of it would be called if asked for. */
export type StatValue = string | number | boolean | null | Stats;

/** Values by name; nested. */
export interface Stats {
  readonly [name: string]: StatValue;
}

/** The sources of the numbers. */
export interface StatsSources {
  readonly store: StoreStatus;
  /** Where the log ends. */
  readonly end: number;
  readonly caches: StoreFigures["caches"] | undefined;
  readonly writes: StoreMetrics;
  readonly process: ProcessUsage;
  /** Requests answered so far, and the time they took. */
  readonly requestCount: number;
  readonly requestMs: number;
  readonly requestsInFlight: number;
  /** Long polls and live feeds. */
  readonly waitingCount: number;
}

/** Bytes of a block as the system counts reads and writes of devices. */
const DEVICE_BLOCK_BYTES = 512;

/** Computes rates from one look to the next. */
export class StatsReader {
  #before: { atSeconds: number; totals: Map<string, number> } | undefined;
  #latest: { atSeconds: number; totals: Map<string, number> } | undefined;

  /**
   * Gathers everything.
   *
   * @param withMetadata Whether values that charts are made of say how.
   */
  read(sources: StatsSources, withMetadata: boolean): Stats {
    const { process } = sources;
    const totals = totalsOf(sources);
    const rateOf = this.#rates(process.uptimeSeconds, totals);
    const cpu = 100 * rateOf("cpu");
    const shown = (value: number, title: string): StatValue =>
      withMetadata
        ? { value, category: "Process", title, drawChart: true }
        : value;
    return {
      proc: {
        startTime: isoTime(process.startedAtUs),
        id: process.processId,
        mem: shown(process.residentBytes, "Process Virtual Memory"),
        cpu: shown(cpu, "Process Cpu Usage"),
        cpuScaled: shown(
          cpu / Math.max(1, process.processorCount),
          "Process Cpu Usage Scaled by Logical Processor Count",
        ),
        threadsCount: 0,
        contentionsRate: 0,
        thrownExceptionsRate: 0,
        diskIo: {
          readBytes: (process.deviceReads ?? 0) * DEVICE_BLOCK_BYTES,
          writtenBytes: (process.deviceWrites ?? 0) * DEVICE_BLOCK_BYTES,
          readOps: process.deviceReads ?? 0,
          writeOps: process.deviceWrites ?? 0,
        },
        tcp: NO_TCP,
        gc: {
          allocationSpeed: 0,
          gen0ItemsCount: 0,
          gen0Size: 0,
          gen1ItemsCount: 0,
          gen1Size: 0,
          gen2ItemsCount: 0,
          gen2Size: 0,
          largeHeapSize: process.externalBytes,
          timeInGc: 0,
          totalBytesInHeaps: process.heapUsedBytes,
        },
      },
      sys: {
        // Of the system's load this process knows its own share alone.
        cpu: cpu / Math.max(1, process.processorCount),
        freeMem: process.freeMemoryBytes ?? 0,
      },
      es: {
        checksum: sources.end,
        checksumNonFlushed: sources.end,
        queue: queuesOf(sources, rateOf),
        writer: writerOf(sources),
        readIndex: readIndexOf(sources),
        // Only while there is any: otherwise the answer is the original's.
        ...(sources.store.damage && { damage: { ...sources.store.damage } }),
      },
    };
  }

  /** Rates per second since a look at least a second ago, or the start. */
  #rates(
    atSeconds: number,
    totals: Map<string, number>,
  ): (name: string) => number {
    const latest = this.#latest;
    if (latest === undefined || atSeconds - latest.atSeconds >= 1) {
      this.#before = latest;
      this.#latest = { atSeconds, totals };
    }
    const before = this.#before;
    const seconds = Math.max(atSeconds - (before?.atSeconds ?? 0), 0.001);
    return (name) => {
      const sum = (totals.get(name) ?? 0) - (before?.totals.get(name) ?? 0);
      return sum / seconds;
    };
  }
}

/** Sums since the start, of which rates are made. */
function totalsOf(
  { process, writes, caches, requestCount, requestMs }: StatsSources,
): Map<string, number> {
  const { records } = caches ?? {};
  return new Map([
    ["cpu", process.cpuUserSeconds + process.cpuSystemSeconds],
    [MAIN_QUEUE, requestCount],
    [`${MAIN_QUEUE} ms`, requestMs],
    [WRITER_QUEUE, writes.groupRequests.sum],
    [`${WRITER_QUEUE} ms`, 1000 * writes.syncSeconds.sum],
    [CHASER_QUEUE, writes.commitSeconds.count],
    [`${CHASER_QUEUE} ms`, 1000 * writes.commitSeconds.sum],
    [READER_QUEUE, records === undefined ? 0 : records.hits + records.misses],
  ]);
}

const MAIN_QUEUE = "MainQueue";
const WRITER_QUEUE = "StorageWriterQueue";
const CHASER_QUEUE = "Storage Chaser";
const READER_QUEUE = "StorageReaderQueue #1";
const SUBSCRIPTIONS_QUEUE = "Subscriptions";
const MONITORING_QUEUE = "MonitoringQueue";

/** The original's queues, by name and group. */
const QUEUES: readonly (readonly [name: string, group: string])[] = [
  [MAIN_QUEUE, ""],
  [MONITORING_QUEUE, ""],
  ["Projection Core #0", "Projection Core"],
  ["Projection Core #1", "Projection Core"],
  ["Projection Core #2", "Projection Core"],
  ["Projections Master", ""],
  [CHASER_QUEUE, ""],
  [READER_QUEUE, "StorageReaderQueue"],
  ["StorageReaderQueue #2", "StorageReaderQueue"],
  ["StorageReaderQueue #3", "StorageReaderQueue"],
  ["StorageReaderQueue #4", "StorageReaderQueue"],
  [WRITER_QUEUE, ""],
  [SUBSCRIPTIONS_QUEUE, ""],
  ["Timer", ""],
  ["Worker #1", "Workers"],
  ["Worker #2", "Workers"],
  ["Worker #3", "Workers"],
  ["Worker #4", "Workers"],
  ["Worker #5", "Workers"],
];

function queuesOf(
  sources: StatsSources,
  rateOf: (name: string) => number,
): Stats {
  const totals = totalsOf(sources);
  const lengths = new Map([
    [MAIN_QUEUE, sources.requestsInFlight],
    [WRITER_QUEUE, sources.store.queue?.requests ?? 0],
    [SUBSCRIPTIONS_QUEUE, sources.waitingCount],
  ]);
  const peaks = new Map([[WRITER_QUEUE, sources.writes.groupRequests.max]]);
  const queues: Record<string, Stats> = {};
  for (const [queueName, groupName] of QUEUES) {
    const rate = rateOf(queueName);
    const busyMs = rateOf(`${queueName} ms`);
    // It is this one that answers.
    const isBusy = queueName === MONITORING_QUEUE;
    const length = lengths.get(queueName) ?? 0;
    const peak = Math.max(length, peaks.get(queueName) ?? 0);
    queues[keyOf(queueName)] = {
      queueName,
      groupName,
      avgItemsPerSecond: Math.round(rate),
      avgProcessingTime: rate === 0 ? 0 : busyMs / rate,
      currentIdleTime: isBusy ? null : NO_TIME,
      currentItemProcessingTime: isBusy ? NO_TIME : null,
      idleTimePercent: Math.max(0, 100 - busyMs / 10),
      length,
      lengthCurrentTryPeak: length,
      lengthLifetimePeak: peak,
      totalItemsProcessed: totals.get(queueName) ?? 0,
      inProgressMessage: isBusy ? "GetFreshStats" : "<none>",
      lastProcessedMessage: "<none>",
    };
  }
  return queues;
}

/** Names of dictionaries start with a small letter. */
function keyOf(name: string): string {
  return name.charAt(0).toLowerCase() + name.slice(1);
}

function writerOf({ writes, store }: StatsSources): Stats {
  const { groupBytes, syncSeconds } = writes;
  return {
    lastFlushSize: groupBytes.last,
    lastFlushDelayMs: 1000 * syncSeconds.last,
    meanFlushSize: Math.round(groupBytes.mean),
    meanFlushDelayMs: 1000 * syncSeconds.mean,
    maxFlushSize: groupBytes.max,
    maxFlushDelayMs: 1000 * syncSeconds.max,
    queuedFlushMessages: store.queue?.requests ?? 0,
  };
}

function readIndexOf({ caches }: StatsSources): Stats {
  return {
    cachedRecord: caches?.records.hits ?? 0,
    notCachedRecord: caches?.records.misses ?? 0,
    cachedStreamInfo: caches?.indexBlocks.hits ?? 0,
    notCachedStreamInfo: caches?.indexBlocks.misses ?? 0,
    cachedTransInfo: 0,
    notCachedTransInfo: 0,
  };
}

/** There is no other protocol than HTTP. */
const NO_TCP: Stats = {
  connections: 0,
  receivingSpeed: 0,
  sendingSpeed: 0,
  inSend: 0,
  measureTime: "00:00:00",
  pendingReceived: 0,
  pendingSend: 0,
  receivedBytesSinceLastRun: 0,
  receivedBytesTotal: 0,
  sentBytesSinceLastRun: 0,
  sentBytesTotal: 0,
};

const NO_TIME = "0:00:00:00.0000000";

function isoTime(timeUs: number): string {
  const text = new Date(Math.floor(timeUs / 1000)).toISOString();
  const micros = String(timeUs % 1000).padStart(3, "0");
  return `${text.slice(0, -1)}${micros}0Z`;
}

/** The part that a path of names leads to; their case doesn't matter. */
export function findStats(
  stats: Stats,
  path: readonly string[],
): Stats | undefined {
  let found = stats;
  for (const wanted of path) {
    const name = Object.keys(found).find((one) =>
      one.toLowerCase() === wanted.toLowerCase()
    );
    const value = name === undefined ? undefined : found[name];
    if (typeof value !== "object" || value === null) return undefined;
    found = value;
  }
  return found;
}

/** All values in one level, their names joined: `proc-mem`. */
export function flattenStats(stats: Stats): Stats {
  const flat: Record<string, StatValue> = {};
  function add(part: Stats, before: string): void {
    for (const [name, value] of Object.entries(part)) {
      if (isGroup(value)) add(value, `${before}${name}-`);
      else flat[before + name] = value;
    }
  }
  add(stats, "");
  return flat;
}

/** Whether it holds further values, and isn't one with its metadata. */
function isGroup(value: StatValue): value is Stats {
  return typeof value === "object" && value !== null && !("drawChart" in value);
}
