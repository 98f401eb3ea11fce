/**
 * Directories that a command makes for what it is to write: when nothing comes
 * of it, they go again.
 *
 * @module
 */

import { rmdirSync } from "node:fs";
import { dirname, resolve } from "@std/path";

/**
 * Does work that makes a directory where there is none, and its parents. If it
 * fails and leaves them empty, those that were made are removed.
 */
export async function makingDirectory<Result>(
  directory: string,
  work: () => Promise<Result>,
): Promise<Result> {
  const missing = missingDirectories(directory);
  try {
    return await work();
  } catch (error) {
    removeEmpty(missing);
    throw error;
  }
}

/** The missing directories of a path, the innermost first. */
function missingDirectories(directory: string): string[] {
  const missing: string[] = [];
  for (let at = resolve(directory); !isThere(at); at = dirname(at)) {
    missing.push(at);
  }
  return missing;
}

function isThere(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    // A directory that cannot be read is not ours to remove.
    return !(error instanceof Deno.errors.NotFound);
  }
}

function removeEmpty(directories: readonly string[]): void {
  try {
    // Takes directories alone, and only empty ones.
    for (const path of directories) rmdirSync(path);
  } catch {
    // It holds something, or was never made.
  }
}
