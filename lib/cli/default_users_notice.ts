/**
 * What the operator must know of the users that a new store begins with.
 *
 * @module
 */

import type { Logger } from "../model/logger.ts";

/** What became of the default users. */
export interface DefaultUsers {
  readonly generated: readonly {
    readonly login: string;
    readonly password: string;
  }[];
  readonly withDefaultPassword: readonly string[];
  readonly isAdminPasswordUnused?: true;
}

/**
 * Warns of published passwords, and shows generated ones this once: on standard
 * output, because logs are kept and sent elsewhere.
 */
export async function announceDefaultUsers(
  defaultUsers: Promise<DefaultUsers>,
  outputs: { readonly logger: Logger; print(text: string): void },
): Promise<void> {
  const { logger, print } = outputs;
  try {
    const { generated, withDefaultPassword, isAdminPasswordUnused } =
      await defaultUsers;
    if (isAdminPasswordUnused) {
      logger.warn("user.adminPasswordUnused", {
        reason: "QUIPU_ADMIN_PASSWORD counts for a new store alone, and this " +
          "one has an administrator; replace a password with quipu user " +
          "reset-password admin",
      });
    }
    for (const login of withDefaultPassword) {
      logger.warn("user.hasDefaultPassword", { login });
    }
    for (const { login, password } of generated) {
      logger.info("user.passwordGenerated", { login });
      print(`Password of ${login}, shown only now: ${password}\n`);
    }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    logger.error("user.defaultsNotMade", { reason });
  }
}
