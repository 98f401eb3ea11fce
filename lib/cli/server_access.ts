/**
 * How commands reach a running server: options, credentials, certificates.
 *
 * @module
 */

import type { OptionRow } from "./options/options.ts";
import { encodeUtf8 } from "../text/utf8.ts";
import { RunError } from "./run_error.ts";

/** Options of every command that asks a server, by their names in the code. */
export const SERVER_OPTIONS = {
  tokenFile: {
    flag: "token-file",
    group: "Command",
    kind: "text",
    valueName: "FILE",
    default: undefined,
    help: "File with a token in its first line, instead of a login",
    needs: "url",
  },
  caCertFile: {
    flag: "ca-cert",
    group: "Command",
    kind: "text",
    valueName: "FILE",
    default: undefined,
    help: "PEM file of the authority that issued the server's certificate",
    needs: "url",
  },
} as const satisfies Record<string, OptionRow>;

/** Where a server is, and as whom it is asked. */
export interface ServerAccess {
  readonly url: string;
  /** PEM of the authority that the server's certificate is checked by. */
  readonly caCertificate: string | undefined;
  readonly credentials:
    | { readonly login: string; readonly password: string }
    | { readonly token: string };
}

/** Value of the header `Authorization`. */
export function authorizationOf(
  credentials: ServerAccess["credentials"],
): string {
  if ("token" in credentials) return `Bearer ${credentials.token}`;
  const bytes = encodeUtf8(`${credentials.login}:${credentials.password}`);
  return `Basic ${btoa(String.fromCharCode(...bytes))}`;
}

/** A client that trusts the server's authority; undefined: the default one. */
export function httpClientOf(
  { caCertificate }: ServerAccess,
): Deno.HttpClient | undefined {
  return caCertificate === undefined
    ? undefined
    : Deno.createHttpClient({ caCerts: [caCertificate] });
}

/** The address of a path of the server. */
export function addressAt({ url }: ServerAccess, path: string): string {
  return url.replace(/\/+$/, "") + path;
}

/** Why a request got no answer: the runtime hides it in the error's cause. */
export function unreachedReasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error
    ? unreachedReasonOf(error.cause)
    : error.message.replace(/^error sending request for url \(.*?\): /, "");
}

/** What a server says in an answer, as one short line. */
export function saidIn(text: string): string {
  return text.slice(0, SAID_LENGTH_MAX).replaceAll(/[^\x20-\x7e]+/g, " ")
    .trim();
}

const SAID_LENGTH_MAX = 300;

/**
 * Reads a file that an option names.
 *
 * @throws {RunError} If it cannot be read.
 */
export function readOptionFile(
  path: string,
  readFile: (path: string) => string,
): string {
  try {
    return readFile(path);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new RunError(`Cannot read "${path}": ${reason}`);
  }
}

/** The first line of a file that an option names, as of `readOptionFile`. */
export function firstLineOf(
  path: string,
  readFile: (path: string) => string,
): string {
  return readOptionFile(path, readFile).split(/\r?\n/)[0] ?? "";
}
