/**
 * Hosts as URLs and the header `Host` write them: `name[:port]`.
 *
 * @module
 */

import { isLoopbackAddress } from "./addresses.ts";

const HOST_MAX_LENGTH = 260;
const HOST = /^(?:[A-Za-z0-9._~-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?$/;

/** Whether the text is a host: a name or an address, with a port or without. */
export function isHost(text: string): boolean {
  if (text.length > HOST_MAX_LENGTH || !HOST.test(text)) return false;
  const [, port] = splitHost(text);
  return port === "" || isPort(port);
}

/** Whether the text is the number of a port. */
export function isPort(text: string): boolean {
  return /^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65_535;
}

/** Name and port; the port is empty when there is none. */
export function splitHost(host: string): [name: string, port: string] {
  const separator = host.lastIndexOf(":");
  if (separator < 0 || host.endsWith("]")) return [host, ""];
  return [host.slice(0, separator), host.slice(separator + 1)];
}

/** A host's name as all its spellings have it in common. */
export function canonicalName(host: string): string {
  const [name] = splitHost(host);
  const parsed = URL.parse(`http://${name}/`)?.hostname ?? name;
  return parsed.toLowerCase().replace(/\.$/, "");
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
