/**
 * Pages of other sites: what they can have a browser send, and read.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { ADMIN, JSON_TYPE, openSecuredApp } from "../../support/secured_app.ts";
import { basic } from "../../support/test_auth.ts";

const EVIL = { Origin: "https://evil.example", "Sec-Fetch-Site": "cross-site" };

/** Requests that a browser sends without asking first. */
const UNASKED: readonly string[] = [
  "/users/ops/command/disable",
  "/users/ops/command/enable",
  "/users/$current/access-token",
  "/admin/shutdown",
];

/** Types of bodies that a browser sends without asking first. */
const SIMPLE_TYPES = [
  "text/plain",
  "application/x-www-form-urlencoded",
  "multipart/form-data; boundary=x",
];

for (const path of UNASKED) {
  Deno.test(`POST ${path} of another site's page is 403`, async () => {
    let isStopped = false;
    const shutDown = () => void (isStopped = true);
    await using app = await openSecuredApp({ app: { shutDown } });
    const before = app.store.status().lastPosition;
    // As the browser does it that knows the user's password.
    const send = async (headers: Record<string, string>) => {
      const host = { Host: "127.0.0.1:2113" };
      const all = { ...host, ...admin, ...headers };
      return (await app.send(path, { method: "POST", headers: all })).status;
    };
    const { body } = await app.sendJson("/users/admin/tokens", {}, {
      headers: ADMIN,
    });
    const admin = { Authorization: `Bearer ${JSON.parse(body).token}` };
    const afterToken = app.store.status().lastPosition;

    assertEquals(await send(EVIL), 403);
    assertEquals(await send({ "Sec-Fetch-Site": "same-site" }), 403);
    assertEquals(await send({ Origin: "http://127.0.0.1:8080" }), 403);
    assertEquals(await send({ Origin: "null" }), 403);
    for (const type of SIMPLE_TYPES) {
      assertEquals(await send({ ...EVIL, "Content-Type": type }), 403);
    }
    assertEquals(isStopped, false);
    assertEquals(app.store.status().lastPosition, afterToken);
    assertEquals(before < afterToken, true);
  });

  Deno.test(`POST ${path} of the server's own page, or of curl, is let in`, async () => {
    await using app = await openSecuredApp();
    const send = async (headers: Record<string, string>) =>
      (await app.send(path, {
        method: "POST",
        headers: { ...ADMIN, ...headers },
      })).status < 300;
    assertEquals(await send({}), true);
    const own = { Origin: "http://127.0.0.1:2113" };
    assertEquals(await send({ ...own, "Sec-Fetch-Site": "same-origin" }), true);
    assertEquals(await send(own), true);
    assertEquals(await send({ "Sec-Fetch-Site": "none" }), true);
  });
}

Deno.test("appends with a type that no browser asks about are 415", async () => {
  await using app = await openSecuredApp();
  for (const type of SIMPLE_TYPES) {
    for (
      const path of ["/streams/s", "/streams/s/metadata", "/users/"]
    ) {
      const headers = { ...EVIL, "Content-Type": type };
      const { status } = await app.send(path, { headers, body: "[]" });
      assertEquals(status, 415, `${type} to ${path}`);
    }
  }
});

Deno.test("appends that a browser asks about first work from every page", async () => {
  await using app = await openSecuredApp();
  const { status } = await app.append("s", [{
    eventId: "dddddddd-0000-4000-8000-000000000001",
    eventType: "t",
  }], EVIL);
  assertEquals(status, 201);
});

Deno.test("the default password is refused from elsewhere than this machine", async () => {
  await using app = await openSecuredApp();
  const ops = { Authorization: basic("ops", "changeit") };
  const status = async (headers: Record<string, string>) =>
    (await app.get("/users/$current", undefined, { ...ops, ...headers }))
      .status;
  assertEquals(await status({}), 200);
  assertEquals(await status({ Origin: "https://evil.example" }), 401);
  assertEquals(await status({ Host: "evil.example:2113" }), 401);
  assertEquals(await status({ "X-Forwarded-For": "203.0.113.9" }), 401);
  assertEquals(await status({ "Sec-Fetch-Site": "cross-site" }), 401);
});

Deno.test("--cors-origin names whose pages may read", async () => {
  const allowed = "https://app.example.org";
  await using app = await openSecuredApp({ app: { corsOrigins: [allowed] } });
  const originFor = async (path: string, origin: string | undefined) => {
    const headers = origin === undefined ? {} : { Origin: origin };
    const answer = await app.get(path, undefined, headers);
    return [
      answer.headers.get("Access-Control-Allow-Origin"),
      answer.headers.get("Vary")?.includes("Origin"),
    ];
  };
  for (const path of ["/ping", "/streams/none", "/nowhere"]) {
    assertEquals(await originFor(path, allowed), [allowed, true], path);
    assertEquals(await originFor(path, "https://evil.example"), [null, true]);
    assertEquals(await originFor(path, undefined), [null, true]);
  }
  const preflight = await app.send("/streams/s", {
    method: "OPTIONS",
    headers: { Origin: "https://evil.example" },
  });
  assertEquals(preflight.headers.get("Access-Control-Allow-Origin"), null);
  const unasked = await app.send("/users/ops/command/disable", {
    method: "POST",
    headers: { ...EVIL, Origin: allowed, ...JSON_TYPE },
  });
  assertEquals(unasked.status, 401);
});

Deno.test("without --cors-origin every page may read, as recorded", async () => {
  await using app = await openSecuredApp();
  const answer = await app.get("/ping", undefined, EVIL);
  assertEquals(answer.headers.get("Access-Control-Allow-Origin"), "*");
  assertEquals(answer.headers.get("Access-Control-Allow-Credentials"), null);
});
