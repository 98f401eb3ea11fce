/**
 * Time that passes only when a test says so.
 *
 * @module
 */

import { setImmediate } from "node:timers";
import type { Timers } from "../../lib/model/clock.ts";

/** Timers that stand still until they are moved. */
export interface ManualTimers extends Timers {
  /** How many calls wait for their time. */
  readonly waitingCount: number;
  /** Lets time pass, and everything happen that is due meanwhile. */
  pass(durationMs: number): Promise<void>;
}

/** Lets everything run that does not wait for a time. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) {
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
}

/** Makes timers that show 0 at first. */
export function createManualTimers(): ManualTimers {
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
        await settle();
        const [next] = [...calls].sort(([, a], [, b]) => a.atMs - b.atMs);
        if (next === undefined || next[1].atMs > endMs) break;
        const [key, { atMs, call }] = next;
        nowMs = Math.max(nowMs, atMs);
        calls.delete(key);
        call();
      }
      nowMs = endMs;
      await settle();
    },
  };
}
