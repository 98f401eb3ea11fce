import { assert, assertEquals } from "@std/assert";
import { resolveOptions } from "./options/resolve_options.ts";
import type { LogFields } from "../model/logger.ts";
import { SILENT_LOGGER } from "../model/logger.ts";
import { addressOf, logBug, logStart } from "./start_log.ts";

function createCollector() {
  const lines: [event: string, fields: LogFields][] = [];
  const collect = (event: string, fields: LogFields = {}) => {
    lines.push([event, fields]);
  };
  const logger = { ...SILENT_LOGGER, info: collect, error: collect };
  return { lines, logger };
}

Deno.test("logStart() names the version and each option that was changed", () => {
  const { lines, logger } = createCollector();
  const options = resolveOptions({
    args: ["--port=8080"],
    environment: { QUIPU_SEGMENT_SIZE: "1MiB", QUIPU_HOST: "127.0.0.1" },
    readFile: () => "{}",
  });
  logStart(logger, { version: "1.2.3", options });
  assertEquals(lines.map(([event]) => event), [
    "program.started",
    "option.set",
    "option.set",
  ]);
  assertEquals(lines[0]?.[1].version, "1.2.3");
  assertEquals(lines[1]?.[1], {
    option: "segment-size",
    value: "1MiB",
    origin: "environment",
  });
  assertEquals(lines[2]?.[1], {
    option: "port",
    value: "8080",
    origin: "flag",
  });
});

Deno.test("logBug() says where the error came from", () => {
  const { lines, logger } = createCollector();
  logBug(logger, new RangeError("odd"));
  logBug(logger, "thrown text");
  const [first, second] = lines;
  assertEquals(first?.[0], "program.bugMet");
  const text = String(first?.[1].error);
  assert(text.startsWith("RangeError: odd") && text.includes("start_log_test"));
  assertEquals(second?.[1], { error: "thrown text" });
});

Deno.test("addressOf() puts brackets around IPv6 addresses", () => {
  assertEquals(addressOf({ host: "127.0.0.1", port: 1 }), "127.0.0.1:1");
  assertEquals(addressOf({ host: "::1", port: 2113 }), "[::1]:2113");
});
