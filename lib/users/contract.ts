/**
 * What the services of this folder are asked and what they answer: all that
 * `lib/http` needs to know of users, tokens and logins. Refusals that are
 * ordinary answers are outcomes; `QuipuError`s are thrown.
 *
 * How the answers map to the wire (spec: users §2.1): `success` → `Success`,
 * `notFound` → `NotFound`, `conflict` → `Conflict`, `unauthorized` →
 * `Unauthorized`, `tryAgain` → `TryAgain`.
 *
 * @module
 */

import type { Requester } from "../model/audit.ts";
import type { Principal, TokenScope } from "../model/principal.ts";

/**
 * What a login is judged by besides its credentials. Members may be getters:
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

/** Turns credentials into principals. `createAuthenticator` makes it. */
export interface Authenticator {
  /**
   * Judges the header `Authorization` (and `ES-TrustedAuth`). Answers at once
   * when the credentials are remembered or there are none.
   *
   * @throws {QuipuError} `tooManyLogins` (as a rejection): 429.
   */
  authenticate(
    authorization: string | null,
    request: LoginRequest,
  ): Authentication | Promise<Authentication>;

  /**
   * Judges the value of `?access_token=`: a short-lived access token, never
   * another one, because addresses end up in logs.
   */
  authenticateAccessToken(
    accessToken: string,
    request: Pick<LoginRequest, "remoteAddress">,
  ): Principal | "rejected";

  /**
   * Whether the principal would still be the same if it logged in now: its
   * user was not changed since, its token has not ended. For live feeds and
   * held reads; false now means false for ever.
   */
  isCurrent(principal: Principal): boolean;

  /**
   * Calls the listener with each login whose user or tokens have changed:
   * answers that are still under way for it should ask `isCurrent`.
   *
   * @returns A function that ends it.
   */
  onChange(listener: (login: string) => void): () => void;

  /** Refuses the logins that wait and ends the watching of the store. */
  close(): void;
}

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

/** What a new user is made of. */
export interface NewUser {
  /**
   * 1 to `LIMITS.userNameBytesMax` bytes, no control characters; a new one as
   * `login_rules.ts` says.
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

/**
 * The users of the store (spec: users §2). Every method throws
 * `QuipuError("invalidRequest")` for names and passwords that are out of
 * bounds, and what `EventStore.append` throws.
 */
export interface UserService {
  /** For administrators. An equal password makes it a repetition. */
  create(requester: Requester, user: NewUser): Promise<UserOutcome>;
  /** For everybody who has logged in. */
  list(requester: Requester): Promise<UserListOutcome>;
  /** For everybody who has logged in. */
  read(requester: Requester, login: string): Promise<UserReadOutcome>;
  /** The caller itself: `/users/$current`. */
  readCurrent(requester: Requester): Promise<UserReadOutcome>;
  /** For administrators. What is `undefined` is cleared. */
  update(
    requester: Requester,
    user: Pick<NewUser, "login" | "fullName" | "groups">,
  ): Promise<UserOutcome>;
  /** For administrators. */
  enable(requester: Requester, login: string): Promise<UserOutcome>;
  /** For administrators. */
  disable(requester: Requester, login: string): Promise<UserOutcome>;
  /** For administrators. Ends the user's tokens as well. */
  resetPassword(
    requester: Requester,
    change: { readonly login: string; readonly newPassword: string },
  ): Promise<UserOutcome>;
  /**
   * For whoever knows the current password. Slowed and judged like a login.
   *
   * @throws {QuipuError} `tooManyLogins`.
   */
  changePassword(
    requester: Requester,
    change: {
      readonly login: string;
      readonly currentPassword: string;
      readonly newPassword: string;
      /** Where it comes from: a default password must not be used from anywhere. */
      readonly request: LoginRequest;
    },
  ): Promise<UserOutcome>;
  /** For administrators. Ends the user's tokens as well. */
  delete(requester: Requester, login: string): Promise<UserOutcome>;
}

/** What a stored token says of itself; never the secret. */
export interface TokenInfo {
  /** 16 characters, unique among the user's tokens; no secret. */
  readonly tokenId: string;
  /** What the token is for, in its maker's words. */
  readonly label: string | undefined;
  readonly isReadOnly: boolean;
  /** What the token is narrowed to; undefined: to nothing. */
  readonly scopes?: readonly TokenScope[] | undefined;
  readonly createdAtUs: number;
  readonly expiresAtUs: number;
}

/** What a new token is made of. */
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

/**
 * Bearer tokens, an addition to the original's API. A user's tokens are made,
 * listed and revoked by the user, logged in by password with full rights, or
 * by an administrator; a token never makes another one.
 */
export interface TokenService {
  create(requester: Requester, token: NewToken): Promise<TokenCreateOutcome>;
  list(requester: Requester, login: string): Promise<TokenListOutcome>;
  revoke(
    requester: Requester,
    token: { readonly login: string; readonly tokenId: string },
  ): Promise<UserOutcome>;
  /** A short-lived token of the caller for opening live feeds; not stored. */
  createAccessToken(requester: Requester): AccessTokenOutcome;
}
