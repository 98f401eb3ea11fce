/**
 * Reasons why nothing can be written, for clients and logs.
 *
 * @module
 */

import { QuipuError } from "../../lib/model/errors.ts";

/** Message of a thrown value. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/**
 * The refusal of a write.
 *
 * @param step The step that failed: `write`, `commit` or `open`.
 */
export function failureOf(step: string, error: unknown): QuipuError {
  if (error instanceof QuipuError) return error;
  return new QuipuError(
    isDiskFull(error) ? "storeFull" : "storeReadOnly",
    `Cannot append: the store failed to ${step} (${reasonOf(error)})`,
    { cause: error },
  );
}

/** The same refusal, where the device turned out to be full. */
export function asFullError(failure: QuipuError): QuipuError {
  return new QuipuError(
    "storeFull",
    `${failure.message}: no space is left on the device`,
    { cause: failure },
  );
}

/** The refusal of a request whose stream cannot be read. */
export function undecidedError(error: unknown): Error {
  const isOfDevice = error instanceof Error &&
    ("code" in error || /os error/.test(error.message));
  if (error instanceof QuipuError || !isOfDevice) {
    return error instanceof Error ? error : new Error(String(error));
  }
  return new QuipuError(
    "storeReadOnly",
    "Cannot append: the state of the stream cannot be read at the moment",
    { cause: error },
  );
}

/** The refusal of requests while the store closes. */
export function closedError(): QuipuError {
  return new QuipuError("storeClosed", "The server is shutting down");
}

/** Texts of the operating system and of SQLite. */
const DISK_FULL =
  /no space left|os error 28|disk is full|ENOSPC|quota exceeded|os error 122/i;

/** Whether an error says that the device is full. */
export function isDiskFull(error: unknown): boolean {
  return error instanceof Error && DISK_FULL.test(error.message);
}
