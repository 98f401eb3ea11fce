/**
 * Scavenging over HTTP. Starting it is as recorded: `200` and nothing else,
 * also while it is being done (spec: admin); the recorded server knows no other
 * methods there. How it is, and stopping it, have addresses of their own, as in
 * later versions of the original: `/admin/scavenge/current`, or `/last`, or the
 * id that they show.
 *
 * @module
 */

import type { JobStatus } from "../../maintenance/job_board.ts";
import { QuipuError } from "../../model/errors.ts";
import type { Upkeep } from "../../maintenance/upkeep.ts";
import type { HandlerServices, RequestContext } from "../context.ts";
import { PROBLEMS } from "../problem.ts";
import { parameterOf } from "../query.ts";
import { emptyResponse, problemResponse } from "../responses.ts";
import { statusResponse, withUpkeep } from "./jobs.ts";

const SCAVENGE = "scavenge";
/** What it must not be done beside: both would read files that go. */
const EXCLUDED = ["verify"];
const NUMBER = /^\d{1,9}$/;

/**
 * `POST /admin/scavenge`: `?startFromChunk=n` begins with the segment of that
 * number. Other parameters of later versions (`threads`, …) change nothing.
 */
export function startScavenge(
  context: RequestContext,
  services: HandlerServices,
): Response {
  return withUpkeep(context, services, (upkeep) => {
    const { jobs, maintenance, scavengeHistory: history } = upkeep;
    const { target, allowedMethods } = context;
    const first = parameterOf(target.query, "startFromChunk");
    if (first !== undefined && !NUMBER.test(first)) {
      return problemResponse(PROBLEMS.badStartFromChunk, allowedMethods);
    }
    // Else the job would only fail after it was answered that it began.
    if (maintenance.isReadOnly) {
      throw new QuipuError(
        "storeReadOnly",
        "Cannot scavenge: the server runs with --read-only",
      );
    }
    const request = first === undefined ? {} : { fromSegment: Number(first) };
    const { kind, status } = jobs.start({
      kind: SCAVENGE,
      request,
      excludes: EXCLUDED,
      work: (control, id) =>
        history === undefined
          ? maintenance.scavenge(request, control)
          : history.keep(id, control.signal, (onSegment) =>
            maintenance.scavenge({ ...request, onSegment }, control)),
    });
    return kind === "busy" && status.kind !== SCAVENGE
      ? problemResponse(PROBLEMS.otherJobRuns, allowedMethods)
      : emptyResponse(200, allowedMethods);
  });
}

/** `GET /admin/scavenge/{id}`: how one is, or what came of it. */
export function readScavenge(
  context: RequestContext,
  services: HandlerServices,
): Response {
  return withUpkeep(context, services, (upkeep) => {
    const status = upkeep.jobs.status(SCAVENGE);
    return isMeant(context, status)
      ? statusResponse(context, SCAVENGE, status)
      : problemResponse(PROBLEMS.notFound, context.allowedMethods);
  });
}

/** `DELETE /admin/scavenge/{id}`: tells it to stop. */
export function cancelScavenge(
  context: RequestContext,
  services: HandlerServices,
): Response {
  return withUpkeep(
    context,
    services,
    ({ jobs }: Upkeep) =>
      isMeant(context, jobs.status(SCAVENGE))
        ? statusResponse(context, SCAVENGE, jobs.cancel(SCAVENGE))
        : problemResponse(PROBLEMS.notFound, context.allowedMethods),
  );
}

/** Whether the id in the path is that of the last one, or stands for it. */
function isMeant(
  { segments }: RequestContext,
  status: JobStatus | undefined,
): boolean {
  const id = segments.at(-1);
  return id === "current" || id === "last" || id === status?.id;
}
