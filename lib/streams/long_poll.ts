/**
 * Reads that wait for something new (spec: streams §5.8). They are woken by
 * commits; the store is listened to only while somebody waits, so that appends
 * cost nothing otherwise.
 *
 * @module
 */

import type { CommittedEvent, EventStore } from "../model/event_store.ts";
import { LIMITS } from "../model/limits.ts";
import { isSystemList, membershipsOf } from "../model/lists.ts";
import { isMetastream } from "../model/stream_names.ts";
import { ALL_STREAM } from "./access.ts";

/** A place in the queue for news of one stream. */
export interface Waiter {
  /** Settles when there may be news, or when waiting is over. */
  readonly news: Promise<void>;
  /** Gives the place up. */
  leave(): void;
}

interface WaiterState extends Waiter {
  readonly wake: () => void;
}

/** Everybody who waits. */
export class LongPolls {
  readonly #store: EventStore;
  readonly #waiters = new Map<string, Set<WaiterState>>();
  readonly #heldMax: number;
  #waiterCount = 0;
  #listWaiterCount = 0;
  #heldCount = 0;
  #isEnded = false;
  #endListening: (() => void) | undefined;

  constructor(store: EventStore, heldMax: number = LIMITS.longPollsMax) {
    this.#store = store;
    this.#heldMax = heldMax;
  }

  /** How many reads are held. */
  get heldCount(): number {
    return this.#heldCount;
  }

  /**
   * Holds a read until `hasNews` says so, the time is over, the signal comes
   * or `end` is called. Returns at once when too many are held already.
   *
   * @param streamName A stream, a system list or `$all`.
   * @param timeoutMs Milliseconds, more than 0.
   */
  async hold(options: {
    readonly streamName: string;
    readonly timeoutMs: number;
    readonly signal: (() => AbortSignal) | undefined;
    readonly hasNews: () => Promise<boolean>;
  }): Promise<void> {
    if (this.#isEnded || this.#heldCount >= this.#heldMax) return;
    const { streamName, timeoutMs, hasNews } = options;
    const signal = options.signal?.();
    this.#heldCount++;
    let isOver = false;
    let waiter: WaiterState | undefined;
    const finish = () => {
      isOver = true;
      waiter?.wake();
    };
    const timer = setTimeout(finish, timeoutMs);
    signal?.addEventListener("abort", finish);
    try {
      while (!isOver && !this.#isEnded && signal?.aborted !== true) {
        // Enlisted before looking: news that come meanwhile wake it at once.
        waiter = this.#enlist(streamName);
        if (await hasNews()) return;
        if (isOver) return;
        await waiter.news;
        waiter.leave();
      }
    } finally {
      waiter?.leave();
      clearTimeout(timer);
      signal?.removeEventListener("abort", finish);
      this.#heldCount--;
    }
  }

  /** Answers every held read now; from now on none is held. */
  end(): void {
    this.#isEnded = true;
    for (const waiters of [...this.#waiters.values()]) wakeAll(waiters);
  }

  #enlist(streamName: string): WaiterState {
    const { promise: news, resolve: wake } = Promise.withResolvers<void>();
    const leave = () => this.#strike(streamName, waiter);
    const waiter: WaiterState = { news, wake, leave };
    const waiters = this.#waiters.get(streamName);
    if (waiters === undefined) this.#waiters.set(streamName, new Set([waiter]));
    else waiters.add(waiter);
    this.#waiterCount++;
    if (isSystemList(streamName)) this.#listWaiterCount++;
    this.#endListening ??= this.#store.onCommit((events) => this.#tell(events));
    return waiter;
  }

  #strike(streamName: string, waiter: WaiterState): void {
    const waiters = this.#waiters.get(streamName);
    if (waiters?.delete(waiter) !== true) return;
    if (waiters.size === 0) this.#waiters.delete(streamName);
    this.#waiterCount--;
    if (isSystemList(streamName)) this.#listWaiterCount--;
    if (this.#waiterCount > 0) return;
    this.#endListening?.();
    this.#endListening = undefined;
  }

  #tell(events: readonly CommittedEvent[]): void {
    wakeAll(this.#waiters.get(ALL_STREAM));
    for (const event of events) {
      wakeAll(this.#waiters.get(event.streamName));
      if (this.#listWaiterCount > 0) this.#tellLists(event);
    }
  }

  #tellLists(event: CommittedEvent): void {
    const { category, eventType, isInStreams, categoryOfStream } =
      membershipsOf(event);
    if (category !== undefined) wakeAll(this.#waiters.get("$ce-" + category));
    if (eventType !== undefined) wakeAll(this.#waiters.get("$et-" + eventType));
    // What metadata says is not told, so each may be a soft delete.
    if (isMetastream(event.streamName)) {
      wakeAll(this.#waiters.get("$et-$deleted"));
    }
    if (isInStreams) wakeAll(this.#waiters.get("$streams"));
    if (categoryOfStream !== undefined) {
      wakeAll(this.#waiters.get("$category-" + categoryOfStream));
    }
  }
}

function wakeAll(waiters: ReadonlySet<WaiterState> | undefined): void {
  if (waiters === undefined) return;
  for (const waiter of waiters) waiter.wake();
}
