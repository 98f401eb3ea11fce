/**
 * What the node knows of itself besides its streams: for `/stats`, `/metrics`,
 * `/gossip`, `/health/ready` and `/admin/log-level`.
 *
 * @module
 */

import type { MetricSource } from "../telemetry/metric.ts";
import type { RequestMetrics } from "../telemetry/request_metrics.ts";
import { StoreMetrics } from "../telemetry/store_metrics.ts";
import type { Clock } from "../model/clock.ts";
import type { LogLevel } from "../model/logger.ts";
import type { ProcessUsage } from "../model/process_usage.ts";
import { StatsReader } from "./stats_document.ts";

/** What the program tells the interface of itself. */
export interface ObservationOptions {
  readonly clock: Clock;
  readonly storeMetrics: StoreMetrics;
  readonly processUsage: () => ProcessUsage;
  /** Metrics besides those of requests. */
  readonly metricSources: readonly MetricSource[];
  /** Whether `/metrics` is for everybody instead of for operators. */
  readonly areMetricsPublic: boolean;
  /** Whether the node is about to stop. */
  readonly isStopping: () => boolean;
  /** Lowest severity that is logged. */
  readonly log: { level: LogLevel };
  /** From how long on a request is logged as slow; 0: none is. */
  readonly slowRequestMs: number;
  /** Whether each answer gets an id, because each request is logged. */
  readonly namesRequests: boolean;
}

/** What handlers may know of the node. */
export interface Observation extends ObservationOptions {
  readonly requests: RequestMetrics;
  /** This run of the node; a UUID. */
  readonly instanceId: string;
  readonly stats: StatsReader;
}

/** Fills in what the program does not tell. */
export function completeObservation(
  told: Partial<ObservationOptions> | undefined,
  known: Pick<Observation, "requests" | "instanceId">,
): Observation {
  return {
    clock: { nowUs: () => 0 },
    storeMetrics: new StoreMetrics(),
    processUsage: () => NO_PROCESS,
    metricSources: [],
    areMetricsPublic: false,
    isStopping: () => false,
    log: { level: "info" },
    slowRequestMs: 0,
    namesRequests: false,
    ...told,
    ...known,
    stats: new StatsReader(),
  };
}

const NO_PROCESS: ProcessUsage = {
  processId: 0,
  startedAtUs: 0,
  uptimeSeconds: 0,
  cpuUserSeconds: 0,
  cpuSystemSeconds: 0,
  residentBytes: 0,
  heapUsedBytes: 0,
  heapTotalBytes: 0,
  externalBytes: 0,
  openFileCount: undefined,
  processorCount: 1,
  deviceReads: undefined,
  deviceWrites: undefined,
  freeMemoryBytes: undefined,
  totalMemoryBytes: undefined,
};
