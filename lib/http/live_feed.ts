/**
 * Live feeds: pages of feeds that go on (an addition to the original's
 * interface). Asked for by `Accept: text/event-stream` or `?format=sse`.
 *
 * @module
 */

import { EntryBytes } from "../formats/atom/entry_bytes.ts";
import { renderEntryLine } from "../formats/atom/feed_json.ts";
import { formatAllPosition } from "../formats/atom/links.ts";
import { formatEventNumber } from "../model/event_number.ts";
import type { AllRange, EmbedLevel, PageRange } from "../model/feed.ts";
import type { LiveEnd, LiveFormat } from "../streams/outcomes.ts";
import { baseUrlOf, type RequestContext } from "./context.ts";
import { malformed, readProblemOf } from "./errors.ts";
import { readFeedView, readLiveStart } from "./feed_request.ts";
import { EVENT_STREAM } from "./negotiation.ts";
import {
  checkRequireMaster,
  readResolveLinks,
  REQUEST_HEADERS,
} from "./request_headers.ts";
import { liveResponse, problemResponse } from "./respond.ts";

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
): Promise<Response> {
  const { request, caller, query, allowedMethods } = context;
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
      baseUrl: baseUrlOf(context),
      embed: "body",
      isAll,
    }),
  };
  const outcome = await context.services.quota.keep(
    "liveFeeds",
    context,
    () => context.services.streams.openLiveFeed(caller, command),
  );
  if (outcome.kind !== "feed") {
    return problemResponse(readProblemOf(outcome.kind), allowedMethods);
  }
  const body = context.services.sending.endless(outcome.source);
  return liveResponse({ type: EVENT_STREAM, body }, allowedMethods);
}

/** The number that follows an id in a place before all others. */
const BEFORE_ALL = "-1";

const REASONS = {
  stopping: "the server is stopping",
  deleted: "the stream was deleted",
  unauthorized: "the right to read this was taken away",
} satisfies Record<LiveEnd, string>;

/** Events whose streams' names are remembered, to write them faster. */
const REMEMBERED_EVENTS = 1_000;

/** How a feed's messages are written. */
interface LiveFormatOptions {
  /** `http://host[:port][/prefix]`, no slash at its end. */
  readonly baseUrl: string;
  readonly embed: EmbedLevel;
  /** Whether places are positions in the whole log. */
  readonly isAll: boolean;
}

/** Makes the format. */
function createLiveFormat(
  { baseUrl, embed, isAll }: LiveFormatOptions,
): LiveFormat {
  const formatPlace = isAll ? formatPosition : formatNumber;
  const placeName = isAll ? "position" : "eventNumber";
  const entries = new EntryBytes(
    baseUrl,
    embed,
    (event, refs) => renderEntryLine(event, refs, embed),
  );
  let eventCount = 0;
  return {
    key: `${embed} ${baseUrl}`,
    event(out, event, place) {
      if (++eventCount % REMEMBERED_EVENTS === 0) entries.forgetStreams();
      out.pushAscii("id: ");
      out.pushAscii(formatPlace(place));
      out.pushAscii("\ndata: ");
      entries.write(out, event);
      out.pushAscii("\n\n");
    },
    progress: (place) => `id: ${formatPlace(place)}\n\n`,
    caughtUp(place) {
      const text = formatPlace(place);
      const value = isAll ? `"${text}"` : text;
      return `event: caught-up\nid: ${text}\n` +
        `data: {"${placeName}": ${value}}\n\n`;
    },
    opening: "retry: 2000\n\n",
    heartbeat: ": heartbeat\n\n",
    ended: (reason) => `: ended, ${REASONS[reason]}\n\n`,
  };
}

function formatNumber(place: number): string {
  return place < 0 ? BEFORE_ALL : formatEventNumber(place);
}

function formatPosition(place: number): string {
  return place < 0
    ? BEFORE_ALL
    : formatAllPosition({ commit: place, prepare: place });
}
