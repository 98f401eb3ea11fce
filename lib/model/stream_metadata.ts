/**
 * Stream metadata: the newest event of a metastream (spec: streams §9.3).
 *
 * @module
 */

import {
  formatInt64,
  type Int64,
  INT64_MAX_TEXT,
  parseInt64,
  TRUNCATE_ALL,
} from "./event_number.ts";
import { readJsonMembers } from "./json_members.ts";
import { isMetastream } from "./stream_names.ts";
import { decodeJsonText } from "../text/utf8.ts";

/** Who may do what; a missing entry means the default (spec: streams §10). */
export interface AccessControlList {
  readonly read?: readonly string[];
  readonly write?: readonly string[];
  readonly delete?: readonly string[];
  readonly metadataRead?: readonly string[];
  readonly metadataWrite?: readonly string[];
}

/** Known keys of a stream's metadata, checked and decoded. */
export interface StreamMetadata {
  /** Only the newest so many numbers are visible. 1 or more. */
  readonly maxCount?: Int64;
  /** Older events are invisible. Seconds, 1 or more. */
  readonly maxAgeSeconds?: Int64;
  /** Numbers below are invisible; `TRUNCATE_ALL` means soft-deleted. */
  readonly truncateBefore?: Int64;
  /** For `Cache-Control: max-age` of head pages. Seconds, 1 or more. */
  readonly cacheControlSeconds?: Int64;
  readonly acl?: AccessControlList;
}

/** Metadata that says nothing. */
export const NO_METADATA: StreamMetadata = Object.freeze({});

/** Metastreams keep only their newest event (spec: streams §9.2.5). */
const METASTREAM_METADATA: StreamMetadata = Object.freeze({ maxCount: 1 });

/** Metadata that holds for a stream before any was written for it. */
export function defaultMetadataOf(streamName: string): StreamMetadata {
  return isMetastream(streamName) ? METASTREAM_METADATA : NO_METADATA;
}

/**
 * Decodes the data of a metadata event.
 *
 * One known key of a wrong type, a document that is no object, or an event
 * that is not JSON make the whole document count as empty, as in the original.
 */
export function decodeStreamMetadata(
  event: { readonly isJson: boolean; readonly data: string | Uint8Array },
): StreamMetadata {
  return readStreamMetadata(event) ?? NO_METADATA;
}

/**
 * As `decodeStreamMetadata`.
 *
 * @returns `undefined` when the document is not valid and counts as empty.
 */
export function readStreamMetadata(
  event: { readonly isJson: boolean; readonly data: string | Uint8Array },
): StreamMetadata | undefined {
  if (!event.isJson) return undefined;
  const { data } = event;
  const text = typeof data === "string" ? data : decodeJsonText(data);
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isObject(document)) return undefined;
  const metadata: { -readonly [K in keyof StreamMetadata]: StreamMetadata[K] } =
    {};
  const mayBeOdd = ODD_NUMBER.test(text);
  let written: ReadonlyMap<string, string> | undefined;
  for (const [key, field, least] of NUMBER_KEYS) {
    if (!Object.hasOwn(document, key)) continue;
    const value = document[key];
    if (typeof value !== "number" || !Number.isInteger(value)) {
      return undefined;
    }
    let exact: Int64 | undefined = value;
    if (mayBeOdd) {
      written ??= readJsonMembers(text);
      exact = parseInt64(written.get(key) ?? "");
      if (exact === undefined) return undefined;
    }
    if (exact >= least) metadata[field] = exact;
  }
  if (Object.hasOwn(document, "$tmp") && typeof document.$tmp !== "boolean") {
    return undefined;
  }
  if (Object.hasOwn(document, "$acl")) {
    const acl = decodeAccessControlList(document.$acl);
    if (acl === undefined) return undefined;
    metadata.acl = acl;
  }
  return metadata;
}

/** A number that may be another one, or no integer, than it reads as here. */
const ODD_NUMBER = /\d[.eE]|\d{16}/;

const NUMBER_KEYS = [
  ["$maxCount", "maxCount", 1],
  ["$maxAge", "maxAgeSeconds", 1],
  ["$tb", "truncateBefore", 0],
  ["$cacheControl", "cacheControlSeconds", 1],
] as const;

const ACL_KEYS = [
  ["$r", "read"],
  ["$w", "write"],
  ["$d", "delete"],
  ["$mr", "metadataRead"],
  ["$mw", "metadataWrite"],
] as const;

/**
 * Decodes an object shaped like `$acl`; entries are a role or a list of roles.
 *
 * @returns `undefined` when it has another shape.
 */
export function decodeAccessControlList(
  value: unknown,
): AccessControlList | undefined {
  if (!isObject(value)) return undefined;
  const acl: {
    -readonly [K in keyof AccessControlList]: AccessControlList[K];
  } = {};
  for (const [key, field] of ACL_KEYS) {
    if (!Object.hasOwn(value, key)) continue;
    const roles = value[key];
    if (typeof roles === "string") acl[field] = [roles];
    else if (
      Array.isArray(roles) && roles.every((role) => typeof role === "string")
    ) acl[field] = roles;
    else return undefined;
  }
  return acl;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Whether the metadata hides every event until the next append. */
export function isSoftDeleted(metadata: StreamMetadata): boolean {
  return metadata.truncateBefore !== undefined &&
    metadata.truncateBefore >= TRUNCATE_ALL;
}

/** Type of the events of a metastream. */
export const METADATA_EVENT_TYPE = "$metadata";

/**
 * Data of the metadata event that soft-deletes a stream without metadata (spec:
 * streams §4.6).
 */
export const SOFT_DELETE_DATA = `{"$tb":${INT64_MAX_TEXT}}`;

/**
 * A metadata document with another `$tb` and everything else as it was, on one
 * line.
 *
 * @param data The document as it was stored.
 * @returns `undefined` when it is not a JSON object.
 */
export function withTruncateBefore(
  data: string | Uint8Array,
  truncateBefore: Int64,
): string | undefined {
  const text = typeof data === "string" ? data : decodeJsonText(data);
  try {
    if (!isObject(JSON.parse(text))) return undefined;
  } catch {
    return undefined;
  }
  const members = readJsonMembers(text).set("$tb", formatInt64(truncateBefore));
  const written = [...members].map(([name, value]) =>
    `${JSON.stringify(name)}:${value}`
  );
  return `{${written.join(",")}}`;
}

/**
 * First event number that `$tb` and `$maxCount` leave visible.
 *
 * @param head Number of the stream's last event, -1 for none.
 */
export function firstVisibleNumber(
  metadata: StreamMetadata,
  head: number,
): number {
  const { maxCount, truncateBefore = 0 } = metadata;
  const byCount = maxCount === undefined ? 0 : head - Number(maxCount) + 1;
  // A bigint is beyond all numbers of events, but hides for ever only as
  // `TRUNCATE_ALL`.
  const byNumber = typeof truncateBefore === "bigint"
    ? Number.MAX_SAFE_INTEGER
    : truncateBefore;
  return Math.max(0, byNumber, byCount);
}
