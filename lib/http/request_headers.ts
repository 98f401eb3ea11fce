/**
 * Headers of requests: their names, and how they are decoded (spec: http-api
 * §6.1). Each is decoded only by the routes that use it.
 *
 * @module
 */

import { ifNoneMatch } from "@std/http/etag";
import type { ExpectedVersion } from "../model/expected_version.ts";
import { LIMITS } from "../model/limits.ts";
import { decodeUtf8IfValid } from "../text/utf8.ts";
import { parseEventId, ZERO_EVENT_ID } from "../text/uuid.ts";
import { malformed } from "./errors.ts";

/** Headers of requests; both spellings where documents and servers differ. */
export const REQUEST_HEADERS = {
  expectedVersion: "ES-ExpectedVersion",
  eventId: "ES-EventId",
  eventType: "ES-EventType",
  requireMaster: "ES-RequireMaster",
  requiresMaster: "ES-RequiresMaster",
  resolveLinkTos: "ES-ResolveLinkTos",
  resolveLinkTo: "ES-ResolveLinkTo",
  longPoll: "ES-LongPoll",
  hardDelete: "ES-HardDelete",
  ifNoneMatch: "If-None-Match",
  lastEventId: "Last-Event-ID",
} as const;

/** Header that names the request, both ways. */
export const REQUEST_ID_HEADER = "X-Request-Id";

const INT64_MAX = 2n ** 63n - 1n;
const INTEGER = /^[+-]?\d+$/;

/**
 * `ES-ExpectedVersion`; `"any"` without one.
 *
 * @throws {Refusal} If it is no version.
 */
export function readExpectedVersion(headers: Headers): ExpectedVersion {
  const text = headers.get(REQUEST_HEADERS.expectedVersion);
  if (text === null) return "any";
  const version = parseInteger(text);
  switch (version) {
    case -1:
      return "noStream";
    case -2:
      return "any";
    case -4:
      return "streamExists";
  }
  if (version === undefined || version < 0) {
    throw wrongFormat(REQUEST_HEADERS.expectedVersion);
  }
  return version;
}

/**
 * `ES-EventId` in its usual form; undefined without one.
 *
 * @throws {Refusal} If it is no UUID, or the one of zeros.
 */
export function readEventId(headers: Headers): string | undefined {
  const text = headers.get(REQUEST_HEADERS.eventId);
  if (text === null) return undefined;
  const eventId = parseEventId(text);
  if (eventId === undefined || eventId === ZERO_EVENT_ID) {
    throw wrongFormat(REQUEST_HEADERS.eventId);
  }
  return eventId;
}

/**
 * `ES-EventType`; undefined without one. Header values come as bytes, one a
 * character: they are taken for UTF-8 when they are UTF-8, else for Latin-1.
 */
export function readEventType(headers: Headers): string | undefined {
  const text = headers.get(REQUEST_HEADERS.eventType);
  if (text === null) return undefined;
  // deno-lint-ignore no-control-regex
  if (/^[\x00-\x7f]*$/.test(text)) return text;
  const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0));
  return decodeUtf8IfValid(bytes) ?? text;
}

/**
 * Checks `ES-Require(s)Master`, which one node always meets.
 *
 * @throws {Refusal} If it is neither true nor false.
 */
export function checkRequireMaster(headers: Headers): void {
  readFlag(headers, REQUEST_HEADERS.requireMaster);
  readFlag(headers, REQUEST_HEADERS.requiresMaster);
}

/**
 * `ES-ResolveLinkTo(s)`; true without one.
 *
 * @throws {Refusal} If it is neither true nor false.
 */
export function readResolveLinks(headers: Headers): boolean {
  return readFlag(headers, REQUEST_HEADERS.resolveLinkTos) ??
    readFlag(headers, REQUEST_HEADERS.resolveLinkTo) ?? true;
}

/**
 * `ES-HardDelete`; false without one.
 *
 * @throws {Refusal} If it is neither true nor false.
 */
export function readHardDelete(headers: Headers): boolean {
  return readFlag(headers, REQUEST_HEADERS.hardDelete) ?? false;
}

/**
 * `ES-LongPoll` in milliseconds, at most `LIMITS.longPollMsMax`; 0 without one.
 *
 * @throws {Refusal} If it is no positive number of seconds.
 */
export function readLongPollMs(headers: Headers): number {
  const text = headers.get(REQUEST_HEADERS.longPoll);
  if (text === null) return 0;
  const seconds = parseInteger(text);
  if (seconds === undefined || seconds <= 0) {
    throw wrongFormat(REQUEST_HEADERS.longPoll);
  }
  return Math.min(seconds * 1000, LIMITS.longPollMsMax);
}

/**
 * Whether a client has the representation with an ETag, as far as its
 * `If-None-Match` says: a list of ETags, which are compared weakly, or `*`
 * (RFC 9110 §13.1.2). Quotes around a single one may be missing, as in the
 * original.
 */
export function isKnownToClient(headers: Headers, etag: string): boolean {
  const known = headers.get(REQUEST_HEADERS.ifNoneMatch);
  if (known === null) return false;
  return known === etag || !ifNoneMatch(known.trim(), etag) ||
    `"${known.trim()}"` === etag;
}

function readFlag(headers: Headers, name: string): boolean | undefined {
  const text = headers.get(name);
  if (text === null) return undefined;
  switch (text.trim().toLowerCase()) {
    case "true":
      return true;
    case "false":
      return false;
  }
  throw wrongFormat(
    name === REQUEST_HEADERS.requiresMaster ||
      name === REQUEST_HEADERS.resolveLinkTo
      ? canonicalNameOf(name)
      : name,
  );
}

/** Texts name the spelling that the original obeys. */
function canonicalNameOf(name: string): string {
  return name === REQUEST_HEADERS.requiresMaster
    ? REQUEST_HEADERS.requireMaster
    : REQUEST_HEADERS.resolveLinkTos;
}

/** A signed 64-bit integer; inexact beyond the safe integers, where only its size counts. */
function parseInteger(text: string): number | undefined {
  const trimmed = text.trim();
  if (trimmed.length > 64 || !INTEGER.test(trimmed)) return undefined;
  const number = Number(trimmed);
  if (Number.isSafeInteger(number)) return number;
  const exact = BigInt(trimmed);
  return exact > INT64_MAX || exact < -INT64_MAX - 1n ? undefined : number;
}

function wrongFormat(name: string) {
  return malformed(`${name} header in wrong format.`);
}

/** Safe in headers, logs and shells; long enough for all that are in use. */
const VALID_ID = /^[\w.:=+/@-]{1,128}$/;

/**
 * The id that a client or a proxy sent with a request, so that lines of their
 * log and of ours can be put together; undefined without a valid one.
 */
export function requestIdOf(headers: Headers): string | undefined {
  if (!headers.has(REQUEST_ID_HEADER)) return undefined;
  const id = headers.get(REQUEST_ID_HEADER);
  return id !== null && VALID_ID.test(id) ? id : undefined;
}
