/**
 * Opens a store in PostgreSQL.
 *
 * @module
 */

import { Database, type DatabaseOptions } from "./database.ts";
import { readCertificates } from "./certificates.ts";
import { HistoryCheck } from "./history_check.ts";
import { POSTGRES_LIMITS } from "./limits.ts";
import { PostgresMaintenance } from "./maintenance.ts";
import { PostgresStore, type PostgresStoreOptions } from "./postgres_store.ts";
import { readEnd } from "./reads.ts";

export interface OpenPostgresOptions extends
  Omit<
    PostgresStoreOptions,
    "database" | "storeId" | "channel" | "end" | "history" | "maintenance"
  >,
  Pick<DatabaseOptions, "address" | "password" | "mayBeLocal"> {
  /** Sessions that read; default: `POSTGRES_LIMITS.readersMax`. */
  readonly readersMax?: number;
}

/**
 * Opens the store that a URL names.
 *
 * @throws {QuipuError} `storeReadOnly` if the database cannot be reached or has
 * no synchronous standbys, `foreignFormat` if it has no store that fits.
 */
export async function openPostgres(
  options: OpenPostgresOptions,
): Promise<PostgresStore> {
  const { address, timers, logger, mayBeLocal } = options;
  // Without standbys nobody could confirm that a primary still is one.
  const consistency = mayBeLocal ? "primary" : options.consistency;
  const history = new HistoryCheck();
  let store: PostgresStore | undefined;
  const database = new Database({
    address,
    password: options.password,
    rootCertificates: await readCertificates(address.rootCertificateFile),
    timers,
    logger,
    connectMs: POSTGRES_LIMITS.connectMs,
    answerMs: POSTGRES_LIMITS.answerMs,
    readersMax: options.readersMax ?? POSTGRES_LIMITS.readersMax,
    isSynchronous: consistency !== "primary",
    mayBeLocal,
    async onPrimary(connection) {
      store?.forgetStates();
      const loss = await history.findLoss(connection);
      if (loss === undefined) return;
      logger.error("postgres.history_lost", { reason: loss });
      store?.becomeReadOnly(loss);
    },
  });
  try {
    const { end } = await readEnd(database);
    const { about } = database;
    if (about === undefined) throw new Error("Connected to nothing");
    store = new PostgresStore({
      ...options,
      history,
      consistency,
      database,
      maintenance: new PostgresMaintenance(options),
      storeId: about.storeId,
      channel: database.isPooled ? undefined : channelOf(address.schema),
      end,
    });
    return store;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** Channel on which the commits of a schema are told. */
export function channelOf(schema: string): string {
  return `quipu_${schema}`.slice(0, 63);
}
