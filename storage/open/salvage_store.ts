/**
 * Opens what is whole of a store for reading alone, and says what is not.
 *
 * @module
 */

import { QuipuError } from "../../lib/model/errors.ts";
import { readCommitRecord } from "./settle.ts";
import type { StorePlatform } from "../commit/platform.ts";
import type { LoadOptions } from "./load_log.ts";
import { type SalvagedLog, salvageLog } from "./salvage_log.ts";

/** After so many, more would tell nothing new. */
const DAMAGES_LOGGED_MAX = 20;

/** Loads what is whole of a store that is to be read alone. */
export async function salvage(
  platform: StorePlatform,
  directory: string,
  loading: LoadOptions,
): Promise<{ log: SalvagedLog; active: undefined; failure: QuipuError }> {
  const { logger } = loading;
  const commit = await readCommitRecord(platform, directory);
  const log = await salvageLog(loading, commit?.end ?? 0);
  const { damages } = log;
  for (const what of damages.slice(0, DAMAGES_LOGGED_MAX)) {
    logger.error("store.damaged", { what });
  }
  const failure = new QuipuError(
    "storeReadOnly",
    "Cannot append: the store was opened with --read-only" +
      (damages.length === 0
        ? ""
        : ` and is damaged; of ${damages.length} findings the first: ` +
          damages[0]),
  );
  return { log, active: undefined, failure };
}
