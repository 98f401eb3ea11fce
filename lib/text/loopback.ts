/**
 * Names and addresses of the machine itself.
 *
 * @module
 */

import { parseIpRanges } from "./ip_ranges.ts";

const LOOPBACK_ADDRESSES = parseIpRanges("127.0.0.0/8,::1");

/** Whether the IP address, in any notation, is one of this machine alone. */
export function isLoopbackAddress(address: string): boolean {
  return LOOPBACK_ADDRESSES?.(address) ?? false;
}

/**
 * Whether the address or host name, with or without a port, is the machine
 * itself: `localhost`, `127.…`, `[::1]`.
 */
export function isLoopbackHost(host: string): boolean {
  const name = withoutPort(host).toLowerCase().replace(/\.$/, "");
  // Browsers and resolvers never ask a name server for `localhost` or a name
  // under it (RFC 6761 §6.3), so nobody can point one elsewhere.
  return name === "localhost" || name.endsWith(".localhost") ||
    isLoopbackAddress(name);
}

/** Leaves a bare IPv6 address alone: it has more than one colon. */
function withoutPort(host: string): string {
  const bracketed = /^\[([^\]]*)\](?::\d*)?$/.exec(host);
  if (bracketed?.[1] !== undefined) return bracketed[1];
  const colonIndex = host.indexOf(":");
  const hasPort = colonIndex >= 0 && host.indexOf(":", colonIndex + 1) < 0;
  return hasPort ? host.slice(0, colonIndex) : host;
}
