/**
 * Errors as a status and a text: the only place that turns refusals,
 * outcomes and errors into HTTP.
 *
 * @module
 */

import type { QuipuError, QuipuErrorCode } from "../model/errors.ts";
import type { UserOutcome } from "../users/contract.ts";

const MIB = 1024 * 1024;

/** Ways in which a request itself is at fault, and their statuses. */
const REFUSAL_STATUS = {
  malformed: 400,
  unauthenticated: 401,
  // The original has no 403: only what is not of it is answered so.
  crossSite: 403,
  outOfScope: 403,
  notFound: 404,
  methodNotAllowed: 405,
  notAcceptable: 406,
  bodyTooSlow: 408,
  lengthRequired: 411,
  bodyTooLarge: 413,
  nameTooLong: 414,
  unsupportedType: 415,
  unsupportedCoding: 415,
  tooManyHeld: 429,
  unsupportedTransferCoding: 501,
  unsupportedByStore: 501,
  overloaded: 503,
} as const;

type RefusalCode = keyof typeof REFUSAL_STATUS;

/**
 * A request that is refused before a service sees it: the decoders of this layer
 * throw it. The message is the text that the client gets.
 */
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

/** An answer that says no. */
export interface Problem {
  readonly status: number;
  readonly text: string;
  /** Value of `Accept-Encoding`: what would have been taken. */
  readonly acceptEncoding?: string;
}

/** Outcomes of services that are refusals. */
export type RefusedOutcome = "unauthorized" | "notFound" | "deleted";

const ERROR_STATUS = {
  invalidRequest: 400,
  reservedStream: 400,
  nameTooLong: 414,
  nothingSelected: 404,
  eventTooLarge: 413,
  batchTooLarge: 413,
  clientTooSlow: 408,
  tooManyLogins: 429,
  queueFull: 503,
  storeClosed: 503,
  leaseLost: 503,
  storeReadOnly: 503,
  storeFull: 507,
  namesFull: 507,
  directoryLocked: 500,
  foreignFormat: 500,
  notWritable: 500,
  damaged: 500,
  corruptRecord: 500,
} satisfies Record<QuipuErrorCode, number>;

/** Texts of the original for refused reads and writes. */
export const PROBLEMS = {
  unauthorized: { status: 401, text: "Unauthorized" },
  /** Of projections, whose reason phrase differs from the text by a letter. */
  notAuthorized: { status: 401, text: "Not Authorized" },
  notFound: { status: 404, text: "Not Found" },
  unknownHost: {
    status: 400,
    text: "Invalid host: this server does not answer for it; name it with " +
      "--allowed-host or --public-url",
  },
  deletedRead: { status: 410, text: "Deleted" },
  deletedWrite: { status: 410, text: "Stream deleted" },
  conflict: { status: 400, text: "Wrong expected EventNumber" },
  otherJobRuns: {
    status: 409,
    text: "A check of the store is under way: wait for its end, or stop it",
  },
  starting: {
    status: 503,
    text: "The server is opening its store: try again later",
  },
  internal: { status: 500, text: "Internal Server Error" },
} as const satisfies Record<string, Problem>;

/** Refusals of the pipeline itself, with the texts of the original. */
export const PIPELINE_REFUSALS = {
  unauthenticated: new Refusal("unauthenticated", "Unauthorized"),
  notFound: new Refusal("notFound", "Not Found"),
  methodNotAllowed: new Refusal("methodNotAllowed", "Method Not Allowed"),
  unsupportedType: new Refusal(
    "unsupportedType",
    "Invalid or missing Content-Type",
  ),
  notAcceptable: new Refusal(
    "notAcceptable",
    "Requested URI is not available in requested format",
  ),
  readOnly: new Refusal("outOfScope", "The token allows nothing but reading"),
  outOfScope: new Refusal(
    "outOfScope",
    "Forbidden: the token's scopes do not allow this request",
  ),
  crossSite: new Refusal(
    "crossSite",
    "Pages of other origins may not write: name the origin with --cors-origin",
  ),
  foreignForm: new Refusal(
    "crossSite",
    "The form is out of date: it was made for another login. Go back, load " +
      "the page again and send it again",
  ),
  overloaded: new Refusal(
    "overloaded",
    "Too many requests are being answered: try again later",
  ),
} as const;

/** How a request about users ended, as a status and in the original's words. */
export const USER_PROBLEMS = {
  success: { status: 200, code: "Success" },
  notFound: { status: 404, code: "NotFound" },
  conflict: { status: 409, code: "Conflict" },
  unauthorized: { status: 401, code: "Unauthorized" },
  tryAgain: { status: 408, code: "TryAgain" },
} as const satisfies Record<UserOutcome["kind"], unknown>;

/** Problem that a refused read is. */
export function readProblemOf(kind: RefusedOutcome): Problem {
  switch (kind) {
    case "unauthorized":
      return PROBLEMS.unauthorized;
    case "notFound":
      return PROBLEMS.notFound;
    case "deleted":
      return PROBLEMS.deletedRead;
  }
}

/** Problem that a refusal of this layer is. */
export function refusalProblemOf(refusal: Refusal): Problem {
  const { code, message } = refusal;
  const problem = { status: REFUSAL_STATUS[code], text: message };
  return code === "unsupportedCoding"
    ? { ...problem, acceptEncoding: ACCEPTED_CODINGS }
    : problem;
}

/** Problem that an error of a service or store is. */
export function errorProblemOf(error: QuipuError): Problem {
  const status = ERROR_STATUS[error.code];
  // Internal errors are for the log, not for clients.
  return status === 500 ? PROBLEMS.internal : { status, text: error.message };
}

/** Value of `Accept-Encoding` where a coding is refused. */
export const ACCEPTED_CODINGS = "gzip, deflate";

/** Characters of a reason phrase; the original's longest has 85. */
const PHRASE_LENGTH_MAX = 200;

/**
 * Reason phrase of an answer that says no: its text, as in the original; empty,
 * for the usual phrase of the status, where that is no phrase.
 */
export function reasonPhraseOf({ text }: Problem): string {
  const isPhrase = text.length <= PHRASE_LENGTH_MAX &&
    /^[\x20-\x7e]+$/.test(text);
  return isPhrase ? text : "";
}
