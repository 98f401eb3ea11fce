/**
 * The half of an ETag that tells representations apart (spec: http-api §6.3).
 *
 * @module
 */

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
