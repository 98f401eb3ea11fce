/**
 * What the program's exit code says.
 *
 * @module
 */

import { UsageError } from "./options/usage_error.ts";
import { QuipuError, type QuipuErrorCode } from "../model/errors.ts";

/** All exit codes by what they mean. */
export const EXIT_CODES = { ok: 0, failure: 1, usage: 2, damaged: 3 } as const;

export type ExitCode = typeof EXIT_CODES[keyof typeof EXIT_CODES];

/** The codes in words, for usage texts. */
export const EXIT_CODE_MEANINGS: readonly (readonly [ExitCode, string])[] = [
  [EXIT_CODES.ok, "Done, or stopped cleanly"],
  [
    EXIT_CODES.failure,
    "Failed: port in use, directory locked, not writable or of another format",
  ],
  [EXIT_CODES.usage, "Bad command, option or configuration"],
  [EXIT_CODES.damaged, "The store is damaged"],
];

/** Errors that say that stored bytes are not what was written. */
const DAMAGE_CODES: ReadonlySet<QuipuErrorCode> = new Set<QuipuErrorCode>([
  "damaged",
  "corruptRecord",
]);

/** Exit code of a program that ends because of `error`. */
export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof UsageError) return EXIT_CODES.usage;
  return error instanceof QuipuError && DAMAGE_CODES.has(error.code)
    ? EXIT_CODES.damaged
    : EXIT_CODES.failure;
}
