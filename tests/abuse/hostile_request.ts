/**
 * Requests as hostile clients make them.
 *
 * @module
 */

import { type RawAnswer, RawConnection } from "../support/raw_http.ts";

export const EVENTS_JSON = "application/vnd.eventstore.events+json";
export const EVENTS_XML = "application/vnd.eventstore.events+xml";

/** The head of a POST of events. */
export function postHead(headers: readonly string[]): string {
  return ["POST /streams/victim HTTP/1.1", "Host: localhost", ...headers]
    .join("\r\n") + "\r\n\r\n";
}

/** Posts a body with a length, whole if the server takes it whole. */
export function post(
  url: string,
  contentType: string,
  body: string,
): Promise<RawAnswer> {
  const bytes = new TextEncoder().encode(body);
  const head = postHead([
    `Content-Type: ${contentType}`,
    `Content-Length: ${bytes.length}`,
  ]);
  return send(url, [head, bytes]);
}

/**
 * Sends pieces until there is an answer, or none are left, and then waits for
 * the answer. A server may answer and close before it has read everything.
 */
export async function send(
  url: string,
  pieces: Iterable<string | Uint8Array>,
): Promise<RawAnswer> {
  using connection = await RawConnection.open(url);
  let isAnswered = false;
  const answer = connection.readAnswer().finally(() => isAnswered = true);
  // Only to keep a failure from being unhandled until it is awaited below.
  answer.catch(() => {});
  try {
    for (const piece of pieces) {
      if (isAnswered) break;
      await connection.write(piece);
    }
  } catch (error) {
    if (!isClosedByServer(error)) throw error;
  }
  return await answer;
}

function isClosedByServer(error: unknown): boolean {
  return error instanceof Deno.errors.BrokenPipe ||
    error instanceof Deno.errors.ConnectionReset;
}
