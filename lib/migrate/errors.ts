/**
 * What keeps a migration from going on.
 *
 * @module
 */

/** A failure that is no bug; the message says what is wrong, in one line. */
export class MigrationError extends Error {
  override readonly name = "MigrationError";
}
