/**
 * Stores in PostgreSQL: what options say of them, and opening them. Everything
 * that knows the database is loaded only for such a store.
 *
 * @module
 */

import type { Timers } from "../model/clock.ts";
import { QuipuError } from "../model/errors.ts";
import type { Limits } from "../model/limits.ts";
import type { Logger } from "../model/logger.ts";
import { newEventId } from "../runtime/event_ids.ts";
import { VERSION } from "../runtime/process.ts";
import { SYSTEM_CLOCK, SYSTEM_TIMERS } from "../runtime/system_clock.ts";
import {
  type DatabaseAddress,
  isDatabaseUrl,
  parseDatabaseUrl,
} from "../store/database_url.ts";
import { NO_OBSERVER, type StoreObserver } from "../store/store_observer.ts";
import type { PostgresStore } from "../../storage/postgres/postgres_store.ts";
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

/**
 * Opens a store in PostgreSQL.
 *
 * @param parts `isTool`: whether a command opens it, which serves nobody and
 * takes the durability that the database has.
 */
export async function openSharedStore(
  values: OptionValues,
  { address, limits, logger, observer = NO_OBSERVER, isTool = false }: {
    readonly address: DatabaseAddress;
    readonly limits: Limits;
    readonly logger: Logger;
    readonly observer?: StoreObserver;
    readonly isTool?: boolean;
  },
): Promise<PostgresStore> {
  const { openPostgres } = await import(
    "../../storage/postgres/open_postgres.ts"
  );
  return await openPostgres({
    address,
    password: values.databasePassword,
    serverId: newEventId(),
    advertisedUrl: values.advertisedUrl?.replace(/\/$/, ""),
    version: VERSION,
    clock: SYSTEM_CLOCK,
    timers: SYSTEM_TIMERS,
    logger,
    observer,
    newEventId,
    queue: {
      eventsMax: limits.appendQueueEventsMax,
      bytesMax: limits.appendQueueBytesMax,
    },
    names: limits,
    consistency: values.consistency,
    mayBeLocal: isTool || values.durability === "local",
    isReadOnly: values.isReadOnly,
  });
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
