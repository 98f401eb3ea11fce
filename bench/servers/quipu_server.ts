/**
 * The server under test.
 *
 * @module
 */

import { join } from "@std/path";
import { runFlags } from "../../tests/support/run_flags.ts";
import { PROJECT_ROOT } from "../project_root.ts";
import { type ChildServer, startServer } from "./child_server.ts";

/** How it is started. */
export interface QuipuOptions {
  /** Root of the checkout; this one by default. */
  readonly root?: string;
  /** A compiled server instead. */
  readonly binary?: string | undefined;
  /** File for a CPU profile. */
  readonly profile?: string | undefined;
  /** Further options of `serve`. */
  readonly args?: readonly string[];
}

/**
 * Starts `main.ts serve` and waits until it answers.
 *
 * @param database Directory or URL of the store; undefined: in memory.
 */
export function startQuipu(
  database: string | undefined,
  { root = PROJECT_ROOT, binary, profile, args = [] }: QuipuOptions = {},
): Promise<ChildServer> {
  const store = database === undefined ? ["--mem-db"] : ["--db", database];
  const serve = ["serve", ...store, "--port={port}", "--log-level=warn"]
    .concat(args);
  const readyPath = "/health/ready";
  if (binary !== undefined) {
    return startServer({ command: binary, args: serve, readyPath });
  }
  const profiling = profile === undefined
    ? []
    : ["--cpu-prof", `--cpu-prof-name=${profile}`];
  return startServer({
    cwd: root,
    args: ["run", ...profiling, ...runFlags(root), "main.ts", ...serve],
    readyPath,
  });
}

const REFERENCE = join(PROJECT_ROOT, "bench", "servers", "reference_server.ts");

/**
 * Starts what a server is compared with.
 *
 * @param mode See `reference_server.ts`; `answersFile` is for `parse`.
 */
export function startReference(
  mode: "parse" | "noop" | "drain",
  answersFile?: string,
): Promise<ChildServer> {
  const args = answersFile === undefined ? [] : [answersFile];
  return startServer({
    args: [
      "run",
      ...runFlags(PROJECT_ROOT),
      REFERENCE,
      mode,
      "{port}",
      ...args,
    ],
    readyPath: "/ready",
  });
}
