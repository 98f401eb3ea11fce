/**
 * The store that the interface is tested over.
 *
 * @module
 */

import type { EventStore } from "../../lib/store/event_store.ts";
import { createDistantStore, isDistantStorePending } from "./distant_store.ts";
import { isLateStorePending } from "./late_store.ts";
import { createModelStore, type ModelStoreOptions } from "./model_store.ts";

let create = createModelStore;

/** From now on stores of this process are distant ones. */
export function useDistantStores(): void {
  create = createDistantStore;
}

/** From now on stores of this process are what a function makes. */
export function useStores(
  createStore: (options: ModelStoreOptions) => EventStore,
): void {
  create = createStore;
}

/** Whether a store of this process has yet to answer or tell something. */
export function isSomethingPending(): boolean {
  return isDistantStorePending() || isLateStorePending();
}

/** Makes an empty store. */
export function createTestStore(options: ModelStoreOptions): EventStore {
  return create(options);
}
