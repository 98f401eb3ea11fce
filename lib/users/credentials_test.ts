import { assertEquals } from "@std/assert";
import { decodeBasicCredentials, decodeTrustedAuth } from "./credentials.ts";

const BASIC: readonly [string, [string, string] | undefined][] = [
  ["Basic YWRtaW46Y2hhbmdlaXQ=", ["admin", "changeit"]],
  ["basic  YWRtaW46Y2hhbmdlaXQ= ", ["admin", "changeit"]],
  ["Basic " + btoa(":"), ["", ""]],
  ["Basic " + btoa("a:b:c"), ["a", "b:c"]],
  ["Basic Z8O8bnRlcjrDvA==", ["günter", "ü"]],
  // Not UTF-8: read as Latin-1.
  ["Basic " + btoa("g\xfcnter:\xfc"), ["günter", "ü"]],
  ["Basic !!!", undefined],
  ["Basic ", undefined],
  ["Basic", undefined],
  ["", undefined],
  ["Basic " + btoa("nocolon1"), undefined],
  ["Basic YWRtaW46Y2hhbmdlaXQ", undefined],
  ["Bearer YWRtaW46Y2hhbmdlaXQ=", undefined],
  ["BasicYWRtaW46Y2hhbmdlaXQ=", undefined],
];

for (const [header, expected] of BASIC) {
  Deno.test(`decodeBasicCredentials() of ${JSON.stringify(header)}`, () => {
    const decoded = decodeBasicCredentials(header);
    assertEquals(decoded && [decoded.login, decoded.password], expected);
  });
}

const TRUSTED: readonly [string, string, readonly string[] | undefined][] = [
  ["root", "root", ["root"]],
  [" root ; admin, other ", "root", ["admin", "other", "root"]],
  ["root;", "root", ["root"]],
  ["root; ,$admins,", "root", ["$admins", "root"]],
  ["root;a;b", "", undefined],
  ["", "", undefined],
  [";a", "", undefined],
];

for (const [header, login, roles] of TRUSTED) {
  Deno.test(`decodeTrustedAuth() of ${JSON.stringify(header)}`, () => {
    const principal = decodeTrustedAuth(header);
    assertEquals(principal && [...principal.roles].sort(), roles?.toSorted());
    assertEquals(principal?.login ?? "", login);
  });
}
