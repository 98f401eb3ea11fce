/**
 * Looks at the file of a Deno KV before Deno opens it: on a damaged one it
 * would end the whole process, from a thread that nobody can catch.
 *
 * @module
 */

import { statSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";

/** Layout of the tables, by number, of which the columns are known. */
const KNOWN_LAYOUT = 3;

/** Tables that Deno KV reads by itself. */
const KNOWN_COLUMNS: readonly (readonly [table: string, columns: string])[] = [
  ["kv", "k, v, v_encoding, version, seq, expiration_ms"],
  ["queue", "ts, id, data, backoff_schedule, keys_if_undelivered"],
  [
    "queue_running",
    "deadline, id, data, backoff_schedule, keys_if_undelivered",
  ],
  ["data_version", "k, version, seq"],
];

/**
 * Checks all pages and tables of the file; one that is not there is fine.
 *
 * @throws {Error} In SQLite's words when it cannot be used.
 */
export function checkDatabase(path: string): void {
  if (statSync(path, { throwIfNoEntry: false }) === undefined) return;
  const database = new DatabaseSync(path);
  try {
    const rows = database.prepare("pragma integrity_check").all();
    const [first] = Object.values(rows[0] ?? {});
    if (rows.length !== 1 || first !== "ok") {
      throw new Error(`database disk image is malformed: ${first}`);
    }
    const tables = database.prepare("select name from sqlite_master").all();
    // A new one, that nobody has used yet.
    if (tables.length === 0) return;
    const [layout] = database.prepare("select version from migration_state")
      .all();
    if (layout?.version !== KNOWN_LAYOUT) return;
    for (const [table, columns] of KNOWN_COLUMNS) {
      database.prepare(`select ${columns} from ${table}`).all();
    }
  } finally {
    database.close();
  }
}
