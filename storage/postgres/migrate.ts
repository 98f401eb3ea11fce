/**
 * Makes the schema of a store and brings it up to date. Each step is a
 * transaction, and two programs that upgrade at the same time do it one after
 * the other.
 *
 * @module
 */

import type { Timers } from "../../lib/model/clock.ts";
import { QuipuError } from "../../lib/model/errors.ts";
import type { DatabaseAddress } from "../../lib/store/database_url.ts";
import { connect, type Connection, DatabaseError } from "./driver.ts";
import { POSTGRES_LIMITS } from "./limits.ts";
import { readCertificates } from "./certificates.ts";
import { MIGRATIONS, SCHEMA_VERSION } from "./schema.ts";

/** What is known of a store's schema. */
export interface SchemaStatus {
  /** 0: there is no store. */
  readonly version: number;
  /** Version that this program makes. */
  readonly wanted: number;
  readonly storeId: string | undefined;
  readonly isStandby: boolean;
  readonly standbyNames: string;
}

/** A role of PostgreSQL: quoted where it is used. */
const ROLE = /^[a-zA-Z_][a-zA-Z0-9_$-]{0,62}$/;

/** Connects to the primary as the owner of the schema. */
export async function connectOwner(
  { address, password, timers }: {
    readonly address: DatabaseAddress;
    readonly password: string | undefined;
    readonly timers: Timers;
  },
): Promise<Connection> {
  const rootCertificates = await readCertificates(address.rootCertificateFile);
  let lastError: Error | undefined;
  for (const host of address.hosts) {
    try {
      const connection = await connect({
        address,
        password,
        rootCertificates,
        timers,
        connectMs: POSTGRES_LIMITS.ownerConnectMs,
        answerMs: POSTGRES_LIMITS.migrateMs,
      }, host);
      const [row] = await connection.query("select pg_is_in_recovery()");
      if (row?.[0] !== true) return connection;
      connection.destroy();
      lastError = new Error("there are only standbys");
    } catch (error) {
      if (!(error instanceof DatabaseError)) throw error;
      lastError = error;
    }
  }
  throw new QuipuError(
    "storeReadOnly",
    `The database cannot be reached: ${lastError?.message}`,
  );
}

/** Reads the status of a schema, be there a store or not. */
export async function readSchemaStatus(
  connection: Connection,
  schema: string,
): Promise<SchemaStatus> {
  const [about] = await connection.query(
    "select to_regclass($1) is not null, pg_is_in_recovery(), " +
      "current_setting('synchronous_standby_names')",
    [`"${schema}".meta`],
  );
  const [isThere, isStandby, standbyNames] = about ?? [];
  const [meta] = isThere === true
    ? await connection.query(
      `select schema_version, store_id from "${schema}".meta`,
    )
    : [];
  const [version, storeId] = meta ?? [0, undefined];
  return {
    version: Number(version),
    wanted: SCHEMA_VERSION,
    storeId: storeId === undefined ? undefined : String(storeId),
    isStandby: isStandby === true,
    standbyNames: String(standbyNames),
  };
}

/**
 * Applies the steps that a schema lacks.
 *
 * @param options `role`: a role that servers log in as; it may call the
 * functions and nothing else. `isNew`: the store is made unless it is there
 * with this version; else it must be there.
 * @returns The version before and after.
 * @throws {QuipuError} `invalidRequest`, `foreignFormat`
 */
export async function migrate(
  connection: Connection,
  { schema, role, isNew }: {
    readonly schema: string;
    readonly role: string | undefined;
    readonly isNew: boolean;
  },
): Promise<{ readonly from: number; readonly to: number }> {
  if (role !== undefined && !ROLE.test(role)) {
    throw new QuipuError("invalidRequest", `Not the name of a role: "${role}"`);
  }
  const quoted = `"${schema}"`;
  const lock = `pg_catalog.hashtextextended('quipu ${schema}', 0)`;
  await connection.run("begin");
  try {
    await connection.run(`select pg_advisory_xact_lock(${lock} + 1)`);
    const { version } = await readSchemaStatus(connection, schema);
    if (isNew && version > 0 && version !== SCHEMA_VERSION) {
      throw new QuipuError(
        "invalidRequest",
        `There is a store in schema "${schema}" already, with version ` +
          `${version}: quipu postgres upgrade brings it up to date`,
      );
    }
    if (!isNew && version === 0) {
      throw new QuipuError(
        "foreignFormat",
        `There is no store in schema "${schema}": run quipu postgres init`,
      );
    }
    // Where there is one already, the role alone is seen to.
    const isMade = isNew && version === 0;
    if (isMade) await connection.run(`create schema if not exists ${quoted}`);
    for (const migration of MIGRATIONS) {
      if (migration.version <= version) continue;
      await connection.run(
        migration.sql.replaceAll("{s}", quoted).replaceAll("{lock}", lock),
      );
    }
    if (isMade) {
      await connection.run(
        `insert into ${quoted}.meta (schema_version) values (${SCHEMA_VERSION})`,
      );
    } else if (version < SCHEMA_VERSION) {
      await connection.run(
        `update ${quoted}.meta set schema_version = ${SCHEMA_VERSION}`,
      );
    }
    await connection.run(
      `revoke all on all tables in schema ${quoted} from public;` +
        `revoke execute on all functions in schema ${quoted} from public`,
    );
    if (role !== undefined) {
      await connection.run(
        `grant usage on schema ${quoted} to "${role}";` +
          `grant execute on all functions in schema ${quoted} to "${role}";` +
          // Those of later versions, too.
          `alter default privileges in schema ${quoted} ` +
          `grant execute on functions to "${role}"`,
      );
    }
    await connection.run("commit");
    return { from: version, to: Math.max(version, SCHEMA_VERSION) };
  } catch (error) {
    await connection.run("rollback").catch(() => {});
    throw error;
  }
}
