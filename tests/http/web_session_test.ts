/**
 * Logging in on pages, forms, and pages that say no.
 *
 * @module
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import {
  ADMIN,
  openSecuredApp,
  type SecuredApp,
} from "../support/secured_app.ts";
import { openTestApp } from "../support/test_app.ts";
import { markIn, PAGE, postForm as post } from "../support/web_forms.ts";

/** Logs in as the administrator; answers with the cookie to send. */
async function logIn(app: SecuredApp): Promise<Record<string, string>> {
  const csrf = markIn(await app.get("/web/login", PAGE));
  const answer = await post(app, "/web/login", {
    csrf,
    login: "admin",
    password: "admin's password",
    return: "/streams/%24all",
  });
  assertEquals(answer.status, 303, answer.body);
  assertEquals(answer.headers.get("Location"), "/streams/%24all");
  const cookie = answer.headers.get("Set-Cookie") ?? "";
  assertStringIncludes(cookie, "HttpOnly");
  assertStringIncludes(cookie, "SameSite=Strict");
  assertStringIncludes(cookie, "Path=/");
  assertStringIncludes(cookie, "Max-Age=43200");
  return { Cookie: cookie.split(";")[0] ?? "" };
}

Deno.test("a session reads and writes as its user until it logs out", async () => {
  await using app = await openSecuredApp();
  const cookie = await logIn(app);
  assertEquals((await app.get("/users/", undefined, cookie)).status, 200);
  const home = await app.get("/web/index.html", PAGE, cookie);
  assertStringIncludes(home.body, "<bdi>admin</bdi>");

  const csrf = markIn(home);
  const refused = await post(app, "/web/logout", { csrf: "x" }, cookie);
  assertEquals(refused.status, 403);
  const out = await post(app, "/web/logout", { csrf }, cookie);
  assertEquals(out.status, 303);
  assertStringIncludes(out.headers.get("Set-Cookie") ?? "", "Max-Age=0");
  assertEquals((await app.get("/users/", undefined, cookie)).status, 401);
  // A cookie that has ended is as good as none.
  assertEquals((await app.get("/web/index.html", PAGE, cookie)).status, 200);
});

Deno.test("a session makes no tokens, but lists and revokes them", async () => {
  await using app = await openSecuredApp();
  const cookie = await logIn(app);
  const path = "/users/admin/tokens";
  const made = await app.sendJson(path, {}, { headers: cookie });
  assertEquals(made.status, 401);
  const list = await app.get(path, undefined, cookie);
  const { tokens } = JSON.parse(list.body);
  assertEquals(tokens.map(({ session }: { session: boolean }) => session), [
    true,
  ]);
  const one = `${path}/${tokens[0].tokenId}`;
  const revoked = await app.send(one, { method: "DELETE", headers: cookie });
  assertEquals(revoked.status, 200);
  assertEquals((await app.get(path, undefined, cookie)).status, 401);
});

Deno.test("a wrong password shows the form again, and no challenge", async () => {
  await using app = await openSecuredApp();
  const csrf = markIn(await app.get("/web/login", PAGE));
  const fields = { csrf, login: `"><script>`, password: "x", return: "//evil" };
  const answer = await post(app, "/web/login", fields);
  assertEquals(answer.status, 401);
  assertStringIncludes(answer.body, `value="&quot;&gt;&lt;script&gt;"`);
  assertStringIncludes(answer.body, `value="/web/index.html"`);
  assert(!answer.headers.get("WWW-Authenticate")?.includes("Basic"));
  assertEquals(answer.headers.get("Set-Cookie"), null);
});

Deno.test("forms of other origins are refused, even where all may write", async () => {
  await using app = await openSecuredApp({ app: { corsOrigins: "any" } });
  const cookie = await logIn(app);
  const csrf = markIn(await app.get("/web/index.html", PAGE, cookie));
  for (
    const from of [
      { Origin: "https://evil.example" },
      { Origin: "http://127.0.0.1:3000" },
      { "Sec-Fetch-Site": "same-site" },
    ]
  ) {
    const form = await post(app, "/web/logout", { csrf }, {
      ...cookie,
      ...from,
    });
    assertEquals(form.status, 403);
    const write = await app.sendJson("/streams/s", {}, {
      headers: { ...cookie, ...from, "ES-EventType": "t" },
    });
    assertEquals(write.status, 403);
  }
  assertEquals((await app.get("/users/", undefined, cookie)).status, 200);
});

Deno.test("the oldest session ends when there are too many", async () => {
  await using app = await openSecuredApp();
  const first = await logIn(app);
  for (let count = 0; count < 20; count++) await logIn(app);
  assertEquals((await app.get("/users/", undefined, first)).status, 401);
  const list = await app.get("/users/admin/tokens", undefined, ADMIN);
  assertEquals(JSON.parse(list.body).tokens.length, 20);
});

Deno.test("refusals are pages for browsers, and words for programs", async () => {
  await using app = await openSecuredApp();
  const rows: readonly (readonly [path: string, number])[] = [
    ["/streams/none", 404],
    ["/nothing/here", 404],
    ["/streams/%24all", 401],
    ["/streams/s/x", 400],
    ["/streams/%zz", 400],
    ["/subscriptions/none/group/info", 404],
  ];
  for (const [path, status] of rows) {
    const words = await app.get(path, "application/json");
    const page = await app.get(path, PAGE);
    assertEquals([words.status, page.status], [status, status], path);
    assert(!words.body.includes("<"), words.body);
    assertStringIncludes(page.body, `<span class="status">${status}</span>`);
    assertStringIncludes(page.body, "/web/index.html");
    const challenge = page.headers.get("WWW-Authenticate") ?? "";
    assert(!challenge.startsWith("Basic"), challenge);
  }
  const page = await app.get("/streams/%24all?x=1", PAGE);
  assertStringIncludes(page.body, `name="return" value="/streams/%24all?x=1"`);
});

Deno.test("assets never change, and nothing else is one", async () => {
  await using app = await openSecuredApp();
  const { body } = await app.get("/web/index.html", PAGE);
  const paths = [...body.matchAll(/(?:href|src)="(\/web\/assets\/[^"]+)"/g)];
  assert(paths.length >= 3);
  for (const [, path = ""] of paths) {
    const { status, headers } = await app.get(path);
    assertEquals(status, 200);
    assertStringIncludes(headers.get("Cache-Control") ?? "", "immutable");
    const etag = headers.get("ETag") ?? "";
    const known = await app.get(path, undefined, { "If-None-Match": etag });
    assertEquals([known.status, known.body], [304, ""]);
  }
  for (const name of ["style.css", "..%2fassets.ts", "style.0.css"]) {
    assertEquals((await app.get(`/web/assets/${name}`)).status, 404, name);
  }
});

Deno.test("a form of a session is taken by every server that shares the store", async () => {
  await using app = await openSecuredApp();
  const { store, clock, auth } = app;
  const cookie = await logIn(app);
  const csrf = markIn(await app.get("/web/index.html", PAGE, cookie));
  await using other = openTestApp({ store, clock, auth });
  const out = await post(other, "/web/logout", { csrf }, cookie);
  assertEquals(out.status, 303);
  // That of a password is not: the mark must not tell it.
  const page = await app.get("/web/append", PAGE, ADMIN);
  const refused = await post(
    other,
    "/web/append",
    { csrf: markIn(page) },
    ADMIN,
  );
  assertEquals(refused.status, 403);
});

Deno.test("a malformed Cookie header is as good as none", async () => {
  await using app = await openSecuredApp();
  for (const Cookie of ["", "=x", "a=b=c;;", ";"]) {
    const { status } = await app.send("/ping", { headers: { Cookie } });
    assertEquals(status, 200, Cookie);
  }
});
