/**
 * Requests that wait for their batch: first in, first out, bounded by events
 * and by bytes.
 *
 * @module
 */

import type { QueueStatus } from "../../lib/store/event_store.ts";
import type { Batch } from "./batch.ts";

export interface QueuedRequest {
  readonly eventCount: number;
  /** Bytes of its run, at most. */
  readonly bytesMax: number;
  /** Decides and encodes it; returns how to answer it. */
  readonly encode: (batch: Batch) => () => void;
  readonly refuse: (error: Error) => void;
  /** Whether it begins the next segment, unless the active one is empty. */
  readonly endsSegment?: boolean;
}

/** Requests that were taken are dropped from the array in such numbers. */
const COMPACT_AT = 1024;

export class AppendQueue {
  readonly #eventsMax: number;
  readonly #bytesMax: number;
  #requests: QueuedRequest[] = [];
  /** Index of the first request that was not taken. */
  #first = 0;
  #events = 0;
  #bytes = 0;

  constructor(limits: { eventsMax: number; bytesMax: number }) {
    this.#eventsMax = limits.eventsMax;
    this.#bytesMax = limits.bytesMax;
  }

  get isEmpty(): boolean {
    return this.#first === this.#requests.length;
  }

  /** How many requests wait. */
  get length(): number {
    return this.#requests.length - this.#first;
  }

  /** What waits, and how much may. */
  get status(): QueueStatus {
    return {
      requests: this.length,
      events: this.#events,
      eventsMax: this.#eventsMax,
      bytes: this.#bytes,
      bytesMax: this.#bytesMax,
    };
  }

  /** The request that is next; undefined when none waits. */
  get first(): QueuedRequest | undefined {
    return this.#requests[this.#first];
  }

  /**
   * Adds a request at the end.
   *
   * @returns False, and nothing is added, when it goes beyond a bound. One
   * alone is never too much.
   */
  push(request: QueuedRequest): boolean {
    const isTooMuch = this.#events + request.eventCount > this.#eventsMax ||
      this.#bytes + request.bytesMax > this.#bytesMax;
    if (isTooMuch && !this.isEmpty) return false;
    this.#requests.push(request);
    this.#events += request.eventCount;
    this.#bytes += request.bytesMax;
    return true;
  }

  /** Takes the first request off the queue. */
  shift(): QueuedRequest | undefined {
    const request = this.#requests[this.#first];
    if (request === undefined) return undefined;
    this.#first++;
    this.#events -= request.eventCount;
    this.#bytes -= request.bytesMax;
    if (this.isEmpty) {
      this.#requests = [];
      this.#first = 0;
    } else if (this.#first >= COMPACT_AT) {
      this.#requests.splice(0, this.#first);
      this.#first = 0;
    }
    return request;
  }
}
