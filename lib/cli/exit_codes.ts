/**
 * What the program's exit code says.
 *
 * @module
 */

import { UsageError } from "../config/usage_error.ts";
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

const EXIT_CODE_BY_ERROR = {
  invalidRequest: EXIT_CODES.failure,
  eventTooLarge: EXIT_CODES.failure,
  batchTooLarge: EXIT_CODES.failure,
  reservedStream: EXIT_CODES.failure,
  queueFull: EXIT_CODES.failure,
  storeClosed: EXIT_CODES.failure,
  storeReadOnly: EXIT_CODES.failure,
  storeFull: EXIT_CODES.failure,
  directoryLocked: EXIT_CODES.failure,
  foreignFormat: EXIT_CODES.failure,
  notWritable: EXIT_CODES.failure,
  damaged: EXIT_CODES.damaged,
  corruptRecord: EXIT_CODES.damaged,
} as const satisfies Record<QuipuErrorCode, ExitCode>;

/** Exit code of a program that ends because of `error`. */
export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof UsageError) return EXIT_CODES.usage;
  if (error instanceof QuipuError) return EXIT_CODE_BY_ERROR[error.code];
  return EXIT_CODES.failure;
}
