/**
 * When the published default password may be used (spec: users §1, "Default
 * users"). Everybody knows it, so it must not reach beyond the machine: a web
 * page of another site that the operator happens to visit must not use it, nor
 * one that gave its own name the address 127.0.0.1.
 *
 * @module
 */

import { isLoopbackHost } from "../text/hosts.ts";
import type { LoginRequest } from "./contract.ts";

/** Password of the default users of a new store. */
export const DEFAULT_PASSWORD = "changeit";

/**
 * Whether a request may log in with `DEFAULT_PASSWORD`.
 *
 * @param isLoopbackServer Whether the server listens on loopback alone.
 */
export function mayUseDefaultPassword(
  isLoopbackServer: boolean,
  request: Pick<
    LoginRequest,
    "origin" | "host" | "secFetchSite" | "isProxied"
  >,
): boolean {
  if (!isLoopbackServer) return false;
  // A client behind a proxy on this machine may be anywhere.
  if (request.isProxied) return false;
  const { origin, host, secFetchSite } = request;
  if (secFetchSite === "cross-site") return false;
  // A name that isn't loopback comes from a proxy in front, or from a page
  // whose name was made to point here.
  if (host !== null && !isLoopbackHost(host)) return false;
  if (origin === null) return true;
  const schemeEnd = origin.indexOf("://");
  return schemeEnd > 0 && isLoopbackHost(origin.slice(schemeEnd + 3));
}
