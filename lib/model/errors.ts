/**
 * Every way in which the store or a service refuses to do what it was asked,
 * apart from the outcomes that are ordinary answers (conflict, deleted, not
 * found), which are values of the operations' results.
 *
 * `lib/http/errors.ts` alone turns a code into an HTTP status.
 *
 * @module
 */

/** One code per way to be refused. */
export type QuipuErrorCode =
  // Asking wrongly; nothing was changed.
  | "invalidRequest"
  | "eventTooLarge"
  | "batchTooLarge"
  | "reservedStream"
  | "nameTooLong"
  // Asking for an export of streams that never were.
  | "nothingSelected"
  // Being busy or closing; nothing was changed, try again.
  | "queueFull"
  | "storeClosed"
  // Writing under a lease that somebody else has by now; nothing was changed.
  | "leaseLost"
  // Reading what it asked for so slowly that the answer was broken off.
  | "clientTooSlow"
  // Too many logins fail or wait for their password to be checked: slow down.
  | "tooManyLogins"
  // Being unable to write; the message says why.
  | "storeReadOnly"
  | "storeFull"
  // Having no room for one more name; what exists can be written.
  | "namesFull"
  // Opening.
  | "directoryLocked"
  | "foreignFormat"
  | "notWritable"
  | "damaged"
  // Reading back something that is not what was written.
  | "corruptRecord";

/** A refusal with a code; the message is fit to show to a client. */
export class QuipuError extends Error {
  override readonly name = "QuipuError";
  readonly code: QuipuErrorCode;

  constructor(code: QuipuErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Another server of the same store does this, under a lease; try again. */
export class RunsElsewhere extends QuipuError {
  readonly leaseName: string;

  constructor(message: string, leaseName: string) {
    super("queueFull", message);
    this.leaseName = leaseName;
  }
}

/**
 * Checks something that is true unless this program has a bug.
 *
 * @throws {Error} If `condition` is false.
 */
export function invariant(
  condition: unknown,
  message: string,
): asserts condition {
  if (!condition) throw new Error(`Invariant broken: ${message}`);
}
