/**
 * The parameter `access_token`, for clients of live feeds that cannot send a
 * header, as browsers' `EventSource`. It counts for nothing else: addresses end
 * up in logs, histories and `Referer`s.
 *
 * @module
 */

const PARAMETER = /[?&]access_token=([^&#]*)/;

/** The token of a request for a live feed; undefined without one. */
export function accessTokenOf(request: Request): string | undefined {
  const { url } = request;
  if (!url.includes("access_token=") || request.method !== "GET") {
    return undefined;
  }
  const token = PARAMETER.exec(url)?.[1];
  if (token === undefined || token === "") return undefined;
  const accept = request.headers.get("Accept") ?? "";
  const isLive = accept.toLowerCase().includes("text/event-stream") ||
    /[?&]format=sse(?:&|#|$)/i.test(url);
  // Tokens hold nothing that needs an escape: another text is none of ours.
  return isLive ? token : undefined;
}
