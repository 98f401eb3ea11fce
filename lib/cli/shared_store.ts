/**
 * Stores in PostgreSQL: what options say of them, and opening them. Everything
 * that knows the database is loaded only for such a store.
 *
 * @module
 */

import type { Timers } from "../model/clock.ts";
import { QuipuError } from "../model/errors.ts";
import { SYSTEM_TIMERS } from "../runtime/system_clock.ts";
import {
  type DatabaseAddress,
  isDatabaseUrl,
  parseDatabaseUrl,
} from "../store/database_url.ts";
import { UsageError } from "./failures.ts";
import type { OptionValues } from "./options/options.ts";

/**
 * The database that `--db` names; undefined: it names a directory.
 *
 * @throws {UsageError} If it is a URL, but not of a database.
 */
export function databaseOf(
  { directory, isInMemory }: OptionValues,
): DatabaseAddress | undefined {
  if (isInMemory || !isDatabaseUrl(directory)) return undefined;
  try {
    return parseDatabaseUrl(directory);
  } catch (error) {
    if (!(error instanceof QuipuError)) throw error;
    throw new UsageError(error.message, { cause: error });
  }
}

/** How to connect to a database as its owner, for its schema. */
export function ownerAccess(
  values: OptionValues,
  address: DatabaseAddress,
): {
  readonly address: DatabaseAddress;
  readonly password: string | undefined;
  readonly timers: Timers;
} {
  return { address, password: values.databasePassword, timers: SYSTEM_TIMERS };
}
