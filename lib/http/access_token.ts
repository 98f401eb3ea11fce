/**
 * The parameter `access_token`, for clients of live feeds that cannot send a
 * header, as browsers' `EventSource`. Addresses end up in logs, histories and
 * `Referer`s, so it has the scope `feeds` alone; where no feed is asked for, it
 * means nothing, and the request is anonymous.
 *
 * @module
 */

const PARAMETER = /[?&]access_token=([^&#]*)/;

/**
 * The token of a request that may be for a live feed; undefined without one.
 * What type the answer has is found out later: the scope is judged by that.
 */
export function accessTokenOf(request: Request): string | undefined {
  const { url, method, headers } = request;
  if (!url.includes("access_token=") || method !== "GET") return undefined;
  const accept = headers.get("Accept") ?? "";
  const mayBeLive = accept.toLowerCase().includes("text/event-stream") ||
    /[?&]format=sse(?:&|#|$)/i.test(url);
  // Tokens hold nothing that needs an escape: another text is none of ours.
  return mayBeLive ? PARAMETER.exec(url)?.[1] || undefined : undefined;
}
