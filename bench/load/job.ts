/**
 * What the driver process is told on its standard input, and what it answers
 * on its standard output: one JSON value each.
 *
 * @module
 */

import type { LatencySummary } from "./latency.ts";

/** POSTs of new events. */
export interface AppendWork {
  readonly kind: "append";
  /** `events+json` or `events+xml`. */
  readonly format: "json" | "xml";
  readonly eventsPerPost: number;
  /** Bytes of each event's data as JSON, 150 or more; its XML has the same content. */
  readonly dataBytes: number;
  /** How many streams the POSTs are spread over, 1 to 10,000. */
  readonly streamCount: number;
  /** Streams are named `<prefix>-0000`, `<prefix>-0001` … */
  readonly streamPrefix: string;
}

/** One GET, sent as it stands. */
export interface ReadRequest {
  /** Path and query, percent-encoded. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** GETs, each connection going through the list from its own place. */
export interface ReadWork {
  readonly kind: "read";
  /** At least one. */
  readonly requests: readonly ReadRequest[];
}

export type Work = AppendWork | ReadWork;

/** One run against one server on 127.0.0.1. */
export interface DriverJob {
  readonly port: number;
  /** Keep-alive connections, each with one request under way, 1 to 4,096. */
  readonly connections: number;
  /** Time before anything is counted. */
  readonly warmupMs: number;
  readonly measureMs: number;
  /** Ends the run early. */
  readonly requestsMax: number;
  /** Seed of the event ids. */
  readonly seed: number;
  readonly work: Work;
  /** Any other status counts as an error. */
  readonly expectedStatus: number;
}

export interface DriverResult {
  /** Answers with the expected status, after the warm-up. */
  readonly requests: number;
  /** Time from the end of the warm-up to the last answer. */
  readonly seconds: number;
  /** Answers with another status, and connections that broke. */
  readonly errors: number;
  /** What the first error was. */
  readonly firstError: string | undefined;
  readonly latency: LatencySummary;
  /** Bytes of an answer with its head, on average. */
  readonly responseBytes: number;
  /** Answers with the expected status in all, warm-up included. */
  readonly requestsInAll: number;
  /** CPU time of the driver, in ms, of the whole run. */
  readonly driverCpuMs: number;
}
