/**
 * States of streams that were asked for lately, kept right by the tail of the
 * log: after a barrier they are those of now.
 *
 * What is read while the tail goes on may be older than what the tail tells
 * meanwhile. So a read begins by asking for a place to put its states; a stream
 * that the tail names before they are there gets none.
 *
 * @module
 */

import { listOfStream } from "../../lib/model/lists.ts";
import { TOMBSTONE_EVENT_NUMBER } from "../../lib/model/event_number.ts";
import {
  describedStream,
  isMetastream,
  metastreamOf,
} from "../../lib/model/stream_names.ts";
import type { StreamState } from "../../lib/store/event_store.ts";

/** An event that the tail has read. */
export interface TailedEvent {
  readonly streamName: string;
  readonly eventNumber: number;
}

/** Takes the states that a read has found. */
export type KeepStates = (
  names: readonly string[],
  states: readonly StreamState[],
) => void;

export class StateCache {
  readonly #lengthMax: number;
  /** UTF-16 units of the names that are kept. */
  #length = 0;
  /** The stream that was asked for last is last. */
  readonly #states = new Map<string, StreamState>();
  /** Streams that the tail named since each read began that is under way. */
  readonly #reads = new Set<Set<string>>();

  /** @param lengthMax UTF-16 units of names, and 100 more for each state. */
  constructor(lengthMax: number) {
    this.#lengthMax = lengthMax;
  }

  /** State of a stream, if it is known. */
  find(streamName: string): StreamState | undefined {
    const state = this.#states.get(streamName);
    if (state === undefined) return undefined;
    this.#states.delete(streamName);
    this.#states.set(streamName, state);
    return state;
  }

  /** Is called before states are read; what it returns keeps them. */
  beginRead(): { readonly keep: KeepStates; end(): void } {
    const named = new Set<string>();
    this.#reads.add(named);
    const end = () => void this.#reads.delete(named);
    return {
      keep: (names, states) => {
        if (!this.#reads.has(named)) return;
        for (const [index, name] of names.entries()) {
          const state = states[index];
          if (state !== undefined && !named.has(name)) this.#put(name, state);
        }
      },
      end,
    };
  }

  /** Takes over what the tail has read, in the order of the log. */
  take(events: readonly TailedEvent[]): void {
    for (const { streamName, eventNumber } of events) {
      for (const named of this.#reads) named.add(streamName);
      if (isMetastream(streamName)) {
        // Metadata decides about its stream.
        this.#forget(describedStream(streamName));
        for (const named of this.#reads) named.add(describedStream(streamName));
      }
      const state = this.#states.get(streamName);
      if (state === undefined) continue;
      if (eventNumber === TOMBSTONE_EVENT_NUMBER) this.#forget(streamName);
      else if (eventNumber > state.head) {
        this.#states.set(streamName, { ...state, head: eventNumber });
      }
      if (eventNumber !== TOMBSTONE_EVENT_NUMBER) continue;
      // With the stream its metastream is gone.
      const metastream = metastreamOf(streamName);
      this.#forget(metastream);
      for (const named of this.#reads) named.add(metastream);
    }
  }

  /** Forgets everything: another log may go on. */
  clear(): void {
    this.#states.clear();
    this.#length = 0;
    this.#reads.clear();
  }

  #put(streamName: string, state: StreamState): void {
    // Nothing of the tail says where lists end.
    if (listOfStream(streamName).kind !== "stream") return;
    this.#forget(streamName);
    this.#states.set(streamName, state);
    this.#length += lengthOf(streamName);
    for (const [oldest] of this.#states) {
      if (this.#length <= this.#lengthMax) break;
      this.#forget(oldest);
    }
  }

  #forget(streamName: string): void {
    if (!this.#states.delete(streamName)) return;
    this.#length -= lengthOf(streamName);
  }
}

function lengthOf(streamName: string): number {
  return streamName.length + 100;
}
