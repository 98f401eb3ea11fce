/**
 * Answers to HEAD.
 *
 * @module
 */

import { LIMITS } from "../model/limits.ts";
import { EVENT_STREAM, EXPORT_CONTENT_TYPE } from "./media_types.ts";

/** Of answers whose length nobody knows before they were made. */
const UNMEASURED: readonly (string | null)[] = [
  EVENT_STREAM.contentType,
  EXPORT_CONTENT_TYPE,
];

/**
 * The answer to GET without its body, but with the body's length, unless the
 * body has no end or is too long to be made for nothing.
 */
export async function withoutBody(
  answered: Response | Promise<Response>,
): Promise<Response> {
  const response = await answered;
  const headers = new Headers(response.headers);
  const length = await lengthOf(response);
  if (length !== undefined) headers.set("Content-Length", String(length));
  const body = length === undefined ? bodyOfNoLength() : null;
  return new Response(body, { status: response.status, headers });
}

/** Nothing, of which the platform doesn't know before that its length is 0. */
function bodyOfNoLength(): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream({
    pull: (controller) => controller.close(),
  }, { highWaterMark: 0 });
}

async function lengthOf(
  { body, headers }: Response,
): Promise<number | undefined> {
  if (body === null) return 0;
  if (UNMEASURED.includes(headers.get("Content-Type"))) {
    await body.cancel();
    return undefined;
  }
  const known = headers.get("Content-Length");
  if (known !== null) {
    await body.cancel();
    return Number(known);
  }
  let length = 0;
  // Leaving the loop early cancels the body.
  for await (const piece of body) {
    length += piece.length;
    if (length > LIMITS.requestBytesMax) return undefined;
  }
  return length;
}
