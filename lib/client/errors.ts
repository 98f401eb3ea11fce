/**
 * How a request can fail: one class with a closed set of codes.
 *
 * @module
 */

/** Ways in which a request can fail. */
export type ClientErrorCode =
  /** The stream is at another version; `currentVersion` says which. */
  | "wrongExpectedVersion"
  /** No such stream, event, subscription, user or token. */
  | "notFound"
  /** The stream was deleted for good. */
  | "deleted"
  /** There is a subscription or user of that name. */
  | "alreadyExists"
  /** The login is missing, wrong, or lacks the right. */
  | "unauthorized"
  /** The token does not allow it. */
  | "forbidden"
  /** The request makes no sense; the message says why. */
  | "invalid"
  /** The event, or the request, is larger than the server takes. */
  | "tooLarge"
  /** The disk of the server is full. */
  | "storageFull"
  /** No server answers, or all are overloaded, after all retries. */
  | "unavailable"
  /** The caller's signal ended it. */
  | "aborted"
  /** An answer that this client does not understand. */
  | "unexpected";

interface ClientErrorOptions extends ErrorOptions {
  /** Status of the answer; undefined: none came. */
  readonly status?: number | undefined;
  readonly currentVersion?: number | undefined;
  /** Default: false. */
  readonly isInconclusive?: boolean;
}

/** A request that failed. */
export class ClientError extends Error {
  override readonly name = "ClientError";
  readonly code: ClientErrorCode;
  /** HTTP status of the answer; undefined if none came. */
  readonly status: number | undefined;
  /** Of `wrongExpectedVersion`: number of the last event, -1 without any. */
  readonly currentVersion: number | undefined;
  /**
   * Whether the request may have been carried out all the same. An append is
   * then repeated with the same ids, which never writes an event twice.
   */
  readonly isInconclusive: boolean;
  /** Whether an earlier try of the request had no clear answer. */
  isRepeated = false;

  /** @param message What failed and why, without a final period. */
  constructor(
    code: ClientErrorCode,
    message: string,
    options: ClientErrorOptions = {},
  ) {
    super(message, options);
    this.code = code;
    this.status = options.status;
    this.currentVersion = options.currentVersion;
    this.isInconclusive = options.isInconclusive ?? false;
  }
}

/** The error for a request whose signal was aborted. */
export function abortedError(signal: AbortSignal): ClientError {
  return new ClientError("aborted", "The request was aborted", {
    cause: signal.reason,
    isInconclusive: true,
  });
}

const CODE_BY_STATUS: Readonly<Record<number, ClientErrorCode>> = {
  401: "unauthorized",
  403: "forbidden",
  404: "notFound",
  408: "unavailable",
  409: "alreadyExists",
  410: "deleted",
  413: "tooLarge",
  429: "unavailable",
  502: "unavailable",
  503: "unavailable",
  504: "unavailable",
  507: "storageFull",
};

/** What the server says when another version was expected. */
const CONFLICT_TEXT = "Wrong expected EventNumber";

/**
 * The error that an answer is.
 *
 * @param request Its method, GET by default, and its percent-encoded path, for the message.
 */
export function answerError(
  { status, headers, text }: {
    readonly status: number;
    readonly headers: Headers;
    readonly text: string;
  },
  { method = "GET", path }: { readonly method?: string; readonly path: string },
): ClientError {
  const version = headers.get("ES-CurrentVersion");
  const isConflict = status === 400 &&
    (version !== null || text === CONFLICT_TEXT);
  const code = isConflict
    ? "wrongExpectedVersion"
    : CODE_BY_STATUS[status] ?? (status < 500 ? "invalid" : "unexpected");
  return new ClientError(
    code,
    `The server answers ${status} to ${method} ${path}: ${said(text)}`,
    {
      status,
      currentVersion: version === null ? undefined : Number(version),
      isInconclusive: status >= 500,
    },
  );
}

const SAID_LENGTH_MAX = 300;

/** The reason in an answer, as one short line without control characters. */
function said(text: string): string {
  return (reasonIn(text) ?? text).slice(0, SAID_LENGTH_MAX)
    .replaceAll(/[\p{C}\s]+/gu, " ").trim();
}

/** The reason in a JSON document about a user or a subscription. */
function reasonIn(text: string): string | undefined {
  if (!text.startsWith("{")) return undefined;
  try {
    const { reason, error, result } = JSON.parse(text);
    return [reason, error, result].find((value) =>
      typeof value === "string" && value !== ""
    );
  } catch {
    return undefined;
  }
}
