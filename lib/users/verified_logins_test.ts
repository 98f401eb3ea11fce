import { assertEquals, assertNotEquals } from "@std/assert";
import { LIMITS } from "../model/limits.ts";
import { type VerifiedLogin, VerifiedLogins } from "./verified_logins.ts";

function verifiedAs(login: string): VerifiedLogin {
  return {
    principal: { login, roles: new Set([login]), isReadOnly: false },
    usesDefaultPassword: false,
  };
}

Deno.test("a header is found as it was remembered, and no other", () => {
  const logins = new VerifiedLogins();
  const verified = verifiedAs("a");
  logins.remember("Basic YTph", verified);
  assertEquals(logins.find("Basic YTph"), verified);
  assertEquals(logins.find("Basic YTpi"), undefined);
  assertEquals(logins.find("basic YTph"), undefined);
  assertEquals(new VerifiedLogins().find("Basic YTph"), undefined);
});

Deno.test("forgetting a login forgets all its headers and no other's", () => {
  const logins = new VerifiedLogins();
  logins.remember("one", verifiedAs("a"));
  logins.remember("two", verifiedAs("a"));
  logins.remember("three", verifiedAs("b"));
  logins.forget("a");
  logins.forget("nobody");
  const found = ["one", "two", "three"].map((header) => logins.find(header));
  assertEquals(found.map((verified) => verified?.principal.login), [
    undefined,
    undefined,
    "b",
  ]);
  logins.clear();
  assertEquals(logins.find("three"), undefined);
});

Deno.test("names of headers differ, and between processes too", () => {
  const logins = new VerifiedLogins();
  assertEquals(logins.nameOf("one"), logins.nameOf("one"));
  assertNotEquals(logins.nameOf("one"), logins.nameOf("two"));
  assertNotEquals(logins.nameOf("one"), new VerifiedLogins().nameOf("one"));
});

Deno.test("a login's header that is in use outlives its others", () => {
  const logins = new VerifiedLogins();
  for (let index = 0; index < 100; index++) {
    logins.remember(`header-${index}`, verifiedAs("a"));
    logins.find("header-0");
  }
  let found = 0;
  for (let index = 0; index < 100; index++) {
    if (logins.find(`header-${index}`) !== undefined) found++;
  }
  assertEquals(found, LIMITS.verifiedLoginsPerUserMax);
  assertEquals(logins.find("header-0")?.principal.login, "a");
  assertEquals(logins.find("header-99")?.principal.login, "a");
});

Deno.test("no more logins are remembered than the limit says", () => {
  const logins = new VerifiedLogins();
  const count = LIMITS.verifiedLoginsMax + 10;
  for (let index = 0; index < count; index++) {
    logins.remember(`header-${index}`, verifiedAs(`login-${index}`));
  }
  let found = 0;
  for (let index = 0; index < count; index++) {
    if (logins.find(`header-${index}`) !== undefined) found++;
  }
  assertEquals(found, LIMITS.verifiedLoginsMax);
});
