/**
 * The media types that the interface speaks (spec: http-api §2.2), which of them
 * a request's body is, and which its answer takes (§3).
 *
 * Blanks around commas and parameters mean nothing, and neither does the case
 * of names (RFC 9110 §5.6.1, §8.3.1); the original compared them to the letter.
 *
 * `accepts()` of `@std/http` is not used: it leaves out types with `q=0`, breaks
 * ties by the server's order and prefers specific ranges. The original does none
 * of these.
 *
 * @module
 */

import { mediaTypeHash } from "../formats/atom/feed.ts";
import { type XmlEncoding, xmlEncodingOf } from "../text/xml_encoding.ts";

/** The form of a body, under all of its names. */
type BodyForm =
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
  | "form"
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
const TEXT_XML = textType("text/xml", "xml");
const APPLICATION_XML = textType("application/xml", "xml");
export const APPLICATION_JSON = textType("application/json", "json");
const EVENT_XML = textType(VENDOR + "event+xml", "eventXml");
const EVENT_JSON = textType(VENDOR + "event+json", "eventJson");
export const EVENTS_XML = textType(VENDOR + "events+xml", "eventXml");
const EVENTS_JSON = textType(VENDOR + "events+json", "eventJson");
export const TEXT_HTML = textType("text/html", "html");
/** Live feeds: an addition to the original's types. */
export const EVENT_STREAM = textType("text/event-stream", "eventStream");
/** Value of `Content-Type` of an export. */
export const EXPORT_CONTENT_TYPE = "application/x-ndjson";
/** Queries of projections. */
export const JAVASCRIPT = textType("application/javascript", "text");
export const TEXT_PLAIN = textType("text/plain", "text");
/** Forms of pages. */
export const FORM: MediaTypeSet = [
  textType("application/x-www-form-urlencoded", "form"),
];
/** The types of routes that have a page alone. */
export const HTML_ALONE: MediaTypeSet = [TEXT_HTML];
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
export const JSON_OR_TEXT_XML_OR_HTML: MediaTypeSet = [
  ...JSON_OR_TEXT_XML,
  TEXT_HTML,
];
/** Of users, which have pages. */
export const USERS: MediaTypeSet = [APPLICATION_JSON, TEXT_XML, TEXT_HTML];
export const JSON_ALONE: MediaTypeSet = [APPLICATION_JSON];
export const JSON_OR_HTML: MediaTypeSet = [APPLICATION_JSON, TEXT_HTML];
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

/**
 * Recent headers and their decisions. Clients send few different headers, so a
 * small table saves nearly all parsing; a client that sends many only empties
 * it.
 */
class Memo<Decision> {
  readonly #byText = new Map<string, Decision | undefined>();

  get(
    text: string,
    decide: (text: string) => Decision | undefined,
  ): Decision | undefined {
    const known = this.#byText.get(text);
    if (known !== undefined || this.#byText.has(text)) return known;
    const decision = decide(text);
    if (text.length <= MEMO_TEXT_LENGTH_MAX) {
      if (this.#byText.size >= MEMO_ENTRIES_MAX) this.#byText.clear();
      this.#byText.set(text, decision);
    }
    return decision;
  }
}

const MEMO_TEXT_LENGTH_MAX = 256;
const MEMO_ENTRIES_MAX = 128;

/** A type, or the default of the route for exactly any type. */
type OfferedType = MediaType | "anyType";

const requestMemos = new Map<MediaTypeSet, Memo<NegotiatedRequest>>();
const responseMemos = new Map<MediaTypeSet, Memo<OfferedType>>();

/** The type of a body by its Content-Type. */
interface NegotiatedRequest {
  readonly type: MediaType;
  /** The charset parameter; undefined without one. */
  readonly charset: XmlEncoding | undefined;
}

/**
 * Finds the type of a request's body.
 *
 * @param contentType The Content-Type header.
 * @returns `undefined` when the route doesn't take it: 415.
 */
export function negotiateRequest(
  taken: MediaTypeSet,
  contentType: string | null,
): NegotiatedRequest | undefined {
  if (contentType === null) return undefined;
  return memoOf(requestMemos, taken).get(
    contentType,
    (text) => decideRequest(taken, text),
  );
}

/** Whether a Content-Type header names a type at all: `type/subtype`. */
export function isMediaType(contentType: string | null): boolean {
  return /^\s*[\w!#$%&'*+.^`|~-]+\/[\w!#$%&'*+.^`|~-]+\s*(?:;|$)/.test(
    contentType ?? "",
  );
}

/** The type of answer that a client wants. */
interface ResponseWish {
  /** The Accept header. */
  readonly accept: string | null;
  /** The `format` parameter, lower case; it alone decides. */
  readonly format: string | undefined;
  /** Type for a client that says nothing; undefined: the set's first. */
  readonly withoutAccept: MediaType | undefined;
}

/**
 * Chooses the type of an answer.
 *
 * @returns `undefined` when nothing that is offered suits: 406.
 */
export function negotiateResponse(
  offered: MediaTypeSet,
  wish: ResponseWish,
): MediaType | undefined {
  const { accept, format, withoutAccept } = wish;
  if (format !== undefined) {
    const type = FORMATS.get(format);
    return type !== undefined && offered.includes(type) ? type : undefined;
  }
  const ofAnyType = withoutAccept ?? offered[0];
  if (accept === null) return ofAnyType;
  const decision = memoOf(responseMemos, offered).get(
    accept,
    (text) => decideResponse(offered, text),
  );
  return decision === "anyType" ? ofAnyType : decision;
}

/** `html`, `sse` and `raw` are additions to the original's. */
const FORMATS: ReadonlyMap<string, MediaType> = new Map([
  ["json", APPLICATION_JSON],
  ["xml", TEXT_XML],
  ["atom", ATOM_XML],
  ["atomxj", ATOM_JSON],
  ["text", TEXT_PLAIN],
  ["html", TEXT_HTML],
  ["sse", EVENT_STREAM],
  ["raw", OCTET_STREAM],
]);

function memoOf<Decision>(
  memos: Map<MediaTypeSet, Memo<Decision>>,
  set: MediaTypeSet,
): Memo<Decision> {
  let memo = memos.get(set);
  if (memo === undefined) memos.set(set, memo = new Memo<Decision>());
  return memo;
}

function decideRequest(
  taken: MediaTypeSet,
  contentType: string,
): NegotiatedRequest | undefined {
  const [essence = "", ...parameters] = contentType.split(";");
  const name = essence.trim().toLowerCase();
  const type = taken.find((candidate) => candidate.name === name);
  if (type === undefined) return undefined;
  let charset: XmlEncoding | undefined;
  for (const parameter of parameters) {
    const separator = parameter.indexOf("=");
    if (separator < 0) continue;
    if (parameter.slice(0, separator).trim().toLowerCase() !== "charset") {
      continue;
    }
    charset = xmlEncodingOf(
      parameter.slice(separator + 1).trim().replace(/^"(.*)"$/, "$1"),
    );
    if (charset === undefined || !maySay(type, charset)) return undefined;
  }
  return { type, charset };
}

/** Bytes have no charset, and all text is UTF-8, unless it is XML. */
function maySay(type: MediaType, charset: XmlEncoding): boolean {
  return type !== OCTET_STREAM && (charset === "utf-8" || isXml(type));
}

/**
 * The type that the range of the highest quality has; of equal ranges the first
 * that has any counts, and of its types the first offered. A list without
 * ranges is legal (RFC 9110 §12.5.1) and names no type, as no header does.
 */
function decideResponse(
  offered: MediaTypeSet,
  accept: string,
): OfferedType | undefined {
  if (NO_RANGE.test(accept)) return "anyType";
  let best: OfferedType | undefined;
  let bestQuality = -Infinity;
  for (const range of accept.split(",")) {
    const [essence = "", ...parameters] = range.split(";");
    const quality = qualityOf(parameters);
    if (quality <= bestQuality) continue;
    const suitable = range.trim() === "*/*"
      ? "anyType"
      : typeInRange(offered, essence.trim().toLowerCase());
    if (suitable === undefined) continue;
    best = suitable;
    bestQuality = quality;
  }
  return best;
}

/** Empty elements of a list count for nothing (RFC 9110 §5.6.1). */
const NO_RANGE = /^[\s,]*$/;

/** 1 where nothing, or no number, is said. */
function qualityOf(parameters: readonly string[]): number {
  let quality = 1;
  for (const parameter of parameters) {
    const separator = parameter.indexOf("=");
    if (parameter.slice(0, separator).trim().toLowerCase() !== "q") continue;
    const value = parameter.slice(separator + 1).trim();
    const number = value === "" ? NaN : Number(value);
    quality = Number.isFinite(number) ? number : 1;
  }
  return quality;
}

function typeInRange(
  offered: MediaTypeSet,
  range: string,
): MediaType | undefined {
  const [type = "", subtype] = range.split("/");
  if (subtype === undefined) return undefined;
  return offered.find(({ name }) =>
    type === "*" || name === `${type}/${subtype}` ||
    (subtype === "*" && name.startsWith(`${type}/`))
  );
}
