/**
 * Users of a running server, for `quipu user --url`.
 *
 * @module
 */

import { decodeUtf8Leniently } from "../text/utf8.ts";
import { RunError } from "./run_error.ts";
import {
  addressAt,
  authorizationOf,
  httpClientOf,
  saidIn,
  type ServerAccess,
  unreachedReasonOf,
} from "./server_access.ts";
import type { ShownUser, UserAdministration } from "./user_administration.ts";

const TIMEOUT_MS = 60_000;

/** Asks a server for what each method does. */
export function usersOfServer(server: ServerAccess): UserAdministration {
  const client = httpClientOf(server);
  const ask = (method: string, path: string, json?: unknown) =>
    askServer(server, { client, method, path, json });
  const command = (login: string, name: string, json?: unknown) =>
    ask("POST", `/users/${encodeURIComponent(login)}/command/${name}`, json);
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
    [Symbol.dispose]: () => client?.close(),
  };
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

async function askServer(
  server: ServerAccess,
  { client, method, path, json }: {
    readonly client: Deno.HttpClient | undefined;
    readonly method: string;
    readonly path: string;
    readonly json: unknown;
  },
): Promise<Answer> {
  const address = addressAt(server, path);
  try {
    const response = await fetch(address, {
      method,
      headers: {
        "Accept": "application/json",
        "Authorization": authorizationOf(server.credentials),
        ...(method === "POST" && { "Content-Type": "application/json" }),
      },
      ...(method === "POST" && { body: JSON.stringify(json ?? {}) }),
      ...(client !== undefined && { client }),
      // An answer from elsewhere must not get the password.
      redirect: "error",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const text = decodeUtf8Leniently(await response.bytes());
    return { status: response.status, text };
  } catch (error) {
    throw new RunError(
      `Cannot reach ${address}: ${unreachedReasonOf(error)}`,
    );
  }
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
  const { loginName, groups, disabled } = Object(value);
  return {
    login: String(loginName),
    groups: Array.isArray(groups) ? groups.map(String) : undefined,
    isDisabled: disabled === true,
  };
}
