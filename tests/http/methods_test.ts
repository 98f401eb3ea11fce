/**
 * Methods, CORS, OPTIONS, HEAD, redirects and what holds for every answer.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { testUuid } from "../support/events.ts";
import { ADMIN, openSecuredApp } from "../support/secured_app.ts";
import {
  openTestApp,
  TEST_BASE_URL,
  TEST_LOGINS,
} from "../support/test_app.ts";

const ONE = [{ eventId: testUuid(1), eventType: "tested", data: { n: 1 } }];

const EVERY_ANSWER = {
  "Access-Control-Allow-Origin": "*",
  "Access-Control-Allow-Headers":
    "Content-Type, X-Requested-With, X-Forwarded-Host, X-Forwarded-Prefix, " +
    "X-PINGOTHER, Authorization, ES-LongPoll, ES-ExpectedVersion, " +
    "ES-EventId, ES-EventType, ES-RequiresMaster, ES-RequireMaster, " +
    "ES-HardDelete, ES-ResolveLinkTos, ES-ResolveLinkTo, If-None-Match, " +
    "Last-Event-ID",
  "Access-Control-Expose-Headers":
    "Location, ES-Position, ES-CurrentVersion, ETag",
  "X-Content-Type-Options": "nosniff",
};

Deno.test("every answer carries the CORS headers and nosniff", async (test) => {
  await using app = openTestApp();
  await app.append("s", ONE);
  const json = { "Content-Type": "application/json" };
  const table: [
    method: string,
    path: string,
    headers: Record<string, string>,
    status: number,
    allowed: string,
  ][] = [
    ["GET", "/streams/s", {}, 200, "POST, DELETE, GET, OPTIONS"],
    ["GET", "/streams/s/0", {}, 200, "GET, OPTIONS"],
    ["GET", "/streams/s/9", {}, 404, "GET, OPTIONS"],
    ["GET", "/streams/s/x", {}, 400, "GET, OPTIONS"],
    ["GET", "/nothing", {}, 404, ""],
    ["PUT", "/streams/s", {}, 405, "POST, DELETE, GET, OPTIONS"],
    ["PATCH", "/streams/s/0", {}, 405, "GET, OPTIONS"],
    ["TRACE_", "/ping", {}, 405, "GET, OPTIONS"],
    ["GET", "/streams/s", { Accept: "image/png" }, 406, ""],
    ["POST", "/streams/s", {}, 415, ""],
    ["POST", "/streams/s", { ...json, Accept: "text/html" }, 406, ""],
    ["GET", "/streams/s", { Authorization: TEST_LOGINS.wrong }, 401, ""],
    ["OPTIONS", "/nothing", { Authorization: TEST_LOGINS.wrong }, 401, ""],
    ["OPTIONS", "/nothing", {}, 404, ""],
    ["GET", "/streams/$all", {}, 401, "POST, DELETE, GET, GET, OPTIONS"],
    ["GET", "/streams/s/", {}, 307, "POST, DELETE, GET, OPTIONS"],
    ["GET", "/", {}, 302, "GET, OPTIONS"],
    [
      "DELETE",
      "/streams/s",
      { "ES-HardDelete": "yes" },
      400,
      "POST, DELETE, GET, OPTIONS",
    ],
    ["OPTIONS", "/streams/s/metadata", {}, 200, "GET, POST, GET, OPTIONS"],
  ];
  for (const [method, path, headers, status, allowed] of table) {
    await test.step(`${method} ${path} is ${status}`, async () => {
      const answer = await app.send(path, { method, headers });
      assertEquals(answer.status, status, answer.body);
      assertEquals(answer.headers.get("Access-Control-Allow-Methods"), allowed);
      for (const [name, value] of Object.entries(EVERY_ANSWER)) {
        assertEquals(answer.headers.get(name), value, name);
      }
      assertEquals(
        answer.headers.get("WWW-Authenticate"),
        status === 401 ? 'Basic realm="ES"' : null,
      );
      if (status >= 400) {
        assertEquals(
          answer.headers.get("Content-Type"),
          "text/plain; charset=utf-8",
        );
        assert(answer.body.length > 0);
        assertEquals(answer.headers.get("Cache-Control"), null);
      }
    });
  }
});

Deno.test("OPTIONS of a route is 200 without a body or a type", async () => {
  await using app = openTestApp();
  const answer = await app.send("/streams/s", {
    method: "OPTIONS",
    headers: {
      Origin: "http://app.example",
      "Access-Control-Request-Method": "POST",
    },
  });
  assertEquals([answer.status, answer.body], [200, ""]);
  assertEquals(answer.headers.get("Content-Type"), null);
});

Deno.test("HEAD is GET without the body", async () => {
  await using app = openTestApp();
  await app.append("s", ONE);
  for (
    const path of [
      "/streams/s",
      "/streams/s/0",
      "/streams/s/9",
      "/ping",
      "/streams/s/",
      "/x",
    ]
  ) {
    const get = await app.send(path);
    const head = await app.send(path, { method: "HEAD" });
    assertEquals([head.status, head.body], [get.status, ""], path);
    assertEquals(
      head.headers.get("Content-Length"),
      String(new TextEncoder().encode(get.body).length),
    );
    head.headers.delete("Content-Length");
    assertEquals([...head.headers], [...get.headers], path);
  }
  assertEquals(
    (await app.send("/streams/s/incoming", { method: "HEAD" })).status,
    400,
  );
});

Deno.test("a URI with a slash too many is 307 to the one without", async () => {
  await using app = openTestApp();
  const table: [method: string, path: string, location: string][] = [
    ["GET", "/streams/s/", "/streams/s"],
    ["POST", "/streams/s/", "/streams/s"],
    ["DELETE", "/streams/s/", "/streams/s"],
    ["GET", "/streams/%24all/", "/streams/$all"],
    ["GET", "/streams/a%20b%C3%BC%3F/", "/streams/a%20b%C3%BC%3F"],
    ["GET", "/streams/s/metadata/", "/streams/s/metadata"],
    ["POST", "/streams/s/metadata/", "/streams/s/metadata"],
    ["GET", "/streams/s/?embed=body&x=/", "/streams/s?embed=body&x=/"],
    ["GET", "/streams/s%2F", "/streams/s"],
  ];
  for (const [method, path, location] of table) {
    const headers = method === "POST"
      ? { "Content-Type": "application/json" }
      : {};
    const answer = await app.send(path, { method, headers });
    assertEquals(
      [answer.status, answer.body],
      [307, "Moved Permanently"],
      path,
    );
    assertEquals(answer.headers.get("Location"), TEST_BASE_URL + location);
    assertEquals(
      answer.headers.get("Cache-Control"),
      "max-age=31536000, public",
    );
    assertEquals(
      answer.headers.get("Content-Type"),
      "text/plain; charset=utf-8",
    );
  }
});

Deno.test("GET / and GET /web are 302 to the web page", async () => {
  await using app = openTestApp();
  for (const path of ["/", "/web"]) {
    const answer = await app.get(path, "application/json");
    assertEquals([answer.status, answer.body], [302, "Moved"]);
    assertEquals(
      answer.headers.get("Location"),
      `${TEST_BASE_URL}/web/index.html`,
    );
  }
});

Deno.test("GET /ping answers in every type", async () => {
  await using app = openTestApp();
  const table: [accept: string, body: string][] = [
    [
      "application/json",
      '{\n  "msgTypeId": 175,\n  "text": "Ping request successfully handled"\n}',
    ],
    ["text/plain", "Text: Ping request successfully handled"],
    [
      "text/xml",
      '<?xml version="1.0" encoding="utf-8"?><TextMessage xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><Text>Ping request successfully handled</Text></TextMessage>',
    ],
  ];
  for (const [accept, body] of table) {
    const answer = await app.get("/ping", accept);
    assertEquals([answer.status, answer.body], [200, body]);
    assertEquals(
      answer.headers.get("Content-Type"),
      `${accept}; charset=utf-8`,
    );
    assertEquals(answer.headers.get("Cache-Control"), null);
  }
});

Deno.test("GET /info tells the emulated version and our own", async () => {
  await using app = openTestApp();
  const { status, body } = await app.get("/info");
  assertEquals(status, 200);
  assertEquals(JSON.parse(body), {
    esVersion: "4.0.2.0",
    state: "master",
    projectionsMode: "None",
    quipuVersion: "0.0.0",
  });
});

Deno.test("GET /health is 200, and 503 with the reason while nothing can be written", async () => {
  let reason: string | undefined = undefined;
  await using app = openTestApp({
    status: () => ({ readOnlyReason: reason }),
  });
  const sound = await app.get("/health");
  assertEquals(sound.status, 200);
  assertEquals(JSON.parse(sound.body), { status: "ok" });
  reason = "Cannot append: the store failed to write (EIO)";
  const failing = await app.get("/health", "text/xml");
  assertEquals(failing.status, 503);
  assertEquals(
    failing.headers.get("Content-Type"),
    "application/json; charset=utf-8",
  );
  assertEquals(failing.headers.get("Cache-Control"), "no-store");
  assertEquals(JSON.parse(failing.body), { status: "readOnly", reason });
  const info = await app.get("/info");
  assertEquals(JSON.parse(info.body).readOnlyReason, reason);
});

Deno.test("links follow the proxy that is trusted", async () => {
  const headers = {
    "X-Forwarded-Host": "events.example.com",
    "X-Forwarded-Port": "8080",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Prefix": "/es",
  };
  await using trusting = openTestApp();
  const written = await trusting.append("s", ONE, headers);
  assertEquals(
    written.headers.get("Location"),
    "https://events.example.com:8080/es/streams/s/0",
  );
  const feed = await trusting.get("/streams/s", "application/json", headers);
  assertEquals(
    JSON.parse(feed.body).id,
    "https://events.example.com:8080/es/streams/s",
  );
  await using wary = openTestApp({ app: { isTrustedProxy: () => false } });
  const other = await wary.append("s", ONE, headers);
  assertEquals(other.headers.get("Location"), `${TEST_BASE_URL}/streams/s/0`);
});

/** Requests that write something, as long as their host is one. */
const WRITES: readonly (readonly [string, string, unknown])[] = [
  ["POST", "/streams/s", { a: 1 }],
  ["POST", "/streams/s/metadata", { $maxCount: 2 }],
  ["DELETE", "/streams/t", undefined],
  ["POST", "/users/", {
    loginName: "anna",
    fullName: "Anna",
    groups: [],
    password: "anna's password",
  }],
  ["POST", "/users/admin/tokens", { label: "one" }],
  ["PUT", "/subscriptions/s/g", {}],
];

for (const [method, path, json] of WRITES) {
  Deno.test(`a Host that names no host is 400 and writes nothing: ${method} ${path}`, async () => {
    await using app = await openSecuredApp();
    await app.append("t", ONE);
    const ask = async (host: object) => {
      const { end } = await app.store.readEnd();
      const { status, body } = await app.send(path, {
        method,
        headers: {
          ...ADMIN,
          "Content-Type": "application/json",
          ...(path === "/streams/s" && { "ES-EventType": "t" }),
          "ES-EventId": "fbf4a1a1-b4a3-4dfe-a01f-ec52c34e16e4",
          ...host,
        },
        ...(json === undefined ? {} : { body: JSON.stringify(json) }),
      });
      const isWritten = (await app.store.readEnd()).end !== end;
      return { status, body, isWritten };
    };
    for (const Host of ['h"><script>', "127.0.0.1:2113, [::1]:2113"]) {
      assertEquals(
        await ask({ Host }),
        { status: 400, body: "Invalid host", isWritten: false },
      );
    }
    assertEquals((await ask({})).isWritten, true);
  });
}
