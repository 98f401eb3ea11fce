/**
 * What parameters, headers and statuses mean, wherever they occur.
 *
 * @module
 */

import type { Vocabulary } from "../openapi/description.ts";
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
    [HEADERS.requireMaster]: "Accepted; has no effect on a single node",
    [HEADERS.resolveLinkTos]: "false: return link events themselves",
    [HEADERS.longPoll]: "Seconds to wait for an event when the page is empty",
    [HEADERS.hardDelete]: "true: delete permanently",
    [HEADERS.ifNoneMatch]: "ETag that the client knows",
    [HEADERS.lastEventId]: "Id of the last event that a live feed sent: it " +
      "goes on after it",
  },
  answerHeaders: {
    ETag: "Identifies this version, for If-None-Match",
    "Cache-Control": "How long the response may be cached",
    Vary: "Accept: other clients may get another type",
    Location: "Address of the new resource",
    "ES-CurrentVersion": "Number of the stream's last event, when it was not " +
      "the expected one",
  },
  refusals: {
    400: "Bad request; the body explains why",
    401: "The credentials are missing or wrong, or do not grant this right",
    403:
      "The request comes from a page of a foreign origin, or is outside the token's scopes",
    406: "No media type in Accept is available here",
    408: "The body did not arrive in time",
    411: "The body's length is missing",
    413: "The body is too large",
    414: "The name of the stream is too long",
    415: "Content-Type names no type that this takes, or the body has a " +
      "coding or an encoding that is not supported",
    429:
      "Too many requests at once, or too many failed logins: try again later",
    500: "Internal error; the body has the id of the request",
    503:
      "The server is overloaded or cannot write at the moment: try again later",
  },
  schemas: SCHEMAS,
};
