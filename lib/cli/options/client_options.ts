/**
 * Options of every command that is a client of a server. Unlike other options
 * of commands they have variables, too, which all commands know, since they
 * share an environment.
 *
 * @module
 */

import type { OptionRow } from "./options.ts";

/** Where a server listens if nothing else is said. */
export const DEFAULT_URL = "http://127.0.0.1:2113";

export const CLIENT_OPTIONS = {
  url: {
    flag: "url",
    kind: "text",
    form: "urls",
    isRepeatable: true,
    valueName: "URL",
    default: DEFAULT_URL,
    help: "Server to ask; repeated: others with the same events, which are " +
      "asked when one does not answer. Or QUIPU_URL",
  },
  login: {
    flag: "user",
    kind: "text",
    valueName: "LOGIN",
    help: "User to log in as; the password is in QUIPU_PASSWORD or typed. " +
      "Default: the login that quipu login has stored, else none. Or QUIPU_USER",
  },
  password: {
    flag: "password",
    kind: "secret",
    help: "Password of --user; or QUIPU_PASSWORD_FILE names a file with it",
  },
  token: {
    flag: "token",
    kind: "secret",
    excludes: "user",
    help: "Token to log in with; or QUIPU_TOKEN_FILE names a file with it",
  },
  passwordFile: {
    flag: "password-file",
    kind: "text",
    valueName: "FILE",
    needs: "user",
    help: "File with the password in its first line; - for standard input",
  },
  tokenFile: {
    flag: "token-file",
    kind: "text",
    valueName: "FILE",
    excludes: "user",
    help: "File with a token in its first line",
  },
  caCertFile: {
    flag: "ca-cert",
    kind: "text",
    valueName: "FILE",
    help: "PEM file of the authority that issued the server's certificate",
  },
  isJson: {
    flag: "json",
    kind: "boolean",
    help: "Print lines of JSON",
  },
} as const satisfies Readonly<Record<string, OptionRow>>;

/** Those of them that have variables. */
export const CLIENT_VARIABLES = {
  url: CLIENT_OPTIONS.url,
  login: CLIENT_OPTIONS.login,
  password: CLIENT_OPTIONS.password,
  token: CLIENT_OPTIONS.token,
} as const;
