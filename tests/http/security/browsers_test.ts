/**
 * Pages of other sites: what they can have a browser send, and read.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { createHostCheck } from "../../../lib/http/hosts.ts";
import { PIPELINE_REFUSALS } from "../../../lib/http/errors.ts";
import { ROUTES } from "../../../lib/http/routes/table.ts";
import { requestTypesOf } from "../../support/request_types.ts";
import { ADMIN, JSON_TYPE, openSecuredApp } from "../../support/secured_app.ts";
import { basic } from "../../support/test_auth.ts";

const REFUSED = PIPELINE_REFUSALS.crossSite.message;
const SIBLING = "http://127.0.0.1:8080";
const AN_EVENT = {
  eventId: "dddddddd-0000-4000-8000-000000000001",
  eventType: "t",
};
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
    const before = (await app.store.readEnd()).lastPosition;
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
    const afterToken = (await app.store.readEnd()).lastPosition;

    assertEquals(await send(EVIL), 403);
    assertEquals(await send({ "Sec-Fetch-Site": "same-site" }), 403);
    assertEquals(await send({ Origin: "http://127.0.0.1:8080" }), 403);
    assertEquals(await send({ Origin: "null" }), 403);
    for (const type of SIMPLE_TYPES) {
      assertEquals(await send({ ...EVIL, "Content-Type": type }), 403);
    }
    assertEquals(isStopped, false);
    assertEquals((await app.store.readEnd()).lastPosition, afterToken);
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

Deno.test("every writing route is 403 for pages of other origins, for those of its own not", async () => {
  const writes = ROUTES.filter(({ method }) => method !== "GET");
  assert(writes.length > 20);
  for (const { method, template, request } of writes) {
    await using app = await openSecuredApp();
    const path = template.replaceAll(/\{[^}]*\}/g, "1");
    const headers: Record<string, string> = { ...ADMIN };
    const type = requestTypesOf(request)[0]?.contentType;
    if (type !== undefined) headers["Content-Type"] = type;
    const send = (more: Record<string, string>) =>
      app.send(path, {
        method,
        headers: { ...headers, ...more },
        ...(type !== undefined && { body: "-" }),
      });
    for (const foreign of [EVIL, { Origin: "null" }, { Origin: SIBLING }]) {
      const before = (await app.store.readEnd()).lastPosition;
      const { status, body } = await send(foreign);
      assertEquals([status, body], [403, REFUSED], `${method} ${template}`);
      assertEquals((await app.store.readEnd()).lastPosition, before);
    }
    const own = await send({ Origin: "http://127.0.0.1:2113" });
    // A form lacks its mark here: that is another 403.
    const isLetIn = own.status !== 403 || type?.includes("form") === true;
    assert(isLetIn && own.body !== REFUSED, `${method} ${template}`);
  }
});

Deno.test("--cors-origin opens writes to the origins that it names, * to all", async () => {
  const named = "https://app.example.org";
  for (
    const [corsOrigins, origin, status] of [
      [undefined, named, 403],
      [[], named, 403],
      [[named], named, 201],
      [[named], "https://evil.example", 403],
      ["any", "https://evil.example", 201],
      ["any", "null", 201],
    ] as const
  ) {
    await using app = await openSecuredApp({ app: { corsOrigins } });
    const headers = { Origin: origin, "Sec-Fetch-Site": "cross-site" };
    const answer = await app.append("s", [AN_EVENT], headers);
    assertEquals(answer.status, status, `${corsOrigins} ${origin}`);
    const reads = await app.get("/ping", undefined, { Origin: origin });
    assertEquals(reads.status, 200);
  }
});

Deno.test("a page of the address that a trusted proxy or --public-url names may write", async () => {
  const Origin = "https://events.example.org";
  const proxied = { Origin, "X-Forwarded-Host": "events.example.org" };
  const publicUrl = "https://events.example.org/store";
  const trustsNobody = () => false;
  for (
    const [options, headers, status] of [
      [{}, { Origin }, 403],
      [{}, { Origin, Host: "events.example.org" }, 201],
      [{}, proxied, 201],
      [{ isTrustedProxy: trustsNobody }, proxied, 403],
      [{ publicUrl }, { Origin }, 201],
    ] as const
  ) {
    await using app = await openSecuredApp({ app: options });
    const answer = await app.append("s", [AN_EVENT], headers);
    assertEquals(answer.status, status, JSON.stringify(headers));
  }
});

Deno.test("preflights with default options are answered as recorded, whoever asks", async () => {
  await using app = await openSecuredApp();
  const ask = async (headers: Record<string, string>) => {
    const answer = await app.send("/streams/s", { method: "OPTIONS", headers });
    return [answer.status, [...answer.headers], answer.body];
  };
  const asked = { "Access-Control-Request-Method": "POST" };
  assertEquals(await ask({ ...EVIL, ...asked }), await ask({}));
});

Deno.test("a host that the server does not answer for is 400 before anything else", async () => {
  const answersHost = createHostCheck({ listensOn: "127.0.0.1" });
  await using app = await openSecuredApp({ app: { answersHost } });
  const Host = "evil.example:2113";
  for (const method of ["GET", "HEAD", "POST", "DELETE", "OPTIONS", "ODD"]) {
    for (const path of ["/ping", "/streams/s", "/nowhere", "/users/admin"]) {
      for (const who of [{}, ADMIN, { Authorization: basic("admin", "no") }]) {
        const headers = { ...who, Host };
        const { status, body } = await app.send(path, { method, headers });
        assertEquals(status, 400, `${method} ${path}`);
        assertEquals(body.includes("--allowed-host"), method !== "HEAD");
      }
    }
  }
  const { status } = await app.append("s", [AN_EVENT], { Host: "localhost:9" });
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
