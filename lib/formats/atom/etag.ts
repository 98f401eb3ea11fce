/**
 * ETags (spec: http-api §6.3): what is shown, and in which media type.
 *
 *   "head ; type hash"                  all events up to the head
 *   "head ; type hash ; first"          metadata hides the events before `first`
 *   "head ; type hash ; first ; shown"  other events are missing, too
 *
 * Invariant: two answers to the same URL with the same ETag have the same body.
 *
 * @module
 */

import type { PageVersion } from "../../model/feed.ts";

/**
 * Text of an ETag, without its quotes.
 *
 * @param typeHash `mediaTypeHash` of the type that is served.
 */
export function etagText(version: PageVersion, typeHash: number): string {
  const { head, firstVisible, contents } = version;
  const text = `${head};${typeHash}`;
  if (contents !== undefined) return `${text};${firstVisible ?? 0};${contents}`;
  return firstVisible === undefined ? text : `${text};${firstVisible}`;
}

/**
 * Hash of a media type without parameters: `31·h + c` over its UTF-16 units,
 * 32-bit signed.
 */
export function mediaTypeHash(mediaType: string): number {
  let hash = 0;
  for (let index = 0; index < mediaType.length; index++) {
    hash = (Math.imul(hash, 31) + mediaType.charCodeAt(index)) | 0;
  }
  return hash;
}

/** JSON feeds name this one, whatever type they are served as. */
export const ATOM_JSON_HASH = mediaTypeHash(
  "application/vnd.eventstore.atom+json",
);
