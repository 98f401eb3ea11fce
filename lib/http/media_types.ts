/**
 * The media types that the interface speaks, and the sets of them that routes
 * take and offer (spec: http-api §2.2).
 *
 * @module
 */

import { mediaTypeHash } from "../formats/atom/feed.ts";

/** What a body looks like, whatever name it goes by. */
export type BodyForm =
  | "streamDescription"
  | "atomXml"
  | "atomJson"
  | "xml"
  | "json"
  | "eventXml"
  | "eventJson"
  | "bytes"
  | "html"
  | "text"
  | "eventStream";

/** A media type. There is one object for each: compare them by identity. */
export interface MediaType {
  /** `type/subtype`, lower case. */
  readonly name: string;
  readonly form: BodyForm;
  /** Value of `Content-Type` on answers of this type. */
  readonly contentType: string;
  /** Second half of ETags of this type (spec: http-api §6.3). */
  readonly etagHash: number;
}

/** Types that a route takes or offers; the first is the default. */
export type MediaTypeSet = readonly [MediaType, ...MediaType[]];

const VENDOR = "application/vnd.eventstore.";

export const STREAM_DESCRIPTION = textType(
  VENDOR + "streamdesc+json",
  "streamDescription",
);
export const ATOM_XML = textType("application/atom+xml", "atomXml");
export const ATOM_JSON = textType(VENDOR + "atom+json", "atomJson");
/** Messages of persistent subscriptions. */
export const COMPETING_XML = textType(
  VENDOR + "competingatom+xml",
  "atomXml",
);
export const COMPETING_JSON = textType(
  VENDOR + "competingatom+json",
  "atomJson",
);
export const TEXT_XML = textType("text/xml", "xml");
export const APPLICATION_XML = textType("application/xml", "xml");
export const APPLICATION_JSON = textType("application/json", "json");
export const EVENT_XML = textType(VENDOR + "event+xml", "eventXml");
export const EVENT_JSON = textType(VENDOR + "event+json", "eventJson");
export const EVENTS_XML = textType(VENDOR + "events+xml", "eventXml");
export const EVENTS_JSON = textType(VENDOR + "events+json", "eventJson");
export const TEXT_HTML = textType("text/html", "html");
/** Live feeds: an addition to the original's types. */
export const EVENT_STREAM = textType("text/event-stream", "eventStream");
/** Value of `Content-Type` of an export. */
export const EXPORT_CONTENT_TYPE = "application/x-ndjson";
export const TEXT_PLAIN = textType("text/plain", "text");
/** Bytes as they are: the one type without a charset. */
export const OCTET_STREAM: MediaType = {
  name: "application/octet-stream",
  form: "bytes",
  contentType: "application/octet-stream",
  etagHash: mediaTypeHash("application/octet-stream"),
};

const ATOM_EXCEPT_LAST = [
  STREAM_DESCRIPTION,
  ATOM_XML,
  ATOM_JSON,
  TEXT_XML,
  APPLICATION_XML,
  APPLICATION_JSON,
  EVENT_XML,
  EVENT_JSON,
  EVENTS_XML,
  EVENTS_JSON,
] as const;

export const ATOM: MediaTypeSet = [...ATOM_EXCEPT_LAST, OCTET_STREAM];
export const ATOM_OR_HTML: MediaTypeSet = [...ATOM_EXCEPT_LAST, TEXT_HTML];
/** Of pages that go on as live feeds. */
export const FEED: MediaTypeSet = [...ATOM_OR_HTML, EVENT_STREAM];
export const ATOM_WITHOUT_BATCHES: MediaTypeSet = [
  ATOM_XML,
  ATOM_JSON,
  TEXT_XML,
  APPLICATION_XML,
  APPLICATION_JSON,
];
export const EVENT: MediaTypeSet = [
  ATOM_XML,
  ATOM_JSON,
  TEXT_XML,
  APPLICATION_XML,
  APPLICATION_JSON,
  EVENT_XML,
  EVENT_JSON,
  OCTET_STREAM,
  TEXT_HTML,
];
export const JSON_OR_TEXT_XML: MediaTypeSet = [APPLICATION_JSON, TEXT_XML];
export const JSON_ALONE: MediaTypeSet = [APPLICATION_JSON];
export const JSON_OR_TEXT: MediaTypeSet = [APPLICATION_JSON, TEXT_PLAIN];
export const STATS: MediaTypeSet = [
  APPLICATION_JSON,
  TEXT_XML,
  APPLICATION_XML,
];
export const GOSSIP: MediaTypeSet = [
  APPLICATION_JSON,
  APPLICATION_XML,
  TEXT_XML,
  TEXT_PLAIN,
];
/** Of the page about the interface. */
export const API_PAGE: MediaTypeSet = [TEXT_HTML];
export const ADMIN: MediaTypeSet = [
  TEXT_PLAIN,
  APPLICATION_JSON,
  TEXT_XML,
  APPLICATION_XML,
];
export const JSON_XML_TEXT: MediaTypeSet = [
  APPLICATION_JSON,
  TEXT_XML,
  APPLICATION_XML,
  TEXT_PLAIN,
];

/** Whether a browser would take a body of this type for an XML document. */
export function isXml(type: MediaType): boolean {
  return type.form === "xml" || type.form === "atomXml" ||
    type.form === "eventXml";
}

/** Whether a body of this type is JSON. */
export function isJson(type: MediaType): boolean {
  return type.form === "json" || type.form === "atomJson" ||
    type.form === "eventJson" || type.form === "streamDescription";
}

function textType(name: string, form: BodyForm): MediaType {
  return {
    name,
    form,
    contentType: name + "; charset=utf-8",
    etagHash: mediaTypeHash(name),
  };
}
