/**
 * Names in paths, both halves of one rule: how a path is decoded, and how a
 * name is written into a link so that it leads back to exactly that name.
 *
 * The original decodes a path twice: once as a whole, so that `%2F` separates
 * segments, and then each segment again, this time leaving alone what is no
 * escape (spec: http-api §2.1.3; recorded for `%252F`). Here the second
 * decoding is for placeholders alone: `router.ts` finds routes by what the
 * first one gives, so that a part which must be one certain word is never
 * spelled in two ways.
 *
 * @module
 */

const UNRESERVED = /^[A-Za-z0-9_.~-]*$/;
const KEPT_BY_ENGINE = /[!'()*]/g;
const ESCAPES = /(?:%[0-9a-f]{2})+/gi;
/** Characters that the second decoding would change, or separators. */
const CHANGED = /%(?=[0-9a-f]{2})|\//gi;
const DOTS = /^\.{1,2}$/;

/**
 * Writes a name as a segment of a path: everything but letters, digits and
 * `-_.~` as escapes of its UTF-8. What would not outlive being decoded twice,
 * such as `/` and `%41`, and dots alone, which clients take for a step in the
 * path even where they are escaped, are escaped twice.
 *
 * @param name Well-formed; half of a surrogate pair becomes U+FFFD.
 */
export function encodePathSegment(name: string): string {
  if (UNRESERVED.test(name) && !DOTS.test(name)) return name;
  return encodeURIComponent(escapeChanged(name.toWellFormed())).replace(
    KEPT_BY_ENGINE,
    (char) => "%" + char.charCodeAt(0).toString(16).toUpperCase(),
  );
}

/** Escapes of what a segment may hold as it is (RFC 3986 §3.3). */
const ALLOWED = /%(?:21|24|26|27|28|29|2A|2B|2C|3A|3B|3D|40)/g;

/**
 * Writes a name as `encodePathSegment` does, with those characters as they are
 * that a path may hold. It leads back to the same name.
 */
export function encodePathSegmentSparely(name: string): string {
  return encodePathSegment(name).replace(ALLOWED, decodeURIComponent);
}

/** The name that is left after the second decoding becomes this one. */
function escapeChanged(name: string): string {
  if (DOTS.test(name)) return name.replaceAll(".", "%2E");
  const isKept = !name.includes("/") && decodeSegmentAgain(name) === name;
  return isKept
    ? name
    : name.replace(CHANGED, (char) => char === "/" ? "%2F" : "%25");
}

/** The second decoding: of a segment that was decoded already. */
export function decodeSegmentAgain(segment: string): string {
  return segment.includes("%")
    ? segment.replace(ESCAPES, decodeIfPossible)
    : segment;
}

function decodeIfPossible(escapes: string): string {
  try {
    return decodeURIComponent(escapes);
  } catch {
    return escapes;
  }
}
