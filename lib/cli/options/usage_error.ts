/**
 * The program was started in a way that makes no sense.
 *
 * @module
 */

/** A refusal to start; the message is one line and says what to do instead. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}
