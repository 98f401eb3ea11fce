/**
 * Stores in PostgreSQL: what options say of them, and opening them. Everything
 * that knows the database is loaded only for such a store.
 *
 * @module
 */

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
import type { Connection } from "../../storage/postgres/driver.ts";
import type { PostgresStore } from "../../storage/postgres/postgres_store.ts";
import { RunError, UsageError } from "./failures.ts";
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

/**
 * Acts on a schema with a session of its owner.
 *
 * @throws {RunError} What the database refuses, in a line.
 */
export async function actAsOwner<Result>(
  values: OptionValues,
  address: DatabaseAddress,
  act: (owner: Connection) => Promise<Result>,
): Promise<Result> {
  const [{ connectOwner }, { DatabaseError }] = await Promise.all([
    import("../../storage/postgres/migrate.ts"),
    import("../../storage/postgres/driver.ts"),
  ]);
  const owner = await connectOwner({
    address,
    password: values.databasePassword,
    timers: SYSTEM_TIMERS,
  });
  try {
    return await act(owner);
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error;
    throw new RunError(
      `The database refuses: ${error.message}` +
        (error.state === INSUFFICIENT_PRIVILEGE
          ? `; "${address.user}" does not own the schema`
          : ""),
      { cause: error },
    );
  } finally {
    await owner.close();
  }
}

/** An SQLSTATE. */
const INSUFFICIENT_PRIVILEGE = "42501";
