import process from "node:process";
import { assert, assertEquals } from "@std/assert";
import { createPolitePause } from "./polite_pause.ts";

/**
 * Keeps the processor busy: so long by the clock, and by the processor time
 * that a job that rests looks at, which stands while other processes have it.
 */
function work(durationMs: number): void {
  const startedAtMs = performance.now();
  const before = process.cpuUsage();
  let usedMs = 0;
  while (usedMs < durationMs || performance.now() - startedAtMs < durationMs) {
    const { user, system } = process.cpuUsage(before);
    usedMs = (user + system) / 1000;
  }
}

Deno.test("a job lets others go first once it has worked for a moment", async () => {
  const pause = createPolitePause();
  let turns = 0;
  const timer = setInterval(() => turns++, 0);
  try {
    for (let round = 0; round < 5; round++) {
      const before = turns;
      work(3);
      await pause();
      assert(turns > before, `round ${round}`);
    }
  } finally {
    clearInterval(timer);
  }
});

Deno.test("a job rests the longer the more others had to do", async () => {
  const pause = createPolitePause();
  work(3);
  setTimeout(() => work(10), 0);
  const pausedAtMs = performance.now();
  await pause();
  // 10 ms of others, and a rest of three times what was more than a moment.
  assert(performance.now() - pausedAtMs > 20);
});

Deno.test("a job that has hardly begun goes on at once", async () => {
  let turns = 0;
  let tookMs: number;
  do {
    const begunAtMs = performance.now();
    const pause = createPolitePause();
    const timer = setTimeout(() => turns++, 0);
    const going = pause();
    tookMs = performance.now() - begunAtMs;
    const before = turns;
    await going;
    clearTimeout(timer);
    // Where another process had the processor for longer, it has begun.
    if (tookMs < 2) assertEquals(turns, before);
  } while (tookMs >= 2);
});
