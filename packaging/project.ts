/**
 * Facts about the project that packages are made of: names, versions, and the
 * flags that Deno needs. Each has one source; `deno.json` has most of them.
 *
 * @module
 */

import { fromFileUrl } from "@std/path";
import project from "../deno.json" with { type: "json" };

/** The directory of the project, with a slash at its end. */
export const ROOT: string = fromFileUrl(new URL("../", import.meta.url));

/** The version that is packaged, such as `0.1.0`. */
export const VERSION: string = project.version;

/** The Deno that the program is tested with, and that packages run it with. */
export const DENO_VERSION = "2.9.6";

/** The name on npm. The name without a scope is somebody else's. */
export const NPM_NAME: string = project.name;

/** Where releases, sources and images are published: owner and name. */
export const REPOSITORY = "quipu-store/quipu";

/** Words of the task that builds the binary. */
export const COMPILE_COMMAND: readonly string[] = project.tasks.compile.command
  .split(" ");

/** Builds what browsers get, which the packages hold. */
export const EDITOR_COMMAND: readonly string[] = ["deno", "task", "editor"];

/**
 * Flags of `deno run` for the program: permissions, settings of the engine, and
 * the unstable parts of Deno that `deno.json` turns on.
 */
export const DENO_FLAGS: readonly string[] = [
  ...flagsOf(project.tasks.quipu.command),
  ...project.unstable.map((name) => `--unstable-${name}`),
];

function flagsOf(command: string): string[] {
  const words = command.split(" ");
  return words.slice(words.indexOf("run") + 1, words.indexOf("main.ts"));
}
