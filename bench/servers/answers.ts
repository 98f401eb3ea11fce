/**
 * Answers of the server under test, taken down before a run, so that the
 * reference can send the very same headers and bytes.
 *
 * @module
 */

import type { ReadRequest } from "../load/job.ts";

/** One answer without the headers that `Deno.serve` adds by itself. */
export interface RecordedAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** A GET's answers. */
export interface RecordedRead {
  readonly path: string;
  readonly accept: string;
  readonly answer: RecordedAnswer;
  /** To a request that has the ETag; undefined when there was no ETag. */
  readonly notModified: RecordedAnswer | undefined;
}

/** All that the reference answers with. */
export interface RecordedAnswers {
  /** To a POST that was written; its Location is made anew each time. */
  readonly created: RecordedAnswer;
  readonly reads: readonly RecordedRead[];
}

/** Headers of the connection, not of the answer. */
const TRANSPORT_HEADERS = new Set([
  "connection",
  "content-length",
  "date",
  "keep-alive",
  "transfer-encoding",
]);

/** Takes down the answer to a GET, and the 304 when it has an ETag. */
export async function recordRead(
  origin: string,
  request: { readonly path: string; readonly accept: string },
): Promise<RecordedRead> {
  const { path, accept } = request;
  const answer = await recordedAnswerOf(
    await fetch(origin + path, { headers: { Accept: accept } }),
  );
  if (answer.status !== 200) {
    throw new Error(`Cannot record GET ${path}: status ${answer.status}`);
  }
  const etag = answer.headers["etag"];
  const notModified = etag === undefined ? undefined : await recordedAnswerOf(
    await fetch(origin + path, {
      headers: { Accept: accept, "If-None-Match": etag },
    }),
  );
  return { path, accept, answer, notModified };
}

/** The answer with its body read. */
export async function recordedAnswerOf(
  response: Response,
): Promise<RecordedAnswer> {
  const headers: Record<string, string> = {};
  for (const [name, value] of response.headers) {
    if (!TRANSPORT_HEADERS.has(name)) headers[name] = value;
  }
  return { status: response.status, headers, body: await response.text() };
}

/** The GET that is answered with the recorded body. */
export function plainRequestOf(read: RecordedRead): ReadRequest {
  return { path: read.path, headers: { Accept: read.accept } };
}

/** The GET that is answered with 304. */
export function conditionalRequestOf(read: RecordedRead): ReadRequest {
  const etag = read.answer.headers["etag"];
  if (etag === undefined || read.notModified?.status !== 304) {
    throw new Error(`Cannot ask again for ${read.path}: it has no 304`);
  }
  return {
    path: read.path,
    headers: { Accept: read.accept, "If-None-Match": etag },
  };
}
