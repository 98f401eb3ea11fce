import { assertEquals, assertStringIncludes } from "@std/assert";
import { SILENT_LOGGER } from "../model/logger.ts";
import { openTestApp } from "../../tests/support/test_app.ts";
import { createLateApp } from "./late_app.ts";
import { serveWithPhrases } from "./phrase_server.ts";
import { serveHttp } from "./server.ts";

const LIMITS = { startWaitMs: 60_000, requestsInFlightMax: 2 };

for (const serve of [serveHttp, serveWithPhrases]) {
  Deno.test(`${serve.name}: until there is an app, requests wait for it, and probes do not`, async () => {
    await using testApp = openTestApp();
    const late = createLateApp(LIMITS);
    await using server = await serve({
      app: late.app,
      hostname: "127.0.0.1",
      port: 0,
      logger: SILENT_LOGGER,
    });
    const ask = async (method: string, path: string) => {
      const url = `http://127.0.0.1:${server.port}${path}`;
      const response = await fetch(url, { method });
      return [response.status, await response.text()];
    };
    const waiting = [ask("GET", "/ping"), ask("GET", "/ping")];
    assertEquals(await ask("GET", "/health/live"), [200, "ok\n"]);
    assertEquals((await ask("GET", "/health/ready"))[0], 503);
    // There is room for two; of three, one is refused.
    waiting.push(ask("GET", "/ping"));
    assertEquals(await Promise.race(waiting), NOT_YET);
    late.become(testApp.app);
    const statuses = (await Promise.all(waiting)).map(([status]) => status);
    assertEquals(statuses.toSorted(), [200, 200, 503]);
    assertEquals((await ask("GET", "/ping"))[0], 200);
  });
}

const NOT_YET = [503, "The server is opening its store: try again later"];

Deno.test("a start that takes long answers 503 to those that wait, and at once from then on", async () => {
  const late = createLateApp({ ...LIMITS, startWaitMs: 1 });
  for (const method of ["GET", "POST", "DELETE"]) {
    const request = new Request("http://127.0.0.1/streams/s", { method });
    const response = await late.app(request, INFO);
    assertEquals([response.status, await response.text()], NOT_YET);
  }
});

Deno.test("a browser gets a page that asks again, and what it looks like", async () => {
  const late = createLateApp({ ...LIMITS, startWaitMs: 1 });
  const ask = (path: string) =>
    late.app(
      new Request(`http://127.0.0.1${path}`, {
        headers: { Accept: "text/html,*/*;q=0.8" },
      }),
      INFO,
    );
  const response = await ask("/streams/s?embed=body");
  assertEquals(response.status, 503);
  assertEquals(response.headers.get("Refresh"), "3");
  assertEquals(response.headers.get("Retry-After"), "1");
  const page = await response.text();
  assertStringIncludes(page, "The server is opening its store");
  assertStringIncludes(page, 'href="/streams/s?embed=body"');
  const [style = ""] = /\/web\/assets\/style[^"]+/.exec(page) ?? [];
  const asset = await ask(style);
  assertEquals(asset.status, 200);
  assertEquals(asset.headers.get("Content-Type"), "text/css; charset=utf-8");
  assertEquals((await ask("/web/assets/none.css")).status, 503);
});

Deno.test("a start that ends in vain lets nobody wait", async () => {
  const late = createLateApp(LIMITS);
  const answer = late.app(new Request("http://127.0.0.1/ping"), INFO);
  late.app.close();
  assertEquals((await answer).status, 503);
});

const INFO: Deno.ServeHandlerInfo = {
  remoteAddr: { transport: "tcp", hostname: "127.0.0.1", port: 1 },
  completed: Promise.resolve(),
};
