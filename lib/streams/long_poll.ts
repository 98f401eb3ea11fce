/**
 * Reads that wait for something new (spec: streams §5.8), woken by commits.
 *
 * @module
 */

import { LIMITS } from "../model/limits.ts";
import type { NewsBoard } from "./news_board.ts";

/** A place in the queue for news of one stream. */
interface Waiter {
  /** Whose read it is; undefined for an anonymous one's. */
  readonly login: string | undefined;
  /** Settles when there may be news, or when waiting is over. */
  readonly news: Promise<void>;
  readonly wake: () => void;
  /** Gives the place up. */
  readonly leave: () => void;
}

/** Everybody who waits. */
export class LongPolls {
  readonly #board: NewsBoard;
  readonly #waiters = new Set<Waiter>();
  readonly #heldMax: number;
  #heldCount = 0;
  #isEnded = false;

  constructor(board: NewsBoard, heldMax: number = LIMITS.longPollsMax) {
    this.#board = board;
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
    /** Whose read it is; undefined for an anonymous one's. */
    readonly login: string | undefined;
    readonly hasNews: () => Promise<boolean>;
  }): Promise<void> {
    if (this.#isEnded || this.#heldCount >= this.#heldMax) return;
    const { streamName, timeoutMs, login, hasNews } = options;
    const signal = options.signal?.();
    this.#heldCount++;
    let isOver = false;
    let waiter: Waiter | undefined;
    const finish = () => {
      isOver = true;
      waiter?.wake();
    };
    const timer = setTimeout(finish, timeoutMs);
    signal?.addEventListener("abort", finish);
    try {
      while (!isOver && !this.#isEnded && signal?.aborted !== true) {
        // Enlisted before looking: news that come meanwhile wake it at once.
        waiter = this.#enlist(streamName, login);
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
    for (const waiter of [...this.#waiters]) waiter.wake();
  }

  /** Lets the reads of a login look again, because it has changed. */
  wakeLogin(login: string): void {
    for (const waiter of [...this.#waiters]) {
      if (waiter.login === login) waiter.wake();
    }
  }

  #enlist(streamName: string, login: string | undefined): Waiter {
    const { promise: news, resolve: wake } = Promise.withResolvers<void>();
    const endWatching = this.#board.watch(streamName, wake);
    const waiter: Waiter = {
      login,
      news,
      wake,
      leave: () => {
        this.#waiters.delete(waiter);
        endWatching();
      },
    };
    this.#waiters.add(waiter);
    return waiter;
  }
}
