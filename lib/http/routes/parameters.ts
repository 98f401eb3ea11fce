/**
 * Parameters and headers that routes of several resources read or answer with,
 * and what they mean.
 *
 * @module
 */

import { REQUEST_HEADERS as NAMES } from "../request_headers.ts";
import type { Meanings } from "../route.ts";

/** Placeholders of the routes of streams. */
export const STREAM_PATH: Meanings = {
  stream: "Name of the stream",
  guid: "Id of the event, a UUID",
  event: "Number of the event, or head",
  count: "How many numbers to look at",
  position: "Position in the log: commit and prepare as 32 hexadecimal " +
    "digits, or head",
};

const FORMAT: Meanings = {
  format: "Type of the answer instead of Accept: xml, json, …",
};

/** Parameters of a read of one event. */
export const EVENT_QUERY: Meanings = FORMAT;

/** Parameters of a feed. */
export const FEED_QUERY: Meanings = {
  embed: "How much of its events a feed holds: none, content, rich, body, " +
    "pretty",
  ...FORMAT,
  from: "Where to begin: a number, head, last: and a number, or a time",
  asOf: "Shows the feed as it was at that time",
  "filter-type": "Only events of this type; a * at its end stands for any end",
  "filter-stream": "Only events of this stream; a * at its end stands for " +
    "any end",
  system: "Whether events of system streams are shown: true or false",
  "access_token": "Access token for opening a live feed",
};

const REQUIRE_MASTER: Meanings = {
  [NAMES.requireMaster]: "Accepted; has no effect on a single node",
};

const EXPECTED_VERSION: Meanings = {
  [NAMES.expectedVersion]:
    "Number that the stream's last event must have; -1 " +
    "for none, -2 for any, -4 for a stream that exists",
};

/** Headers of reads of events. */
export const EVENT_HEADERS: Meanings = {
  [NAMES.resolveLinkTos]: "false: return link events themselves",
  ...REQUIRE_MASTER,
  [NAMES.ifNoneMatch]: "ETag that the client knows",
};

/** Headers of reads of feeds. */
export const FEED_HEADERS: Meanings = {
  ...EVENT_HEADERS,
  [NAMES.longPoll]: "Seconds to wait for an event when the page is empty",
  [NAMES.lastEventId]: "Id of the last event that a live feed sent: it goes " +
    "on after it",
};

/** Headers of appends. */
export const APPEND_HEADERS: Meanings = {
  ...EXPECTED_VERSION,
  [NAMES.eventId]: "Id of the event, a UUID: the same one again is not " +
    "written twice",
  [NAMES.eventType]: "Type of the event",
  ...REQUIRE_MASTER,
};

/** Headers of deletes. */
export const DELETE_HEADERS: Meanings = {
  ...EXPECTED_VERSION,
  [NAMES.hardDelete]: "true: delete permanently",
  ...REQUIRE_MASTER,
};

/** Header of answers that lead elsewhere. */
export const LOCATION: Meanings = { Location: "Address of the new resource" };

/** Header of answers that may be kept. */
export const CACHEABLE: Meanings = {
  "Cache-Control": "How long the response may be cached",
};

/** Headers of answers that may be kept and depend on what is accepted. */
export const NEGOTIATED_CACHEABLE: Meanings = {
  ...CACHEABLE,
  Vary: "Accept: other clients may get another type",
};

/** Headers of representations of streams and events. */
export const VERSIONED: Meanings = {
  ETag: "Identifies this version, for If-None-Match",
  ...NEGOTIATED_CACHEABLE,
};
