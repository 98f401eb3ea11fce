/**
 * Users and their tokens.
 *
 * @module
 */

import { encodePathSegment } from "../text/path_segment.ts";
import { ClientError } from "./errors.ts";
import { type Entry, parseDocument } from "./events.ts";
import type { ClientRequest, Transport } from "./transport.ts";

/** A user. */
export interface User {
  readonly login: string;
  readonly fullName: string | undefined;
  readonly groups: readonly string[] | undefined;
  readonly isDisabled: boolean;
}

/** A user to add. */
export interface NewUser {
  readonly login: string;
  readonly password: string;
  readonly fullName?: string | undefined;
  readonly groups?: readonly string[] | undefined;
}

/** A token to create. */
export interface NewToken {
  readonly label?: string | undefined;
  readonly readOnly?: boolean | undefined;
  /** What it allows: `feeds`, `read`, `append`, `metrics`, `backup`. */
  readonly scopes?: readonly string[] | undefined;
  /** Default: 30 days. */
  readonly expiresInSeconds?: number | undefined;
}

/** A token that was created: its secret is shown this once. */
export interface CreatedToken {
  readonly tokenId: string;
  readonly token: string;
}

/** Stands for the user of the client. */
export const CURRENT_USER = "$current";

/** The users of a server. */
export class Users {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** All users. */
  async list(): Promise<readonly User[]> {
    const { data } = await this.#ask({ path: "/users/" });
    if (!Array.isArray(data)) {
      throw new ClientError("unexpected", "The server answers with no users");
    }
    return data.map(userOf);
  }

  /** The user that the client is logged in as. */
  async current(): Promise<User> {
    const { data } = await this.#ask({ path: `/users/${CURRENT_USER}` });
    return userOf(data);
  }

  /**
   * Adds a user. Repeating it does no harm.
   *
   * @throws {ClientError} `alreadyExists`, with another password.
   */
  async add({ login, ...user }: NewUser): Promise<void> {
    await this.#change("POST", "/users/", { loginName: login, ...user });
  }

  /** Replaces a user's full name and groups. */
  async update(
    { login, ...user }: Omit<NewUser, "password">,
  ): Promise<void> {
    await this.#change("PUT", pathOf(login), user);
  }

  /** Deletes a user. */
  async delete(login: string): Promise<void> {
    await this.#change("DELETE", pathOf(login));
  }

  /** Lets a user log in again. */
  async enable(login: string): Promise<void> {
    await this.#change("POST", `${pathOf(login)}/command/enable`, {});
  }

  /** Lets a user log in no more. */
  async disable(login: string): Promise<void> {
    await this.#change("POST", `${pathOf(login)}/command/disable`, {});
  }

  /** Gives a user another password, which ends all tokens of the user. */
  async resetPassword(login: string, newPassword: string): Promise<void> {
    const path = `${pathOf(login)}/command/reset-password`;
    await this.#change("POST", path, { newPassword });
  }

  /** A user's tokens, without their secrets, as the server shows them. */
  async listTokens(login: string = CURRENT_USER): Promise<readonly Entry[]> {
    const { tokens } = await this.#ask({ path: `${pathOf(login)}/tokens` });
    return Array.isArray(tokens) ? tokens : [];
  }

  /** Creates a token. Sent once only: a repeated one would create another. */
  async createToken(
    token: NewToken = {},
    login: string = CURRENT_USER,
  ): Promise<CreatedToken> {
    const created = await this.#ask({
      method: "POST",
      path: `${pathOf(login)}/tokens`,
      body: JSON.stringify(token),
      isRepeatable: false,
    });
    return {
      tokenId: String(created["tokenId"]),
      token: String(created["token"]),
    };
  }

  /** Revokes a token. */
  async revokeToken(
    tokenId: string,
    login: string = CURRENT_USER,
  ): Promise<void> {
    const path = `${pathOf(login)}/tokens/${encodePathSegment(tokenId)}`;
    await this.#change("DELETE", path);
  }

  async #change(
    method: "POST" | "PUT" | "DELETE",
    path: string,
    json?: unknown,
  ): Promise<void> {
    const body = json === undefined ? undefined : JSON.stringify(json);
    await this.#ask({ method, path, body });
  }

  async #ask(request: ClientRequest): Promise<Entry> {
    const { text } = await this.#transport.send({
      ...request,
      headers: {
        "Accept": "application/json",
        "Content-Type": request.body === undefined
          ? undefined
          : "application/json",
      },
    });
    return text === "" ? {} : parseDocument(text);
  }
}

function pathOf(login: string): string {
  return `/users/${login === CURRENT_USER ? login : encodePathSegment(login)}`;
}

function userOf(value: unknown): User {
  const { loginName, fullName, groups, disabled } = Object(value);
  return {
    login: String(loginName),
    fullName: typeof fullName === "string" ? fullName : undefined,
    groups: Array.isArray(groups) ? groups.map(String) : undefined,
    isDisabled: disabled === true,
  };
}
