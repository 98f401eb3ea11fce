/**
 * The description document: which types a stream can be had in
 * (spec: http-api §3.4).
 *
 * @module
 */

import { renderDescription } from "../../formats/atom/description.ts";
import {
  type HandlerServices,
  type RequestContext,
  streamNameOf,
} from "../context.ts";
import { STREAM_DESCRIPTION } from "../media_types.ts";
import { documentResponse } from "../respond.ts";

/** Describes the stream, whether it exists or not. */
export function describeStream(
  context: RequestContext,
  { subscriptions }: HandlerServices,
  status: 200 | 406,
): Response {
  const streamName = streamNameOf(context);
  const groups = subscriptions?.groupNamesOf(streamName);
  const body = renderDescription(streamName, groups);
  return documentResponse(
    {
      status,
      type: STREAM_DESCRIPTION,
      body,
      statusText: status === 406 && !context.request.headers.has("Accept")
        ? "We are unable to represent the stream in the format requested."
        : "Description Document",
    },
    context.allowedMethods,
  );
}
