/**
 * The users of a new store (spec: users §1, "Default users").
 *
 * On loopback they have the published password, whose hash is a constant here:
 * nothing that everybody knows needs a salt of its own, and the first start
 * waits for no hash. On any other address the published password is worth
 * nothing: the administrator's is what the operator gave, the others are
 * random, and a user that still has the published one (the store was made on
 * loopback) gets a new one. Those are hashed while the server already answers.
 *
 * A store that cannot be written when the server starts, its device being full
 * or failing, gets its users as soon as it can be.
 *
 * @module
 */

import { randomBytes } from "node:crypto";
import { DEFAULT_PASSWORD } from "./default_password.ts";
import type { PasswordHash, PasswordHasher } from "./password.ts";
import { refuseUnfitPassword } from "./user_rules.ts";
import type { UserRepository, UserSlot } from "./user_repository.ts";
import type { Timers } from "../model/clock.ts";
import { QuipuError } from "../model/errors.ts";
import { LIMITS } from "../model/limits.ts";
import type { AppendResult, EventStore } from "../store/event_store.ts";
import { ROLE_ADMINS, ROLE_OPS } from "../model/principal.ts";

/** The outcome for the default users. */
export interface DefaultUsersReport {
  /** For the operator to read once: stored only as hashes. */
  readonly generated: readonly {
    readonly login: string;
    readonly password: string;
  }[];
  /** Logins that have the published password; worth a warning. */
  readonly withDefaultPassword: readonly string[];
  /** Whether the operator's password was not used: there is an administrator. */
  readonly isAdminPasswordUnused?: true;
}

/** The parts that making the default users needs. */
export interface DefaultUsersOptions {
  readonly users: UserRepository;
  readonly hasher: PasswordHasher;
  /** Whether the server listens on loopback alone. */
  readonly isLoopbackServer: boolean;
  /** The administrator's password, where the operator gave one. */
  readonly adminPassword: string | undefined;
}

interface DefaultUser {
  readonly login: string;
  readonly fullName: string;
  readonly groups: readonly string[];
}

const ADMIN: DefaultUser = {
  login: "admin",
  fullName: "Event Store Administrator",
  groups: [ROLE_ADMINS],
};
const OPS: DefaultUser = {
  login: "ops",
  fullName: "Event Store Operations",
  groups: [ROLE_OPS],
};

/** Hash of `DEFAULT_PASSWORD`, at the recommended cost. */
const DEFAULT_PASSWORD_HASH: PasswordHash = {
  salt: "Y2hhbmdlaXQgaXMgcHVibA==",
  hash: "b7LD3JT1CaTTY0aKg/1JPil8PszvmT+2SLtr0a5mm04=",
  algorithm: "scrypt:N=16384,r=8,p=5",
};

/** 24 characters that nobody guesses. */
const RANDOM_PASSWORD_BYTES = 18;

/**
 * Makes the users that are missing.
 *
 * @returns Once everything is done that needs no hashing: on loopback, without
 * a password from the operator, that is all. `report` settles when the rest is
 * done too; it rejects when the store refuses to be written.
 * @throws {QuipuError} `invalidRequest` if `adminPassword` is out of bounds, or
 * the published one where that is worth nothing.
 */
export async function ensureDefaultUsers(
  options: DefaultUsersOptions,
): Promise<{ readonly report: Promise<DefaultUsersReport> }> {
  const { users, hasher, isLoopbackServer, adminPassword } = options;
  if (adminPassword !== undefined) refuseUnfitPassword(adminPassword);
  if (adminPassword === DEFAULT_PASSWORD && !isLoopbackServer) {
    throw new QuipuError(
      "invalidRequest",
      `The administrator's password must not be "${DEFAULT_PASSWORD}" where ` +
        "others can reach the server",
    );
  }
  const withDefaultPassword: string[] = [];
  const unfinished: Promise<Generated>[] = [];
  let adminBefore: UserSlot["user"];
  for (const user of [ADMIN, OPS]) {
    const slot = await users.readSlot(user.login);
    const given = user === ADMIN ? adminPassword : undefined;
    if (user === ADMIN) adminBefore = slot.user;
    if (!isLoopbackServer) {
      unfinished.push(protect(options, { user, slot, given }));
    } else if (slot.user !== undefined) {
      if (isDefaultHash(slot.user.password)) {
        withDefaultPassword.push(user.login);
      }
    } else if (given !== undefined && given !== DEFAULT_PASSWORD) {
      unfinished.push(createWith(options, { user, slot, password: given }));
    } else {
      await create(users, { user, slot, password: DEFAULT_PASSWORD_HASH });
      withDefaultPassword.push(user.login);
    }
  }
  const report = Promise.all(unfinished).then(async (generated) => {
    const isUnused = adminPassword !== undefined && adminBefore !== undefined &&
      (isLoopbackServer || !await hasDefaultPassword(adminBefore, hasher));
    return {
      generated: generated.flat(),
      withDefaultPassword,
      ...(isUnused && { isAdminPasswordUnused: true as const }),
    };
  });
  // Callers that wait are told; without any, the rejection ends no process.
  report.catch(() => undefined);
  return { report };
}

type Generated = DefaultUsersReport["generated"];

/** Sees to it that the user exists and has not the published password. */
async function protect(
  options: DefaultUsersOptions,
  { user, slot, given }: {
    readonly user: DefaultUser;
    readonly slot: UserSlot;
    readonly given: string | undefined;
  },
): Promise<Generated> {
  const { users, hasher } = options;
  const stored = slot.user;
  if (stored !== undefined && !await hasDefaultPassword(stored, hasher)) {
    return [];
  }
  const password = given ??
    randomBytes(RANDOM_PASSWORD_BYTES).toString("base64url");
  const hash = await hasher.hash(password);
  let kind;
  if (stored === undefined) {
    kind = await create(users, { user, slot, password: hash });
  } else {
    kind = await users.update(stored, { password: hash });
    if (kind === "appended") await users.notifyPasswordChanged(user.login);
  }
  // An administrator was faster: the password is another one.
  if (kind !== "appended" || given !== undefined) return [];
  return [{ login: user.login, password }];
}

async function hasDefaultPassword(
  { password }: { readonly password: PasswordHash },
  hasher: PasswordHasher,
): Promise<boolean> {
  return isDefaultHash(password) ||
    await hasher.verify(DEFAULT_PASSWORD, password) !== "differs";
}

function isDefaultHash({ salt, hash, algorithm }: PasswordHash): boolean {
  return salt === DEFAULT_PASSWORD_HASH.salt &&
    hash === DEFAULT_PASSWORD_HASH.hash &&
    algorithm === DEFAULT_PASSWORD_HASH.algorithm;
}

async function createWith(
  { users, hasher }: DefaultUsersOptions,
  { user, slot, password }: {
    readonly user: DefaultUser;
    readonly slot: UserSlot;
    readonly password: string;
  },
): Promise<Generated> {
  const hash = await hasher.hash(password);
  await create(users, { user, slot, password: hash });
  return [];
}

function create(
  users: UserRepository,
  { user, slot, password }: {
    readonly user: DefaultUser;
    readonly slot: UserSlot;
    readonly password: PasswordHash;
  },
): Promise<AppendResult["kind"]> {
  const { login, fullName, groups } = user;
  const fields = { fullName, groups, isDisabled: false, password };
  return users.create(login, { slot, fields });
}

const NONE: DefaultUsersReport = { generated: [], withDefaultPassword: [] };

/** Default users that are still to be made. */
interface LateDefaultUsers {
  /** Settles once they are made, or waiting was cancelled: then with none. */
  readonly report: Promise<DefaultUsersReport>;
  /** Waits no more. What was begun is finished. */
  cancel(): void;
}

/**
 * Makes the default users once the store can be written; looks every
 * `LIMITS.writeRetryMs`.
 *
 * @throws {Error} `report` rejects with what `ensure` throws, unless that is
 * the store's refusal to be written.
 */
export function ensureOnceWritable(
  { store, timers, ensure }: {
    readonly store: EventStore;
    readonly timers: Pick<Timers, "setTimer">;
    /** Makes the users; may be called again when the store refused. */
    readonly ensure: () => Promise<DefaultUsersReport>;
  },
): LateDefaultUsers {
  let isCancelled = false;
  let endWait: (() => void) | undefined;

  function wait(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const stopTimer = timers.setTimer(LIMITS.writeRetryMs, resolve);
    endWait = () => {
      stopTimer();
      resolve();
    };
    return promise;
  }

  async function run(): Promise<DefaultUsersReport> {
    while (!isCancelled) {
      if (store.status().readOnlyReason === undefined) {
        try {
          return await ensure();
        } catch (error) {
          if (!isRefusal(error)) throw error;
        }
      }
      if (!isCancelled) await wait();
    }
    return NONE;
  }

  return {
    report: run(),
    cancel() {
      isCancelled = true;
      endWait?.();
    },
  };
}

/** Whether the store may take later what it refused now. */
function isRefusal(error: unknown): boolean {
  return error instanceof QuipuError &&
    (error.code === "storeReadOnly" || error.code === "storeFull");
}
