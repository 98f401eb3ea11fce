/**
 * Requests to one of several servers: credentials, time limits, and retries
 * with back-off that go on with the next server.
 *
 * A request is repeated only if repeating it is safe, and only after failures
 * that may pass: no answer, 408, 429, 502, 503, 504.
 *
 * @module
 */

import { abortedError, answerError, ClientError } from "./errors.ts";

/** A login, or a token of one. */
export type Credentials =
  | { readonly login: string; readonly password: string }
  | { readonly token: string };

/** How often and how long a request is repeated. */
export interface RetryOptions {
  /**
   * Tries in a row that may fail at each server, 1 or more. Default: 15, so that
   * a request is repeated for 23 seconds at least.
   */
  readonly triesMax: number;
  /** Milliseconds before the second try; each further wait is twice as long. */
  readonly firstDelayMs: number;
  /** Longest wait in milliseconds. */
  readonly delayMsMax: number;
  /** Is told before each wait. */
  readonly onRetry?: (error: ClientError, delayMs: number) => void;
}

/** Default of `ClientOptions.retry`. */
const RETRY: RetryOptions = {
  triesMax: 15,
  firstDelayMs: 100,
  delayMsMax: 5_000,
};

/** Where the servers are, and how to ask them. */
export interface ClientOptions {
  /**
   * Base URL of the server, or of several that have the same events: when one
   * does not answer, the next one is asked.
   */
  readonly url: string | readonly string[];
  /** Default: none. */
  readonly credentials?: Credentials | undefined;
  /** Default: that of the platform. */
  readonly fetch?: typeof fetch;
  readonly retry?: Partial<RetryOptions>;
  /** Milliseconds that one try may take. Default: 30,000. */
  readonly timeoutMs?: number;
}

/** A request. */
export interface ClientRequest {
  readonly method?: "GET" | "POST" | "PUT" | "DELETE";
  /** From the base URL on, with a slash at its start, escaped. */
  readonly path: string;
  /** Parameters; undefined ones are left out. */
  readonly query?: Readonly<Record<string, string | undefined>>;
  /** Undefined ones are left out. */
  readonly headers?: Readonly<Record<string, string | undefined>>;
  readonly body?: string | Uint8Array<ArrayBuffer> | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Whether it may be sent again after a try without an answer. Default: true. */
  readonly isRepeatable?: boolean;
  /** Bytes that the answer may have. Default: any number. */
  readonly bytesMax?: number | undefined;
  /** Whether redirects are followed, without credentials to other origins. */
  readonly isRedirected?: boolean;
}

/** An answer that was read whole. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly text: string;
}

/** An answer without an end. */
export interface OpenAnswer {
  readonly body: ReadableStream<Uint8Array>;
  /** Is aborted when it ends. */
  readonly signal: AbortSignal;
  /** The error that a failure while reading the body is. */
  broken(error: unknown): ClientError;
  /** Ends it; must be called in the end. */
  close(): void;
}

const DEFAULT_TIMEOUT_MS = 30_000;

/** Statuses that may pass. */
const TEMPORARY: ReadonlySet<number> = new Set([408, 429, 502, 503, 504]);

/** Sends requests. */
export class Transport {
  readonly #urls: readonly string[];
  readonly #authorization: string | undefined;
  readonly #fetch: typeof fetch;
  readonly #retry: RetryOptions;
  readonly #timeoutMs: number;
  /** The server that is asked now. */
  #current = 0;
  /** Whether it answered the last time. */
  #isKnown = false;

  /** @throws {ClientError} `invalid`, if there is no URL or one is none. */
  constructor(options: ClientOptions) {
    const urls = typeof options.url === "string" ? [options.url] : options.url;
    this.#urls = urls.map(baseOf);
    if (urls.length === 0) throw new ClientError("invalid", "No URL is given");
    this.#authorization = authorizationOf(options.credentials);
    this.#fetch = options.fetch ?? ((input, init) => fetch(input, init));
    this.#retry = { ...RETRY, ...options.retry };
    this.#timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  }

  /** The server that is asked now. */
  get url(): string {
    return this.#urls[this.#current] ?? "";
  }

  /**
   * Sends a request, again if need be, and reads the answer.
   *
   * @throws {ClientError} For every status from 400 on, and without an answer.
   */
  async send(request: ClientRequest): Promise<Answer> {
    const { signal, isRepeatable = true } = request;
    // What is sent once only is sent where somebody answers.
    if (!isRepeatable && this.#urls.length > 1 && !this.#isKnown) {
      await this.send({ path: "/ping", signal });
    }
    const retries = this.retries(signal);
    let isRepeated = false;
    for (;;) {
      try {
        return await this.#trySending(request);
      } catch (error) {
        if (!(error instanceof ClientError)) throw error;
        error.isRepeated = isRepeated;
        if (!isRepeatable) throw error;
        isRepeated ||= error.isInconclusive;
        await retries.after(error);
      }
    }
  }

  async #trySending(request: ClientRequest): Promise<Answer> {
    const limit = new TimeLimit(this.#timeoutMs, request.signal);
    try {
      const response = await this.#fetchOnce(request, limit);
      const bytes = await this.#bytesOf(response, limit, request.bytesMax);
      const { status, headers } = response;
      const answer = { status, headers, bytes, text: textOf(bytes) };
      if (status < 400) return answer;
      throw answerError(answer, request);
    } finally {
      limit.end();
    }
  }

  /**
   * Opens an answer without an end; tried once.
   *
   * @throws {ClientError} As `send` does.
   */
  async open(request: ClientRequest): Promise<OpenAnswer> {
    const limit = new TimeLimit(this.#timeoutMs, request.signal);
    try {
      const response = await this.#fetchOnce(request, limit);
      const { status, headers, body } = response;
      if (status < 400 && body !== null) {
        limit.stopClock();
        return {
          body,
          signal: limit.signal,
          broken: (error) => this.#unanswered(error, limit),
          close: () => limit.abort(),
        };
      }
      const text = textOf(await this.#bytesOf(response, limit));
      throw answerError({ status, headers, text }, request);
    } catch (error) {
      limit.end();
      throw error;
    }
  }

  #bytesOf(
    response: Response,
    limit: TimeLimit,
    bytesMax?: number,
  ): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = bytesMax === undefined
      ? response.arrayBuffer().then((buffer) => new Uint8Array(buffer))
      : boundedBytesOf(response, bytesMax);
    return bytes.catch((error) => {
      if (error instanceof ClientError) throw error;
      throw this.#unanswered(error, limit);
    });
  }

  async #fetchOnce(
    request: ClientRequest,
    limit: TimeLimit,
  ): Promise<Response> {
    const { method = "GET", body, isRedirected = false } = request;
    if (request.signal?.aborted) throw abortedError(request.signal);
    try {
      const response = await this.#fetch(this.#addressOf(request), {
        method,
        headers: this.#headersOf(request),
        ...(body !== undefined && { body }),
        // An answer from elsewhere must not get the credentials.
        redirect: isRedirected ? "follow" : "error",
        signal: limit.signal,
      });
      this.#isKnown = !TEMPORARY.has(response.status);
      return response;
    } catch (error) {
      throw this.#unanswered(error, limit);
    }
  }

  #unanswered(error: unknown, limit: TimeLimit): ClientError {
    this.#isKnown = false;
    if (limit.outer?.aborted) return abortedError(limit.outer);
    const reason = limit.signal.aborted ? "no answer in time" : reasonOf(error);
    return new ClientError(
      "unavailable",
      `Cannot reach ${this.url}: ${reason}`,
      { cause: error, isInconclusive: true },
    );
  }

  #addressOf({ path, query = {} }: ClientRequest): string {
    const parameters = new URLSearchParams();
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined) parameters.set(name, value);
    }
    const text = parameters.toString();
    return this.url + path + (text === "" ? "" : `?${text}`);
  }

  #headersOf({ headers = {} }: ClientRequest): Headers {
    const all = new Headers();
    if (this.#authorization !== undefined) {
      all.set("Authorization", this.#authorization);
    }
    for (const [name, value] of Object.entries(headers)) {
      if (value !== undefined) all.set(name, value);
    }
    return all;
  }

  /** Counts failures in a row, and waits between them. */
  retries(signal: AbortSignal | undefined): Retries {
    return new Retries({
      retry: this.#retry,
      signal,
      roundLength: this.#urls.length,
      goOn: () => {
        this.#current = (this.#current + 1) % this.#urls.length;
      },
    });
  }
}

/** @throws {ClientError} `tooLarge`, once there are more. */
async function boundedBytesOf(
  response: Response,
  bytesMax: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of response.body ?? []) {
    length += piece.length;
    if (length > bytesMax) {
      throw new ClientError(
        "tooLarge",
        `The server answers with more than ${bytesMax} bytes`,
      );
    }
    pieces.push(piece);
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

interface RetriesOptions {
  readonly retry: RetryOptions;
  readonly signal: AbortSignal | undefined;
  /** Servers that are asked before there is a wait. */
  readonly roundLength: number;
  /** Has the next server asked. */
  readonly goOn: () => void;
}

/** Failures in a row of one request or one feed. */
export class Retries {
  readonly #options: RetriesOptions;
  #failedCount = 0;

  constructor(options: RetriesOptions) {
    this.#options = options;
  }

  /** Forgets failures: something was answered. */
  reset(): void {
    this.#failedCount = 0;
  }

  /**
   * Waits before the next try.
   *
   * @throws {ClientError} `error` itself, if it will not pass or there were too
   * many failures; `aborted`, if the signal ends the wait.
   */
  async after(error: unknown): Promise<void> {
    const { retry, signal, roundLength, goOn } = this.#options;
    if (!(error instanceof ClientError) || error.code !== "unavailable") {
      throw error;
    }
    this.#failedCount++;
    if (this.#failedCount >= retry.triesMax * roundLength) throw error;
    goOn();
    const round = Math.floor((this.#failedCount - 1) / roundLength);
    const isRoundOver = this.#failedCount % roundLength === 0;
    if (!isRoundOver) return;
    const longest = Math.min(
      retry.delayMsMax,
      retry.firstDelayMs * 2 ** Math.min(round, 30),
    );
    // Clients that lost one server must not all come back at once.
    const delayMs = Math.round(longest * (0.5 + Math.random() / 2));
    retry.onRetry?.(error, delayMs);
    await pause(delayMs, signal);
  }
}

/** Waits; the signal ends it with an error. */
function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      if (signal !== undefined) reject(abortedError(signal));
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, ms);
    if (signal?.aborted) stop();
    else signal?.addEventListener("abort", stop, { once: true });
  });
}

/** A signal that is aborted after a time, or with another signal. */
class TimeLimit {
  readonly outer: AbortSignal | undefined;
  readonly #controller = new AbortController();
  readonly #timer: ReturnType<typeof setTimeout>;
  readonly #abort = () => this.#controller.abort();

  constructor(timeoutMs: number, outer: AbortSignal | undefined) {
    this.outer = outer;
    this.#timer = setTimeout(this.#abort, timeoutMs);
    outer?.addEventListener("abort", this.#abort);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Lets it last as long as the outer signal does. */
  stopClock(): void {
    clearTimeout(this.#timer);
  }

  /** Lets go of the clock and of the outer signal. */
  end(): void {
    clearTimeout(this.#timer);
    this.outer?.removeEventListener("abort", this.#abort);
  }

  /** Ends the request. */
  abort(): void {
    this.end();
    this.#controller.abort();
  }
}

/** A base URL, without a slash at its end. */
function baseOf(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  const isHttp = parsed?.protocol === "http:" || parsed?.protocol === "https:";
  if (parsed === undefined || !isHttp || parsed.search + parsed.hash !== "") {
    throw new ClientError("invalid", `Not an http or https URL: "${url}"`);
  }
  if (parsed.username !== "" || parsed.password !== "") {
    throw new ClientError(
      "invalid",
      "Give the login as credentials, not in URL",
    );
  }
  return parsed.href.replace(/\/+$/, "");
}

/** Value of the header `Authorization`. */
function authorizationOf(
  credentials: Credentials | undefined,
): string | undefined {
  if (credentials === undefined) return undefined;
  if ("token" in credentials) return `Bearer ${credentials.token}`;
  const text = `${credentials.login}:${credentials.password}`;
  return `Basic ${btoa(byteString(text))}`;
}

/** The UTF-8 bytes of a text as characters, as headers take them. */
export function byteString(text: string): string {
  return Array.from(
    new TextEncoder().encode(text),
    (byte) => String.fromCharCode(byte),
  ).join("");
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

/** Why no answer came: runtimes hide it in the error's cause. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error
    ? reasonOf(error.cause)
    : error.message.replace(/^error sending request for url \(.*?\): /, "");
}
