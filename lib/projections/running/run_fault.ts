/**
 * Why a run cannot go on.
 *
 * @module
 */

/** A fault of the projection: the message is what statistics show. */
export class RunFault extends Error {
  override readonly name = "RunFault";
}

/** The lease is lost: another server runs the projection, or none does. */
export class RunEndedError extends Error {
  override readonly name = "RunEndedError";
}
