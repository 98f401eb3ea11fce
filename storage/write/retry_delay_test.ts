import { assert, assertEquals } from "@std/assert";
import { RetryDelay } from "./writer.ts";

/** Milliseconds of waits, from timers that do not wait. */
async function delaysOf(
  body: (delay: RetryDelay) => Promise<void>,
): Promise<number[]> {
  const delays: number[] = [];
  const { setTimeout } = globalThis;
  globalThis.setTimeout = ((callback: () => void, delayMs: number) => {
    delays.push(delayMs);
    return setTimeout(callback, 0);
  }) as typeof setTimeout;
  try {
    await body(new RetryDelay(1000));
  } finally {
    globalThis.setTimeout = setTimeout;
  }
  return delays;
}

Deno.test("each wait is twice as long as the one before, up to sixteen times the first", async () => {
  const delays = await delaysOf(async (delay) => {
    for (let count = 0; count < 6; count++) await delay.wait();
    delay.reset();
    await delay.wait();
  });
  assertEquals(delays, [1000, 2000, 4000, 8000, 16_000, 16_000, 1000]);
});

Deno.test("a cancelled wait ends at once, and so do all after it", async () => {
  const delay = new RetryDelay(3_600_000);
  const startMs = performance.now();
  const waiting = delay.wait();
  delay.cancel();
  await waiting;
  await delay.wait();
  assert(performance.now() - startMs < 60_000);
});
