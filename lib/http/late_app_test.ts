import { assertEquals } from "@std/assert";
import { SILENT_LOGGER } from "../model/logger.ts";
import { openTestApp } from "../../tests/support/test_app.ts";
import { createLateApp } from "./app.ts";
import { serveWithPhrases } from "./phrase_server.ts";
import { serveHttp } from "./server.ts";

for (const serve of [serveHttp, serveWithPhrases]) {
  Deno.test(`${serve.name}: until there is an app, each request is 503; then the app answers`, async () => {
    await using testApp = openTestApp();
    const late = createLateApp();
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
    for (const method of ["GET", "POST", "DELETE"]) {
      assertEquals(
        await ask(method, "/streams/s"),
        [503, "The server is opening its store: try again later"],
      );
    }
    assertEquals(await ask("GET", "/health/live"), [200, "ok\n"]);
    assertEquals((await ask("GET", "/health/ready"))[0], 503);
    late.become(testApp.app);
    assertEquals((await ask("GET", "/ping"))[0], 200);
  });
}
