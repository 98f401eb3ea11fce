/**
 * Commands of the services of this folder and their outcomes. Refusals
 * that are ordinary answers are outcomes; `QuipuError`s are thrown.
 *
 * How the answers map to the wire (spec: users §2.1): `success` → `Success`,
 * `notFound` → `NotFound`, `conflict` → `Conflict`, `unauthorized` →
 * `Unauthorized`, `tryAgain` → `TryAgain`.
 *
 * @module
 */

import type { Principal, TokenScope } from "../model/principal.ts";

/**
 * The facts that a login is judged by besides its credentials. Members may be getters:
 * a remembered login reads none of them.
 */
export interface LoginRequest {
  /** Address of the client, behind trusted proxies too. */
  readonly remoteAddress: string;
  /** Address at the other end of the connection. */
  readonly peerAddress: string;
  /** Header `ES-TrustedAuth`. */
  readonly trustedAuth: string | null;
  /** Header `Origin`. */
  readonly origin: string | null;
  /** Header `Host`. */
  readonly host: string | null;
  /** Header `Sec-Fetch-Site`. */
  readonly secFetchSite: string | null;
  /** Whether a proxy says that it passed the request on. */
  readonly isProxied?: boolean;
}

/**
 * Who a request comes from. `undefined`: anonymous. `"rejected"`: credentials
 * that are wrong, answered with 401 whatever was asked for.
 */
export type Authentication = Principal | undefined | "rejected";

/** A user as clients may see it. */
export interface User {
  readonly login: string;
  /** `undefined` where the stored user has none. */
  readonly fullName: string | undefined;
  readonly groups: readonly string[] | undefined;
  readonly isDisabled: boolean;
  /** Microseconds since 1970; time of the last change. */
  readonly updatedAtUs: number;
}

/** The fields of a new user. */
export interface NewUser {
  /**
   * 1 to `LIMITS.userNameBytesMax` bytes, no control characters; a new one as
   * `user_rules.ts` says.
   */
  readonly login: string;
  readonly fullName: string | undefined;
  readonly groups: readonly string[] | undefined;
  /** 1 to `LIMITS.passwordBytesMax` bytes. */
  readonly password: string;
}

/** How a change of a user or of its tokens ended. */
export interface UserOutcome {
  readonly kind:
    | "success"
    | "notFound"
    /** There is such a login already, with another password. */
    | "conflict"
    /** Not an administrator; or a wrong current password. */
    | "unauthorized"
    /** Others changed the user at the same time, again and again. */
    | "tryAgain";
}

export type UserReadOutcome =
  | { readonly kind: "user"; readonly user: User }
  | { readonly kind: "notFound" | "unauthorized" };

export type UserListOutcome =
  /** By login, in UTF-16 order; the first `LIMITS.usersMax`. */
  | { readonly kind: "users"; readonly users: readonly User[] }
  | { readonly kind: "unauthorized" };

/** The description of a stored token; never the secret. */
export interface TokenInfo {
  /** 16 characters, unique among the user's tokens; no secret. */
  readonly tokenId: string;
  /** The token's purpose, in its maker's words. */
  readonly label: string | undefined;
  readonly isReadOnly: boolean;
  /** The scopes of the token; undefined: all. */
  readonly scopes?: readonly TokenScope[] | undefined;
  readonly createdAtUs: number;
  readonly expiresAtUs: number;
  /** Whether it is a session, made by logging in on a page. */
  readonly isSession?: boolean | undefined;
}

/** The fields of a new token. */
export interface NewToken {
  readonly login: string;
  readonly label?: string | undefined;
  /** Whether it allows nothing but reading. */
  readonly isReadOnly: boolean;
  /**
   * Names of `TOKEN_SCOPES`, each once and at least one; undefined: whatever
   * the user may do. A token that only reads cannot have the scope `append`.
   */
  readonly scopes?: readonly string[] | undefined;
  /** 1 to `LIMITS.tokenSecondsMax`; by default `LIMITS.tokenSecondsDefault`. */
  readonly lifetimeSeconds?: number | undefined;
}

export type TokenCreateOutcome =
  | {
    readonly kind: "created";
    /** For `Authorization: Bearer`. Shown this once, stored only as a hash. */
    readonly secret: string;
    readonly token: TokenInfo;
  }
  /** `conflict`: the user has `LIMITS.userTokensMax` tokens. */
  | { readonly kind: "notFound" | "conflict" | "unauthorized" | "tryAgain" };

export type TokenListOutcome =
  /** Oldest first; without those that have expired. */
  | { readonly kind: "tokens"; readonly tokens: readonly TokenInfo[] }
  | { readonly kind: "notFound" | "unauthorized" };

export type AccessTokenOutcome =
  | {
    readonly kind: "created";
    /** For `?access_token=`. Opens live feeds, and nothing else. */
    readonly accessToken: string;
    readonly expiresAtUs: number;
  }
  | { readonly kind: "unauthorized" };
