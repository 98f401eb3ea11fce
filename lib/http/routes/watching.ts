/**
 * For those who watch the node: health and metrics
 * (spec: http-api §2.9, admin).
 *
 * @module
 */

import type { StoreStatus } from "../../store/event_store.ts";
import {
  encodeMetrics,
  gauge,
  type MetricFamily,
  METRICS_CONTENT_TYPE,
  samplesBy,
} from "../../telemetry/metric.ts";
import { cacheFamilies } from "../../telemetry/store_metrics.ts";
import { METRICS, PUBLIC, type Route, type Schema } from "../route.ts";
import type { RequestContext } from "../context.ts";
import {
  APPLICATION_JSON,
  JSON_OR_TEXT,
  JSON_XML_TEXT,
  type MediaType,
  TEXT_PLAIN,
} from "../negotiation.ts";
import { documentResponse, jsonResponse } from "../respond.ts";
import { listOf, objectOf, oneOf, TEXT } from "./schemas.ts";

const PROBE_SCHEMA: Schema = {
  name: "Probe",
  shape: objectOf({
    status: oneOf("ok", "notReady"),
    reasons: reasonsOf(oneOf("readOnly", "stopping", "queueFull")),
    warnings: reasonsOf(oneOf("damage")),
  }, ["status"]),
};

/** Why something is as it is: a code for programs, and words. */
function reasonsOf(code: unknown) {
  return listOf(objectOf({ code, reason: TEXT }, ["code", "reason"]));
}

/** Properties that reads of health and numbers share. */
export const WATCHING = {
  method: "GET",
  tag: "Watching",
  scopes: PUBLIC,
  access: "everybody",
} as const;

/** Part of `ROUTES`. */
export const WATCHING_ROUTES: readonly Route[] = [
  {
    ...WATCHING,
    template: "/health",
    isProbe: true,
    response: JSON_XML_TEXT,
    handler: health,
    summary: "Whether the node takes writes",
    details: "A store that is known to be damaged is served, with a warning.",
    answers: {
      200: { text: "It does" },
      503: { text: "It does not, and why", content: "negotiated" },
    },
  },
  {
    ...WATCHING,
    template: "/health/live",
    isProbe: true,
    response: JSON_OR_TEXT,
    handler: showLiveness,
    summary: "Whether the process is alive",
    answers: { 200: { text: "It is" } },
    schemas: { json: PROBE_SCHEMA },
  },
  {
    ...WATCHING,
    template: "/health/ready",
    isProbe: true,
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
];

const METRICS_TEXT: MediaType = {
  ...TEXT_PLAIN,
  contentType: METRICS_CONTENT_TYPE,
};

/** Share of a bound at which what waits counts as full. */
const FULL_SHARE = 0.9;

/** `GET /health`: 200, or 503 with the reason while nothing can be written. */
function health(context: RequestContext): Response {
  const { store } = context.services;
  const status = store.status();
  const { readOnlyReason: reason } = status;
  const warnings = warningsOf(status);
  const facts = {
    ...(reason === undefined
      ? { status: "ok" }
      : { status: "readOnly", reason }),
    ...(warnings.length > 0 && { warnings }),
  };
  return jsonResponse(facts, context, {
    status: reason === undefined ? 200 : 503,
    cacheControl: "no-store",
  });
}

/** `GET /health/live`: a server that answers is alive. */
function showLiveness(context: RequestContext): Response {
  return probeResponse(context, [], []);
}

/** `GET /health/ready`: 200, or 503 and why nothing should be sent here. */
function showReadiness(context: RequestContext): Response {
  const warnings = warningsOf(context.services.store.status());
  return probeResponse(context, unreadinessOf(context), warnings);
}

/** Why a node is not ready. */
export interface Unreadiness {
  readonly code: "readOnly" | "stopping" | "queueFull";
  readonly reason: string;
}

/** Why requests should not be sent here; empty: they should. */
export function unreadinessOf(
  { services: { observation, store } }: RequestContext,
): Unreadiness[] {
  const found: Unreadiness[] = [];
  if (observation.isStopping()) {
    found.push({ code: "stopping", reason: "The server is stopping" });
  }
  const { readOnlyReason, queue } = store.status();
  if (readOnlyReason !== undefined) {
    found.push({ code: "readOnly", reason: readOnlyReason });
  }
  if (
    queue !== undefined &&
    (queue.events >= queue.eventsMax * FULL_SHARE ||
      queue.bytes >= queue.bytesMax * FULL_SHARE)
  ) {
    found.push({
      code: "queueFull",
      reason: `${queue.events} events wait to be written`,
    });
  }
  return found;
}

function probeResponse(
  context: RequestContext,
  reasons: readonly Unreadiness[],
  warnings: readonly Warning[],
): Response {
  const { allowedMethods, responseType } = context;
  const type = responseType ?? APPLICATION_JSON;
  const isOk = reasons.length === 0;
  const body = type === TEXT_PLAIN
    ? [
      isOk ? "ok" : "not ready",
      ...[...reasons, ...warnings].map(({ code, reason }) =>
        `${code}: ${reason}`
      ),
    ].join("\n") + "\n"
    : JSON.stringify(
      {
        ...(isOk ? { status: "ok" } : { status: "notReady", reasons }),
        ...(warnings.length > 0 && { warnings }),
      },
      null,
      2,
    );
  return documentResponse({
    status: isOk ? 200 : 503,
    type,
    body,
    cacheControl: "no-store",
  }, allowedMethods);
}

/** `GET /metrics`, in the text format of Prometheus. */
async function readMetrics(context: RequestContext): Promise<Response> {
  return documentResponse({
    status: 200,
    type: METRICS_TEXT,
    body: encodeMetrics(await metricFamiliesOf(context)),
    cacheControl: "no-store",
  }, context.allowedMethods);
}

/** Everything that is measured, as it is now. */
export async function metricFamiliesOf(
  { services }: RequestContext,
): Promise<readonly MetricFamily[]> {
  const { observation, quota, maintenance, responseCache } = services;
  return [
    ...observation.requests.families(),
    gauge(
      "quipu_http_requests_in_flight",
      "Requests whose answer is being made.",
      quota.inFlight,
    ),
    gauge(
      "quipu_long_polls",
      "Long polls that are held.",
      quota.heldCount("longPolls"),
    ),
    gauge(
      "quipu_live_feeds",
      "Live feeds that are open.",
      quota.heldCount("liveFeeds"),
    ),
    {
      name: "quipu_job_running",
      help: "Whether a long job is under way, of those ever started.",
      type: "gauge" as const,
      samples: samplesBy(
        "job",
        maintenance.jobs.all().map(({ kind, state }) =>
          [kind, state === "running" ? 1 : 0] as const
        ),
      ),
    },
    ...cacheFamilies({
      answers: {
        hits: responseCache.hitCount,
        misses: responseCache.missCount,
      },
    }),
    gauge(
      "quipu_answer_cache_bytes",
      "Size of the answers that are kept to be sent again.",
      responseCache.bytes,
    ),
    ...(await Promise.all(observation.metricSources.map((source) => source())))
      .flat(),
  ];
}

/** Warnings for the operator, while the node does its work. */
interface Warning {
  readonly code: "damage";
  readonly reason: string;
}

/** Warnings about the store. Open to everybody, so it names no places. */
export function warningsOf({ damage }: StoreStatus): Warning[] {
  if (damage === undefined) return [];
  const { damageCount, brokenCount, unreadableCount } = damage;
  const parts: string[] = [];
  if (damageCount > 0) parts.push(`damaged in ${places(damageCount)}`);
  if (brokenCount > 0) parts.push(`broken in ${places(brokenCount)}`);
  if (unreadableCount > 0) {
    parts.push(`unreadable in ${places(unreadableCount)}`);
  }
  return [{
    code: "damage",
    reason: `The store is ${parts.join(", ")}: POST /admin/verify says what ` +
      `and where`,
  }];
}

function places(count: number): string {
  return count === 1 ? "1 place" : `${count} places`;
}
