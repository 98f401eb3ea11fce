import { assertEquals } from "@std/assert";
import { decodeTrustedAuth } from "./trusted_auth.ts";

const CASES: readonly [string, string, readonly string[] | undefined][] = [
  ["root", "root", ["root"]],
  [" root ; admin, other ", "root", ["admin", "other", "root"]],
  ["root;", "root", ["root"]],
  ["root; ,$admins,", "root", ["$admins", "root"]],
  ["root;a;b", "", undefined],
  ["", "", undefined],
  [";a", "", undefined],
];

for (const [header, login, roles] of CASES) {
  Deno.test(`decodeTrustedAuth() of ${JSON.stringify(header)}`, () => {
    const principal = decodeTrustedAuth(header);
    assertEquals(principal && [...principal.roles].sort(), roles?.toSorted());
    assertEquals(principal?.login ?? "", login);
  });
}
