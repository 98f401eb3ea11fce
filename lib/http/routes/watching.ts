/**
 * For those who watch the node: health, metrics and statistics
 * (spec: http-api §2.9, admin).
 *
 * @module
 */

import { METRICS_CONTENT_TYPE } from "../../telemetry/text_format.ts";
import { METRICS, PUBLIC } from "../access.ts";
import { health } from "../handlers/node.ts";
import {
  readHistogram,
  readReplicationStats,
  readStats,
  readTcpStats,
} from "../handlers/stats.ts";
import {
  readMetrics,
  showLiveness,
  showReadiness,
} from "../handlers/watching.ts";
import { JSON_OR_TEXT, JSON_XML_TEXT, STATS } from "../media_types.ts";
import type { Route, Schema } from "../route.ts";
import { NEGOTIATED_CACHEABLE } from "./parameters.ts";

const PROBE_SCHEMA: Schema = {
  name: "Probe",
  shape: {
    type: "object",
    properties: {
      status: oneOf("ok", "notReady"),
      reasons: reasonsOf(oneOf("readOnly", "stopping", "queueFull")),
      warnings: reasonsOf(oneOf("damage")),
    },
    required: ["status"],
  },
};

const STATS_SCHEMA: Schema = {
  name: "Stats",
  shape: {
    type: "object",
    description: "Values by name; nested unless group is false.",
    additionalProperties: true,
  },
};

/** Why something is as it is: a code for programs, and words. */
function reasonsOf(code: unknown) {
  return {
    type: "array",
    items: {
      type: "object",
      properties: { code, reason: { type: "string" } },
      required: ["code", "reason"],
    },
  };
}

function oneOf(...words: readonly string[]) {
  return { type: "string", enum: words };
}

const WATCHING = {
  method: "GET",
  tag: "Watching",
  scopes: PUBLIC,
  access: "everybody",
} as const;

const ALL_STATS = {
  ...WATCHING,
  response: STATS,
  handler: readStats,
  summary: "Statistics, or a part of them",
  details: "Under the names of the original; nothing as XML.",
  path: { statPath: "Names that lead to a part, with slashes between them" },
  query: {
    group: "false: one level of names joined by -",
    metadata: "true: what charts are called, too",
  },
  answers: {
    200: { text: "Numbers and texts by name", headers: NEGOTIATED_CACHEABLE },
    404: { text: "No statistics have that name" },
  },
  schemas: { json: STATS_SCHEMA },
} as const;

const EMPTY_STATS = {
  ...WATCHING,
  response: STATS,
  answers: { 200: { text: "An empty list", headers: NEGOTIATED_CACHEABLE } },
} as const;

/** Part of `ROUTES`. */
export const WATCHING_ROUTES: readonly Route[] = [
  {
    ...WATCHING,
    template: "/health",
    response: JSON_XML_TEXT,
    handler: health,
    summary: "Whether the node takes writes",
    details: "A store that is known to be damaged goes on, with a warning.",
    answers: {
      200: { text: "It does" },
      503: { text: "It does not, and why", content: "negotiated" },
    },
  },
  {
    ...WATCHING,
    template: "/health/live",
    response: JSON_OR_TEXT,
    handler: showLiveness,
    summary: "Whether the process is alive",
    answers: { 200: { text: "It is" } },
    schemas: { json: PROBE_SCHEMA },
  },
  {
    ...WATCHING,
    template: "/health/ready",
    response: JSON_OR_TEXT,
    handler: showReadiness,
    summary: "Whether requests should be sent here",
    details: "Not while the node is read-only or stopping, or while too many " +
      "appends wait. A store that is known to be damaged is a warning.",
    answers: {
      200: { text: "They should" },
      503: { text: "They should not, and why", content: "negotiated" },
    },
    schemas: { json: PROBE_SCHEMA },
  },
  {
    ...WATCHING,
    template: "/metrics",
    response: "any",
    scopes: METRICS,
    access: "monitors",
    handler: readMetrics,
    summary: "Metrics for Prometheus",
    details: "Open to everybody with --public-metrics.",
    answers: {
      200: {
        text: "Metrics in the text format",
        content: { type: METRICS_CONTENT_TYPE },
      },
    },
  },
  { ...ALL_STATS, template: "/stats" },
  // The path of the greedy template below may be empty, but not its slash.
  { ...ALL_STATS, template: "/stats/" },
  {
    ...EMPTY_STATS,
    template: "/stats/replication",
    handler: readReplicationStats,
    summary: "Statistics of other nodes: there are none",
  },
  {
    ...EMPTY_STATS,
    template: "/stats/tcp",
    handler: readTcpStats,
    summary: "Statistics of TCP connections: there are none",
  },
  { ...ALL_STATS, template: "/stats/{*statPath}" },
  {
    ...WATCHING,
    template: "/histogram/{name}",
    response: JSON_XML_TEXT,
    handler: readHistogram,
    summary: "A histogram of the original: none is kept",
    path: { name: "Name of the histogram" },
    answers: { 404: { text: "Not kept: /metrics has the histograms" } },
  },
];
