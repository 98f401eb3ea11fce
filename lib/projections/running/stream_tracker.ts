/**
 * Writes down which streams a projection has emitted to, in the order of their
 * first use, so that they can be deleted with it.
 *
 * @module
 */

import { nameId } from "./emissions.ts";
import type { RunStore } from "./run_store.ts";

/** What streams are written down with. */
export interface StreamTrackerParts {
  readonly store: RunStore;
  readonly projection: string;
  /** Of the projection. */
  readonly number: number;
}

/** Name of the stream that says where a projection has emitted to. */
export function emittedStreamsOf(projection: string): string {
  return `$projections-${projection}-emittedstreams`;
}

/** Writes down the streams of one run. */
export class StreamTracker {
  readonly #parts: StreamTrackerParts;
  /** Rejects for good once a write has failed. */
  #last: Promise<void> = Promise.resolve();

  constructor(parts: StreamTrackerParts) {
    this.#parts = parts;
  }

  /** Settles when the stream is written down, now or before. */
  track(streamName: string): Promise<void> {
    this.#last = this.#last.then(() => this.#write(streamName));
    // Each stream's writer is told.
    this.#last.catch(() => {});
    return this.#last;
  }

  async #write(streamName: string): Promise<void> {
    const { store, projection, number } = this.#parts;
    await store.append({
      streamName: emittedStreamsOf(projection),
      expectedVersion: "any",
      events: [{
        // The same each time, so that the store takes it once.
        eventId: nameId(projection, number, "tracked", streamName),
        eventType: "$StreamTracked",
        isJson: false,
        data: streamName,
        metadata: "",
      }],
    });
  }
}
