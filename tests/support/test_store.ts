/**
 * The store that the interface is tested over.
 *
 * @module
 */

import type { EventStore } from "../../lib/store/event_store.ts";
import { createDistantStore } from "./distant_store.ts";
import { createModelStore, type ModelStoreOptions } from "./model_store.ts";

let create = createModelStore;

/** From now on stores of this process are distant ones. */
export function useDistantStores(): void {
  create = createDistantStore;
}

/** Makes an empty store that lives in memory. */
export function createTestStore(options: ModelStoreOptions): EventStore {
  return create(options);
}
