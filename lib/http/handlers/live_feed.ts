/**
 * Live feeds: pages of feeds that go on (an addition to the original's
 * interface). Asked for by `Accept: text/event-stream` or `?format=sse`.
 *
 * @module
 */

import type { AllRange, PageRange } from "../../model/feed.ts";
import type { HandlerServices, RequestContext } from "../context.ts";
import { readFeedView } from "../feed_query.ts";
import { createLiveFormat } from "../live_format.ts";
import { readLiveStart } from "../live_start.ts";
import { EVENT_STREAM } from "../media_types.ts";
import { malformed, readProblemOf } from "../errors.ts";
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
  const command = {
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
  };
  const outcome = await services.quota.keep(
    "liveFeeds",
    context,
    () => services.streams.openLiveFeed(caller, command),
  );
  if (outcome.kind !== "feed") {
    return problemResponse(readProblemOf(outcome.kind), allowedMethods);
  }
  const body = services.sending.endless(outcome.source);
  return liveResponse({ type: EVENT_STREAM, body }, allowedMethods);
}
