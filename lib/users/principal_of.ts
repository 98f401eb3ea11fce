/**
 * A stored user as the principal of its requests.
 *
 * @module
 */

import type { StoredUser } from "./user_repository.ts";
import type { Principal } from "../model/principal.ts";

/** Roles are the user's groups and the login itself (spec: users §1.2). */
export function principalOf({ login, groups }: StoredUser): Principal {
  const roles = new Set(groups);
  roles.add(login);
  return { login, roles, isReadOnly: false };
}
