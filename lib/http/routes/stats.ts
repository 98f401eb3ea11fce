/**
 * Statistics under the names of the original (spec: http-api §2.9, admin).
 *
 * @module
 */

import type { Route, Schema } from "../route.ts";
import type { RequestContext } from "../context.ts";
import {
  APPLICATION_JSON,
  isXml,
  JSON_XML_TEXT,
  STATS,
} from "../negotiation.ts";
import { malformed, PROBLEMS } from "../errors.ts";
import { parameterOf } from "../router.ts";
import { documentResponse, problemResponse } from "../respond.ts";
import { findStats, flattenStats, type Stats } from "../stats_document.ts";
import { NEGOTIATED_CACHEABLE } from "./parameters.ts";
import { WATCHING } from "./watching.ts";

const STATS_SCHEMA: Schema = {
  name: "Stats",
  shape: {
    type: "object",
    description: "Values by name; nested unless group is false.",
    additionalProperties: true,
  },
};

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
export const STATS_ROUTES: readonly Route[] = [
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

/** `GET /stats`, `/stats/` and `/stats/{*statPath}`: `?group=false`, `?metadata=true`. */
async function readStats(context: RequestContext): Promise<Response> {
  const { target, segments, allowedMethods } = context;
  const path = segments[1] === "" ? [] : segments.slice(1);
  const isGrouped = flagOf(target.query, "group") ?? true;
  if (!isGrouped && path.length > 0) {
    throw malformed("Dynamic stats selection works only with grouping enabled");
  }
  const withMetadata = flagOf(target.query, "metadata") ?? false;
  const all = await gather(context, withMetadata);
  const found = isGrouped ? findStats(all, path) : flattenStats(all);
  return found === undefined
    ? problemResponse(PROBLEMS.notFound, allowedMethods)
    // The original knew no XML for it: it answered with nothing.
    : statsResponse(context, JSON.stringify(found, null, 2), "");
}

/** `GET /stats/tcp`: there are no connections but those of HTTP. */
function readTcpStats(context: RequestContext): Response {
  return statsResponse(context, "[]", emptyArray("TcpConnectionStats"));
}

/** `GET /stats/replication`: there are no other nodes. */
function readReplicationStats(context: RequestContext): Response {
  return statsResponse(context, "[]", emptyArray("ReplicationStats"));
}

/** `GET /histogram/{name}`: none is kept, as in the original unless asked to. */
function readHistogram({ allowedMethods }: RequestContext): Response {
  return problemResponse(PROBLEMS.notFound, allowedMethods, {
    body: "Not Found: /metrics has the histograms",
  });
}

async function gather(
  { services: { store, observation, quota } }: RequestContext,
  withMetadata: boolean,
): Promise<Stats> {
  const { requests, stats } = observation;
  return stats.read({
    store: store.status(),
    end: (await store.readEnd()).end,
    caches: store.maintenance?.figures?.().caches,
    writes: observation.storeMetrics,
    process: observation.processUsage(),
    requestCount: requests.total,
    requestMs: requests.totalMs,
    requestsInFlight: quota.inFlight,
    waitingCount: quota.heldCount("longPolls") + quota.heldCount("liveFeeds"),
  }, withMetadata);
}

function statsResponse(
  { responseType, allowedMethods }: RequestContext,
  json: string,
  xml: string,
): Response {
  const type = responseType ?? APPLICATION_JSON;
  return documentResponse({
    status: 200,
    type,
    body: isXml(type) ? xml : json,
    cacheControl: "max-age=1, public",
    variesByAccept: true,
  }, allowedMethods);
}

function emptyArray(name: string): string {
  return '<?xml version="1.0" encoding="utf-8"?>' +
    `<ArrayOf${name} xmlns:xsd="http://www.w3.org/2001/XMLSchema" ` +
    'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" />';
}

/** A parameter that says yes or no; undefined without one, or for other words. */
function flagOf(query: string, name: string): boolean | undefined {
  switch (parameterOf(query, name)?.trim().toLowerCase()) {
    case "true":
      return true;
    case "false":
      return false;
    default:
      return undefined;
  }
}
