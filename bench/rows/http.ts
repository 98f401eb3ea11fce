/**
 * Requests over HTTP beside a reference: what is asked of the servers, over how
 * many connections, and which rate against the reference counts as enough.
 *
 * @module
 */

import { appends } from "../load/run_driver.ts";
import type { AppendWork, Work } from "../load/job.ts";
import type { Bench, Row } from "../row.ts";
import { conditionalRequestOf, plainRequestOf } from "../servers/answers.ts";
import { PAGE_EVENTS, type RecordedReads } from "../stores/seed_reads.ts";
import { measureHttpRow } from "./http_turns.ts";

/** A row of requests. */
export interface HttpRow extends Row {
  readonly connections: number;
  /** Events in a request, or in its answer. */
  readonly events: number;
  /**
   * Whether its figure is p50 over one fdatasync plus one KV commit, instead of
   * requests/s over the reference's.
   */
  readonly isLatency?: boolean;
  readonly expectedStatus: number;
  /** What is sent. */
  readonly work: (recorded: RecordedReads) => Work;
  /** The same in another format: the server is its own reference. */
  readonly twin?: (recorded: RecordedReads) => Work;
}

const LARGE_DATA_BYTES = 10 * 1024;

function appendRow(
  name: string,
  title: string,
  { connections = 64, ...shape }: Partial<AppendWork> & {
    readonly connections?: number;
  } = {},
): HttpRow {
  const { work, expectedStatus } = appends(shape);
  return {
    name,
    title,
    unit: "ratio",
    connections,
    events: shape.eventsPerPost ?? 1,
    expectedStatus,
    work: () => work,
  };
}

function readRow(
  name: string,
  title: string,
  work: HttpRow["work"],
  events = PAGE_EVENTS,
): HttpRow {
  return {
    name,
    title,
    unit: "ratio",
    connections: 64,
    events,
    expectedStatus: 200,
    work,
  };
}

function reads(kind: keyof RecordedReads): HttpRow["work"] {
  return (recorded) => ({
    kind: "read",
    requests: recorded[kind].map(plainRequestOf),
  });
}

/** All rows, in the order of the table. */
export const HTTP_ROWS: readonly HttpRow[] = [
  {
    ...appendRow("append-c64", "append, 1 event a POST, 64 connections"),
    marks: { base: 0.28, goal: 0.40, stretch: 0.55 },
  },
  {
    ...appendRow("append-c256", "append, 1 event a POST, 256 connections", {
      connections: 256,
    }),
    marks: { base: 0.42, goal: 0.55, stretch: 0.70 },
  },
  {
    ...appendRow("append-100", "append, 100 events a POST, 16 connections", {
      connections: 16,
      eventsPerPost: 100,
    }),
    marks: { base: 0.25, goal: 0.35, stretch: 0.50 },
  },
  {
    ...appendRow("append-10k", "append, 10 KB events, 64 connections", {
      dataBytes: LARGE_DATA_BYTES,
    }),
    marks: { goal: 0.33, stretch: 0.45 },
  },
  {
    ...appendRow("append-c1", "append, 1 event a POST, 1 connection", {
      connections: 1,
    }),
    isLatency: true,
    isLessBetter: true,
    marks: { goal: 1.5, stretch: 1.2 },
  },
  {
    ...readRow("event", "event read, atom+json", reads("events"), 1),
    marks: { goal: 0.70, stretch: 0.85 },
  },
  {
    ...readRow("feed", "feed of 20, atom+json", reads("feeds")),
    marks: { goal: 0.55, stretch: 0.75 },
  },
  {
    ...readRow(
      "feed-body",
      "feed of 20, atom+json, embed=body",
      reads("bodyFeeds"),
    ),
    marks: { goal: 0.55, stretch: 0.75 },
  },
  {
    ...readRow("feed-304", "304 on a feed", (recorded) => ({
      kind: "read",
      requests: recorded.feeds.map(conditionalRequestOf),
    }), 0),
    expectedStatus: 304,
    marks: { goal: 0.75, stretch: 0.90 },
  },
  {
    ...appendRow("append-xml", "append in XML, against its JSON twin", {
      format: "xml",
    }),
    twin: () => appends().work,
    marks: { goal: 0.35 },
  },
  {
    ...readRow(
      "feed-xml",
      "feed of 20, atom+xml, against its JSON twin",
      reads("xmlFeeds"),
    ),
    twin: reads("feeds"),
    marks: { goal: 0.50 },
  },
];

/** Each by itself, with fresh servers. */
export const HTTP: readonly Bench[] = HTTP_ROWS.map((row) => ({
  rows: [row],
  measure: async (context) => [await measureHttpRow(row, context)],
}));
