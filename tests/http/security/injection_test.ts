/**
 * Text from outside that tries to be more than text: in names, types, ids,
 * headers, bodies, pages and logs.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { createLogger } from "../../../lib/telemetry/logger.ts";
import { parseXml } from "../../../lib/formats/xml/xml_parse.ts";
import { withRequestLog } from "../../../lib/http/app.ts";
import { ADMIN, openSecuredApp } from "../../support/secured_app.ts";
import {
  openTestApp,
  TEST_BASE_URL,
  TEST_INFO,
} from "../../support/test_app.ts";
import { exchange } from "../../support/raw_http.ts";
import { serveHttp } from "../../../lib/http/server.ts";
import { SILENT_LOGGER } from "../../../lib/model/logger.ts";
import { createTestClock } from "../../support/events.ts";

/** Names that would break out of a header, a line, a tag, a path or an object. */
const EVIL_NAMES = [
  "a\r\nSet-Cookie: evil=1",
  "a\nb",
  "a\0b",
  "<script>alert(1)</script>",
  '"><img src=x onerror=alert(1)>',
  "' onmouseover='alert(1)",
  "]]><evil/>",
  "-->",
  "&lt;b&gt;",
  "javascript:alert(1)",
  "__proto__",
  "constructor",
  "prototype",
  "..",
  ".",
  "..%2f..%2fetc%2fpasswd",
  "\\..\\..\\windows",
  "\u202egnp.exe",
  "\u2028line",
  "\u001b[31mred",
  "\ud800",
  "%00",
  "%0d%0aX: y",
  "${7*7}{{7*7}}",
];

const TYPES = [
  "text/html",
  "application/atom+xml",
  "application/vnd.eventstore.atom+json",
  "text/xml",
  "application/json",
];

function idOf(number: number): string {
  return `fefefefe-0000-4000-8000-${String(number).padStart(12, "0")}`;
}

for (const [index, name] of EVIL_NAMES.entries()) {
  Deno.test(`${JSON.stringify(name)} as a stream, a type and data is only text`, async () => {
    await using app = await openSecuredApp();
    // What is sent has no unpaired surrogates; escaped ones may say so.
    const path = `/streams/${encodeURIComponent(name.toWellFormed())}`;
    const body = JSON.stringify([
      {
        eventId: idOf(index),
        eventType: name,
        data: { [name]: name, x: name },
      },
    ]);
    const headers = {
      ...ADMIN,
      "Content-Type": "application/vnd.eventstore.events+json",
    };
    for (const place of [path, "/streams/s"]) {
      const { status } = await app.send(place, { headers, body });
      // A slash in a name divides the path, as in the original.
      assert([201, 400, 404, 405].includes(status), `${status}`);
    }
    const pages = [path, `${path}/0`, `${path}/metadata`, "/streams/s"]
      .flatMap((page) => [page, `${page}?embed=tryharder`]);
    for (const page of [...pages, "/streams/s/0", "/streams/%24streams"]) {
      for (const type of TYPES) {
        const answer = await app.get(page, type, ADMIN);
        assert(answer.status < 500, `${answer.status} for ${page}`);
        checkAnswer(answer);
      }
    }
  });
}

const OWN_ASSET = /<(?:script type="module"|img) src="\/web\/assets\/[\w.]+"/g;

function checkAnswer(
  { headers, body, status }: {
    readonly headers: Headers;
    readonly body: string;
    readonly status: number;
  },
): void {
  for (const [name, value] of headers) {
    assert(!/[\r\n\0]/.test(value), `${name}: ${value}`);
  }
  assertEquals(headers.get("Set-Cookie"), null);
  assertEquals(headers.get("X-Content-Type-Options"), "nosniff");
  if (status !== 200) return;
  const type = headers.get("Content-Type") ?? "";
  if (type.startsWith("text/html")) {
    // The page's own, which lie here.
    const foreign = body.replaceAll(OWN_ASSET, "");
    assert(!/<(?:script|img|evil)/i.test(foreign), body);
    const tags = body.replaceAll(/>[^<]*</g, "><").replaceAll(/"[^"]*"/g, "");
    assert(!/\son\w+=/i.test(tags), body);
    assert(!/href="javascript:/i.test(body), body);
    assert(headers.get("Content-Security-Policy")?.includes("default-src"));
  }
  if (type.startsWith("application/atom+xml") && body !== "") {
    assertEquals(parseXml(body).kind, "document", body);
    assert(!body.includes("<evil"), body);
  }
}

Deno.test("line ends in header values do not get to the app, or into answers", async () => {
  await using app = openTestApp();
  await using server = serveHttp({
    app: app.app,
    hostname: "127.0.0.1",
    port: 0,
    logger: SILENT_LOGGER,
  });
  const url = `http://127.0.0.1:${server.port}`;
  const attempts = [
    "GET /streams/a%0d%0aSet-Cookie:%20evil=1/ HTTP/1.1\r\nHost: h\r\n",
    "GET /streams/a%0d%0aSet-Cookie:%20evil=1/?x=%0d%0aA:b HTTP/1.1\r\nHost: h\r\n",
    "GET /ping HTTP/1.1\r\nHost: h%0d%0aSet-Cookie: evil=1\r\n",
    "GET /streams/s/ HTTP/1.1\r\nHost: h\r\nX-Forwarded-Host: a%0d%0aSet-Cookie: evil=1\r\n",
    'GET /streams/s/ HTTP/1.1\r\nHost: h\r\nX-Forwarded-Prefix: /a"><b>\r\n',
    "GET http://evil.example/streams/s/ HTTP/1.1\r\nHost: h\r\n",
    "GET /streams/%E2%80%A8/ HTTP/1.1\r\nHost: h\r\n",
    "GET /streams/\xe2\x80\xa8/ HTTP/1.1\r\nHost: h\r\n",
    "POST /streams/s HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n" +
    "ES-EventType: a%0d%0ab\r\nContent-Length: 2\r\n",
  ];
  for (const attempt of attempts) {
    const { head } = await exchange(
      url,
      `${attempt}Connection: close\r\n\r\n{}`,
    );
    assert(!/^set-cookie:/im.test(head), head);
    assert(!head.includes("evil.example"), head);
    assert(!/^location:.*["<>]/im.test(head), head);
    assert(/^HTTP\/1\.1 [234]\d\d /.test(head), head);
  }
});

Deno.test("paths that climb are names, and lead to no file", async () => {
  await using app = openTestApp();
  const paths = [
    "/../../etc/passwd",
    "/streams/../../etc/passwd",
    "/web/../../etc/passwd",
    "/web/%2e%2e/%2e%2e/etc/passwd",
    "/web/..%2f..%2fetc%2fpasswd",
    "/web/..%5c..%5cetc%5cpasswd",
    "/streams/..",
    "/streams/%2e%2e/%2e%2e/etc/passwd",
    "//etc/passwd",
    "/\\etc\\passwd",
    "file:///etc/passwd",
    "http://127.0.0.1/streams/../../../etc/passwd",
  ];
  for (const path of paths) {
    const { status, body } = await app.get(path);
    assert(status >= 300 && status < 500, `${status} for ${path}`);
    assert(!body.includes("root:"), path);
  }
});

Deno.test("__proto__ and constructor as members are members and nothing else", async () => {
  await using app = await openSecuredApp();
  const bodies: readonly (readonly [string, string])[] = [
    ["/users/", '{"__proto__":{"loginName":"x","password":"y"}}'],
    [
      "/users/",
      '{"loginName":"x","password":"y","__proto__":{"isAdmin":true}}',
    ],
    ["/users/", '{"constructor":{"prototype":{"polluted":1}}}'],
  ];
  for (const [path, body] of bodies) {
    await app.send(path, {
      headers: { ...ADMIN, "Content-Type": "application/json" },
      body,
    });
  }
  const polluted: { readonly polluted?: unknown; readonly isAdmin?: unknown } =
    {};
  assertEquals([polluted.polluted, polluted.isAdmin], [undefined, undefined]);
  assertEquals((await app.get("/users/x", undefined, ADMIN)).status, 200);

  const data = '{"__proto__":{"polluted":1},"constructor":1,"a":2}';
  const metadata = '{"__proto__":{"$acl":{"$r":"$admins"}}}';
  const headers = { "Content-Type": "application/json" };
  await app.send("/streams/s", {
    headers: { ...headers, "ES-EventType": "t", "ES-EventId": idOf(1) },
    body: data,
  });
  await app.send("/streams/s/metadata", {
    headers: { ...headers, "ES-EventId": idOf(2) },
    body: metadata,
  });
  const { status, body } = await app.get("/streams/s/0", "application/json");
  assertEquals(status, 200);
  assertEquals(JSON.parse(body), JSON.parse(data));
  assert(Object.hasOwn(JSON.parse(body), "__proto__"));
});

Deno.test("no text from outside forges a log line", async () => {
  const lines: string[] = [];
  const writer = {
    writeSync(bytes: Uint8Array): number {
      lines.push(new TextDecoder().decode(bytes));
      return bytes.length;
    },
  };
  for (const format of ["text", "json"] as const) {
    const clock = createTestClock();
    const logger = createLogger({ level: "debug", format, clock, writer });
    await using app = await openSecuredApp({
      logger,
      authOptions: { logger },
    });
    const logged = withRequestLog(app.app, { clock, logger });
    const evil = "x\n2026-01-01T00:00:00.000Z info  user.created login=root";
    const path = `/streams/${encodeURIComponent(evil)}`;
    for (const target of [path, `/users/${encodeURIComponent(evil)}`]) {
      const request = new Request(TEST_BASE_URL + target, { headers: ADMIN });
      await (await logged(request, TEST_INFO)).body?.cancel();
    }
    await app.writeAcl(evil, { $r: "\u001b[2Jx\nforged" });
    const user = { loginName: "ok", fullName: "a", password: "p", groups: [] };
    await app.sendJson("/users/", user, { headers: ADMIN });
    await app.sendJson(`/users/ok/tokens`, { label: evil }, { headers: ADMIN });
  }
  assert(lines.length > 8);
  for (const line of lines) {
    assertEquals(line.split("\n").length, 2, line);
    // deno-lint-ignore no-control-regex
    assert(!/[\x00-\x09\x0b-\x1f\x7f\u2028\u2029\u202e]/.test(line), line);
    assert(
      !/^2026-01-01T00:00:00\.000Z info {2}user\.created login=root/.test(line),
    );
  }
});

Deno.test("access tokens and credentials are in no log line", async () => {
  const lines: string[] = [];
  const writer = {
    writeSync(bytes: Uint8Array): number {
      lines.push(new TextDecoder().decode(bytes));
      return bytes.length;
    },
  };
  const clock = createTestClock();
  const logger = createLogger({
    level: "debug",
    format: "text",
    clock,
    writer,
  });
  await using app = await openSecuredApp({ logger, authOptions: { logger } });
  const logged = withRequestLog(app.app, { clock, logger });
  for (
    const [target, headers] of [
      ["/streams/s?access_token=sesame&format=sse", {}],
      ["/streams/s?access_token=sesame", {}],
      ["/streams/s/?access_token=sesame", {}],
      ["/ping", { Authorization: "Basic " + btoa("admin:sesame") }],
      ["/ping", { Authorization: "Bearer sesame" }],
    ] as const
  ) {
    const request = new Request(TEST_BASE_URL + target, { headers });
    await (await logged(request, TEST_INFO)).body?.cancel();
  }
  assert(lines.length >= 5);
  for (const line of lines) {
    assert(!line.includes("sesame"), line);
    assert(!line.includes(btoa("admin:sesame")), line);
  }
});
