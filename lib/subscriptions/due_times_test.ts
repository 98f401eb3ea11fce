import { assertEquals } from "@std/assert";
import { createManualTimers } from "../../tests/support/manual_timers.ts";
import { DueTimes, type Waiting } from "./due_times.ts";

/** Somebody who notes when it is called. */
function aWaiting(
  nexts: (number | undefined)[] = [],
): Waiting & { readonly calledAt: number[] } {
  const calledAt: number[] = [];
  return {
    calledAt,
    runDue(nowMs) {
      calledAt.push(nowMs);
      return nexts.shift();
    },
  };
}

Deno.test("each is called at its time, by one timer", async () => {
  const timers = createManualTimers();
  const due = new DueTimes(timers);
  const [a, b] = [aWaiting(), aWaiting([500])];
  due.wake(b, 300);
  due.wake(a, 100);
  assertEquals(timers.waitingCount, 1);
  await timers.pass(1000);
  assertEquals([a.calledAt, b.calledAt], [[100], [300, 500]]);
  assertEquals(timers.waitingCount, 0);
});

Deno.test("an earlier time counts, a later one does not", async () => {
  const timers = createManualTimers();
  const due = new DueTimes(timers);
  const waiting = aWaiting();
  for (const atMs of [300, 200, 400]) due.wake(waiting, atMs);
  await timers.pass(1000);
  assertEquals(waiting.calledAt, [200]);
});

Deno.test("who is forgotten is not called, and leaves no timer behind", async () => {
  const timers = createManualTimers();
  const due = new DueTimes(timers);
  const [a, b] = [aWaiting(), aWaiting()];
  due.wake(a, 100);
  due.wake(b, 100);
  due.forget(a);
  await timers.pass(200);
  due.wake(b, 900);
  due.forget(b);
  assertEquals([a.calledAt, b.calledAt], [[], [100]]);
  assertEquals(timers.waitingCount, 0);
});

Deno.test("times that have gone by are looked at a little later, not at once", async () => {
  const timers = createManualTimers();
  const due = new DueTimes(timers);
  const waiting = aWaiting([-5, -5]);
  due.wake(waiting, -1);
  await timers.pass(100);
  assertEquals(waiting.calledAt, [10, 20, 30]);
});
