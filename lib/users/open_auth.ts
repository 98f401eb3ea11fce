/**
 * The services of this folder, put together over one store.
 *
 * @module
 */

import { AccessTokens } from "./access_tokens.ts";
import { Authenticator } from "./authenticator.ts";
import {
  type DefaultUsersReport,
  ensureDefaultUsers,
  ensureOnceWritable,
} from "./default_users.ts";
import { FailedLogins } from "./failed_logins.ts";
import { LoginThrottle } from "./login_throttle.ts";
import { PasswordHasher, type ScryptCost } from "./password.ts";
import { TokenRepository } from "./token_repository.ts";
import { TokenService } from "./tokens.ts";
import { UserChanges } from "./user_changes.ts";
import { principalOf, UserRepository } from "./user_repository.ts";
import { UserService } from "./users.ts";
import type { Clock, Timers } from "../model/clock.ts";
import type { EventStore } from "../store/event_store.ts";
import type { Logger } from "../model/logger.ts";
import type { Principal } from "../model/principal.ts";

/** The dependencies of the services. */
export interface AuthOptions {
  readonly store: EventStore;
  readonly clock: Clock;
  readonly timers: Pick<Timers, "setTimer">;
  readonly newEventId: () => string;
  readonly logger: Logger;
  /** Whether the server listens on loopback alone. */
  readonly isLoopbackServer: boolean;
  /** `QUIPU_ADMIN_PASSWORD`: counts for a new store. */
  readonly adminPassword: string | undefined;
  /** Whether `ES-TrustedAuth` counts from that peer; without it, from nobody. */
  readonly isTrustedPeer?: ((peerAddress: string) => boolean) | undefined;
  /** Only tests have a reason for another cost than the recommended one. */
  readonly passwordCost?: ScryptCost | undefined;
}

/** Users, tokens and logins of one store. */
export interface Auth {
  readonly authenticator: Authenticator;
  readonly users: UserService;
  readonly tokens: TokenService;
  /** A user as it is now; unknown: there never was such a user. */
  readonly findUser: (
    login: string,
  ) => Promise<Principal | "disabled" | "deleted" | "unknown">;
  /** Logins that were refused since the start. */
  readonly failedLoginCount: () => number;
  /** Settles once the default users are there. Rejects as `append` does. */
  readonly defaultUsers: Promise<DefaultUsersReport>;
}

/**
 * Opens the services. A new store gets its default users: on loopback before
 * this answers, otherwise shortly after, and logins wait for them. A store that
 * cannot be written gets them once it can be.
 *
 * Close with `authenticator.close()`, before the store.
 *
 * @throws {QuipuError} As `ensureDefaultUsers` and `EventStore.append` do.
 */
export async function openAuth(options: AuthOptions): Promise<Auth> {
  const { store, clock, timers, newEventId, logger } = options;
  const { isLoopbackServer } = options;
  const users = new UserRepository({ store, newEventId });
  const tokens = new TokenRepository({ store, newEventId });
  const hasher = new PasswordHasher(options.passwordCost);
  const changes = new UserChanges(store);
  const throttle = new LoginThrottle({ clock, timers });
  const accessTokens = new AccessTokens({ clock, changes });
  const ensure = async () => {
    const { adminPassword } = options;
    const parts = { users, hasher, isLoopbackServer, adminPassword };
    return await ensureDefaultUsers(parts);
  };
  const isWritable = store.status().readOnlyReason === undefined;
  const late = isWritable ? undefined : ensureOnceWritable({
    store,
    timers,
    ensure: async () => (await ensure()).report,
  });
  const defaultUsers = late?.report ?? (await ensure()).report;
  const failures = new FailedLogins({ clock, logger });
  const shared = { users, tokens, hasher, throttle, clock, logger, failures };
  return {
    authenticator: new Authenticator({
      ...shared,
      accessTokens,
      changes,
      isLoopbackServer,
      isTrustedPeer: options.isTrustedPeer,
      // Nobody waits for a device to be mended: other logins work meanwhile.
      usersReady: isWritable ? defaultUsers : undefined,
      onClose() {
        late?.cancel();
        users.close();
      },
    }),
    users: new UserService({ ...shared, isLoopbackServer }),
    tokens: new TokenService({ ...shared, accessTokens }),
    async findUser(login) {
      const { head, user } = await users.readSlot(login);
      if (user === undefined) return head < 0 ? "unknown" : "deleted";
      return user.isDisabled ? "disabled" : principalOf(user);
    },
    failedLoginCount: () => failures.count,
    defaultUsers,
  };
}
