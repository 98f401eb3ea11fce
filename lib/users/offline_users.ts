/**
 * The users of a store that no server has open. It takes the right to write the
 * files, so there is no login, and it makes no default users.
 *
 * @module
 */

import type { NewUser, User, UserOutcome } from "./contract.ts";
import { FailedLogins } from "./failed_logins.ts";
import { LoginThrottle } from "./login_throttle.ts";
import { PasswordHasher } from "./password.ts";
import { TokenRepository } from "./token_repository.ts";
import { UserRepository } from "./user_repository.ts";
import { UserService } from "./users.ts";
import type { Requester } from "../model/audit.ts";
import type { Clock, Timers } from "../model/clock.ts";
import type { EventStore } from "../store/event_store.ts";
import type { Logger } from "../model/logger.ts";
import { SYSTEM_PRINCIPAL } from "../model/principal.ts";

/** A user as `list` shows it. */
export type ShownUser = Omit<User, "updatedAtUs">;

/**
 * Changes users as an administrator does, wherever they are. Throws as
 * `UserService` does.
 */
export interface UserAdministration {
  add(user: NewUser): Promise<UserOutcome["kind"]>;
  list(): Promise<readonly ShownUser[]>;
  resetPassword(
    change: { readonly login: string; readonly newPassword: string },
  ): Promise<UserOutcome["kind"]>;
  enable(login: string): Promise<UserOutcome["kind"]>;
  disable(login: string): Promise<UserOutcome["kind"]>;
}

/** Opens the users of a store, which stays the caller's to close. */
export function openOfflineUsers(
  { store, clock, timers, newEventId, logger }: {
    readonly store: EventStore;
    readonly clock: Clock;
    readonly timers: Timers;
    readonly newEventId: () => string;
    readonly logger: Logger;
  },
): UserAdministration & Disposable {
  const users = new UserRepository({ store, newEventId });
  const throttle = new LoginThrottle({ clock, timers });
  const service = new UserService({
    users,
    tokens: new TokenRepository({ store, newEventId }),
    hasher: new PasswordHasher(),
    throttle,
    logger,
    failures: new FailedLogins({ clock, logger }),
    isLoopbackServer: true,
  });
  const requester: Requester = {
    caller: SYSTEM_PRINCIPAL,
    remoteAddress: "command",
  };
  return {
    add: async (user) => (await service.create(requester, user)).kind,
    async list() {
      const outcome = await service.list(requester);
      if (outcome.kind !== "users") return [];
      return outcome.users.map(({ updatedAtUs: _, ...shown }) => shown);
    },
    resetPassword: async (change) =>
      (await service.resetPassword(requester, change)).kind,
    enable: async (login) => (await service.enable(requester, login)).kind,
    disable: async (login) => (await service.disable(requester, login)).kind,
    [Symbol.dispose]() {
      throttle.close();
      users.close();
    },
  };
}
