/**
 * Small files that options name: passwords, tokens, certificates.
 *
 * @module
 */

import { readTextFile } from "../runtime/plain_files.ts";
import { systemReasonOf } from "../text/system_errors.ts";
import { RunError } from "./failures.ts";

/**
 * Reads a file that an option names.
 *
 * @param what What it should be, in a message: `the certificate`.
 * @throws {RunError} If it cannot be read.
 */
export function readOptionFile(
  path: string,
  { what, readFile = readTextFile }: {
    readonly what?: string;
    readonly readFile?: (path: string) => string;
  } = {},
): string {
  try {
    return readFile(path);
  } catch (error) {
    const named = what === undefined ? "" : `${what} `;
    throw new RunError(
      `Cannot read ${named}"${path}": ${systemReasonOf(error)}`,
      { cause: error },
    );
  }
}

/**
 * The first line of a file that an option names.
 *
 * @throws {RunError} If it cannot be read.
 */
export function firstLineOf(path: string): string {
  return readOptionFile(path).split(/\r?\n/)[0] ?? "";
}
