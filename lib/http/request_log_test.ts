import { assertEquals } from "@std/assert";
import type { LogFields } from "../model/logger.ts";
import { SILENT_LOGGER } from "../model/logger.ts";
import { type App, withRequestLog } from "./app.ts";

const INFO: Deno.ServeHandlerInfo = {
  remoteAddr: { transport: "tcp", hostname: "192.0.2.1", port: 4000 },
  completed: Promise.resolve(),
};

Deno.test("withRequestLog() logs method, path, status and time, but no query", async () => {
  let nowUs = 5_000_000;
  const lines: [event: string, fields: LogFields | undefined][] = [];
  const logger = {
    ...SILENT_LOGGER,
    info: (event: string, fields?: LogFields) => lines.push([event, fields]),
  };
  const calls: string[] = [];
  const app: App = Object.assign(() => {
    nowUs += 2500;
    return new Response(null, {
      status: 404,
      headers: { "X-Request-Id": "id-1" },
    });
  }, {
    endLongPolls: () => calls.push("endLongPolls"),
    close: () => calls.push("close"),
  });

  const logged = withRequestLog(app, { clock: { nowUs: () => nowUs }, logger });
  const request = new Request(
    "http://127.0.0.1:2113/streams/a%0Ab?access_token=secret",
  );
  const response = await logged(request, INFO);
  logged.endLongPolls();
  logged.close();

  assertEquals(response.status, 404);
  assertEquals(calls, ["endLongPolls", "close"]);
  assertEquals(lines, [["request.answered", {
    method: "GET",
    path: "/streams/a%0Ab",
    status: 404,
    requestId: "id-1",
    durationMs: 2.5,
    client: "192.0.2.1",
  }]]);
});
