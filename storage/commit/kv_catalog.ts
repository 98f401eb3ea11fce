/**
 * The catalog in a Deno KV file. Each commit is one `atomic()` that checks the
 * versionstamp of the commit record: a second writer, should the directory
 * lock ever fail, is noticed and fenced off, never merged.
 *
 * @module
 */

import {
  type Catalog,
  type CommitOutcome,
  type CommitRecord,
  decodeCommitRecord,
  encodeCommitRecord,
} from "./catalog.ts";
import { checkDatabase } from "./check_database.ts";

const COMMIT_KEY: Deno.KvKey = ["quipu", "commit"];

class KvCatalog implements Catalog {
  readonly #kv: Deno.Kv;
  #versionstamp: string | null = null;

  constructor(kv: Deno.Kv) {
    this.#kv = kv;
  }

  async read(): Promise<CommitRecord | undefined> {
    const entry = await this.#kv.get(COMMIT_KEY);
    this.#versionstamp = entry.versionstamp;
    return decodeCommitRecord(entry.value);
  }

  async peek(): Promise<CommitRecord | undefined> {
    return decodeCommitRecord((await this.#kv.get(COMMIT_KEY)).value);
  }

  async commit(record: CommitRecord): Promise<CommitOutcome> {
    const value = encodeCommitRecord(record);
    let result: Deno.KvCommitResult | Deno.KvCommitError;
    try {
      result = await this.#kv.atomic()
        .check({ key: COMMIT_KEY, versionstamp: this.#versionstamp })
        .set(COMMIT_KEY, value)
        .commit();
    } catch (error) {
      return await this.#outcomeAfter(error, value);
    }
    if (!result.ok) return "fenced";
    this.#versionstamp = result.versionstamp;
    return "committed";
  }

  /**
   * An `atomic()` that throws may have committed all the same: the record
   * itself says so.
   */
  async #outcomeAfter(
    error: unknown,
    value: Uint8Array,
  ): Promise<CommitOutcome> {
    const entry = await this.#kv.get(COMMIT_KEY);
    if (entry.versionstamp === this.#versionstamp) throw error;
    const found = entry.value;
    const isOurs = found instanceof Uint8Array &&
      found.length === value.length &&
      found.every((byte, index) => byte === value[index]);
    if (!isOurs) return "fenced";
    this.#versionstamp = entry.versionstamp;
    return "committed";
  }

  close(): void {
    this.#kv.close();
  }
}

/**
 * Opens the catalog of a store.
 *
 * @throws Whatever SQLite says of a file that cannot be used.
 */
export async function openKvCatalog(path: string): Promise<Catalog> {
  checkDatabase(path);
  return new KvCatalog(await openPrivateKv(path));
}

/**
 * Opens a KV's file. SQLite would make one that everybody may read; what it
 * lays beside a file gets the mode of that file.
 */
export async function openPrivateKv(path: string): Promise<Deno.Kv> {
  try {
    const options = { write: true, createNew: true, mode: 0o600 };
    (await Deno.open(path, options)).close();
  } catch {
    // It is there already, or SQLite says why it cannot be made.
  }
  return await Deno.openKv(path);
}
