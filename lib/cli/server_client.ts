/**
 * How commands ask a running server: options, credentials, certificates,
 * requests.
 *
 * @module
 */

import { encodePathSegment } from "../text/path_segment.ts";
import { decodeUtf8Leniently, encodeUtf8 } from "../text/utf8.ts";
import type { ShownUser, UserAdministration } from "../users/offline_users.ts";
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

  [Symbol.dispose](): void {
    this.#client?.close();
  }
}

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

/** Time for a server to answer about users. */
const TIMEOUT_MS = 60_000;

/** Users of a running server. */
export function usersOfServer(
  client: Pick<ServerClient, "ask" | "addressAt">,
): UserAdministration {
  const ask = async (
    method: "GET" | "POST",
    path: string,
    json?: unknown,
  ): Promise<Answer> => {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const accept = "application/json";
    const response = await client.ask({ method, path, json, accept, signal });
    try {
      const text = decodeUtf8Leniently(await response.bytes());
      return { status: response.status, text };
    } catch (error) {
      throw unreached(client.addressAt(path), { error, signal });
    }
  };
  const command = (login: string, name: string, json?: unknown) =>
    ask("POST", `/users/${encodePathSegment(login)}/command/${name}`, json);
  return {
    async add({ login, fullName, groups, password }) {
      const user = { loginName: login, fullName, groups, password };
      return kindOf(await ask("POST", "/users/", user));
    },
    async list() {
      const { status, text } = await ask("GET", "/users/");
      const data = status === 200 ? JSON.parse(text).data : undefined;
      if (!Array.isArray(data)) throw unexpected(status, text);
      return data.map(shownUserOf);
    },
    resetPassword: async ({ login, newPassword }) =>
      kindOf(await command(login, "reset-password", { newPassword })),
    enable: async (login) => kindOf(await command(login, "enable")),
    disable: async (login) => kindOf(await command(login, "disable")),
  };
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

function kindOf({ status, text }: Answer) {
  switch (status) {
    case 200:
    case 201:
      return "success";
    case 401:
      return "unauthorized";
    case 404:
      return "notFound";
    case 409:
      return "conflict";
    default:
      throw unexpected(status, text);
  }
}

function unexpected(status: number, text: string): RunError {
  return new RunError(`The server answers ${status}: ${saidIn(text)}`);
}

function shownUserOf(value: unknown): ShownUser {
  const { loginName, fullName, groups, disabled } = Object(value);
  return {
    login: String(loginName),
    fullName: typeof fullName === "string" ? fullName : undefined,
    groups: Array.isArray(groups) ? groups.map(String) : undefined,
    isDisabled: disabled === true,
  };
}
