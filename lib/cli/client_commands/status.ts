/**
 * `quipu status`: how a server is.
 *
 * @module
 */

import { EXIT_CODES } from "../failures.ts";
import { defineClientCommand } from "./client_command.ts";
import { printFacts } from "./output.ts";

export const STATUS = defineClientCommand({
  name: "status",
  triesMax: 1,
  summary: "Show how a server is; ends with 1 if it is not well",
}, async ({ client, values }) => {
  const startedAtMs = performance.now();
  const info = await client.look("/info");
  const answeredMs = Math.round((performance.now() - startedAtMs) * 10) / 10;
  const health = await client.look("/health");
  const { status, ...more } = health;
  printFacts({
    server: client.url,
    status: String(status),
    ...Object.fromEntries(
      Object.entries(more).map(([name, value]) => [
        name,
        typeof value === "string" ? value : JSON.stringify(value),
      ]),
    ),
    version: String(info["quipuVersion"] ?? info["esVersion"]),
    projections: String(info["projectionsMode"]),
    answeredMs,
  }, values);
  return status === "ok" ? EXIT_CODES.ok : EXIT_CODES.failure;
});
