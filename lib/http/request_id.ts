/**
 * Ids of requests: the one that a client or a proxy sent, or one of our own,
 * so that a line of a log here and one there can be put together.
 *
 * @module
 */

/** Header that names the request, both ways. */
export const REQUEST_ID_HEADER = "X-Request-Id";

/** Safe in headers, logs and shells; long enough for all that are in use. */
const VALID_ID = /^[\w.:=+/@-]{1,128}$/;

/** The id that was sent with a request; undefined without a valid one. */
export function requestIdOf(headers: Headers): string | undefined {
  if (!headers.has(REQUEST_ID_HEADER)) return undefined;
  const id = headers.get(REQUEST_ID_HEADER);
  return id !== null && VALID_ID.test(id) ? id : undefined;
}
