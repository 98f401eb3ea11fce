/**
 * Jobs that keep the store well: checks and scavenges. Their status is one JSON
 * document, whatever the job. Starting a scavenge is as recorded: `200` and
 * nothing else, also while it is being done (spec: admin), and the recorded
 * server knows no other methods there. How it is, and stopping it, have
 * addresses of their own, as in later versions of the original:
 * `/admin/scavenge/current`, or `/last`, or the id that they show.
 *
 * @module
 */

import type { JobStart, JobStatus } from "../../maintenance/job_board.ts";
import type { MaintenanceService } from "../../maintenance/maintenance_service.ts";
import type { StoreMaintenance } from "../../store/maintenance.ts";
import { QuipuError } from "../../model/errors.ts";
import {
  type AnswerDescription,
  type Route,
  type Schema,
  UNNARROWED,
} from "../route.ts";
import type { RequestContext } from "../context.ts";
import { ADMIN, JSON_ALONE } from "../negotiation.ts";
import { malformed, PIPELINE_REFUSALS, PROBLEMS, Refusal } from "../errors.ts";
import { parameterOf } from "../router.ts";
import { emptyResponse, jsonResponse, problemResponse } from "../respond.ts";
import { objectOf, oneOf, TEXT } from "./schemas.ts";

const JOB_STATES = [
  "none",
  "running",
  "stopping",
  "done",
  "failed",
  "cancelled",
];

const JOB_SCHEMA: Schema = {
  name: "Job",
  shape: {
    description: "A long job: the last one of its kind.",
    ...objectOf({
      job: TEXT,
      id: TEXT,
      state: oneOf(...JOB_STATES),
      request: {},
      startedAt: TEXT,
      endedAt: TEXT,
      progress: { type: "object" },
      result: {},
      error: TEXT,
    }, ["job", "state"]),
  },
};

/** Of a store that cannot be kept well from here. */
export const NO_MAINTENANCE: AnswerDescription = {
  text: "The store has no maintenance",
};
const NO_SCAVENGE: AnswerDescription = { text: "No scavenge has that id" };

const JOB = {
  tag: "Maintenance",
  response: JSON_ALONE,
  scopes: UNNARROWED,
  access: "operators",
  path: { id: "Id of the job" },
  answers: { 200: { text: "Its state" }, 501: NO_MAINTENANCE },
  schemas: { json: JOB_SCHEMA },
} as const;

/** Part of `ROUTES`. */
export const MAINTENANCE_ROUTES: readonly Route[] = [
  {
    ...JOB,
    method: "POST",
    template: "/admin/verify",
    handler: startVerify,
    summary: "Start checking all files of the store",
    query: {
      deep: "true: indexes are compared with the log entry by entry, too",
    },
    answers: {
      202: { text: "It began", content: "negotiated" },
      400: { text: "The parameter is invalid" },
      409: { text: "One is under way", content: "negotiated" },
      501: NO_MAINTENANCE,
    },
  },
  {
    ...JOB,
    method: "GET",
    template: "/admin/verify",
    handler: readVerify,
    summary: "Progress of the running check, or the result of the last one",
  },
  {
    ...JOB,
    method: "DELETE",
    template: "/admin/verify",
    handler: cancelVerify,
    summary: "Stop the running check",
  },
  {
    tag: JOB.tag,
    method: "POST",
    template: "/admin/scavenge",
    response: ADMIN,
    scopes: UNNARROWED,
    access: "operators",
    handler: startScavenge,
    summary: "Start removing events that can no longer be read",
    query: { startFromChunk: "Number of the first segment to look at" },
    answers: {
      200: { text: "Started, or already running", content: "nothing" },
      409: { text: "A check is under way" },
      501: NO_MAINTENANCE,
      503: { text: "The server runs with --read-only" },
    },
  },
  {
    ...JOB,
    method: "GET",
    template: "/admin/scavenge/{id}",
    handler: readScavenge,
    summary: "Progress or result of a scavenge: current, last or an id",
    answers: { ...JOB.answers, 404: NO_SCAVENGE },
  },
  {
    ...JOB,
    method: "DELETE",
    template: "/admin/scavenge/{id}",
    handler: cancelScavenge,
    summary: "Stop the running scavenge",
    answers: { ...JOB.answers, 404: NO_SCAVENGE },
  },
];

/**
 * Maintenance of the store.
 *
 * @throws {Refusal} If it is not done from here.
 */
export function maintenanceOf(
  { services: { maintenance } }: RequestContext,
): Omit<MaintenanceService, "store" | "close"> & {
  readonly store: StoreMaintenance;
} {
  const { store } = maintenance;
  if (store !== undefined) return { ...maintenance, store };
  throw new Refusal(
    "unsupportedByStore",
    "Not Implemented: the store of this server has no maintenance",
  );
}

/** Kinds of jobs. */
export const VERIFY = "verify";
export const SCAVENGE = "scavenge";

/** Starts a check, unless one is under way. */
export function beginVerify(
  context: RequestContext,
  isDeep: boolean,
): JobStart {
  const { jobs, store: maintenance } = maintenanceOf(context);
  return jobs.start({
    kind: VERIFY,
    request: { isDeep },
    // It replaces files that are being checked.
    excludes: [SCAVENGE],
    work: (control) => maintenance.verify({ isDeep }, control),
  });
}

/** `POST /admin/verify`: `?deep=true` for all of it. */
function startVerify(context: RequestContext): Response {
  const deep = parameterOf(context.target.query, "deep") ?? "false";
  if (!/^(true|false)$/i.test(deep)) {
    throw malformed("deep must be true or false");
  }
  const { kind, status } = beginVerify(context, deep.toLowerCase() === "true");
  return jsonResponse(statusDocument(status), context, {
    status: kind === "started" ? 202 : 409,
    cacheControl: "no-store",
  });
}

/** `GET /admin/verify`: how the last one is, or how it ended. */
function readVerify(context: RequestContext): Response {
  const { jobs } = maintenanceOf(context);
  return answerStatus(VERIFY, jobs.status(VERIFY), context);
}

/** `DELETE /admin/verify`: tells one that is under way to stop. */
function cancelVerify(context: RequestContext): Response {
  const { jobs } = maintenanceOf(context);
  return answerStatus(VERIFY, jobs.cancel(VERIFY), context);
}

/**
 * Starts a scavenge, unless one is under way, or a check.
 *
 * @throws {QuipuError} `storeReadOnly`.
 */
export function beginScavenge(
  context: RequestContext,
  request: { readonly fromSegment?: number },
): JobStart {
  const { jobs, store: maintenance, scavengeHistory: history } = maintenanceOf(
    context,
  );
  // Else the job would only fail after it was answered that it began.
  if (maintenance.isReadOnly) {
    throw new QuipuError(
      "storeReadOnly",
      "Cannot scavenge: the server runs with --read-only",
    );
  }
  return jobs.start({
    kind: SCAVENGE,
    request,
    // Both would read files that go.
    excludes: [VERIFY],
    work: (control, id) =>
      history === undefined
        ? maintenance.scavenge(request, control)
        : history.keep(id, control.signal, (onSegment) =>
          maintenance.scavenge({ ...request, onSegment }, control)),
  });
}

/**
 * `POST /admin/scavenge`: `?startFromChunk=n` begins with the segment of that
 * number. Other parameters of later versions (`threads`, …) change nothing.
 */
function startScavenge(context: RequestContext): Response {
  const { target, allowedMethods } = context;
  const first = parameterOf(target.query, "startFromChunk");
  if (first !== undefined && !/^\d{1,9}$/.test(first)) {
    throw malformed("startFromChunk must be the number of a segment");
  }
  const { kind, status } = beginScavenge(
    context,
    first === undefined ? {} : { fromSegment: Number(first) },
  );
  return kind === "busy" && status.kind !== SCAVENGE
    ? problemResponse(PROBLEMS.otherJobRuns, allowedMethods)
    : emptyResponse(200, allowedMethods);
}

/** `GET /admin/scavenge/{id}`: how one is, or what came of it. */
function readScavenge(context: RequestContext): Response {
  const status = maintenanceOf(context).jobs.status(SCAVENGE);
  checkMeant(status, context);
  return answerStatus(SCAVENGE, status, context);
}

/** `DELETE /admin/scavenge/{id}`: tells it to stop. */
function cancelScavenge(context: RequestContext): Response {
  const { jobs } = maintenanceOf(context);
  checkMeant(jobs.status(SCAVENGE), context);
  return answerStatus(SCAVENGE, jobs.cancel(SCAVENGE), context);
}

/**
 * Checks that the id in the path is that of the last job, or stands for it.
 *
 * @throws {Refusal} If it does not.
 */
function checkMeant(
  status: JobStatus | undefined,
  { segments }: RequestContext,
): void {
  const id = segments.at(-1);
  const isMeant = id === "current" || id === "last" || id === status?.id;
  if (!isMeant) throw PIPELINE_REFUSALS.notFound;
}

/** `200` with the status of a kind's last job. */
function answerStatus(
  kind: string,
  status: JobStatus | undefined,
  context: RequestContext,
): Response {
  const document = status === undefined
    ? { job: kind, state: "none" }
    : statusDocument(status);
  return jsonResponse(document, context, { cacheControl: "no-store" });
}

/** The status of a job; members that do not apply are undefined. */
function statusDocument(status: JobStatus) {
  const { progress, endedAtUs } = status;
  return {
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
  };
}

function rounded(value: number | undefined): number | undefined {
  return value === undefined ? undefined : Math.round(value);
}

function timeOf(timeUs: number): string {
  return new Date(timeUs / 1000).toISOString();
}
