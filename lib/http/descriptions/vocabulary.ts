/**
 * What parameters, headers and statuses mean, wherever they occur.
 *
 * @module
 */

import type { Vocabulary } from "../../openapi/description.ts";
import { REQUEST_HEADERS as HEADERS } from "../header_names.ts";
import { SCHEMAS } from "./schemas.ts";

/** Words for the interface. */
export const VOCABULARY: Vocabulary = {
  path: {
    stream: "Name of the stream",
    guid: "Id of the event, a UUID",
    event: "Number of the event, or head",
    count: "How many numbers to look at",
    position: "Position in the log: commit and prepare as 32 hexadecimal " +
      "digits, or head",
    login: "Name of the user; $current in routes of tokens",
    token: "Id of the token",
    statPath: "Names that lead to a part, with slashes between them",
    path: "Name of the page: index.html",
    name: "Name of the histogram",
    id: "Id of the job",
  },
  query: {
    embed: "How much of its events a feed holds: none, content, rich, body, " +
      "pretty",
    format: "Type of the answer instead of Accept: xml, json, …",
    from: "Where to begin: a number, head, last: and a number, or a time",
    asOf: "Shows the feed as it was at that time",
    "filter-type":
      "Only events of this type; a * at its end stands for any end",
    "filter-stream": "Only events of this stream; a * at its end stands for " +
      "any end",
    system: "Whether events of system streams are shown: true or false",
    access_token: "Access token for opening a live feed",
    group: "false: one level of names joined by -",
    metadata: "true: what charts are called, too",
    stream: "Only this stream",
    category: "Only the streams of this category",
    "with-system": "true: streams of the system, too: users, tokens, " +
      "settings and metadata",
    startFromChunk: "Number of the first segment to look at",
    deep: "true: indexes are compared with the log entry by entry, too",
  },
  headers: {
    [HEADERS.expectedVersion]: "Number that the stream's last event must " +
      "have; -1 for none, -2 for any, -4 for a stream that exists",
    [HEADERS.eventId]: "Id of the event, a UUID: the same one again is not " +
      "written twice",
    [HEADERS.eventType]: "Type of the event",
    [HEADERS.requireMaster]: "Taken, and without meaning on a single node",
    [HEADERS.resolveLinkTos]: "false: links are shown as they are",
    [HEADERS.longPoll]: "Seconds for which a page without events is held",
    [HEADERS.hardDelete]: "true: deleted for ever",
    [HEADERS.ifNoneMatch]: "ETag that the client knows",
    [HEADERS.lastEventId]: "Id of the last event that a live feed sent: it " +
      "goes on after it",
  },
  answerHeaders: {
    ETag: "Names this state, for If-None-Match",
    "Cache-Control": "How long the answer may be kept",
    Vary: "Accept: other clients may get another type",
    Location: "Where it is",
    "ES-CurrentVersion": "Number of the stream's last event, when it was not " +
      "the expected one",
  },
  refusals: {
    400: "Something makes no sense; the text says what",
    401: "The login is wrong, missing, or may not do this",
    403:
      "A page of another origin asks, or the token's scopes do not allow this",
    406: "Accept names no type that this has",
    408: "The body came too slowly",
    411: "The body has no length",
    413: "The body is too large",
    414: "The name of the stream is too long",
    415: "Content-Type names no type that this takes, or the body has a " +
      "coding or an encoding that is not supported",
    429: "Too many at once, or too many wrong logins: come back later",
    500: "Something failed here; the text has the id of the request",
    503: "Too much is under way, or nothing can be written: come back later",
  },
  schemas: SCHEMAS,
};
