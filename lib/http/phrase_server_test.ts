import { assert, assertEquals, assertRejects } from "@std/assert";
import { SILENT_LOGGER } from "../model/logger.ts";
import { testUuid } from "../../tests/support/events.ts";
import {
  openTestApp,
  type TestApp,
  type TestAppOptions,
} from "../../tests/support/test_app.ts";
import { serveWithPhrases } from "./phrase_server.ts";
import type { HttpServer } from "./server.ts";

const EVENTS_JSON = "application/vnd.eventstore.events+json";
const ONE = `[{"eventId":"${testUuid(1)}","eventType":"t","data":{"n":1}}]`;

interface Served {
  readonly server: HttpServer;
  readonly url: string;
  readonly testApp: TestApp;
}

/** Serves a test app on a free port for as long as `use` runs. */
async function serving(
  use: (served: Served) => Promise<void>,
  options: TestAppOptions = {},
): Promise<void> {
  await using testApp = openTestApp(options);
  await using server = await serveWithPhrases({
    app: testApp.app,
    hostname: "127.0.0.1",
    port: 0,
    logger: SILENT_LOGGER,
  });
  const url = `http://127.0.0.1:${server.port}`;
  await use({ server, url, testApp });
}

/** Sends bytes as they are and reads until the connection ends. */
async function sendRaw(port: number, text: string): Promise<string> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  await connection.write(new TextEncoder().encode(text));
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(64 * 1024);
  let answer = "";
  for (;;) {
    const length = await connection.read(buffer);
    if (length === null) return answer;
    answer += decoder.decode(buffer.subarray(0, length), { stream: true });
  }
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

function statusLineOf(answer: string): string | undefined {
  return answer.split("\r\n")[0];
}

Deno.test("the phrase of a refusal is its text", () =>
  serving(async ({ server: { port } }) => {
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
      assertEquals(statusLineOf(await sendRaw(port, request)), line);
    }
  }));

Deno.test("what is no request is 400, and the connection ends", () =>
  serving(async ({ server: { port } }) => {
    const heads = [
      "EHLO localhost\r\n\r\n",
      "GET /ping HTTP/1.1\r\nHost: h\r\nX-A: a\rX-B: b\r\n\r\n",
      "GET /ping HTTP/1.1\r\nHost: h\r\nContent-Length: x\r\n\r\n",
    ];
    for (const head of heads) {
      const answer = await sendRaw(port, head);
      assertEquals(statusLineOf(answer), "HTTP/1.1 400 Bad Request", head);
    }
  }));

Deno.test("targets, doubled headers and methods come as they were sent", () =>
  serving(async ({ server: { port }, testApp }) => {
    await testApp.append("..", [{ eventId: testUuid(1), eventType: "t" }]);
    const get = (target: string, ...headers: string[]) =>
      sendRaw(
        port,
        [`GET ${target} HTTP/1.1`, "Host: h", "Connection: close", ...headers]
          .join("\r\n") + "\r\n\r\n",
      );
    const dots = await get(
      "/streams/%2E%2E/0",
      "Accept: image/png",
      "Accept: application/json",
    );
    assertEquals(statusLineOf(dots), "HTTP/1.1 200 OK");
    assert(/content-type: application\/json/i.test(dots), dots);
    const other = await sendRaw(
      port,
      "PATCH /ping HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
    );
    assertEquals(statusLineOf(other), "HTTP/1.1 405 Method Not Allowed");
    const head = await sendRaw(
      port,
      "HEAD /streams/%2E%2E/0 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
    );
    assertEquals(statusLineOf(head), "HTTP/1.1 200 OK");
    assertEquals(head.split("\r\n\r\n")[1], "");
  }));

Deno.test("a client that expects 100 is told to go on", () =>
  serving(async ({ server: { port } }) => {
    const answer = await sendRaw(
      port,
      post([`Content-Length: ${ONE.length}`, "Expect: 100-continue"], ONE),
    );
    assertEquals(statusLineOf(answer), "HTTP/1.1 100 Continue");
    assert(answer.includes("HTTP/1.1 201 Created"), answer);
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
