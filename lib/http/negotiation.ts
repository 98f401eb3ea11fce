/**
 * Which type a request's body is, and which type its answer takes
 * (spec: http-api §3).
 *
 * `accepts()` of `@std/http` is not used: it leaves out types with `q=0`, breaks
 * ties by the server's order and prefers specific ranges; the interface does
 * none of it.
 *
 * @module
 */

import {
  APPLICATION_JSON,
  ATOM_JSON,
  ATOM_XML,
  EVENT_STREAM,
  type MediaType,
  type MediaTypeSet,
  OCTET_STREAM,
  TEXT_HTML,
  TEXT_PLAIN,
  TEXT_XML,
} from "./media_types.ts";

/**
 * What clients sent lately and what it came to. Clients send few different
 * headers, so a small table saves nearly all parsing; a client that sends many
 * only empties it.
 */
class Memo {
  readonly #byText = new Map<string, MediaType | undefined>();

  get(
    text: string,
    decide: (text: string) => MediaType | undefined,
  ): MediaType | undefined {
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

const requestMemos = new Map<MediaTypeSet, Memo>();
const responseMemos = new Map<MediaTypeSet, Memo>();

/**
 * Finds the type of a request's body.
 *
 * @param contentType The Content-Type header.
 * @returns `undefined` when the route doesn't take it: 415.
 */
export function negotiateRequest(
  taken: MediaTypeSet,
  contentType: string | null,
): MediaType | undefined {
  if (contentType === null) return undefined;
  return memoOf(requestMemos, taken).get(
    contentType,
    (text) => decideRequest(taken, text),
  );
}

/** What a client says about the answer it wants. */
export interface ResponseWish {
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
  if (accept === null) return withoutAccept ?? offered[0];
  if (withoutAccept !== undefined && accept === "*/*") return withoutAccept;
  return memoOf(responseMemos, offered).get(
    accept,
    (text) => decideResponse(offered, text),
  );
}

/** `html` and `sse` are additions to the original's. */
const FORMATS: ReadonlyMap<string, MediaType> = new Map([
  ["json", APPLICATION_JSON],
  ["xml", TEXT_XML],
  ["atom", ATOM_XML],
  ["atomxj", ATOM_JSON],
  ["text", TEXT_PLAIN],
  ["html", TEXT_HTML],
  ["sse", EVENT_STREAM],
]);

function memoOf(memos: Map<MediaTypeSet, Memo>, set: MediaTypeSet): Memo {
  let memo = memos.get(set);
  if (memo === undefined) memos.set(set, memo = new Memo());
  return memo;
}

/** Compares case-sensitively and untrimmed, as the original does. */
function decideRequest(
  taken: MediaTypeSet,
  contentType: string,
): MediaType | undefined {
  const [name, ...parameters] = contentType.split(";");
  const type = taken.find((candidate) => candidate.name === name);
  if (type === undefined) return undefined;
  for (const parameter of parameters) {
    const separator = parameter.indexOf("=");
    if (separator < 0) continue;
    if (parameter.slice(0, separator).trim().toLowerCase() !== "charset") {
      continue;
    }
    const charset = parameter.slice(separator + 1).trim()
      .replace(/^"(.*)"$/, "$1").toLowerCase();
    if (type === OCTET_STREAM || charset !== "utf-8") return undefined;
  }
  return type;
}

interface MediaRange {
  readonly type: string;
  readonly subtype: string;
  readonly quality: number;
}

function decideResponse(
  offered: MediaTypeSet,
  accept: string,
): MediaType | undefined {
  const ranges = accept.split(",")
    .map(parseRange)
    .filter((range) => range !== undefined)
    .sort((a, b) => b.quality - a.quality);
  for (const range of ranges) {
    const suitable = offered.find((type) => isInRange(type, range));
    if (suitable !== undefined) return suitable;
  }
  return undefined;
}

/**
 * Blanks before a range stay part of its name, so that a range after `, ` is
 * never met: recorded, and what clients of the original have to live with.
 */
function parseRange(text: string): MediaRange | undefined {
  const [name = "", ...parameters] = text.split(";");
  const [type, subtype] = name.trimEnd().toLowerCase().split("/");
  if (type === undefined || subtype === undefined) return undefined;
  let quality = 1;
  for (const parameter of parameters) {
    const separator = parameter.indexOf("=");
    if (parameter.slice(0, separator).trim().toLowerCase() !== "q") continue;
    const value = parameter.slice(separator + 1).trim();
    const number = value === "" ? NaN : Number(value);
    quality = Number.isFinite(number) ? number : 1;
  }
  return { type, subtype, quality };
}

function isInRange(type: MediaType, range: MediaRange): boolean {
  if (range.type === "*") return true;
  const separator = type.name.indexOf("/");
  return type.name.slice(0, separator) === range.type &&
    (range.subtype === "*" || type.name.slice(separator + 1) === range.subtype);
}
