/**
 * Whose rights a projection has: those of the user who created it, as they are
 * now (spec: projections §6.1, `runAs`).
 *
 * @module
 */

import { type Principal, SYSTEM_PRINCIPAL } from "../model/principal.ts";
import type { StoredRunAs } from "./record.ts";

/**
 * A user as it is now. `unknown`: there never was such a user, as when a proxy
 * vouched for the login.
 */
export type CurrentUser = Principal | "disabled" | "deleted" | "unknown";

/** Finds a user by its login. */
export type FindUser = (login: string) => Promise<CurrentUser>;

/** Who a projection acts as, or why it cannot. */
export type RunAs =
  | { readonly principal: Principal }
  | { readonly fault: string };

/** Works out who a projection acts as. */
export async function resolveRunAs(
  { name, roles }: StoredRunAs,
  findUser: FindUser,
): Promise<RunAs> {
  if (name === SYSTEM_PRINCIPAL.login) return { principal: SYSTEM_PRINCIPAL };
  const user = await findUser(name);
  if (user === "unknown") {
    const principal = { login: name, roles: new Set(roles), isReadOnly: false };
    return { principal };
  }
  return typeof user === "string"
    ? { fault: `The user '${name}', whose rights it has, is ${user}` }
    : { principal: user };
}
