/**
 * The parameter `access_token`, for clients of live feeds that cannot send a
 * header, as browsers' `EventSource`. It has the scope `feeds` alone, because
 * addresses end up in logs, histories and `Referer`s.
 *
 * @module
 */

const PARAMETER = /[?&]access_token=([^&#]*)/;

/** The token of a GET; undefined without one. */
export function accessTokenOf({ url, method }: Request): string | undefined {
  if (!url.includes("access_token=") || method !== "GET") return undefined;
  // Tokens hold nothing that needs an escape: another text is none of ours.
  return PARAMETER.exec(url)?.[1] || undefined;
}
