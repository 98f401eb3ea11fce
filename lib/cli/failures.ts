/**
 * Why the program ends before its work is done, and the exit code of each
 * reason.
 *
 * @module
 */

import { QuipuError, type QuipuErrorCode } from "../model/errors.ts";

/** All exit codes by what they mean. */
export const EXIT_CODES = {
  ok: 0,
  failure: 1,
  usage: 2,
  damaged: 3,
  conflict: 4,
} as const;

export type ExitCode = typeof EXIT_CODES[keyof typeof EXIT_CODES];

/** The codes in words, for usage texts. */
export const EXIT_CODE_MEANINGS: readonly (readonly [ExitCode, string])[] = [
  [EXIT_CODES.ok, "Done, or stopped cleanly"],
  [
    EXIT_CODES.failure,
    "Failed: port in use, directory locked or not writable, refused, no answer",
  ],
  [EXIT_CODES.usage, "Bad command, option or configuration"],
  [EXIT_CODES.damaged, "The store is damaged"],
  [EXIT_CODES.conflict, "The stream is not at the expected version"],
];

/**
 * The program was started in a way that makes no sense. The message is one
 * line and says what to do instead.
 */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** A failure that is no bug; the message is one line and says what is wrong. */
export class RunError extends Error {
  override readonly name = "RunError";
}

/** A stream is not at the version that it was expected at. */
export class ConflictError extends RunError {}

/** Errors that say that stored bytes are not what was written. */
const DAMAGE_CODES: ReadonlySet<QuipuErrorCode> = new Set<QuipuErrorCode>([
  "damaged",
  "corruptRecord",
]);

/** Exit code of a program that ends because of `error`. */
export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof UsageError) return EXIT_CODES.usage;
  if (error instanceof ConflictError) return EXIT_CODES.conflict;
  return error instanceof QuipuError && DAMAGE_CODES.has(error.code)
    ? EXIT_CODES.damaged
    : EXIT_CODES.failure;
}

/** Explains why the server cannot listen on `address` (`host:port`). */
export function listenError(address: string, error: unknown): RunError {
  return new RunError(`Cannot listen on ${address}: ${reasonOf(error)}`, {
    cause: error,
  });
}

function reasonOf(error: unknown): string {
  if (error instanceof Deno.errors.AddrInUse) {
    return "the port is in use by another program";
  }
  if (error instanceof Deno.errors.AddrNotAvailable) {
    return "this machine has no such address";
  }
  if (
    error instanceof Deno.errors.PermissionDenied ||
    error instanceof Deno.errors.NotCapable
  ) {
    return "not permitted (ports below 1024 may need more rights)";
  }
  if (!(error instanceof Error)) return String(error);
  return error.message.startsWith("failed to lookup address")
    ? "there is no such host"
    : error.message;
}
