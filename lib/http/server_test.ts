import { assert, assertEquals, assertThrows } from "@std/assert";
import { LIMITS } from "../model/limits.ts";
import { SILENT_LOGGER } from "../model/logger.ts";
import { testUuid } from "../../tests/support/events.ts";
import {
  openTestApp,
  type TestAppOptions,
} from "../../tests/support/test_app.ts";
import { exchange } from "../../tests/support/raw_http.ts";
import { serveWithPhrases } from "./phrase_server.ts";
import { type HttpServer, serveHttp, type ServeOptions } from "./server.ts";

const EVENTS_JSON = "application/vnd.eventstore.events+json";
const ONE = `[{"eventId":"${testUuid(1)}","eventType":"t","data":{"n":1}}]`;

/** Both ways to serve an app. */
const WAYS = { serveHttp, serveWithPhrases };

type Serve = (options: ServeOptions) => HttpServer | Promise<HttpServer>;

/** Serves a test app on a free port for as long as `use` runs. */
async function serving(
  use: (server: HttpServer, baseUrl: string) => Promise<void>,
  options: TestAppOptions & { readonly serve?: Serve } = {},
): Promise<void> {
  const { serve = serveHttp } = options;
  await using testApp = openTestApp(options);
  await using server = await serve({
    app: testApp.app,
    hostname: "127.0.0.1",
    port: 0,
    logger: SILENT_LOGGER,
  });
  await use(server, `http://127.0.0.1:${server.port}`);
}

for (const [name, serve] of Object.entries(WAYS)) {
  Deno.test(`${name}: a server answers over its socket, with links to its own address`, () =>
    serving(async (_server, baseUrl) => {
      const written = await fetch(`${baseUrl}/streams/s`, {
        method: "POST",
        headers: { "Content-Type": EVENTS_JSON },
        body: ONE,
      });
      assertEquals([written.status, await written.text()], [201, ""]);
      assertEquals(written.headers.get("Location"), `${baseUrl}/streams/s/0`);
      const head = await fetch(`${baseUrl}/streams/s/0`, { method: "HEAD" });
      assertEquals(head.status, 200);
      assert(Number(head.headers.get("Content-Length")) > 100);
      await head.body?.cancel();
    }, { serve }));

  Deno.test(`${name}: a body may be chunked, and must have a length otherwise`, () =>
    serving(async (_server, url) => {
      const start =
        `POST /streams/s HTTP/1.1\r\nHost: h\r\nContent-Type: ${EVENTS_JSON}\r\n`;
      const chunks = [ONE.slice(0, 7), ONE.slice(7), ""]
        .map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`).join(
          "",
        );
      const chunked = await exchange(
        url,
        `${start}Transfer-Encoding: chunked\r\n\r\n${chunks}`,
      );
      assertEquals(chunked.statusLine, "HTTP/1.1 201 Created");
      const bare = await exchange(url, `${start}\r\n`);
      assertEquals(bare.statusLine, "HTTP/1.1 411 Length Required");
    }, { serve }));

  Deno.test(`${name}: codings and lengths that leave the body's end open write nothing`, async (test) => {
    const { length } = ONE;
    const chunks = `${length.toString(16)}\r\n${ONE}\r\n0\r\n\r\n`;
    const framings: [headers: string[], body: string, status: number][] = [
      [["Transfer-Encoding: gzip, chunked"], chunks, 501],
      [["Transfer-Encoding: gzip"], ONE, 400],
      [["Transfer-Encoding: identity"], ONE, 400],
      [
        ["Transfer-Encoding: identity", `Content-Length: ${length}`],
        ONE,
        400,
      ],
      [["Transfer-Encoding: chunked, gzip"], chunks, 400],
      [["Transfer-Encoding: chunked, chunked"], chunks, 400],
      [
        ["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"],
        chunks,
        400,
      ],
      [
        ["Transfer-Encoding: chunked", `Content-Length: ${length}`],
        chunks,
        400,
      ],
      [
        [`Content-Length: ${length}`, `Content-Length: ${length + 1}`],
        ONE,
        400,
      ],
      [[`Content-Length: ${length}, ${length}`], ONE, 400],
      [[`Content-Length: ${length}, ${length + 1}`], ONE, 400],
      [[`Content-Length: +${length}`], ONE, 400],
      [["Content-Length: -1"], ONE, 400],
      [["Content-Length: 0x10"], ONE, 400],
      [["Content-Length: 99999999999999999999"], ONE, 400],
      // Two equal ones count as one, where the platform lets the app see them.
      [
        [`Content-Length: ${length}`, `Content-Length: ${length}`],
        ONE,
        serve === serveHttp ? 201 : 400,
      ],
      [["Transfer-Encoding: Chunked"], chunks, 201],
    ];
    await serving(async (_server, url) => {
      for (const [headers, body, status] of framings) {
        await test.step(headers.join(", "), async () => {
          const stream = `/streams/${crypto.randomUUID()}`;
          const head = [
            `POST ${stream} HTTP/1.1`,
            "Host: h",
            `Content-Type: ${EVENTS_JSON}`,
            ...headers,
          ];
          const request = head.join("\r\n") + "\r\n\r\n" + body;
          assertEquals((await exchange(url, request)).status, status);
          const read = await fetch(`${url}${stream}/0`);
          await read.body?.cancel();
          assertEquals(read.status, status === 201 ? 200 : 404);
        });
      }
    }, { serve });
  });

  Deno.test(`${name}: a body that is too large or too slow is refused`, () =>
    serving(async (_server, url) => {
      const start =
        `POST /streams/s HTTP/1.1\r\nHost: h\r\nContent-Type: ${EVENTS_JSON}\r\n`;
      const large = `${start}Content-Length: ${
        LIMITS.requestBytesMax + 1
      }\r\n\r\n[`;
      assertEquals((await exchange(url, large)).status, 413);
      const slow = `${start}Content-Length: 100\r\n\r\n[`;
      assertEquals((await exchange(url, slow)).status, 408);
    }, { limits: { bodyReadMs: 50 }, serve }));

  Deno.test(`${name}: draining lets held requests be answered and refuses new ones`, async () => {
    await using testApp = openTestApp();
    await testApp.append("s", JSON.parse(ONE));
    const received = Promise.withResolvers<void>();
    const { app } = testApp;
    const server = await serve({
      app: Object.assign(
        (request: Request, info: Deno.ServeHandlerInfo) => {
          received.resolve();
          return app(request, info);
        },
        { endLongPolls: app.endLongPolls, close: app.close },
      ),
      hostname: "127.0.0.1",
      port: 0,
      logger: SILENT_LOGGER,
    });
    const url = `http://127.0.0.1:${server.port}/streams/s/1/forward/20`;
    const held = fetch(url, {
      headers: { "Accept": "application/json", "ES-LongPoll": "30" },
    });
    await received.promise;
    server.endLongPolls();
    await server.drain();
    const answer = await held;
    assertEquals(answer.status, 200);
    assertEquals((await answer.json()).entries, []);
    const refused = await fetch(url).then(() => false, () => true);
    assert(refused);
  });
}

Deno.test("serveHttp() says that a port is in use", () =>
  serving(async ({ port }) => {
    await using other = openTestApp();
    const options = { hostname: "127.0.0.1", port, logger: SILENT_LOGGER };
    assertThrows(
      () => serveHttp({ app: other.app, ...options }),
      Deno.errors.AddrInUse,
    );
  }));
