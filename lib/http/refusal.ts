/**
 * A request that is refused before a service sees it: the decoders of this
 * layer throw it, `problem.ts` gives it a status.
 *
 * @module
 */

/** One code per way in which a request itself is at fault. */
export type RefusalCode =
  | "malformed"
  | "bodyTooLarge"
  | "bodyTooSlow"
  | "lengthRequired"
  | "nameTooLong"
  | "notFound"
  | "methodNotAllowed"
  | "unsupportedType"
  | "notAcceptable"
  | "unauthenticated";

/** A refusal; the message is the text that the client gets. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly code: RefusalCode;

  constructor(code: RefusalCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** A request that says something wrong: 400. */
export function malformed(message: string): Refusal {
  return new Refusal("malformed", message);
}
