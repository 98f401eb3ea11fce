/**
 * Long jobs that operators start, watch and stop. Their status is one JSON
 * document, whatever the job.
 *
 * @module
 */

import type { JobStart, JobStatus } from "../../maintenance/job_board.ts";
import type { Upkeep } from "../../maintenance/upkeep.ts";
import type { HandlerServices, RequestContext } from "../context.ts";
import { APPLICATION_JSON } from "../media_types.ts";
import { PROBLEMS } from "../problem.ts";
import { parameterOf } from "../query.ts";
import { documentResponse, problemResponse } from "../responses.ts";
import { isOperator } from "./admin.ts";

const VERIFY = "verify";
/** Replaces files that are being checked. */
const EXCLUDED = ["scavenge"];

/** `POST /admin/verify`: `?deep=true` for all of it. */
export function startVerify(
  context: RequestContext,
  services: HandlerServices,
): Response {
  return withUpkeep(context, services, ({ jobs, maintenance }) => {
    const deep = parameterOf(context.target.query, "deep") ?? "false";
    if (!/^(true|false)$/i.test(deep)) {
      return problemResponse(PROBLEMS.badDeep, context.allowedMethods);
    }
    const isDeep = deep.toLowerCase() === "true";
    const start = jobs.start({
      kind: VERIFY,
      request: { isDeep },
      excludes: EXCLUDED,
      work: (control) => maintenance.verify({ isDeep }, control),
    });
    return startResponse(context, start);
  });
}

/** `GET /admin/verify`: how the last one is, or how it ended. */
export function readVerify(
  context: RequestContext,
  services: HandlerServices,
): Response {
  return withUpkeep(
    context,
    services,
    ({ jobs }) => statusResponse(context, VERIFY, jobs.status(VERIFY)),
  );
}

/** `DELETE /admin/verify`: tells one that is under way to stop. */
export function cancelVerify(
  context: RequestContext,
  services: HandlerServices,
): Response {
  return withUpkeep(
    context,
    services,
    ({ jobs }) => statusResponse(context, VERIFY, jobs.cancel(VERIFY)),
  );
}

/**
 * Answers those who may, by default operators, where the store has upkeep.
 */
export function withUpkeep<Answer extends Response | Promise<Response>>(
  context: RequestContext,
  { upkeep }: HandlerServices,
  respond: (upkeep: Upkeep) => Answer,
  may: (context: RequestContext) => boolean = isOperator,
): Answer | Response {
  const { allowedMethods } = context;
  if (!may(context)) {
    return problemResponse(PROBLEMS.unauthorized, allowedMethods);
  }
  return upkeep === undefined
    ? problemResponse(PROBLEMS.noUpkeep, allowedMethods)
    : respond(upkeep);
}

/** `202` with the status of a job that began, `409` with that of the other. */
export function startResponse(
  context: RequestContext,
  { kind, status }: JobStart,
): Response {
  return documentResponse({
    status: kind === "started" ? 202 : 409,
    type: APPLICATION_JSON,
    body: renderStatus(status),
    cacheControl: "no-store",
  }, context.allowedMethods);
}

/** `200` with the status of a kind's last job. */
export function statusResponse(
  context: RequestContext,
  kind: string,
  status: JobStatus | undefined,
): Response {
  return documentResponse({
    status: 200,
    type: APPLICATION_JSON,
    body: status === undefined
      ? JSON.stringify({ job: kind, state: "none" }, null, 2)
      : renderStatus(status),
    cacheControl: "no-store",
  }, context.allowedMethods);
}

/** The status of a job as JSON; members that do not apply are left out. */
export function renderStatus(status: JobStatus): string {
  const { progress, endedAtUs } = status;
  return JSON.stringify(
    {
      job: status.kind,
      id: status.id,
      state: status.isStopping ? "stopping" : status.state,
      request: status.request,
      startedAt: timeOf(status.startedAtUs),
      endedAt: endedAtUs === undefined ? undefined : timeOf(endedAtUs),
      progress: progress && {
        phase: progress.phase,
        done: progress.done,
        total: progress.total,
        unit: progress.unit,
        ratePerSecond: rounded(progress.ratePerSecond),
        secondsLeft: rounded(progress.leftMs && progress.leftMs / 1000),
      },
      result: status.result,
      error: status.error,
    },
    null,
    2,
  );
}

function rounded(value: number | undefined): number | undefined {
  return value === undefined ? undefined : Math.round(value);
}

function timeOf(timeUs: number): string {
  return new Date(timeUs / 1000).toISOString();
}
