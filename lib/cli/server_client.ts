/**
 * How commands ask a running server: options, credentials, certificates,
 * requests.
 *
 * @module
 */

import { encodeUtf8 } from "../text/utf8.ts";
import type { Users } from "../client/mod.ts";
import type { UserOutcome } from "../users/contract.ts";
import type { UserAdministration } from "../users/offline_users.ts";
import { RunError, UsageError } from "./failures.ts";
import { firstLineOf, readOptionFile } from "./named_files.ts";
import type { TextRow } from "./options/options.ts";

/** Options of a command that can ask a server. */
export interface ServerOptions {
  readonly url: TextRow;
  readonly login: TextRow & { readonly default: string };
  readonly tokenFile: TextRow;
  readonly caCertFile: TextRow;
}

/**
 * Makes the options of a command that can ask a server.
 *
 * @param help.url What the command does with the server.
 * @param help.groups Whose members may ask for it.
 */
export function serverOptions(
  help: { readonly url: string; readonly groups: string },
): ServerOptions {
  return {
    url: {
      flag: "url",
      kind: "text",
      form: "url",
      valueName: "URL",
      help: help.url,
    },
    login: {
      flag: "user",
      kind: "text",
      valueName: "LOGIN",
      default: "admin",
      help: `User to log in to the server as: a member of ${help.groups}`,
      needs: "url",
    },
    tokenFile: {
      flag: "token-file",
      kind: "text",
      valueName: "FILE",
      help: "File with a token in its first line, instead of a login",
      needs: "url",
    },
    caCertFile: {
      flag: "ca-cert",
      kind: "text",
      valueName: "FILE",
      help: "PEM file of the authority that issued the server's certificate",
      needs: "url",
    },
  };
}

/** The option that names the file with the password of that login. */
export function loginPasswordOption(flag: string): TextRow {
  return {
    flag,
    kind: "text",
    valueName: "FILE",
    help: "File with the password of that user in its first line",
    needs: "url",
  };
}

/** Address of a server, and the credentials to use. */
export interface ServerAccess {
  readonly url: string;
  /** PEM file of the authority that the server's certificate is checked by. */
  readonly caCertFile: string | undefined;
  readonly credentials:
    | { readonly login: string; readonly password: string }
    | { readonly token: string };
}

/**
 * Makes a client from the options.
 *
 * @param options.password Is asked for the login's password, unless there is a
 * token.
 * @throws {RunError} If a file cannot be read.
 */
export async function openClient(options: {
  readonly url: string;
  readonly login: string;
  readonly tokenFile: string | undefined;
  readonly caCertFile: string | undefined;
  password(): string | Promise<string>;
}): Promise<ServerClient> {
  const { url, login, tokenFile, caCertFile, password } = options;
  const credentials = tokenFile === undefined
    ? { login, password: await password() }
    : { token: firstLineOf(tokenFile) };
  return new ServerClient({ url, caCertFile, credentials });
}

/**
 * Makes a client whose login asks nobody for anything.
 *
 * @throws {UsageError} Unless one file has a password or a token.
 * @throws {RunError} If it cannot be read.
 */
export async function openClientWithFiles(options: {
  readonly url: string;
  readonly login: string;
  readonly passwordFile: string | undefined;
  readonly tokenFile: string | undefined;
  readonly caCertFile: string | undefined;
}): Promise<ServerClient> {
  const { passwordFile, tokenFile } = options;
  if ((passwordFile === undefined) === (tokenFile === undefined)) {
    throw new UsageError("--url needs --password-file or --token-file");
  }
  return await openClient({
    ...options,
    password: () => firstLineOf(passwordFile ?? ""),
  });
}

/** A request to a server. */
export interface ServerRequest {
  readonly method: "GET" | "POST" | "PUT";
  /** From the address of the server on. */
  readonly path: string;
  /** Of a POST or PUT: a document, or else a script. */
  readonly json?: unknown;
  readonly script?: string;
  readonly accept?: string;
  readonly signal: AbortSignal;
}

/** Asks one server, with one login, until it is disposed of. */
export class ServerClient implements Disposable {
  readonly credentials: ServerAccess["credentials"];
  readonly #url: string;
  readonly #client: Deno.HttpClient | undefined;

  /** @throws {RunError} If the certificate cannot be read. */
  constructor({ url, caCertFile, credentials }: ServerAccess) {
    this.credentials = credentials;
    this.#url = url;
    this.#client = caCertFile === undefined
      ? undefined
      : Deno.createHttpClient({ caCerts: [readOptionFile(caCertFile)] });
  }

  /** The address of a path of the server. */
  addressAt(path: string): string {
    return this.#url.replace(/\/+$/, "") + path;
  }

  /**
   * Sends a request.
   *
   * @throws {RunError} If no answer comes, or the user stopped it.
   */
  async ask(
    { method, path, json, script, accept, signal }: ServerRequest,
  ): Promise<Response> {
    const address = this.addressAt(path);
    try {
      return await fetch(address, {
        method,
        headers: {
          "Authorization": authorizationOf(this.credentials),
          ...(accept !== undefined && { "Accept": accept }),
          ...(method !== "GET" && {
            "Content-Type": script === undefined
              ? "application/json"
              : "application/javascript",
          }),
        },
        ...(method !== "GET" && { body: script ?? JSON.stringify(json ?? {}) }),
        ...(this.#client !== undefined && { client: this.#client }),
        // An answer from elsewhere must not get the password.
        redirect: "error",
        signal,
      });
    } catch (error) {
      throw unreached(address, { error, signal });
    }
  }

  /** The users of the server; each request is sent once. */
  async users(): Promise<Users> {
    const { Client } = await import("../client/mod.ts");
    const http = this.#client;
    return new Client({
      url: this.#url,
      credentials: this.credentials,
      fetch: (input, init) =>
        fetch(input, http === undefined ? init : { ...init, client: http }),
      timeoutMs: TIMEOUT_MS,
      retry: { triesMax: 1 },
    }).users;
  }

  [Symbol.dispose](): void {
    this.#client?.close();
  }
}

/** Time for a server to answer about users. */
const TIMEOUT_MS = 60_000;

/** Value of the header `Authorization`. */
function authorizationOf(
  credentials: ServerAccess["credentials"],
): string {
  if ("token" in credentials) return `Bearer ${credentials.token}`;
  const bytes = encodeUtf8(`${credentials.login}:${credentials.password}`);
  return `Basic ${btoa(String.fromCharCode(...bytes))}`;
}

/**
 * The body of an answer, piece by piece: a connection that breaks is no bug.
 *
 * @param advice What to do then, after a semicolon.
 * @throws {RunError} If it breaks off.
 */
export async function* piecesOf(
  body: ReadableStream<Uint8Array>,
  { signal, advice }: { readonly signal: AbortSignal; readonly advice: string },
): AsyncGenerator<Uint8Array> {
  try {
    yield* body;
  } catch (error) {
    signal.throwIfAborted();
    throw new RunError(
      `The server broke off: ${unreachedReasonOf(error)}; ${advice}`,
    );
  }
}

function unreached(
  address: string,
  { error, signal }: { readonly error: unknown; readonly signal: AbortSignal },
): Error {
  return signal.reason instanceof RunError
    ? signal.reason
    : new RunError(`Cannot reach ${address}: ${unreachedReasonOf(error)}`);
}

/** Why a request got no answer: the runtime hides it in the error's cause. */
export function unreachedReasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error
    ? unreachedReasonOf(error.cause)
    : error.message.replace(/^error sending request for url \(.*?\): /, "");
}

/** The text of an answer as one short line. */
export function saidIn(text: string): string {
  return text.slice(0, SAID_LENGTH_MAX).replaceAll(/[^\x20-\x7e]+/g, " ")
    .trim();
}

const SAID_LENGTH_MAX = 300;

/**
 * Users of a running server.
 *
 * @throws {RunError} From each function, for all that is no outcome.
 */
export function usersOfServer(users: Users): UserAdministration {
  return {
    add: (user) => kindOf(users.add(user)),
    list: () => users.list().catch(throwAsFailure),
    resetPassword: ({ login, newPassword }) =>
      kindOf(users.resetPassword(login, newPassword)),
    enable: (login) => kindOf(users.enable(login)),
    disable: (login) => kindOf(users.disable(login)),
  };
}

async function kindOf(change: Promise<void>): Promise<UserOutcome["kind"]> {
  try {
    await change;
    return "success";
  } catch (error) {
    const { code, status } = Object(error);
    if (status === 408) return "tryAgain";
    switch (code) {
      case "unauthorized":
      case "notFound":
        return code;
      case "alreadyExists":
        return "conflict";
      default:
        return throwAsFailure(error);
    }
  }
}

function throwAsFailure(error: unknown): never {
  const isOfClient = error instanceof Error && error.name === "ClientError";
  throw isOfClient ? new RunError(error.message, { cause: error }) : error;
}
