/**
 * Which scopes of tokens open which routes. Each row of the route table names
 * one of the lists below; `allowsRoute` alone judges by it, after routing and
 * negotiation, so no handler and no header can widen a token.
 *
 * @module
 */

import type { Principal, TokenScope } from "../model/principal.ts";
import { EVENT_STREAM, type MediaType } from "./media_types.ts";

type Scopes = readonly TokenScope[];

/** What of a row decides. */
interface ScopedRoute {
  readonly method: string;
  readonly scopes: Scopes;
}

/** Streams, their metadata, the whole log and users. */
export const READ: Scopes = ["read"];
/** Making a token of the scope `feeds`. */
export const FEEDS: Scopes = ["feeds", "read"];
export const APPEND: Scopes = ["append"];
export const METRICS: Scopes = ["metrics"];
export const BACKUP: Scopes = ["backup"];
/**
 * The routes that are open without a login. `feeds` is missing: such tokens stand
 * in addresses and must open nothing but feeds.
 */
export const PUBLIC: Scopes = ["read", "append", "metrics", "backup"];
/** What changes users, tokens, rights or the server, or deletes. */
export const UNNARROWED: Scopes = [];

/**
 * Whether the caller's credentials may be used for an answer of that type on a
 * route. Says nothing of the rights of the user behind them.
 */
export function allowsRoute(
  { isReadOnly, scopes }: Principal,
  route: ScopedRoute,
  responseType: MediaType | undefined,
): boolean {
  if (isReadOnly && isWrite(route)) return false;
  if (scopes === undefined) return true;
  if (responseType === EVENT_STREAM && scopes.has("feeds")) return true;
  return route.scopes.some((scope) => scopes.has(scope));
}

/** A POST is reading, too, where a scope that reads is enough for it. */
function isWrite({ method, scopes }: ScopedRoute) {
  return method !== "GET" && !scopes.some((scope) => scope !== "append");
}
