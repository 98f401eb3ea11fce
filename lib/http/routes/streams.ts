/**
 * Streams: appending to them, deleting them, their pages and events
 * (spec: http-api §2.3).
 *
 * @module
 */

import {
  type AnswerDescription,
  APPEND,
  READ,
  type Route,
  type Schema,
  UNNARROWED,
} from "../route.ts";
import { answerAppend, logRights, streamUriOf } from "../appending.ts";
import { type RequestContext, segmentAt, streamNameOf } from "../context.ts";
import { renderDescription } from "../../formats/atom/description.ts";
import { feedOfStream } from "../../formats/atom/feed.ts";
import type { PageRange } from "../../model/feed.ts";
import { parseEventId } from "../../text/uuid.ts";
import { answerPage } from "../feed_pages.ts";
import {
  HEAD_PAGE,
  readBackwardRange,
  readEventNumber,
  readForwardRange,
} from "../feed_request.ts";
import { answerEvent, resolvesLinks } from "../single_events.ts";
import { malformed, PROBLEMS } from "../errors.ts";
import {
  checkRequireMaster,
  readEventId,
  readEventType,
  readExpectedVersion,
  readHardDelete,
} from "../request_headers.ts";
import {
  bareResponse,
  documentResponse,
  problemResponse,
  redirectResponse,
} from "../respond.ts";
import { escapeForUri } from "../router.ts";
import {
  ATOM,
  ATOM_JSON,
  ATOM_WITHOUT_BATCHES,
  EVENT,
  FEED,
  STREAM_DESCRIPTION,
} from "../negotiation.ts";
import { REQUEST_HEADERS as HEADERS } from "../request_headers.ts";
import {
  APPEND_HEADERS,
  DELETE_HEADERS,
  EVENT_HEADERS,
  EVENT_QUERY,
  FEED_HEADERS,
  FEED_QUERY,
  LOCATION,
  STREAM_PATH,
  VERSIONED,
} from "./parameters.ts";
import { unslashed } from "./redirects.ts";
import { FLAG, listOf, objectOf, TEXT } from "./schemas.ts";

const LINKS = listOf(
  objectOf({ uri: TEXT, relation: TEXT }, ["uri", "relation"]),
);

const ENTRY_SCHEMA: Schema = {
  name: "Entry",
  shape: {
    description: "An event as an entry of a feed.",
    ...objectOf({
      title: TEXT,
      id: TEXT,
      updated: TEXT,
      summary: TEXT,
      content: {},
      links: LINKS,
    }, ["title", "id", "updated", "summary", "links"]),
  },
};

const FEED_SCHEMA: Schema = {
  name: "Feed",
  shape: {
    description: "A page of a feed.",
    ...objectOf({
      title: TEXT,
      id: TEXT,
      updated: TEXT,
      streamId: TEXT,
      headOfStream: FLAG,
      selfUrl: TEXT,
      eTag: TEXT,
      links: LINKS,
      entries: listOf({ $ref: "#/components/schemas/Entry" }),
    }, ["title", "id", "updated", "links", "entries"]),
  },
};

const WRITTEN_EVENTS_SCHEMA: Schema = {
  name: "WrittenEvents",
  shape: {
    description: "Events to append.",
    ...listOf(objectOf({
      eventId: { type: "string", format: "uuid" },
      eventType: TEXT,
      data: {},
      metadata: {},
    }, ["eventId", "eventType"])),
  },
};

const DISK_FULL: AnswerDescription = { text: "The disk is full" };
const DELETED: AnswerDescription = {
  text: "The stream is permanently deleted",
};

/** Properties that pages of feeds share. */
export const FEED_PAGE = {
  method: "GET",
  // A feed asked for with any type is atom+json, on every route alike.
  response: FEED,
  withoutAccept: ATOM_JSON,
  scopes: READ,
  access: "accessList",
  path: STREAM_PATH,
  query: FEED_QUERY,
  headers: FEED_HEADERS,
  answers: {
    200: {
      text: "A page of the feed, newest first, without what the client may " +
        "not read; as text/event-stream, a live feed",
      headers: VERSIONED,
    },
    304: {
      text: "The client's copy of the feed is current",
      content: "nothing",
    },
    307: {
      text: "Redirects to the page that the time or place selects",
      headers: LOCATION,
    },
    404: { text: "No such stream" },
    410: DELETED,
  },
  schemas: { atomJson: FEED_SCHEMA, json: FEED_SCHEMA },
} as const satisfies Partial<Route>;

/** Properties that reads of single events share. */
export const ONE_EVENT = {
  method: "GET",
  response: EVENT,
  scopes: READ,
  access: "accessList",
  path: STREAM_PATH,
  query: EVENT_QUERY,
  headers: EVENT_HEADERS,
  answers: {
    200: { text: "The event", headers: VERSIONED },
    404: { text: "No such stream or event" },
    410: DELETED,
  },
  schemas: { atomJson: ENTRY_SCHEMA },
} as const satisfies Partial<Route>;

/** Properties that appends share. */
export const APPENDING = {
  method: "POST",
  request: ATOM,
  response: ATOM,
  access: "accessList",
  path: STREAM_PATH,
  headers: APPEND_HEADERS,
  bodySchemas: { eventJson: WRITTEN_EVENTS_SCHEMA },
  answers: {
    201: {
      text: "Written, or recognised as written before; Location is the first " +
        "event",
      headers: LOCATION,
    },
    307: {
      text: "No event id was given: where to send the same again, so that it " +
        "may be repeated",
      headers: LOCATION,
    },
    400: {
      text: "The body or a header is invalid, or the stream is not at the " +
        "expected version",
      headers: {
        "ES-CurrentVersion": "Number of the stream's last event, when it was " +
          "not the expected one",
      },
    },
    410: DELETED,
    507: DISK_FULL,
  },
} as const satisfies Partial<Route>;

const DELETING = {
  method: "DELETE",
  response: ATOM,
  scopes: UNNARROWED,
  path: STREAM_PATH,
} as const satisfies Partial<Route>;

const STREAM = { tag: "Streams" } as const;

/** Part of `ROUTES`. */
export const STREAM_ROUTES: readonly Route[] = [
  {
    ...STREAM,
    ...APPENDING,
    template: "/streams/{stream}",
    scopes: APPEND,
    handler: appendEvents,
    summary: "Append events",
    details: "All of them or none.",
    body: "One event as its data, with its id and type in headers or in the " +
      "address; or an array of events, as events+json or events+xml",
  },
  {
    ...STREAM,
    ...DELETING,
    template: "/streams/{stream}",
    access: "accessList",
    handler: deleteStream,
    summary: "Delete a stream",
    details: "It may be written again, unless it is deleted for ever by " +
      `${HEADERS.hardDelete}. A list of the system, such as $ce-orders, is ` +
      "hidden until its next entry; it cannot be deleted for ever.",
    headers: DELETE_HEADERS,
    answers: {
      204: { text: "Deleted" },
      400: { text: "The stream is not at the expected version" },
      410: { text: "The stream was already permanently deleted" },
      507: DISK_FULL,
    },
  },
  {
    ...STREAM,
    ...FEED_PAGE,
    template: "/streams/{stream}",
    handler: readHeadPage,
    summary: "The newest events of a stream",
  },
  unslashed({ ...APPENDING, scopes: APPEND, template: "/streams/{stream}/" }),
  unslashed({ ...DELETING, template: "/streams/{stream}/" }),
  unslashed({ ...FEED_PAGE, response: ATOM, template: "/streams/{stream}/" }),
  {
    ...STREAM,
    ...APPENDING,
    template: "/streams/{stream}/incoming/{guid}",
    request: ATOM_WITHOUT_BATCHES,
    response: ATOM_WITHOUT_BATCHES,
    scopes: APPEND,
    handler: appendIncoming,
    summary: "Append one event whose id is in the address",
    details: "Where an append without an event id is sent on to.",
    body: "Data of the event, with its type in a header",
  },
  {
    ...STREAM,
    ...ONE_EVENT,
    template: "/streams/{stream}/{event}",
    handler: readEvent,
    summary: "One event",
  },
  {
    ...STREAM,
    ...FEED_PAGE,
    template: "/streams/{stream}/{event}/{count}",
    handler: readBackwardPage,
    summary: "A page of a stream, from a number down",
  },
  {
    ...STREAM,
    ...FEED_PAGE,
    template: "/streams/{stream}/{event}/backward/{count}",
    handler: readBackwardPage,
    summary: "A page of a stream, from a number down",
  },
  {
    ...STREAM,
    ...FEED_PAGE,
    template: "/streams/{stream}/{event}/forward/{count}",
    handler: readForwardPage,
    summary: "A page of a stream, from a number up",
    details: `With ${HEADERS.longPoll}, one without events is held until ` +
      "there are some.",
  },
];

/** `POST /streams/{stream}` */
function appendEvents(context: RequestContext): Response | Promise<Response> {
  const { headers } = context.request;
  const streamName = streamNameOf(context);
  const hasOwnIds = namesEventsItself(context);
  const eventType = hasOwnIds ? undefined : readEventType(headers);
  if (!hasOwnIds && eventType === undefined) {
    throw malformed(
      "Must include an event type with the request either in body or as " +
        "ES-EventType header.",
    );
  }
  const eventId = readEventId(headers);
  if (!hasOwnIds && eventId === undefined) {
    return redirectToIncoming(streamName, context);
  }
  return answerAppend(
    {
      streamName,
      eventId,
      eventType,
      write: (read) =>
        context.services.streams.append(context.caller, {
          streamName,
          ...read,
        }),
    },
    context,
  );
}

/** Whether ids and types stand in the body, and headers need not name them. */
function namesEventsItself({ requestType }: RequestContext): boolean {
  const form = requestType?.form;
  return form === "eventJson" || form === "eventXml" ||
    form === "streamDescription";
}

/** A new URI that makes repeating the request harmless (spec: streams §2.5). */
function redirectToIncoming(
  streamName: string,
  context: RequestContext,
): Response {
  const { target, allowedMethods } = context;
  const query = target.query === "" ? "" : "?" + escapeForUri(target.query);
  const streamUri = streamUriOf(streamName, context);
  return redirectResponse({
    status: 307,
    location: `${streamUri}/incoming/${context.services.newId()}${query}`,
    text: "Forwarding to idempotent URI",
    isPermanent: false,
  }, allowedMethods);
}

/** `POST /streams/{stream}/incoming/{guid}` */
function appendIncoming(context: RequestContext): Promise<Response> {
  const streamName = streamNameOf(context);
  const eventId = parseEventId(segmentAt(context, 3));
  if (eventId === undefined) {
    throw malformed("Invalid request. Unable to parse guid");
  }
  return answerAppend(
    {
      streamName,
      eventId,
      eventType: readEventType(context.request.headers),
      write: (read) =>
        context.services.streams.append(context.caller, {
          streamName,
          ...read,
        }),
    },
    context,
  );
}

/** `DELETE /streams/{stream}` */
async function deleteStream(context: RequestContext): Promise<Response> {
  const { allowedMethods, caller } = context;
  const { headers } = context.request;
  const streamName = streamNameOf(context);
  const expectedVersion = readExpectedVersion(headers);
  checkRequireMaster(headers);
  const isHard = readHardDelete(headers);
  const outcome = await context.services.streams.deleteStream(caller, {
    streamName,
    expectedVersion,
    isHard,
  });
  switch (outcome.kind) {
    case "done":
      logRights(streamName, outcome.rights, context);
      return bareResponse(204, PROBLEMS.deletedWrite.text, allowedMethods);
    case "conflict":
      return problemResponse(PROBLEMS.conflict, allowedMethods);
    case "deleted":
      return problemResponse(PROBLEMS.deletedWrite, allowedMethods);
    case "unauthorized":
      return problemResponse(PROBLEMS.unauthorized, allowedMethods);
  }
}

/** `GET /streams/{stream}` */
function readHeadPage(context: RequestContext): Response | Promise<Response> {
  if (context.responseType?.form === "streamDescription") {
    return describeStream(200, context);
  }
  return answerStreamPage(streamNameOf(context), undefined, context);
}

/** `GET /streams/{stream}/{event}/{count}` and `…/{event}/backward/{count}` */
function readBackwardPage(
  context: RequestContext,
): Response | Promise<Response> {
  if (context.responseType?.form === "streamDescription") {
    return describeStream(200, context);
  }
  const event = segmentAt(context, 2);
  // A URI to post to is no page: a client that asks for it without saying what
  // for is told what there is instead.
  if (event === "incoming" && acceptsAnything(context)) {
    return describeStream(406, context);
  }
  const range = readBackwardRange(event, segmentAt(context, -1));
  return answerStreamPage(streamNameOf(context), range, context);
}

/** `GET /streams/{stream}/{event}/forward/{count}` */
function readForwardPage(context: RequestContext): Promise<Response> {
  const range = readForwardRange(
    segmentAt(context, 2),
    segmentAt(context, -1),
  );
  return answerStreamPage(streamNameOf(context), range, context);
}

/**
 * Answers with a page of a stream.
 *
 * @param range Undefined: the newest one, for the stream as a whole.
 */
export function answerStreamPage(
  streamName: string,
  range: PageRange | undefined,
  context: RequestContext,
): Promise<Response> {
  const shown = range ?? HEAD_PAGE;
  return answerPage(
    {
      streamName,
      isAll: false,
      range: shown,
      isWhole: range === undefined,
      read: (options) =>
        context.services.streams.readFeed(context.caller, {
          streamName,
          range: shown,
          ...options,
        }),
      feedOf: feedOfStream,
    },
    context,
  );
}

/**
 * The description document: which types a stream can be had in, whether it
 * exists or not (spec: http-api §3.4).
 */
function describeStream(status: 200 | 406, context: RequestContext): Response {
  const { subscriptions } = context.services;
  const streamName = streamNameOf(context);
  const groups = subscriptions?.groupNamesOf(streamName);
  return documentResponse({
    status,
    type: STREAM_DESCRIPTION,
    body: renderDescription(streamName, groups),
    statusText: status === 406 && !context.request.headers.has("Accept")
      ? "We are unable to represent the stream in the format requested."
      : "Description Document",
  }, context.allowedMethods);
}

function acceptsAnything({ request, query }: RequestContext): boolean {
  const accept = request.headers.get("Accept");
  return query.format === undefined && (accept === null || accept === "*/*");
}

/** `GET /streams/{stream}/{event}` */
function readEvent(context: RequestContext): Response | Promise<Response> {
  const eventNumber = readEventNumber(segmentAt(context, 2));
  const outcome = context.services.streams.readEvent(context.caller, {
    streamName: streamNameOf(context),
    eventNumber,
    resolveLinks: resolvesLinks(context),
  });
  return outcome instanceof Promise
    ? outcome.then((later) => answerEvent(later, context))
    : answerEvent(outcome, context);
}
