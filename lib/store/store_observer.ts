/**
 * Observers of the store's writes: told of each commit group, not of each append, so
 * that watching costs appends nothing.
 *
 * @module
 */

/** Is told of each commit group. Its methods must be cheap and must not throw. */
export interface StoreObserver {
  /** Requests, events and bytes of one commit group. */
  groupEncoded(requests: number, events: number, bytes: number): void;
  /** Time to sync a commit group, in milliseconds. */
  synced(durationMs: number): void;
  /** Time to commit one or more groups, in milliseconds. */
  committed(durationMs: number): void;
}

/** Watches nothing. */
export const NO_OBSERVER: StoreObserver = {
  groupEncoded() {},
  synced() {},
  committed() {},
};
