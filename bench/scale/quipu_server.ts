/**
 * The server under test, on a store of the bench.
 *
 * @module
 */

import { type ChildServer, startServer } from "../load/child_server.ts";

/**
 * Starts `main.ts serve` and waits until it answers.
 *
 * @param args Options besides directory and port.
 */
export function startQuipu(
  dataDirectory: string,
  args: readonly string[] = [],
): Promise<ChildServer> {
  return startServer({
    args: [
      "run",
      "--no-prompt",
      "--allow-net",
      "--allow-read",
      "--allow-write",
      "--allow-env",
      "main.ts",
      "serve",
      "--db",
      dataDirectory,
      "--port",
      "{port}",
      "--log-level",
      "warn",
      ...args,
    ],
    readyPath: "/ping",
  });
}
