/**
 * What the node knows of itself and of its requests besides its streams: for
 * `/stats`, `/metrics`, `/gossip`, `/health/ready` and `/admin/log-level`.
 *
 * @module
 */

import type { Clock } from "../model/clock.ts";
import type { Logger, LogLevel } from "../model/logger.ts";
import type { Principal } from "../model/principal.ts";
import type { DeviceSpace, ProcessUsage } from "../model/process_usage.ts";
import type { ActivityHistory } from "../telemetry/activity_history.ts";
import type { MetricSource } from "../telemetry/metric.ts";
import type { RequestMetrics } from "../telemetry/request_metrics.ts";
import { SlowWarnings } from "../telemetry/slow_warnings.ts";
import { StoreMetrics } from "../telemetry/store_metrics.ts";
import { REQUEST_ID_HEADER, requestIdOf } from "./request_headers.ts";
import { withOwnHeaders } from "./respond.ts";
import { parseTarget } from "./router.ts";
import { StatsReader } from "./stats_document.ts";

/** Facts that the program tells the interface about itself. */
export interface ObservationOptions {
  readonly clock: Clock;
  readonly storeMetrics: StoreMetrics;
  readonly processUsage: () => ProcessUsage;
  /** Room on the device of the store; undefined: it is on none that is known. */
  readonly deviceSpace: () => DeviceSpace | undefined;
  /** Recent activity; undefined: it is not recorded. */
  readonly activity: ActivityHistory | undefined;
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

/** Facts about the node for handlers. */
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
    deviceSpace: () => undefined,
    activity: undefined,
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

/** A route, as far as it is noted. */
export interface WatchedRoute {
  readonly method: string;
  readonly template: string;
  readonly handler: { readonly name: string };
}

/** Notes about a request until it is answered. */
export interface WatchedRequest {
  readonly startedAtMs: number;
  /** Undefined as long as it led to none. */
  route: WatchedRoute | undefined;
  /** Value of `Access-Control-Allow-Methods`; empty until a handler is called. */
  allowedMethods: string;
  /** Who asks, once that is known: for the frames of pages that say no. */
  caller: Principal | undefined;
  /** Time for which it was held as a long poll. */
  heldMs: number;
}

interface RequestWatchOptions {
  readonly observation: Observation;
  readonly logger: Logger;
  readonly newId: () => string;
}

/**
 * Watches requests from their heads to their answers: counts and times them,
 * warns of slow ones, names them.
 *
 * An answer carries `X-Request-Id` when the client sent one, when requests are
 * logged, and when something failed here (5xx): a header on every answer would
 * cost each of them time, and the original has none.
 */
export class RequestWatch {
  readonly #observation: Observation;
  readonly #newId: () => string;
  readonly #slow: SlowWarnings;

  constructor({ observation, logger, newId }: RequestWatchOptions) {
    this.#observation = observation;
    this.#newId = newId;
    this.#slow = new SlowWarnings({
      logger,
      event: "request.slow",
      thresholdMs: observation.slowRequestMs,
    });
  }

  begin(): WatchedRequest {
    return {
      startedAtMs: performance.now(),
      route: undefined,
      allowedMethods: "",
      caller: undefined,
      heldMs: 0,
    };
  }

  /** The answer is made; it goes out as it is, but for its id. */
  end(watched: WatchedRequest, request: Request, response: Response): Response {
    const { requests, namesRequests } = this.#observation;
    const { status } = response;
    const nowMs = performance.now();
    const durationMs = nowMs - watched.startedAtMs - watched.heldMs;
    requests.note(watched.route, status, durationMs);
    const hasFailed = status >= 500;
    let id = requestIdOf(request.headers);
    // Touching an answer's headers makes it slow to send.
    if (id === undefined && (namesRequests || hasFailed)) {
      id = response.headers.get(REQUEST_ID_HEADER) ?? this.#newId();
    }
    if (id !== undefined) {
      response = withOwnHeaders(response);
      response.headers.set(REQUEST_ID_HEADER, id);
    }
    // A closure here would cost every request, and few are slow.
    if (this.#slow.isSlow(durationMs)) {
      this.#warn({ durationMs, nowMs }, { watched, request, status, id });
    }
    return response;
  }

  #warn(
    { durationMs, nowMs }: {
      readonly durationMs: number;
      readonly nowMs: number;
    },
    { watched, request, status, id }: {
      readonly watched: WatchedRequest;
      readonly request: Request;
      readonly status: number;
      readonly id: string | undefined;
    },
  ): void {
    this.#slow.note(durationMs, nowMs, () => ({
      method: request.method,
      route: watched.route?.template,
      path: parseTarget(request.url).path,
      status,
      requestId: id,
    }));
  }
}
