/**
 * Live feeds: pages of feeds that go on (an addition to the original's
 * interface). Asked for by `Accept: text/event-stream` or `?format=sse`.
 *
 * @module
 */

import type { AllRange, PageRange } from "../../model/feed.ts";
import { limitKeyOfAddress } from "../../text/addresses.ts";
import type { HandlerServices, RequestContext } from "../context.ts";
import { readFeedView } from "../feed_query.ts";
import { createLiveFormat } from "../live_format.ts";
import { readLiveStart } from "../live_start.ts";
import { EVENT_STREAM } from "../media_types.ts";
import { malformed, readProblemOf, Refusal } from "../errors.ts";
import {
  checkRequireMaster,
  readResolveLinks,
  REQUEST_HEADERS,
} from "../request_headers.ts";
import { liveResponse, problemResponse } from "../respond.ts";

/** The feed that is asked for. */
export interface LiveTarget {
  /** `$all` is the whole log. */
  readonly streamName: string;
  /** The page to begin with; undefined: the feed as a whole. */
  readonly range: PageRange | AllRange | undefined;
  readonly isAll: boolean;
}

const TOO_MANY_IN_ALL = new Refusal(
  "overloaded",
  "Too many live feeds are open",
);
const TOO_MANY_OF_CLIENT = new Refusal(
  "tooManyHeld",
  "Too many live feeds are open from this address or of this user",
);

/** Opens a live feed. */
export async function openLiveFeed(
  { streamName, range, isAll }: LiveTarget,
  context: RequestContext,
  services: HandlerServices,
): Promise<Response> {
  const { request, info, caller, query, allowedMethods } = context;
  const { headers } = request;
  checkRequireMaster(headers);
  const { filter, asOfUs } = readFeedView(query);
  if (asOfUs !== undefined) {
    throw malformed("Invalid asOf: a live feed shows the present");
  }
  const outcome = await services.streams.openLiveFeed(caller, {
    streamName,
    start: readLiveStart({
      lastEventId: headers.get(REQUEST_HEADERS.lastEventId),
      from: query.from,
      range,
      isAll,
    }),
    resolveLinks: readResolveLinks(headers),
    filter,
    format: createLiveFormat({
      baseUrl: services.baseUrlOf(request, info),
      embed: "body",
      isAll,
    }),
    released: info.completed,
    address: limitKeyOfAddress(context.client.remoteAddress),
  });
  if (outcome.kind === "tooMany") {
    throw outcome.where === "inAll" ? TOO_MANY_IN_ALL : TOO_MANY_OF_CLIENT;
  }
  if (outcome.kind !== "feed") {
    return problemResponse(readProblemOf(outcome.kind), allowedMethods);
  }
  const { body } = outcome;
  return liveResponse({ type: EVENT_STREAM, body }, allowedMethods);
}
