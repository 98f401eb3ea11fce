/**
 * `quipu bench`: a quick load on a server, with honest numbers.
 *
 * Each writer sends its next request when the last one is answered (a closed
 * loop), and every answer counts, from the first on. So the times are those
 * of so many clients that wait, not of a given rate.
 *
 * @module
 */

import type { Client } from "../../client/mod.ts";
import { newEventId } from "../../runtime/event_ids.ts";
import { workLong } from "../offline_work.ts";
import type { ValuesOf } from "../options/options.ts";
import { defineClientCommand } from "./client_command.ts";
import { printFacts } from "./output.ts";

const OWN = {
  seconds: {
    flag: "seconds",
    kind: "integer",
    default: 5,
    least: 1,
    most: 600,
    help: "How long appends go on",
  },
  writers: {
    flag: "writers",
    kind: "integer",
    default: 8,
    least: 1,
    most: 256,
    help: "Writers side by side, each to a stream of its own",
  },
  batchEvents: {
    flag: "batch",
    kind: "integer",
    default: 1,
    least: 1,
    most: 10_000,
    help: "Events of one request",
  },
  dataBytes: {
    flag: "size",
    kind: "bytes",
    default: 256,
    least: 0,
    most: 1024 * 1024,
    help: "Bytes of data of one event",
  },
  isKept: {
    flag: "keep",
    kind: "boolean",
    help: "Keep the streams, instead of deleting them afterwards",
  },
  isQuiet: { flag: "quiet", kind: "boolean", help: "Show no progress" },
} as const;

export const BENCH = defineClientCommand({
  name: "bench",
  summary: "Put a load on a server, and show its throughput and latencies",
  details: "Appends to streams named bench-…, then reads them back. Do not " +
    "run it on a server that others need: it takes what it can get.",
  own: OWN,
}, async ({ client, values }) => {
  const { writers, batchEvents, dataBytes } = values;
  const run = newEventId().slice(0, 8);
  const streams = Array.from(
    { length: writers },
    (_, at) => `bench-${run}-${at}`,
  );
  const { report } = await workLong(values, async ({ signal, report }) => {
    const appending = await measureAppends(client, streams, {
      ...values,
      signal,
      onEvents: (done) =>
        report({ phase: "appending", done, total: 0, unit: "events" }),
    });
    const reading = await measureReads(client, streams, signal);
    return { ...appending, ...reading };
  });
  if (!values.isKept) {
    for (const stream of streams) await client.delete(stream);
  }
  printFacts({ writers, batchEvents, dataBytes, ...report }, values);
});

interface AppendLoad extends ValuesOf<typeof OWN> {
  readonly signal: AbortSignal;
  onEvents(count: number): void;
}

async function measureAppends(
  client: Client,
  streams: readonly string[],
  { seconds, batchEvents, dataBytes, signal, onEvents }: AppendLoad,
): Promise<Readonly<Record<string, number>>> {
  const event = {
    eventType: "Benched",
    data: { text: "x".repeat(Math.max(0, dataBytes - '{"text":""}'.length)) },
  };
  const batch = Array.from({ length: batchEvents }, () => event);
  const latenciesMs: number[] = [];
  const startedAtMs = performance.now();
  const endMs = startedAtMs + seconds * 1000;
  await Promise.all(streams.map(async (stream) => {
    while (performance.now() < endMs && !signal.aborted) {
      const sentAtMs = performance.now();
      await client.append(stream, batch);
      latenciesMs.push(performance.now() - sentAtMs);
      onEvents(latenciesMs.length * batchEvents);
    }
  }));
  const took = (performance.now() - startedAtMs) / 1000;
  latenciesMs.sort((one, other) => one - other);
  return {
    appendsPerSecond: round(latenciesMs.length / took),
    eventsPerSecond: round(latenciesMs.length * batchEvents / took),
    p50Ms: percentile(latenciesMs, 0.5),
    p90Ms: percentile(latenciesMs, 0.9),
    p99Ms: percentile(latenciesMs, 0.99),
    p999Ms: percentile(latenciesMs, 0.999),
    maxMs: percentile(latenciesMs, 1),
  };
}

async function measureReads(
  client: Client,
  streams: readonly string[],
  signal: AbortSignal,
): Promise<Readonly<Record<string, number>>> {
  const startedAtMs = performance.now();
  let count = 0;
  await Promise.all(streams.map(async (stream) => {
    const events = client.read(stream, { signal });
    while (!(await events.next()).done) count++;
  }));
  const took = (performance.now() - startedAtMs) / 1000;
  return { eventsRead: count, readEventsPerSecond: round(count / took) };
}

/** The value that this share of the sorted ones does not pass. */
function percentile(sorted: readonly number[], share: number): number {
  const at = Math.max(0, Math.ceil(sorted.length * share) - 1);
  return round(sorted[at] ?? 0);
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
