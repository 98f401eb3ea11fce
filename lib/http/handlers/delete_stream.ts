/**
 * Deleting a stream (spec: streams §4).
 *
 * @module
 */

import {
  type HandlerServices,
  type RequestContext,
  streamNameOf,
} from "../context.ts";
import { REQUEST_HEADERS } from "../header_names.ts";
import { PROBLEMS } from "../problem.ts";
import { malformed } from "../refusal.ts";
import {
  checkRequireMaster,
  readExpectedVersion,
  readHardDelete,
} from "../request_headers.ts";
import { bareResponse, problemResponse } from "../responses.ts";
import { logRights } from "../rights_log.ts";

/** `DELETE /streams/{stream}` */
export async function deleteStream(
  context: RequestContext,
  services: HandlerServices,
): Promise<Response> {
  const { allowedMethods, caller } = context;
  const { headers } = context.request;
  const streamName = streamNameOf(context);
  const expectedVersion = readExpectedVersion(headers);
  // The original fails with 500: its rules know no such delete.
  if (expectedVersion === "streamExists") {
    throw malformed(
      `${REQUEST_HEADERS.expectedVersion} header in wrong format.`,
    );
  }
  checkRequireMaster(headers);
  const isHard = readHardDelete(headers);
  const outcome = await services.streams.deleteStream(caller, {
    streamName,
    expectedVersion,
    isHard,
  });
  switch (outcome.kind) {
    case "done":
      logRights(streamName, outcome.rights, context, services);
      return bareResponse(204, allowedMethods);
    case "conflict":
      return problemResponse(PROBLEMS.conflict, allowedMethods);
    case "deleted":
      return problemResponse(PROBLEMS.deletedWrite, allowedMethods);
    case "unauthorized":
      return problemResponse(PROBLEMS.unauthorized, allowedMethods);
  }
}
