/**
 * Statistics under the names of the original (spec: admin).
 *
 * @module
 */

import type { HandlerServices, RequestContext } from "../context.ts";
import { APPLICATION_JSON, isXml } from "../media_types.ts";
import { PROBLEMS } from "../problem.ts";
import { parameterOf } from "../query.ts";
import { malformed } from "../refusal.ts";
import { documentResponse, problemResponse } from "../responses.ts";
import { findStats, flattenStats, type Stats } from "../stats_document.ts";

/** `GET /stats`, `/stats/` and `/stats/{*statPath}`: `?group=false`, `?metadata=true`. */
export function readStats(
  context: RequestContext,
  services: HandlerServices,
): Response {
  const { target, segments, allowedMethods } = context;
  const path = segments[1] === "" ? [] : segments.slice(1);
  const isGrouped = flagOf(target.query, "group") ?? true;
  if (!isGrouped && path.length > 0) {
    throw malformed("Dynamic stats selection works only with grouping enabled");
  }
  const all = gather(services, flagOf(target.query, "metadata") ?? false);
  const found = isGrouped ? findStats(all, path) : flattenStats(all);
  return found === undefined
    ? problemResponse(PROBLEMS.notFound, allowedMethods)
    // The original knew no XML for it: it answered with nothing.
    : statsResponse(context, JSON.stringify(found, null, 2), "");
}

/** `GET /stats/tcp`: there are no connections but those of HTTP. */
export function readTcpStats(context: RequestContext): Response {
  return statsResponse(context, "[]", emptyArray("TcpConnectionStats"));
}

/** `GET /stats/replication`: there are no other nodes. */
export function readReplicationStats(context: RequestContext): Response {
  return statsResponse(context, "[]", emptyArray("ReplicationStats"));
}

/** `GET /histogram/{name}`: none is kept, as in the original unless asked to. */
export function readHistogram({ allowedMethods }: RequestContext): Response {
  return problemResponse(PROBLEMS.notFound, allowedMethods, {
    body: "Not Found: /metrics has the histograms",
  });
}

function gather(
  { observation, admission, streams }: HandlerServices,
  withMetadata: boolean,
): Stats {
  const { requests, stats } = observation;
  return stats.read({
    store: observation.storeStatus(),
    writes: observation.storeMetrics,
    process: observation.processUsage(),
    requestCount: requests.total,
    requestMs: requests.totalMs,
    requestsInFlight: admission.inFlight,
    waitingCount: admission.heldCount + streams.liveFeedCount,
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
