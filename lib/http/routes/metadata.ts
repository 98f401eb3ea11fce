/**
 * Metadata of streams: writing it, reading it and its versions
 * (spec: http-api §2.4).
 *
 * @module
 */

import { type Route, UNNARROWED } from "../route.ts";
import { isMetastream, metastreamOf } from "../../model/stream_names.ts";
import { METADATA_EVENT_TYPE } from "../../model/stream_metadata.ts";
import { answerAppend } from "../appending.ts";
import { type RequestContext, segmentAt, streamNameOf } from "../context.ts";
import { malformed } from "../errors.ts";
import { readEventId, readEventType } from "../request_headers.ts";
import {
  readBackwardRange,
  readEventNumber,
  readForwardRange,
} from "../feed_request.ts";
import { answerMetadata, resolvesLinks } from "../single_events.ts";
import { unslashed } from "./redirects.ts";
import {
  answerStreamPage,
  APPENDING,
  FEED_PAGE,
  ONE_EVENT,
} from "./streams.ts";

const METADATA = { tag: "Metadata" } as const;

const WRITING = { ...APPENDING, scopes: UNNARROWED } as const;

/** Part of `ROUTES`. */
export const METADATA_ROUTES: readonly Route[] = [
  {
    ...METADATA,
    ...WRITING,
    template: "/streams/{stream}/metadata",
    handler: writeMetadata,
    summary: "Write the metadata of a stream",
    body: "The metadata as one JSON object, or an event that has it as data",
  },
  unslashed({ ...WRITING, template: "/streams/{stream}/metadata/" }),
  {
    ...METADATA,
    ...ONE_EVENT,
    template: "/streams/{stream}/metadata",
    handler: readMetadata,
    summary: "The metadata of a stream",
  },
  unslashed({ ...ONE_EVENT, template: "/streams/{stream}/metadata/" }),
  {
    ...METADATA,
    ...ONE_EVENT,
    template: "/streams/{stream}/metadata/{event}",
    handler: readMetadata,
    summary: "A version of the metadata of a stream",
  },
  {
    ...METADATA,
    ...FEED_PAGE,
    template: "/streams/{stream}/metadata/{event}/{count}",
    handler: readMetadataBackwardPage,
    summary: "Versions of a stream's metadata, from a number down",
  },
  {
    ...METADATA,
    ...FEED_PAGE,
    template: "/streams/{stream}/metadata/{event}/backward/{count}",
    handler: readMetadataBackwardPage,
    summary: "Versions of a stream's metadata, from a number down",
  },
  {
    ...METADATA,
    ...FEED_PAGE,
    template: "/streams/{stream}/metadata/{event}/forward/{count}",
    handler: readMetadataForwardPage,
    summary: "Versions of a stream's metadata, from a number up",
  },
];

/** `POST /streams/{stream}/metadata` */
function writeMetadata(context: RequestContext): Promise<Response> {
  const { headers } = context.request;
  const streamName = streamNameOf(context);
  if (isMetastream(streamName)) {
    throw malformed(
      "Invalid request. Stream must be non-empty string and should not be " +
        "metastream",
    );
  }
  const eventId = readEventId(headers);
  const eventType = readEventType(headers);
  if (eventType !== undefined && eventType !== METADATA_EVENT_TYPE) {
    throw malformed(
      "Bad Request. You should not include an event type for metadata.",
    );
  }
  return answerAppend(
    {
      streamName: metastreamOf(streamName),
      eventId,
      eventType: METADATA_EVENT_TYPE,
      write: (read) =>
        context.services.streams.appendMetadata(context.caller, {
          streamName,
          ...read,
        }),
    },
    context,
  );
}

/** Of `/streams/{stream}/metadata`. */
const METADATA_URI_SEGMENTS = 3;

/** `GET /streams/{stream}/metadata` and `…/metadata/{event}` */
async function readMetadata(context: RequestContext): Promise<Response> {
  const streamName = describedStreamOf(context);
  const eventNumber = context.segments.length > METADATA_URI_SEGMENTS
    ? readEventNumber(segmentAt(context, METADATA_URI_SEGMENTS))
    : "head";
  const resolveLinks = resolvesLinks(context);
  const outcome = await context.services.streams.readMetadata(context.caller, {
    streamName,
    eventNumber,
    resolveLinks,
  });
  return answerMetadata(outcome, context);
}

/** `GET /streams/{stream}/metadata/{event}[/backward]/{count}` */
function readMetadataBackwardPage(context: RequestContext): Promise<Response> {
  const streamName = metastreamOf(describedStreamOf(context));
  const range = readBackwardRange(
    segmentAt(context, METADATA_URI_SEGMENTS),
    segmentAt(context, -1),
  );
  return answerStreamPage(streamName, range, context);
}

/** `GET /streams/{stream}/metadata/{event}/forward/{count}` */
function readMetadataForwardPage(context: RequestContext): Promise<Response> {
  const streamName = metastreamOf(describedStreamOf(context));
  const range = readForwardRange(
    segmentAt(context, METADATA_URI_SEGMENTS),
    segmentAt(context, -1),
  );
  return answerStreamPage(streamName, range, context);
}

/**
 * Name of the stream that `/streams/{stream}/metadata…` describes.
 *
 * @throws {Refusal} If it is a metastream itself.
 */
function describedStreamOf(context: RequestContext): string {
  const streamName = streamNameOf(context);
  if (isMetastream(streamName)) {
    throw malformed(
      "Stream must be non-empty string and should not be metastream",
    );
  }
  return streamName;
}
