/**
 * The service of users (spec: users §2).
 *
 * @module
 */

import type {
  LoginRequest,
  NewUser,
  User,
  UserListOutcome,
  UserOutcome,
  UserReadOutcome,
} from "./contract.ts";
import { DEFAULT_PASSWORD, mayUseDefaultPassword } from "./default_password.ts";
import type { FailedLogins } from "./failed_logins.ts";
import type { LoginThrottle } from "./login_throttle.ts";
import type { PasswordHasher } from "./password.ts";
import type { TokenRepository } from "./token_repository.ts";
import { rightsTextOf, type UserFields } from "./user_record.ts";
import {
  refuseTakenGroups,
  refuseTakenLogin,
  refuseUnfitNewLogin,
  refuseUnfitPassword,
  refuseUnfitUser,
} from "./user_rules.ts";
import type { StoredUser, UserRepository } from "./user_repository.ts";
import { logAudit, type Requester } from "../model/audit.ts";
import { QuipuError } from "../model/errors.ts";
import { LIMITS } from "../model/limits.ts";
import type { Logger } from "../model/logger.ts";
import { isUnnarrowed, ROLE_ADMINS } from "../model/principal.ts";

/** The parts of the service. */
export interface UserServiceOptions {
  readonly users: UserRepository;
  readonly tokens: TokenRepository;
  readonly hasher: PasswordHasher;
  readonly throttle: LoginThrottle;
  readonly logger: Logger;
  readonly failures: FailedLogins;
  /** Whether the server listens on loopback alone. */
  readonly isLoopbackServer: boolean;
}

const SUCCESS: UserOutcome = { kind: "success" };
const NOT_FOUND: UserOutcome = { kind: "notFound" };
const CONFLICT: UserOutcome = { kind: "conflict" };
const UNAUTHORIZED: UserOutcome = { kind: "unauthorized" };
const TRY_AGAIN: UserOutcome = { kind: "tryAgain" };

/** How often a change begins anew because others changed the user meanwhile. */
const ATTEMPTS_MAX = 5;

/**
 * The users of the store. Every method throws `QuipuError("invalidRequest")`
 * for names and passwords that are out of bounds, and what `EventStore.append`
 * throws.
 */
export class UserService {
  readonly #options: UserServiceOptions;
  /** Settles once nobody gives a name to a user or a group any more. */
  #naming: Promise<unknown> = Promise.resolve();

  constructor(options: UserServiceOptions) {
    this.#options = options;
  }

  /** For administrators. An equal password makes it a repetition. */
  async create(requester: Requester, user: NewUser): Promise<UserOutcome> {
    if (!mayChangeUsers(requester)) return UNAUTHORIZED;
    refuseUnfitUser(user);
    refuseUnfitPassword(user.password);
    const { login, fullName, groups } = user;
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      const slot = await this.#options.users.readSlot(login);
      if (slot.user !== undefined) return this.#repeatCreate(slot.user, user);
      refuseUnfitNewLogin(login);
      const password = await this.#options.hasher.hash(user.password);
      const fields = { fullName, groups, isDisabled: false, password };
      const kind = await this.#name(async () => {
        const others = await this.#options.users.readAll();
        if (others.length >= LIMITS.usersMax) {
          throw new QuipuError(
            "invalidRequest",
            `Cannot store the user: there are ${LIMITS.usersMax} already`,
          );
        }
        refuseTakenLogin(login, others);
        const logins = others.map((other) => other.login);
        refuseTakenGroups(groups ?? [], [login, ...logins]);
        return await this.#options.users.create(login, { slot, fields });
      });
      // A hard delete of the stream means no such user for ever.
      if (kind === "deleted") return CONFLICT;
      if (kind !== "appended") continue;
      this.#log("user.created", { requester, login, after: fields });
      return SUCCESS;
    }
    return TRY_AGAIN;
  }

  /** For everybody who has logged in. */
  async list({ caller }: Requester): Promise<UserListOutcome> {
    if (caller === undefined) return { kind: "unauthorized" };
    const stored = await this.#options.users.readAll();
    const users = stored.map(visiblePartOf).sort(byLogin);
    return { kind: "users", users };
  }

  /** For everybody who has logged in. */
  async read({ caller }: Requester, login: string): Promise<UserReadOutcome> {
    if (caller === undefined) return { kind: "unauthorized" };
    const user = await this.#options.users.read(login);
    if (user === undefined) return { kind: "notFound" };
    return { kind: "user", user: visiblePartOf(user) };
  }

  /** The caller itself: `/users/$current`. */
  async readCurrent(requester: Requester): Promise<UserReadOutcome> {
    return await this.read(requester, requester.caller?.login ?? "");
  }

  /** For administrators. What is `undefined` is cleared. */
  async update(
    requester: Requester,
    { login, fullName, groups }: Pick<NewUser, "login" | "fullName" | "groups">,
  ): Promise<UserOutcome> {
    if (!mayChangeUsers(requester)) return UNAUTHORIZED;
    refuseUnfitUser({ login, fullName, groups });
    return await this.#name(async () => {
      const others = await this.#options.users.readAll();
      const change = { requester, login, event: "user.updated" };
      return await this.#change(change, (user) => {
        const added = (groups ?? []).filter((group) =>
          !user.groups?.includes(group)
        );
        refuseTakenGroups(added, others.map((other) => other.login));
        return { fullName, groups };
      });
    });
  }

  /** For administrators. */
  async enable(requester: Requester, login: string): Promise<UserOutcome> {
    if (!mayChangeUsers(requester)) return UNAUTHORIZED;
    return await this.#change(
      { requester, login, event: "user.enabled" },
      (user) => user.isDisabled ? { isDisabled: false } : undefined,
    );
  }

  /** For administrators. */
  async disable(requester: Requester, login: string): Promise<UserOutcome> {
    if (!mayChangeUsers(requester)) return UNAUTHORIZED;
    let wasEnabled = false;
    const change = { requester, login, event: "user.disabled" };
    const outcome = await this.#change(change, (user) => {
      wasEnabled = !user.isDisabled;
      return wasEnabled ? { isDisabled: true } : undefined;
    });
    if (outcome === SUCCESS && wasEnabled) {
      await this.#options.users.notifyPasswordChanged(login);
    }
    return outcome;
  }

  /** For administrators. Ends the user's tokens as well. */
  async resetPassword(
    requester: Requester,
    { login, newPassword }: {
      readonly login: string;
      readonly newPassword: string;
    },
  ): Promise<UserOutcome> {
    if (!mayChangeUsers(requester)) return UNAUTHORIZED;
    refuseUnfitPassword(newPassword);
    if (await this.#options.users.read(login) === undefined) return NOT_FOUND;
    const password = await this.#options.hasher.hash(newPassword);
    // Before the change: should it fail, nothing is left that still works.
    await this.#options.tokens.clear(login);
    const change = { requester, login, event: "user.password_reset" };
    const outcome = await this.#change(change, () => ({ password }));
    if (outcome === SUCCESS) {
      await this.#options.users.notifyPasswordChanged(login);
    }
    return outcome;
  }

  /**
   * Requires the current password. Throttled and judged like a login.
   *
   * @throws {QuipuError} `tooManyLogins`.
   */
  async changePassword(
    requester: Requester,
    { login, currentPassword, newPassword, request }: {
      readonly login: string;
      readonly currentPassword: string;
      readonly newPassword: string;
      readonly request: LoginRequest;
    },
  ): Promise<UserOutcome> {
    const { caller } = requester;
    if (caller !== undefined && !isUnnarrowed(caller)) return UNAUTHORIZED;
    const isRefusedDefault = currentPassword === DEFAULT_PASSWORD &&
      !mayUseDefaultPassword(this.#options.isLoopbackServer, request);
    if (isRefusedDefault) return UNAUTHORIZED;
    refuseUnfitPassword(newPassword);
    let isAbsent = false;
    const { remoteAddress } = requester;
    const outcome = await this.#changeIfRight({ requester, login }, {
      password: newPassword,
      check: (user) =>
        this.#options.throttle.run({ remoteAddress, login }, async () => {
          isAbsent = user === undefined;
          const stored = user?.password;
          const verdict = await this.#options.hasher.verify(
            currentPassword,
            stored,
          );
          return verdict !== "differs";
        }),
    });
    if (outcome === UNAUTHORIZED) {
      this.#options.failures.note(() => ({ login, remoteAddress }));
    }
    if (isAbsent) return NOT_FOUND;
    if (outcome === SUCCESS) {
      await this.#options.users.notifyPasswordChanged(login);
    }
    return outcome;
  }

  /** For administrators. Ends the user's tokens as well. */
  async delete(requester: Requester, login: string): Promise<UserOutcome> {
    if (!mayChangeUsers(requester)) return UNAUTHORIZED;
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      const user = await this.#options.users.read(login);
      if (user === undefined) return NOT_FOUND;
      await this.#options.tokens.clear(login);
      const kind = await this.#options.users.delete(user);
      if (kind === "conflict") continue;
      if (kind === "deleted") return NOT_FOUND;
      this.#log("user.deleted", { requester, login, before: user });
      await this.#options.users.notifyPasswordChanged(login);
      return SUCCESS;
    }
    return TRY_AGAIN;
  }

  /**
   * Does one thing at a time that gives a name to a user or a group: of two
   * names that exclude each other, the later one is refused.
   */
  #name<Result>(work: () => Promise<Result>): Promise<Result> {
    const done = this.#naming.then(work);
    this.#naming = done.catch(() => undefined);
    return done;
  }

  /** The same password makes it a repetition, of which nothing is written. */
  async #repeatCreate(
    stored: StoredUser,
    { login, password }: NewUser,
  ): Promise<UserOutcome> {
    const verdict = await this.#options.hasher.verify(
      password,
      stored.password,
    );
    if (verdict === "differs") return CONFLICT;
    // The first attempt may have ended before it entered the user there.
    await this.#options.users.ensureListed(login);
    return SUCCESS;
  }

  async #changeIfRight(
    { requester, login }: {
      readonly requester: Requester;
      readonly login: string;
    },
    { password, check }: {
      readonly password: string;
      check(user: StoredUser | undefined): Promise<boolean>;
    },
  ): Promise<UserOutcome> {
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      const user = await this.#options.users.read(login);
      const isRight = await check(user);
      // A disabled user could otherwise find out whether a password is right.
      if (user === undefined || !isRight || user.isDisabled) {
        return UNAUTHORIZED;
      }
      const changes = { password: await this.#options.hasher.hash(password) };
      const kind = await this.#options.users.update(user, changes);
      if (kind === "appended") {
        const event = "user.password_changed";
        this.#log(event, { requester, login, before: user, after: user });
        return SUCCESS;
      }
      if (kind === "deleted") return NOT_FOUND;
    }
    return TRY_AGAIN;
  }

  /** @param changesOf What changes; `undefined`: it is so already. */
  async #change(
    { requester, login, event }: {
      readonly requester: Requester;
      readonly login: string;
      /** Its name in the audit. */
      readonly event: string;
    },
    changesOf: (user: StoredUser) => Partial<UserFields> | undefined,
  ): Promise<UserOutcome> {
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      const user = await this.#options.users.read(login);
      if (user === undefined) return NOT_FOUND;
      const changes = changesOf(user);
      if (changes === undefined) return SUCCESS;
      const kind = await this.#options.users.update(user, changes);
      if (kind === "appended") {
        const after = { ...user, ...changes };
        this.#log(event, { requester, login, before: user, after });
        return SUCCESS;
      }
      if (kind === "deleted") return NOT_FOUND;
    }
    return TRY_AGAIN;
  }

  #log(
    event: string,
    { requester, login, before, after }: {
      readonly requester: Requester;
      readonly login: string;
      readonly before?: UserFields;
      readonly after?: UserFields;
    },
  ): void {
    const fields = {
      login,
      before: rightsTextOf(before),
      after: rightsTextOf(after),
    };
    logAudit(this.#options.logger, { event, requester, fields });
  }
}

function mayChangeUsers({ caller }: Requester): boolean {
  return caller !== undefined && isUnnarrowed(caller) &&
    caller.roles.has(ROLE_ADMINS);
}

function visiblePartOf(stored: StoredUser): User {
  const { login, fullName, groups, isDisabled, updatedAtUs } = stored;
  return { login, fullName, groups, isDisabled, updatedAtUs };
}

function byLogin(one: User, other: User): number {
  return one.login < other.login ? -1 : one.login > other.login ? 1 : 0;
}
