/**
 * The load that most benches put on a server: POSTs of one event as JSON,
 * spread over many streams, for a while.
 *
 * @module
 */

import type { DriverJob } from "./job.ts";

/** Bytes of each event's data. */
const DATA_BYTES = 200;
/** More than any server answers in the time. */
const REQUESTS_MAX = 20_000_000;

/** What the driver is to do. */
export function steadyAppends(
  job:
    & Pick<
      DriverJob,
      "port" | "connections" | "warmupMs" | "measureMs" | "seed"
    >
    & {
      readonly streamCount: number;
      readonly streamPrefix: string;
    },
): DriverJob {
  const { port, connections, warmupMs, measureMs, seed } = job;
  return {
    port,
    connections,
    warmupMs,
    measureMs,
    requestsMax: REQUESTS_MAX,
    seed,
    work: {
      kind: "append",
      format: "json",
      eventsPerPost: 1,
      dataBytes: DATA_BYTES,
      streamCount: job.streamCount,
      streamPrefix: job.streamPrefix,
    },
    expectedStatus: 201,
  };
}
