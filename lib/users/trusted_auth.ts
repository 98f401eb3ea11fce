/**
 * The header `ES-TrustedAuth`, by which a proxy says who a request comes from
 * (spec: users §1.6). No password is checked: it counts only from the
 * addresses that the operator named.
 *
 * @module
 */

import type { Principal } from "../model/principal.ts";

/**
 * Decodes `<login>` or `<login>; <group>, <group>`.
 *
 * @returns `undefined` when it has another shape.
 */
export function decodeTrustedAuth(header: string): Principal | undefined {
  const [loginPart, groupsPart, ...rest] = header.split(";");
  const login = loginPart?.trim() ?? "";
  if (login === "" || rest.length > 0) return undefined;
  const groups = (groupsPart ?? "").split(",").map((group) => group.trim());
  const roles = new Set(groups.filter((group) => group !== ""));
  roles.add(login);
  return { login, roles, isReadOnly: false };
}
