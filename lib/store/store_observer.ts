/**
 * Who watches how the store writes: told of each batch, not of each append, so
 * that watching costs appends nothing.
 *
 * @module
 */

/** Is told of each batch. Its methods must be cheap and must not throw. */
export interface StoreObserver {
  /** Requests, events and bytes that were put into one batch. */
  batchEncoded(requests: number, events: number, bytes: number): void;
  /** Time that it took to force a batch to the device, in milliseconds. */
  synced(durationMs: number): void;
  /** Time that the commit of one or more batches took, in milliseconds. */
  committed(durationMs: number): void;
}

/** Watches nothing. */
export const NO_OBSERVER: StoreObserver = {
  batchEncoded() {},
  synced() {},
  committed() {},
};
