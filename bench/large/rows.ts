/**
 * The rows that need large stores, and their marks.
 *
 * @module
 */

import type { LargeRow } from "./large_row.ts";

/** One client that reads all of a stream, or of the log. */
export const SCAN_ROWS = {
  stream: {
    name: "scan-stream",
    title:
      "scan of a stream by pages of 4,096, embed=body, against JSON.stringify",
    unit: "ratio",
    isLessBetter: false,
    marks: { goal: 0.60, stretch: 1.0 },
  },
  all: {
    name: "scan-all",
    title: "scan of $all by pages of 4,096, embed=body, against JSON.stringify",
    unit: "ratio",
    isLessBetter: false,
    marks: { goal: 0.60, stretch: 1.0 },
  },
  live: {
    name: "live-catch-up",
    title: "live feed over 1 M events, against the scan of the stream",
    unit: "ratio",
    isLessBetter: false,
    marks: { goal: 0.8, stretch: 1.0 },
  },
} as const satisfies Record<string, LargeRow>;

/** A store of 10 million events in a million streams. */
export const STORE_ROWS = {
  cold: {
    name: "event-cold",
    title: "event read, cold index and log, 10 M events, 64 connections, " +
      "against hot ones",
    unit: "ratio",
    isLessBetter: false,
    marks: { goal: 0.50, stretch: 0.70 },
  },
  startClean: {
    name: "start-clean",
    title: "start with 10 M events in 1 M streams after a clean stop",
    unit: "s",
    isLessBetter: true,
    marks: { goal: 1 },
  },
  startKilled: {
    name: "start-killed",
    title: "the same after kill -9",
    unit: "s",
    isLessBetter: true,
    marks: { goal: 2 },
  },
  memory: {
    name: "memory-large",
    title: "memory with 10 M events in 1 M streams, the most under load",
    unit: "MB",
    isLessBetter: true,
    marks: { goal: 500, stretch: 350 },
  },
  pages: {
    name: "pages-large",
    title: "pages and events, 10 M events against 100,000, the worst kind",
    unit: "ratio",
    isLessBetter: true,
    marks: { goal: 1.25 },
  },
} as const satisfies Record<string, LargeRow>;

/** A server that has nothing to do. */
export const IDLE_ROWS = {
  memory: {
    name: "memory-idle",
    title: "memory of a server that is empty and idle",
    unit: "MB",
    isLessBetter: true,
    marks: { goal: 80 },
  },
  cpu: {
    name: "cpu-idle",
    title: "CPU time of an idle, empty server in 30 s",
    unit: "ms",
    isLessBetter: true,
    marks: { goal: 30 },
  },
} as const satisfies Record<string, LargeRow>;

/** Names of all of them, in the order of the table. */
export const LARGE_ROW_NAMES: readonly string[] = [
  SCAN_ROWS,
  STORE_ROWS,
  IDLE_ROWS,
].flatMap(namesOf);

/** Names of some rows. */
export function namesOf(rows: Readonly<Record<string, LargeRow>>): string[] {
  return Object.values(rows).map(({ name }) => name);
}
