/**
 * How servers are started: as users start them.
 *
 * @module
 */

import { join } from "@std/path";

/**
 * Options of `deno run` that a checkout's `deno task serve` has, or another of
 * its tasks: permissions, and settings of the engine.
 *
 * @param root Its directory.
 */
export function runFlags(
  root: string,
  task: "serve" | "quipu" = "serve",
): string[] {
  const { tasks } = JSON.parse(Deno.readTextFileSync(join(root, "deno.json")));
  const words: string[] = tasks[task].command.split(" ");
  return words.slice(words.indexOf("run") + 1, words.indexOf("main.ts"));
}
