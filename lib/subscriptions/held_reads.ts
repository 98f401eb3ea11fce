/**
 * Reads of a group that are held until there is a message for them. The first
 * to come is the first to be served.
 *
 * @module
 */

import type { Timers } from "../model/clock.ts";
import type { Delivery } from "./group.ts";

interface HeldRead {
  readonly count: number;
  /** May be called again: only the first time counts. */
  readonly answer: (deliveries: readonly Delivery[]) => void;
}

/** The reads that one group holds. */
export class HeldReads {
  readonly #timers: Timers;
  readonly #reads = new Set<HeldRead>();

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  get count(): number {
    return this.#reads.size;
  }

  /** Holds a read until it is served, its time is over or its client gone. */
  async hold(
    count: number,
    { timeoutMs, signal }: {
      readonly timeoutMs: number;
      readonly signal: AbortSignal;
    },
  ): Promise<readonly Delivery[]> {
    if (signal.aborted) return [];
    const { promise, resolve } = Promise.withResolvers<readonly Delivery[]>();
    const read: HeldRead = { count, answer: resolve };
    const giveUp = () => {
      this.#reads.delete(read);
      resolve([]);
    };
    this.#reads.add(read);
    const cancelTimer = this.#timers.setTimer(timeoutMs, giveUp);
    signal.addEventListener("abort", giveUp);
    try {
      return await promise;
    } finally {
      cancelTimer();
      signal.removeEventListener("abort", giveUp);
    }
  }

  /** Answers reads while there is something to answer with. */
  serve(
    hasWaiting: () => boolean,
    take: (count: number) => readonly Delivery[],
  ): void {
    for (const read of this.#reads) {
      if (!hasWaiting()) return;
      this.#reads.delete(read);
      read.answer(take(read.count));
    }
  }

  /** Answers them all with nothing. */
  endAll(): void {
    for (const read of this.#reads) read.answer([]);
    this.#reads.clear();
  }
}
