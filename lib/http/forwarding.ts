/**
 * Requests for what another server of the same store runs: they are sent on to
 * it with the client's login, and its answer is the client's.
 *
 * @module
 */

import { RunsElsewhere } from "../model/errors.ts";
import type { StoreMembers } from "../store/members.ts";

/** Says that a request was sent on, so that it is not sent in circles. */
const FORWARDED = "Quipu-Forwarded";

/** Headers of one connection, not of the message (RFC 9110 §7.6.1). */
const OF_CONNECTION = [
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "host",
];

/** Bodies come decoded, and as long as they then are. */
const OF_CODING = ["content-encoding", "content-length"];

/**
 * Sends a request on to the server that an error names.
 *
 * @returns Undefined if it is another error, or nobody is known to send it to.
 */
export async function forwardTo(
  members: StoreMembers | undefined,
  { error, request }: { readonly error: unknown; readonly request: Request },
): Promise<Response | undefined> {
  if (members === undefined || !(error instanceof RunsElsewhere)) {
    return undefined;
  }
  const { headers, method } = request;
  if (headers.has(FORWARDED) || request.bodyUsed) return undefined;
  const { pathname, search } = new URL(request.url);
  const sent = withoutHeaders(headers, OF_CONNECTION);
  sent.set(FORWARDED, "1");
  try {
    const owner = await members.ownerOf(error.leaseName);
    if (owner === undefined) return undefined;
    const { status, headers, body } = await fetch(owner + pathname + search, {
      method,
      headers: sent,
      body: request.body,
      redirect: "manual",
      signal: request.signal,
    });
    const taken = withoutHeaders(headers, [...OF_CONNECTION, ...OF_CODING]);
    return new Response(body, { status, headers: taken });
  } catch {
    // It is gone: until its lease has ended nobody can answer.
    return undefined;
  }
}

function withoutHeaders(headers: Headers, names: readonly string[]): Headers {
  const left = new Headers(headers);
  for (const name of names) left.delete(name);
  return left;
}
