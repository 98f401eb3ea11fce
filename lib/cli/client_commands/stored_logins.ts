/**
 * Logins that are stored between commands: a token for each server, in a file
 * that this user alone may read. No password is ever stored.
 *
 * @module
 */

import { dirname, join } from "@std/path";
import { systemReasonOf } from "../../text/system_errors.ts";
import { RunError } from "../failures.ts";
import { readTextFile } from "../named_files.ts";

/** A stored login. */
export interface StoredLogin {
  readonly login: string;
  readonly tokenId: string;
  readonly token: string;
}

type Environment = Readonly<Record<string, string>>;

/**
 * Where logins are stored: `quipu/logins.json` in the user's configuration.
 *
 * @throws {RunError} If the environment names no such place.
 */
export function loginsFileOf(environment: Environment): string {
  const { XDG_CONFIG_HOME, APPDATA, HOME } = environment;
  const base = XDG_CONFIG_HOME || APPDATA ||
    (HOME ? join(HOME, ".config") : undefined);
  if (base === undefined) {
    throw new RunError(
      "There is no place for logins: set XDG_CONFIG_HOME or HOME",
    );
  }
  return join(base, "quipu", "logins.json");
}

/** The stored token of a server; undefined: none. */
export function storedTokenFor(
  url: string,
  environment: Environment,
): string | undefined {
  const { XDG_CONFIG_HOME, APPDATA, HOME } = environment;
  if (!(XDG_CONFIG_HOME || APPDATA || HOME)) return undefined;
  return readLogins(loginsFileOf(environment)).get(keyOf(url))?.token;
}

/**
 * Stores a login, or forgets the one of a server.
 *
 * @param login Undefined: it is forgotten.
 * @returns The login that was stored before.
 * @throws {RunError} If the file cannot be read or written.
 */
export function storeLogin(
  url: string,
  login: StoredLogin | undefined,
  environment: Environment,
): StoredLogin | undefined {
  const path = loginsFileOf(environment);
  const logins = readLogins(path);
  const before = logins.get(keyOf(url));
  if (login === undefined) logins.delete(keyOf(url));
  else logins.set(keyOf(url), login);
  const text = JSON.stringify(Object.fromEntries(logins), undefined, 2);
  try {
    Deno.mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    const next = `${path}.${crypto.getRandomValues(new Uint32Array(1))[0]}`;
    // Written beside it and renamed: a reader sees the whole of one of them.
    Deno.writeTextFileSync(next, text + "\n", {
      createNew: true,
      mode: 0o600,
    });
    Deno.renameSync(next, path);
  } catch (error) {
    throw new RunError(`Cannot write "${path}": ${systemReasonOf(error)}`);
  }
  return before;
}

function keyOf(url: string): string {
  return new URL(url).href;
}

function readLogins(path: string): Map<string, StoredLogin> {
  let text: string;
  try {
    text = readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return new Map();
    throw new RunError(`Cannot read "${path}": ${systemReasonOf(error)}`);
  }
  try {
    return new Map(Object.entries(JSON.parse(text)));
  } catch {
    throw new RunError(`Cannot read "${path}": it is not JSON; delete it`);
  }
}
