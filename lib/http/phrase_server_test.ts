import { assert, assertEquals, assertRejects } from "@std/assert";
import { LIMITS } from "../model/limits.ts";
import { SILENT_LOGGER } from "../model/logger.ts";
import { testUuid } from "../../tests/support/events.ts";
import {
  openTestApp,
  type TestApp,
  type TestAppOptions,
} from "../../tests/support/test_app.ts";
import { exchange, RawConnection } from "../../tests/support/raw_http.ts";
import { serveWithPhrases } from "./phrase_server.ts";
import type { HttpServer, ServeOptions } from "./server.ts";

const EVENTS_JSON = "application/vnd.eventstore.events+json";
const ONE = `[{"eventId":"${testUuid(1)}","eventType":"t","data":{"n":1}}]`;

/** One of the files that tests have for TLS. */
function pem(name: string): string {
  const folder = new URL("../../tests/support/tls/", import.meta.url);
  return Deno.readTextFileSync(new URL(name, folder));
}

interface Served {
  readonly server: HttpServer;
  readonly url: string;
  readonly testApp: TestApp;
}

/** Serves a test app on a free port for as long as `use` runs. */
async function serving(
  use: (served: Served) => Promise<void>,
  options: TestAppOptions & Pick<ServeOptions, "tls" | "times"> = {},
): Promise<void> {
  const { tls, times } = options;
  await using testApp = openTestApp(options);
  await using server = await serveWithPhrases({
    app: testApp.app,
    hostname: "127.0.0.1",
    port: 0,
    logger: SILENT_LOGGER,
    tls,
    ...(times && { times }),
  });
  const scheme = tls === undefined ? "http" : "https";
  const url = `${scheme}://127.0.0.1:${server.port}`;
  await use({ server, url, testApp });
}

function post(headers: readonly string[], body: string): string {
  return [
    "POST /streams/s HTTP/1.1",
    "Host: h",
    "Connection: close",
    `Content-Type: ${EVENTS_JSON}`,
    ...headers,
  ].join("\r\n") + "\r\n\r\n" + body;
}

Deno.test("the phrase of a refusal is its text", () =>
  serving(async ({ url }) => {
    const length = `Content-Length: ${ONE.length}`;
    const requests: [string, string][] = [
      [post([length], ONE), "HTTP/1.1 201 Created"],
      [
        post([length, "ES-ExpectedVersion: 7"], ONE.replace("0001", "0002")),
        "HTTP/1.1 400 Wrong expected EventNumber",
      ],
      [
        post([length, "ES-ExpectedVersion: x"], ONE),
        "HTTP/1.1 400 ES-ExpectedVersion header in wrong format.",
      ],
      [
        "DELETE /streams/s HTTP/1.1\r\nHost: h\r\nES-HardDelete: true\r\n" +
        "Connection: close\r\n\r\n",
        "HTTP/1.1 204 Stream deleted",
      ],
      [post([length], ONE), "HTTP/1.1 410 Stream deleted"],
      [
        "GET /streams/s HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
        "HTTP/1.1 410 Deleted",
      ],
      [
        // What is no phrase stays out of the status line.
        "GET /streams/a/%C3%BC%0D%0AX:y HTTP/1.1\r\nHost: h\r\n" +
        "Connection: close\r\n\r\n",
        "HTTP/1.1 400 Bad Request",
      ],
    ];
    for (const [request, line] of requests) {
      assertEquals((await exchange(url, request)).statusLine, line);
    }
  }));

Deno.test("what is no request is 400, and the connection ends", () =>
  serving(async ({ url }) => {
    const get = "GET /ping HTTP/1.1\r\nHost: h\r\n";
    const heads = [
      "EHLO localhost\r\n\r\n",
      `${get}X-A: a\rX-B: b\r\n\r\n`,
      `${get}Content-Length: x\r\n\r\n`,
      `${get}Content-Length: 1\r\nContent-Length: 2\r\n\r\n`,
      `${get}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n`,
      `${get}X-A: ${"a".repeat(LIMITS.headBytesMax)}\r\n\r\n`,
      get + "X-A: a\r\n".repeat(LIMITS.headersMax) + "\r\n",
      get + "X-A: a\r\n".repeat(4000) + "\r\n",
      "GET /ping HTTP/1.1\r\n\r\n",
    ];
    for (const head of heads) {
      using connection = await RawConnection.open(url);
      await connection.write(head);
      const { statusLine } = await connection.readAnswer();
      assertEquals(statusLine, "HTTP/1.1 400 Bad Request", head.slice(0, 80));
      assert(await connection.isEnded());
    }
  }));

Deno.test("targets, doubled headers and methods come as they were sent", () =>
  serving(async ({ url, testApp }) => {
    await testApp.append("..", [{ eventId: testUuid(1), eventType: "t" }]);
    const dots = await exchange(
      url,
      "GET /streams/%2E%2E/0 HTTP/1.1\r\nHost: h\r\nAccept: image/png\r\n" +
        "Accept: application/json\r\n\r\n",
    );
    assertEquals(dots.statusLine, "HTTP/1.1 200 OK");
    assertEquals(
      dots.header("Content-Type"),
      "application/json; charset=utf-8",
    );
    for (const start of ["PATCH /ping", "TRACE /ping", "CONNECT h:1"]) {
      const other = await exchange(url, `${start} HTTP/1.1\r\nHost: h\r\n\r\n`);
      assertEquals(other.statusLine, "HTTP/1.1 405 Method Not Allowed");
    }
    const head = await exchange(
      url,
      "HEAD /streams/%2E%2E/0 HTTP/1.1\r\nHost: h\r\n\r\n",
      { isToHead: true },
    );
    assertEquals(head.statusLine, "HTTP/1.1 200 OK");
  }));

Deno.test("a client that expects 100 is told to go on, and nothing else", () =>
  serving(async ({ url }) => {
    const length = `Content-Length: ${ONE.length}`;
    for (
      const [expected, lines] of [
        ["100-continue", ["100 Continue", "201 Created"]],
        ["anything", ["201 Created"]],
      ] as const
    ) {
      using connection = await RawConnection.open(url);
      await connection.write(post([length, `Expect: ${expected}`], ONE));
      for (const line of lines) {
        const answer = await connection.readAnswer({ isAnyStatus: true });
        assertEquals(answer.statusLine, `HTTP/1.1 ${line}`);
      }
    }
  }));

Deno.test("offers of another protocol are passed over", () =>
  serving(async ({ url }) => {
    const offers = [
      ["Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c"],
      [
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
      ],
    ];
    for (const offer of offers) {
      const get = ["GET /ping HTTP/1.1", "Host: h", ...offer, "", ""];
      // Deno.serve refuses those that have a body: clients that offer HTTP/2
      // with each request could not write.
      const length = `Content-Length: ${ONE.length}`;
      const requests: [string, number][] = [
        [get.join("\r\n"), 200],
        [
          post([...offer, length], ONE).replace("Connection: close\r\n", ""),
          201,
        ],
      ];
      for (const [request, status] of requests) {
        using connection = await RawConnection.open(url);
        for (let count = 0; count < 2; count++) {
          await connection.write(request);
          assertEquals((await connection.readAnswer()).status, status);
        }
      }
    }
  }));

Deno.test("heads, bodies and idle connections have their times", () =>
  serving(async ({ url }) => {
    const get = "GET /ping HTTP/1.1\r\nHost: h\r\n";
    const cases: [sent: string, statuses: number[]][] = [
      // A head that never ends, at the start and after an answer.
      [get, [408]],
      [`${get}\r\n${get}`, [200, 408]],
      // A connection that says nothing more.
      [`${get}\r\n`, [200]],
      // A body that the app does not read, and that never comes.
      [`POST /ping HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n`, [405]],
    ];
    await Promise.all(cases.map(async ([sent, statuses]) => {
      using connection = await RawConnection.open(url);
      await connection.write(sent);
      for (const status of statuses) {
        assertEquals((await connection.readAnswer()).status, status, sent);
      }
      assert(await connection.isEnded(), sent);
    }));
  }, { times: { headReadMs: 100, bodyReadMs: 100, idleConnectionMs: 100 } }));

Deno.test("over TLS the phrases are sent, and links are to https", () =>
  serving(async ({ url }) => {
    const send = async (request: string) => {
      using connection = await RawConnection.open(url, [pem("ca.pem")]);
      await connection.write(request);
      return await connection.readAnswer();
    };
    const length = `Content-Length: ${ONE.length}`;
    const written = await send(post([length], ONE));
    assertEquals(written.statusLine, "HTTP/1.1 201 Created");
    assertEquals(written.header("Location"), "https://h/streams/s/0");
    const refused = post([length, "ES-ExpectedVersion: 7"], ONE);
    assertEquals(
      (await send(refused.replace("0001", "0002"))).statusLine,
      "HTTP/1.1 400 Wrong expected EventNumber",
    );
    const noTls = await exchange(url.replace("https", "http"), "GET /ping")
      .then(() => "answered", () => "ended");
    assertEquals(noTls, "ended");
  }, {
    app: { scheme: "https" },
    tls: { cert: pem("server.cert.pem"), key: pem("server.key.pem") },
  }));

Deno.test("large bodies go both ways, chunked as well", () =>
  serving(async ({ url }) => {
    const data = "x".repeat(3_000_000);
    const body = JSON.stringify([
      { eventId: testUuid(1), eventType: "t", data: { data } },
    ]);
    const bytes = new TextEncoder().encode(body);
    const written = await fetch(`${url}/streams/s`, {
      method: "POST",
      headers: { "Content-Type": EVENTS_JSON },
      body: ReadableStream.from([bytes.subarray(0, 10), bytes.subarray(10)]),
    });
    assertEquals([written.status, await written.text()], [201, ""]);
    const read = await fetch(`${url}/streams/s/0`, {
      headers: { Accept: "application/json" },
    });
    assertEquals((await read.json()).data.length, data.length);
    const tag = await fetch(`${url}/streams/s`);
    const etag = tag.headers.get("ETag") ?? "";
    await tag.body?.cancel();
    const again = await fetch(`${url}/streams/s`, {
      headers: { "If-None-Match": etag },
    });
    assertEquals([again.status, await again.text()], [304, ""]);
  }));

Deno.test("a live feed begins at once, and ends with its client", () =>
  serving(async ({ url, testApp }) => {
    const aborter = new AbortController();
    const feed = await fetch(`${url}/streams/s?format=sse`, {
      signal: aborter.signal,
    });
    assertEquals(
      feed.headers.get("Content-Type"),
      "text/event-stream; charset=utf-8",
    );
    await testApp.append("s", [{ eventId: testUuid(1), eventType: "t" }]);
    const reader = feed.body?.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    while (!text.includes("data:")) text += (await reader?.read())?.value ?? "";
    aborter.abort();
    await assertRejects(async () => {
      for (;;) if ((await reader?.read())?.done !== false) break;
      throw new DOMException("ended", "AbortError");
    });
  }));

Deno.test("serveWithPhrases() says that a port is in use", () =>
  serving(async ({ server: { port }, testApp }) => {
    await assertRejects(() =>
      serveWithPhrases({
        app: testApp.app,
        hostname: "127.0.0.1",
        port,
        logger: SILENT_LOGGER,
      })
    );
  }));
