/**
 * For whoever watches the node: probes, metrics and the log's level.
 *
 * @module
 */

import { cacheFamilies } from "../../telemetry/cache_metrics.ts";
import { labelsText, singleMetric } from "../../telemetry/metric.ts";
import {
  encodeMetrics,
  METRICS_CONTENT_TYPE,
} from "../../telemetry/text_format.ts";
import { LOG_LEVELS, type LogLevel } from "../../model/logger.ts";
import type { HandlerServices, RequestContext } from "../context.ts";
import {
  APPLICATION_JSON,
  type MediaType,
  TEXT_PLAIN,
} from "../media_types.ts";
import { PROBLEMS } from "../problem.ts";
import { malformed } from "../refusal.ts";
import { documentResponse, problemResponse } from "../responses.ts";
import { type Warning, warningsOf } from "../damage_warning.ts";
import { isMonitor, isOperator } from "./admin.ts";
import { readMembers } from "./users.ts";

const METRICS_TEXT: MediaType = {
  ...TEXT_PLAIN,
  contentType: METRICS_CONTENT_TYPE,
};

/** Share of a bound at which what waits counts as full. */
const FULL_SHARE = 0.9;

/** `GET /health/live`: whoever answers is alive. */
export function showLiveness(context: RequestContext): Response {
  return probeResponse(context, [], []);
}

/** `GET /health/ready`: 200, or 503 and why nothing should be sent here. */
export function showReadiness(
  context: RequestContext,
  services: HandlerServices,
): Response {
  const warnings = warningsOf(services.observation.storeStatus());
  return probeResponse(context, unreadinessOf(services), warnings);
}

/** Why a node is not ready. */
interface Unreadiness {
  readonly code: "readOnly" | "stopping" | "queueFull";
  readonly reason: string;
}

function unreadinessOf(
  { observation, readOnlyReason }: HandlerServices,
): Unreadiness[] {
  const found: Unreadiness[] = [];
  if (observation.isStopping()) {
    found.push({ code: "stopping", reason: "The server is stopping" });
  }
  const readOnly = readOnlyReason();
  if (readOnly !== undefined) {
    found.push({ code: "readOnly", reason: readOnly });
  }
  const { queue } = observation.storeStatus();
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
export function readMetrics(
  context: RequestContext,
  services: HandlerServices,
): Response {
  const { allowedMethods } = context;
  const { observation, admission, streams, upkeep, knownAnswers } = services;
  if (!observation.areMetricsPublic && !isMonitor(context)) {
    return problemResponse(PROBLEMS.unauthorized, allowedMethods);
  }
  const families = [
    ...observation.requests.families(),
    singleMetric(
      "gauge",
      "quipu_http_requests_in_flight",
      "Requests whose answer is being made.",
      admission.inFlight,
    ),
    singleMetric(
      "gauge",
      "quipu_long_polls",
      "Long polls that are held.",
      admission.heldCount,
    ),
    singleMetric(
      "gauge",
      "quipu_live_feeds",
      "Live feeds that are open.",
      streams.liveFeedCount,
    ),
    {
      name: "quipu_job_running",
      help: "Whether a long job is under way, of those ever started.",
      type: "gauge" as const,
      samples: (upkeep?.jobs.all() ?? []).map(({ kind, state }) => ({
        suffix: "",
        labels: labelsText({ job: kind }),
        value: state === "running" ? 1 : 0,
      })),
    },
    ...cacheFamilies({
      answers: { hits: knownAnswers.hitCount, misses: knownAnswers.missCount },
    }),
    singleMetric(
      "gauge",
      "quipu_answer_cache_bytes",
      "Size of the answers that are kept to be sent again.",
      knownAnswers.bytes,
    ),
    ...observation.metricSources.flatMap((source) => source()),
  ];
  return documentResponse({
    status: 200,
    type: METRICS_TEXT,
    body: encodeMetrics(families),
    cacheControl: "no-store",
  }, allowedMethods);
}

/** `GET /admin/log-level` */
export function readLogLevel(
  context: RequestContext,
  services: HandlerServices,
): Response {
  return isOperator(context)
    ? levelResponse(context, services)
    : problemResponse(PROBLEMS.unauthorized, context.allowedMethods);
}

/** `POST /admin/log-level`: body `{"level": "debug"}`. */
export async function changeLogLevel(
  context: RequestContext,
  services: HandlerServices,
): Promise<Response> {
  const { allowedMethods, caller, client } = context;
  const { observation, logger } = services;
  if (!isOperator(context)) {
    return problemResponse(PROBLEMS.unauthorized, allowedMethods);
  }
  const members = await readMembers(context, services);
  const level = members.readText("level");
  if (level === undefined || !isLogLevel(level)) {
    throw malformed(
      `Request body invalid: expected a level of ${LOG_LEVELS.join(", ")}`,
    );
  }
  const before = observation.log.level;
  observation.log.level = level;
  logger.audit("log.level_changed", {
    by: caller?.login ?? null,
    before,
    level,
    from: client.remoteAddress,
  });
  return levelResponse(context, services);
}

function isLogLevel(text: string): text is LogLevel {
  return LOG_LEVELS.some((level) => level === text);
}

function levelResponse(
  { allowedMethods }: RequestContext,
  { observation }: HandlerServices,
): Response {
  return documentResponse({
    status: 200,
    type: APPLICATION_JSON,
    body: JSON.stringify({ level: observation.log.level }, null, 2),
    cacheControl: "no-store",
  }, allowedMethods);
}
