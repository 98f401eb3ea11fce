/**
 * A request that is refused before a service sees it: the decoders of this
 * layer throw it, `problem.ts` gives it a status.
 *
 * @module
 */

const MIB = 1024 * 1024;

/** One code per way in which a request itself is at fault. */
export type RefusalCode =
  | "malformed"
  | "bodyTooLarge"
  | "bodyTooSlow"
  | "crossSite"
  | "outOfScope"
  | "tooManyHeld"
  | "overloaded"
  | "lengthRequired"
  | "nameTooLong"
  | "notFound"
  | "methodNotAllowed"
  | "unsupportedType"
  | "unsupportedCoding"
  | "unsupportedTransferCoding"
  | "unsupportedByStore"
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

/** A number of bytes as the texts of refusals have it: `4mb`. */
export function describeBytes(bytes: number): string {
  return bytes % MIB === 0 ? `${bytes / MIB}mb` : `${bytes} bytes`;
}

/** A request that says something wrong: 400. */
export function malformed(message: string): Refusal {
  return new Refusal("malformed", message);
}
