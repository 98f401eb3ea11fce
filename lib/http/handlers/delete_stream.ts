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
import { PROBLEMS } from "../problem.ts";
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
      return bareResponse(204, PROBLEMS.deletedWrite.text, allowedMethods);
    case "conflict":
      return problemResponse(PROBLEMS.conflict, allowedMethods);
    case "deleted":
      return problemResponse(PROBLEMS.deletedWrite, allowedMethods);
    case "unauthorized":
      return problemResponse(PROBLEMS.unauthorized, allowedMethods);
  }
}
