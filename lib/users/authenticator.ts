/**
 * Credentials → principal (spec: users §1).
 *
 * Right credentials are remembered until their user changes, and then cost a
 * hash of the header's text and a look-up. All others go through the throttle,
 * and requests with the same header wait for one check together.
 *
 * @module
 */

import type { AccessTokens } from "./access_tokens.ts";
import type { Authentication, LoginRequest } from "./contract.ts";
import {
  type BasicCredentials,
  claimedLoginOf,
  type ClaimedToken,
  decodeBasicCredentials,
  decodeBearerToken,
  decodeTrustedAuth,
} from "./credentials.ts";
import { DEFAULT_PASSWORD, mayUseDefaultPassword } from "./default_password.ts";
import type { FailedLogins } from "./failed_logins.ts";
import type { LoginThrottle } from "./login_throttle.ts";
import type { PasswordHasher, PasswordVerdict } from "./password.ts";
import type { TokenRepository } from "./token_repository.ts";
import { verifyToken } from "./tokens.ts";
import type { UserChanges } from "./user_changes.ts";
import {
  principalOf,
  type StoredUser,
  type UserRepository,
} from "./user_repository.ts";
import { VerifiedLogins } from "./verified_logins.ts";
import type { Clock } from "../model/clock.ts";
import { QuipuError } from "../model/errors.ts";
import type { Logger } from "../model/logger.ts";
import type { Principal } from "../model/principal.ts";

/** The parts of the authenticator. */
export interface AuthenticatorOptions {
  readonly users: UserRepository;
  readonly tokens: TokenRepository;
  readonly accessTokens: AccessTokens;
  readonly changes: UserChanges;
  readonly hasher: PasswordHasher;
  readonly throttle: LoginThrottle;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly failures: FailedLogins;
  /** Whether the server listens on loopback alone. */
  readonly isLoopbackServer: boolean;
  /** Whether `ES-TrustedAuth` counts from that peer; without it, from nobody. */
  readonly isTrustedPeer?: ((peerAddress: string) => boolean) | undefined;
  /** Settled once the default users are there: logins wait for it. */
  readonly usersReady?: Promise<unknown> | undefined;
  /** Called when the authenticator is closed. */
  readonly onClose?: (() => void) | undefined;
}

/** How often a check begins anew because the user changed meanwhile. */
const ATTEMPTS_MAX = 5;

/** Turns credentials into principals; remembers nobody at first. */
export class Authenticator {
  readonly #options: AuthenticatorOptions;
  readonly #verified = new VerifiedLogins();
  /** Checks under way, by a name of their header. */
  readonly #checks = new Map<string, Promise<Principal | "rejected">>();

  /** `UserChanges.forgottenUpTo` when everything was last forgotten. */
  #clearedUpTo = 0;

  constructor(options: AuthenticatorOptions) {
    this.#options = options;
    options.changes.onChange((login) => this.#forget(login));
  }

  /**
   * Judges the header `Authorization` (and `ES-TrustedAuth`). Answers at once
   * when the credentials are remembered or there are none.
   *
   * @throws {QuipuError} `tooManyLogins` (as a rejection): 429.
   */
  authenticate(
    authorization: string | null,
    request: LoginRequest,
  ): Authentication | Promise<Authentication> {
    if (authorization === null) return this.#trust(request);
    const verified = this.#verified.find(authorization);
    if (verified === undefined) {
      const checked = this.#check(authorization, request);
      return checked instanceof Promise
        ? checked.then((who) => this.#noted(who, authorization, request))
        : this.#noted(checked, authorization, request);
    }
    const { principal, usesDefaultPassword } = verified;
    const isRejected = this.#hasEnded(principal) ||
      usesDefaultPassword && !this.#mayUseDefaultPassword(request);
    return isRejected
      ? this.#noted("rejected", authorization, request)
      : principal;
  }

  /**
   * Judges the value of `?access_token=`: a short-lived access token, never
   * another one, because addresses end up in logs.
   */
  authenticateAccessToken(
    accessToken: string,
    { remoteAddress }: Pick<LoginRequest, "remoteAddress">,
  ): Principal | "rejected" {
    const { accessTokens, failures } = this.#options;
    const principal = accessTokens.verify(accessToken);
    if (principal !== undefined) return principal;
    failures.note(() => ({ login: undefined, remoteAddress }));
    return "rejected";
  }

  /**
   * Whether the principal would still be the same if it logged in now: its
   * user was not changed since, its token has not ended. For live feeds and
   * held reads; false now means false for ever.
   */
  isCurrent(principal: Principal): boolean {
    return this.#options.changes.isUnchanged(principal) &&
      !this.#hasEnded(principal);
  }

  /**
   * Calls the listener with each login whose user or tokens have changed:
   * answers that are still under way for it should ask `isCurrent`.
   *
   * @returns A function that ends it.
   */
  onChange(listener: (login: string) => void): () => void {
    return this.#options.changes.onChange(listener);
  }

  /** Refuses the logins that wait and ends the watching of the store. */
  close(): void {
    this.#options.onClose?.();
    this.#options.throttle.close();
    this.#options.changes.close();
    this.#verified.clear();
  }

  #noted(
    who: Authentication,
    authorization: string,
    { remoteAddress }: LoginRequest,
  ): Authentication {
    if (who === "rejected") {
      this.#options.failures.note(() => ({
        login: claimedLoginOf(authorization),
        remoteAddress,
      }));
    }
    return who;
  }

  #forget(login: string): void {
    const { forgottenUpTo } = this.#options.changes;
    if (forgottenUpTo > this.#clearedUpTo) {
      // Principals of that age are current no longer: none may be remembered.
      this.#verified.clear();
      this.#clearedUpTo = forgottenUpTo;
    } else {
      this.#verified.forget(login);
    }
  }

  #hasEnded({ expiresAtUs }: Principal): boolean {
    return expiresAtUs !== undefined &&
      expiresAtUs <= this.#options.clock.nowUs();
  }

  #mayUseDefaultPassword(request: LoginRequest): boolean {
    return mayUseDefaultPassword(this.#options.isLoopbackServer, request);
  }

  /** For requests without credentials: `ES-TrustedAuth`, or nobody. */
  #trust(request: LoginRequest): Authentication {
    const { isTrustedPeer, changes } = this.#options;
    if (isTrustedPeer === undefined) return undefined;
    const { trustedAuth, peerAddress } = request;
    if (trustedAuth === null || !isTrustedPeer(peerAddress)) return undefined;
    const principal = decodeTrustedAuth(trustedAuth);
    if (principal === undefined) return "rejected";
    changes.mark(principal, changes.epoch);
    return principal;
  }

  #check(
    authorization: string,
    request: LoginRequest,
  ): Authentication | Promise<Authentication> {
    const credentials = decodeBasicCredentials(authorization);
    if (credentials !== undefined) {
      const isDefault = credentials.password === DEFAULT_PASSWORD;
      if (isDefault && !this.#mayUseDefaultPassword(request)) return "rejected";
      return this.#checkOnce(
        authorization,
        () => this.#checkPassword(authorization, credentials, request),
      );
    }
    const token = decodeBearerToken(authorization);
    if (token !== undefined) {
      return this.#checkOnce(
        authorization,
        () => this.#checkToken(authorization, token),
      );
    }
    // Other schemes and what cannot be decoded count as no credentials.
    return this.#trust(request);
  }

  /** Lets requests with the same header share one check. */
  #checkOnce(
    authorization: string,
    check: () => Promise<Principal | "rejected">,
  ): Promise<Principal | "rejected"> {
    const name = this.#verified.nameOf(authorization);
    const running = this.#checks.get(name);
    if (running !== undefined) return running;
    const started = check().finally(() => this.#checks.delete(name));
    this.#checks.set(name, started);
    return started;
  }

  async #checkPassword(
    authorization: string,
    credentials: BasicCredentials,
    request: LoginRequest,
  ): Promise<Principal | "rejected"> {
    await this.#options.usersReady?.catch(() => undefined);
    const { login, password } = credentials;
    const { remoteAddress } = request;
    let principal: Principal | undefined;
    await this.#options.throttle.run({ remoteAddress, login }, async () => {
      principal = await this.#whileUnchanged(
        login,
        () => this.#verify(credentials),
      );
      return principal !== undefined;
    });
    if (principal === undefined) return "rejected";
    // Between the check and here there was time for a change.
    if (!this.isCurrent(principal)) {
      return this.#checkPassword(authorization, credentials, request);
    }
    const usesDefaultPassword = password === DEFAULT_PASSWORD;
    this.#verified.remember(authorization, { principal, usesDefaultPassword });
    return principal;
  }

  async #checkToken(
    authorization: string,
    token: ClaimedToken,
  ): Promise<Principal | "rejected"> {
    const principal = await this.#whileUnchanged(
      token.login,
      () => verifyToken(token, this.#options),
    );
    if (principal === undefined) return "rejected";
    if (!this.isCurrent(principal)) {
      return this.#checkToken(authorization, token);
    }
    this.#verified.remember(authorization, {
      principal,
      usesDefaultPassword: false,
    });
    return principal;
  }

  /** Repeats what was found out about a user that changed meanwhile. */
  async #whileUnchanged(
    login: string,
    verify: () => Promise<Principal | undefined>,
  ): Promise<Principal | undefined> {
    const { changes } = this.#options;
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      const { epoch } = changes;
      const principal = await verify();
      if (changes.hasChanged(login, epoch)) continue;
      if (principal !== undefined) changes.mark(principal, epoch);
      return principal;
    }
    throw new QuipuError(
      "tooManyLogins",
      "The user was changed at the same time: try again later",
    );
  }

  async #verify(
    { login, password }: BasicCredentials,
  ): Promise<Principal | undefined> {
    const { users, hasher } = this.#options;
    const user = await users.read(login);
    const verdict = await hasher.verify(password, user?.password);
    if (user === undefined || verdict === "differs" || user.isDisabled) {
      return undefined;
    }
    await this.#rehash({ user, password, verdict });
    return principalOf(user);
  }

  /** Gives a migrated user a hash of today. */
  async #rehash(
    { user, password, verdict }: {
      readonly user: StoredUser;
      readonly password: string;
      readonly verdict: PasswordVerdict;
    },
  ): Promise<void> {
    if (verdict === "matches") return;
    const { users, hasher, logger } = this.#options;
    try {
      const changes = { password: await hasher.hash(password) };
      await users.update(user, changes);
    } catch (error) {
      if (!(error instanceof QuipuError)) throw error;
      // The password is right all the same; the next login tries again.
      logger.warn("user.rehash_failed", {
        login: user.login,
        code: error.code,
      });
    }
  }
}
