/**
 * Which address a request comes from, behind trusted proxies too: what limits,
 * slowed logins and audit lines go by.
 *
 * @module
 */

import { isIpAddress } from "../text/ip_ranges.ts";

/** Whether a proxy at that address is believed. */
export type IsTrustedProxy = (address: string) => boolean;

/** Proxies write no longer lists: only the end of one is looked at. */
const HOPS_MAX = 16;
const HEADER_LENGTH_MAX = 4096;

/** Address at the other end of the connection; empty for other transports. */
export function peerAddressOf({ remoteAddr }: Deno.ServeHandlerInfo): string {
  return remoteAddr.transport === "tcp" || remoteAddr.transport === "udp"
    ? remoteAddr.hostname
    : "";
}

/**
 * Address of the client: the last one of `X-Forwarded-For` that is not a
 * trusted proxy's. Anybody can write that header, so it counts only from those.
 */
export function clientAddressOf(
  peerAddress: string,
  headers: Headers,
  isTrustedProxy: IsTrustedProxy,
): string {
  if (!isTrustedProxy(peerAddress)) return peerAddress;
  const list = headers.get("X-Forwarded-For")?.slice(-HEADER_LENGTH_MAX) ?? "";
  let address = peerAddress;
  for (const hop of list.split(",").slice(-HOPS_MAX).reverse()) {
    const text = withoutPort(hop.trim());
    if (!isIpAddress(text)) return address;
    address = text;
    if (!isTrustedProxy(address)) return address;
  }
  return address;
}

/** `10.0.0.1:80` and `[::1]:80` as some proxies write them. */
function withoutPort(hop: string): string {
  const bracketed = /^\[([^\]]*)\](?::\d{1,5})?$/.exec(hop);
  if (bracketed?.[1] !== undefined) return bracketed[1];
  return hop.replace(/^([\d.]+):\d{1,5}$/, "$1");
}
