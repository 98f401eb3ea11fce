/**
 * Reasons outside the program for which a command cannot go on.
 *
 * @module
 */

/** A failure that is no bug; the message is one line and says what is wrong. */
export class RunError extends Error {
  override readonly name = "RunError";
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
  return error instanceof Error ? error.message : String(error);
}
