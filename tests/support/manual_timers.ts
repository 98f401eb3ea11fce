/**
 * Time that passes only when a test says so.
 *
 * @module
 */

import { setImmediate } from "node:timers";
import type { EventStore } from "../../lib/store/event_store.ts";
import type { Timers } from "../../lib/model/clock.ts";

/** Timers that stand still until they are moved. */
export interface ManualTimers extends Timers {
  /** How many calls wait for their time. */
  readonly waitingCount: number;
  /** Lets time pass, and everything happen that is due meanwhile. */
  pass(durationMs: number): Promise<void>;
}

/** Lets everything run that does not wait for a time, nor for a device. */
export function settle(): Promise<void> {
  return settleWhile(() => false);
}

/** As `settle`, and waits as long as something is busy. */
async function settleWhile(isBusy: () => boolean): Promise<void> {
  for (let idle = 0; idle < 3; idle = isBusy() ? 0 : idle + 1) {
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
}

/**
 * Has a store tell whether it is asked for something that is not answered yet.
 *
 * @param store Its methods are replaced.
 */
export function watchCalls(store: EventStore): () => boolean {
  let openCount = 0;
  for (const name of WATCHED) {
    const call: (...args: never[]) => Promise<unknown> = store[name].bind(
      store,
    );
    const watched = async (...args: never[]) => {
      openCount++;
      try {
        return await call(...args);
      } finally {
        openCount--;
      }
    };
    Object.assign(store, { [name]: watched });
  }
  return () => openCount > 0;
}

const WATCHED = [
  "append",
  "deleteStream",
  "readState",
  "readEvent",
  "readStream",
  "readAll",
] as const;

/**
 * Makes timers that show 0 at first.
 *
 * @param isBusy Whether what has come due is still at work. Default: never.
 */
export function createManualTimers(
  isBusy: () => boolean = () => false,
): ManualTimers {
  let nowMs = 0;
  const calls = new Map<object, { atMs: number; call: () => void }>();
  return {
    get waitingCount() {
      return calls.size;
    },
    nowMs: () => nowMs,
    setTimer(delayMs, call) {
      const key = {};
      calls.set(key, { atMs: nowMs + Math.max(0, delayMs), call });
      return () => calls.delete(key);
    },
    async pass(durationMs) {
      const endMs = nowMs + durationMs;
      for (;;) {
        await settleWhile(isBusy);
        const [next] = [...calls].sort(([, a], [, b]) => a.atMs - b.atMs);
        if (next === undefined || next[1].atMs > endMs) break;
        const [key, { atMs, call }] = next;
        nowMs = Math.max(nowMs, atMs);
        calls.delete(key);
        call();
      }
      nowMs = endMs;
      await settleWhile(isBusy);
    },
  };
}
