/**
 * A catalog in memory, for `--mem-db` and tests.
 *
 * @module
 */

import type { Catalog, CommitRecord } from "../commit/catalog.ts";

/** Makes an empty catalog. */
export function createMemoryCatalog(): Catalog {
  let current: CommitRecord | undefined;
  return {
    read: () => Promise.resolve(current),
    peek: () => Promise.resolve(current),
    commit(record) {
      current = record;
      return Promise.resolve("committed" as const);
    },
    close() {},
  };
}
