/**
 * The rows of the table: what is asked of the servers, over how many
 * connections, and which rate against the reference counts as enough.
 *
 * @module
 */

import {
  conditionalRequestOf,
  plainRequestOf,
  type RecordedRead,
} from "./answers.ts";
import type { AppendWork, Work } from "./job.ts";

/** Levels of a row, as a ratio; which way is better depends on `measure`. */
export interface Marks {
  /** Missing it fails the run. */
  readonly base?: number;
  readonly goal: number;
  readonly stretch?: number;
}

/** What a row's ratio is. */
export type RowMeasure =
  /** Requests/s over the reference's, or its twin's; more is better. */
  | "rate"
  /** p50 over one fdatasync plus one KV commit; less is better. */
  | "latency";

export interface Row {
  /** As `--only` takes it. */
  readonly name: string;
  readonly title: string;
  readonly connections: number;
  /** Events in a request, or in its answer. */
  readonly events: number;
  readonly measure: RowMeasure;
  readonly marks: Marks | undefined;
  /** What the bare server does with bodies of this size. */
  readonly bare: "noop" | "drain";
  readonly expectedStatus: number;
  /** What is sent. */
  readonly work: (recorded: RecordedReads) => Work;
  /** The same in another format: the server is its own reference. */
  readonly twin?: (recorded: RecordedReads) => Work;
}

/** What can be read of the seeded streams. */
export interface RecordedReads {
  readonly events: readonly RecordedRead[];
  readonly feeds: readonly RecordedRead[];
  readonly bodyFeeds: readonly RecordedRead[];
  readonly xmlFeeds: readonly RecordedRead[];
}

/** Events of a feed page. */
export const PAGE_EVENTS = 20;
/** Streams that are seeded to be read, and appended to. */
export const READ_STREAMS = 64;
const APPEND_STREAMS = 1000;
/** Gives events of about 300 bytes in the log. */
const SMALL_DATA_BYTES = 200;
const LARGE_DATA_BYTES = 10 * 1024;

/** Bytes of data of the events to read. */
export const SEED_DATA_BYTES = SMALL_DATA_BYTES;

/** All rows, in the order of the table. */
export const ROWS: readonly Row[] = [
  {
    ...appendRow({ eventsPerPost: 1, connections: 64 }),
    name: "append-c64",
    title: "append, 1 event a POST, 64 connections",
    marks: { base: 0.28, goal: 0.40, stretch: 0.55 },
  },
  {
    ...appendRow({ eventsPerPost: 1, connections: 256 }),
    name: "append-c256",
    title: "append, 1 event a POST, 256 connections",
    marks: { base: 0.42, goal: 0.55, stretch: 0.70 },
  },
  {
    ...appendRow({ eventsPerPost: 100, connections: 16 }),
    name: "append-100",
    title: "append, 100 events a POST, 16 connections",
    marks: { base: 0.25, goal: 0.35, stretch: 0.50 },
  },
  {
    ...appendRow({ eventsPerPost: 1, connections: 64, isLarge: true }),
    name: "append-10k",
    title: "append, 10 KB events, 64 connections",
    marks: { goal: 0.33, stretch: 0.45 },
  },
  {
    ...appendRow({ eventsPerPost: 1, connections: 1 }),
    name: "append-c1",
    title: "append, 1 event a POST, 1 connection",
    measure: "latency",
    marks: { goal: 1.5, stretch: 1.2 },
  },
  {
    ...readRow({ events: 1 }),
    name: "event",
    title: "event read, atom+json",
    marks: { goal: 0.70, stretch: 0.85 },
    work: (recorded) => readWork(recorded.events),
  },
  {
    ...readRow({ events: PAGE_EVENTS }),
    name: "feed",
    title: "feed of 20, atom+json",
    marks: { goal: 0.55, stretch: 0.75 },
    work: (recorded) => readWork(recorded.feeds),
  },
  {
    ...readRow({ events: PAGE_EVENTS }),
    name: "feed-body",
    title: "feed of 20, atom+json, embed=body",
    marks: { goal: 0.55, stretch: 0.75 },
    work: (recorded) => readWork(recorded.bodyFeeds),
  },
  {
    ...readRow({ events: 0 }),
    name: "feed-304",
    title: "304 on a feed",
    expectedStatus: 304,
    marks: { goal: 0.75, stretch: 0.90 },
    work: (recorded) => ({
      kind: "read",
      requests: recorded.feeds.map(conditionalRequestOf),
    }),
  },
  {
    ...appendRow({ eventsPerPost: 1, connections: 64 }),
    name: "append-xml",
    title: "append in XML, 1 event a POST, 64 connections",
    marks: { goal: 0.35 },
    work: () => ({ ...appendWork({ eventsPerPost: 1 }), format: "xml" }),
    twin: () => appendWork({ eventsPerPost: 1 }),
  },
  {
    ...readRow({ events: PAGE_EVENTS }),
    name: "feed-xml",
    title: "feed of 20, atom+xml",
    marks: { goal: 0.50 },
    work: (recorded) => readWork(recorded.xmlFeeds),
    twin: (recorded) => readWork(recorded.feeds),
  },
];

interface AppendShape {
  readonly eventsPerPost: number;
  readonly isLarge?: boolean;
}

function appendRow(
  shape: AppendShape & { readonly connections: number },
): Omit<Row, "name" | "title" | "marks"> {
  const { eventsPerPost, connections, isLarge = false } = shape;
  return {
    connections,
    events: eventsPerPost,
    measure: "rate",
    bare: isLarge || eventsPerPost > 1 ? "drain" : "noop",
    expectedStatus: 201,
    work: () => appendWork(shape),
  };
}

function appendWork(shape: AppendShape): AppendWork {
  return {
    kind: "append",
    format: "json",
    eventsPerPost: shape.eventsPerPost,
    dataBytes: shape.isLarge === true ? LARGE_DATA_BYTES : SMALL_DATA_BYTES,
    streamCount: APPEND_STREAMS,
    streamPrefix: "load",
  };
}

function readRow(
  shape: { readonly events: number },
): Omit<Row, "name" | "title" | "marks" | "work"> {
  return {
    connections: 64,
    events: shape.events,
    measure: "rate",
    bare: "noop",
    expectedStatus: 200,
  };
}

function readWork(reads: readonly RecordedRead[]): Work {
  return { kind: "read", requests: reads.map(plainRequestOf) };
}

/** Which of its levels a row reached. */
export type Verdict = "failed" | "short" | "base" | "goal" | "stretch";

/** Level that a ratio reaches; undefined for a row without marks. */
export function verdictOf(row: Row, ratio: number): Verdict | undefined {
  const { marks, measure } = row;
  if (marks === undefined) return undefined;
  const reaches = (mark: number) =>
    measure === "rate" ? ratio >= mark : ratio <= mark;
  if (marks.stretch !== undefined && reaches(marks.stretch)) return "stretch";
  if (reaches(marks.goal)) return "goal";
  if (marks.base === undefined) return "short";
  return reaches(marks.base) ? "base" : "failed";
}
