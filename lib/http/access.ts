/**
 * Who may use a route: the roles it asks for, and the scopes that open it to
 * tokens. Both stand in its row and are judged here alone, after routing and
 * negotiation, so no handler and no header can widen a token.
 *
 * @module
 */

import {
  type Principal,
  ROLE_ADMINS,
  ROLE_BACKUP,
  ROLE_MONITORS,
  ROLE_OPS,
  type TokenScope,
} from "../model/principal.ts";
import { EVENT_STREAM, type MediaType } from "./media_types.ts";

/** Who may use a route. */
export type Access = keyof typeof ACCESS;

/**
 * In words, as OpenAPI says it, and by roles: who has none of them is refused
 * before the handler is called. Without roles the service behind the route
 * decides.
 */
export const ACCESS = {
  everybody: { text: "Open to everyone.", isOpen: true, roles: undefined },
  accessList: {
    text: "Requires the right that the stream's access list grants (default: " +
      "everyone).",
    isOpen: true,
    roles: undefined,
  },
  users: { text: "Requires a login.", isOpen: false, roles: undefined },
  administrators: {
    text: "Requires membership in $admins.",
    isOpen: false,
    roles: undefined,
  },
  settings: {
    text: "Requires the right to write $settings (default: $admins).",
    isOpen: false,
    roles: undefined,
  },
  monitors: {
    text: "Requires membership in $admins, $ops or $monitors.",
    isOpen: false,
    roles: [ROLE_ADMINS, ROLE_OPS, ROLE_MONITORS],
  },
  // Operators are missing: a backup holds every event, whatever its access
  // list says.
  backup: {
    text: "Requires membership in $admins or $backup.",
    isOpen: false,
    roles: [ROLE_ADMINS, ROLE_BACKUP],
  },
  operators: {
    text: "Requires membership in $admins or $ops.",
    isOpen: false,
    roles: [ROLE_ADMINS, ROLE_OPS],
  },
} as const;

/** Whether the caller has the role that a route asks for. */
export function hasRole(
  caller: Principal | undefined,
  access: Access,
): boolean {
  const { roles } = ACCESS[access];
  return roles === undefined ||
    caller !== undefined && roles.some((role) => caller.roles.has(role));
}

export type Scopes = readonly TokenScope[];

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

/** What of a row decides. */
interface ScopedRoute {
  readonly method: string;
  readonly scopes: Scopes;
}

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
