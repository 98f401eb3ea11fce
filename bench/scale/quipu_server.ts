/**
 * The server under test, on a store of the bench.
 *
 * @module
 */

import { type ChildServer, startServer } from "../load/child_server.ts";
import { PROJECT_ROOT } from "../load/project_root.ts";
import { runFlags } from "../../tests/support/run_flags.ts";

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
      ...runFlags(PROJECT_ROOT),
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
