/**
 * What the routes of streams do, in words.
 *
 * @module
 */

import type {
  AnswerDescription,
  RouteDescription,
} from "../openapi/description.ts";
import { REQUEST_HEADERS as HEADERS } from "../header_names.ts";
import { FEED_QUERY_NAMES } from "../query.ts";

const STREAMS = "Streams";
const METADATA = "Metadata";
const LOG = "The whole log";

const PAGE_QUERY = [...FEED_QUERY_NAMES, "access_token"];
const FEED_HEADERS = [
  HEADERS.resolveLinkTos,
  HEADERS.requireMaster,
  HEADERS.ifNoneMatch,
];
const LIVE_HEADERS = [...FEED_HEADERS, HEADERS.longPoll, HEADERS.lastEventId];
const FEED_SCHEMAS = { atomJson: "Feed", json: "Feed" };
const EVENT_SCHEMAS = { atomJson: "Entry" };

const PAGE_ANSWERS: Readonly<Record<number, AnswerDescription>> = {
  200: {
    text: "A page of the feed, newest first, without what the client may " +
      "not read; as text/event-stream, a live feed that goes on",
    headers: ["ETag", "Cache-Control", "Vary"],
  },
  304: { text: "The client's copy of the feed is current", content: "nothing" },
  307: {
    text: "Where the page begins that was asked for by time or place",
    headers: ["Location"],
  },
  404: { text: "No such stream" },
  410: { text: "The stream is permanently deleted" },
};

const EVENT_ANSWERS: Readonly<Record<number, AnswerDescription>> = {
  200: {
    text: "The event",
    headers: ["ETag", "Cache-Control", "Vary"],
  },
  304: {
    text: "The client's copy of the event is current",
    content: "nothing",
  },
  404: { text: "No such stream or event" },
  410: { text: "The stream is permanently deleted" },
};

const APPEND_ANSWERS: Readonly<Record<number, AnswerDescription>> = {
  201: {
    text:
      "Written, or recognised as written before; Location is the first event",
    headers: ["Location"],
  },
  307: {
    text: "No event id was given: where to send the same again, so that it " +
      "may be repeated",
    headers: ["Location"],
  },
  400: {
    text: "The body or a header makes no sense, or the stream is not as " +
      "expected",
    headers: ["ES-CurrentVersion"],
  },
  410: { text: "The stream is permanently deleted" },
  507: { text: "The disk is full" },
};

const APPEND_HEADERS = [
  HEADERS.expectedVersion,
  HEADERS.eventId,
  HEADERS.eventType,
  HEADERS.requireMaster,
];

const EVENTS_BODY = "One event as its data, with its id and type in headers " +
  "or in the address; or an array of events, as events+json or events+xml";

/** By handler. */
export const STREAM_DESCRIPTIONS = {
  append: {
    tag: STREAMS,
    summary: "Append events",
    details: "All of them or none.",
    access: "accessList",
    headers: APPEND_HEADERS,
    body: EVENTS_BODY,
    bodySchemas: { eventJson: "WrittenEvents" },
    answers: APPEND_ANSWERS,
  },
  appendIncoming: {
    tag: STREAMS,
    summary: "Append one event whose id is in the address",
    details: "Where an append without an event id is sent on to.",
    access: "accessList",
    headers: APPEND_HEADERS,
    body: "Data of the event, with its type in a header",
    answers: APPEND_ANSWERS,
  },
  deleteStream: {
    tag: STREAMS,
    summary: "Delete a stream",
    details: "It may be written again, unless it is deleted for ever by " +
      `${HEADERS.hardDelete}. A list of the system, such as $ce-orders, is ` +
      "hidden until its next entry; it cannot be deleted for ever.",
    access: "accessList",
    headers: [
      HEADERS.expectedVersion,
      HEADERS.hardDelete,
      HEADERS.requireMaster,
    ],
    answers: {
      204: { text: "Deleted" },
      400: { text: "The stream is not at the expected version" },
      410: { text: "The stream was already permanently deleted" },
      507: { text: "The disk is full" },
    },
  },
  readHeadPage: {
    tag: STREAMS,
    summary: "The newest events of a stream",
    access: "accessList",
    query: PAGE_QUERY,
    headers: LIVE_HEADERS,
    answers: PAGE_ANSWERS,
    schemas: FEED_SCHEMAS,
  },
  readBackwardPage: {
    tag: STREAMS,
    summary: "A page of a stream, from a number down",
    access: "accessList",
    query: PAGE_QUERY,
    headers: LIVE_HEADERS,
    answers: PAGE_ANSWERS,
    schemas: FEED_SCHEMAS,
  },
  readForwardPage: {
    tag: STREAMS,
    summary: "A page of a stream, from a number up",
    details: `With ${HEADERS.longPoll}, one without events is held until ` +
      "there are some.",
    access: "accessList",
    query: PAGE_QUERY,
    headers: LIVE_HEADERS,
    answers: PAGE_ANSWERS,
    schemas: FEED_SCHEMAS,
  },
  readEvent: {
    tag: STREAMS,
    summary: "One event",
    access: "accessList",
    query: ["format"],
    headers: FEED_HEADERS,
    answers: EVENT_ANSWERS,
    schemas: EVENT_SCHEMAS,
  },
  writeMetadata: {
    tag: METADATA,
    summary: "Write the metadata of a stream",
    access: "accessList",
    headers: APPEND_HEADERS,
    body: "The metadata as one JSON object, or an event that has it as data",
    bodySchemas: { eventJson: "WrittenEvents" },
    answers: APPEND_ANSWERS,
  },
  readMetadata: {
    tag: METADATA,
    summary: "The metadata of a stream, or an earlier version of it",
    access: "accessList",
    query: ["format"],
    headers: FEED_HEADERS,
    answers: EVENT_ANSWERS,
    schemas: EVENT_SCHEMAS,
  },
  readMetadataBackwardPage: {
    tag: METADATA,
    summary: "Versions of a stream's metadata, from a number down",
    access: "accessList",
    query: PAGE_QUERY,
    headers: LIVE_HEADERS,
    answers: PAGE_ANSWERS,
    schemas: FEED_SCHEMAS,
  },
  readMetadataForwardPage: {
    tag: METADATA,
    summary: "Versions of a stream's metadata, from a number up",
    access: "accessList",
    query: PAGE_QUERY,
    headers: LIVE_HEADERS,
    answers: PAGE_ANSWERS,
    schemas: FEED_SCHEMAS,
  },
  readAllHeadPage: {
    tag: LOG,
    summary: "The newest events of all",
    details: "By default for members of $admins.",
    access: "accessList",
    query: PAGE_QUERY,
    headers: LIVE_HEADERS,
    answers: PAGE_ANSWERS,
    schemas: FEED_SCHEMAS,
  },
  readAllBackwardPage: {
    tag: LOG,
    summary: "A page of all events, from a position down",
    access: "accessList",
    query: PAGE_QUERY,
    headers: LIVE_HEADERS,
    answers: PAGE_ANSWERS,
    schemas: FEED_SCHEMAS,
  },
  readAllForwardPage: {
    tag: LOG,
    summary: "A page of all events, from a position up",
    access: "accessList",
    query: PAGE_QUERY,
    headers: LIVE_HEADERS,
    answers: PAGE_ANSWERS,
    schemas: FEED_SCHEMAS,
  },
  redirectToUnslashed: {
    tag: "Redirects",
    summary: "Redirect to the address without the trailing slash",
    access: "everybody",
    body: "The body that the other address takes",
    answers: {
      307: {
        text: "Where to repeat the request",
        headers: ["Location", "Cache-Control"],
      },
    },
  },
} as const satisfies Readonly<Record<string, RouteDescription>>;
