import { assertEquals, assertRejects } from "@std/assert";
import { Deadlines } from "./body.ts";

const late = () => new Error("late");

Deno.test("race() hands on what comes in time", async () => {
  const deadlines = new Deadlines(10_000);
  assertEquals(await deadlines.race(Promise.resolve(7), late), 7);
  await assertRejects(
    () => deadlines.race(Promise.reject(new RangeError("own")), late),
    RangeError,
    "own",
  );
  deadlines.close();
});

Deno.test("race() ends what takes too long, and only that", async () => {
  const deadlines = new Deadlines(16);
  const slow = Promise.withResolvers<string>();
  const never = new Promise<string>(() => {});
  const raced = deadlines.race(slow.promise, () => new Error("slow"));
  await assertRejects(() => deadlines.race(never, late), Error, "late");
  await assertRejects(() => raced, Error, "slow");
  // What comes afterwards changes nothing.
  slow.reject(new Error("too late to matter"));
  assertEquals(await deadlines.race(Promise.resolve("next"), late), "next");
  deadlines.close();
});

Deno.test("waits end in any order, and those that stay still run out", async () => {
  const deadlines = new Deadlines(16);
  const waits = Array.from({ length: 6 }, () => {
    const { promise, resolve } = Promise.withResolvers<string>();
    return { resolve, raced: deadlines.race(promise, late) };
  });
  // The last, the first, and one between two that stay.
  for (const index of [5, 0, 2]) waits[index]?.resolve("in time");
  const settled = await Promise.allSettled(waits.map(({ raced }) => raced));
  assertEquals(settled.map(({ status }) => status), [
    "fulfilled",
    "rejected",
    "fulfilled",
    "rejected",
    "rejected",
    "fulfilled",
  ]);
  const { promise, resolve } = Promise.withResolvers<string>();
  const next = deadlines.race(promise, late);
  resolve("next");
  assertEquals(await next, "next");
  deadlines.close();
});

Deno.test("close() leaves no timer behind", () => {
  const deadlines = new Deadlines(10_000);
  deadlines.race(new Promise(() => {}), late);
  deadlines.close();
});
