import { assertEquals, assertRejects } from "@std/assert";
import { createDeadlines } from "./deadlines.ts";

const late = () => new Error("late");

Deno.test("race() hands on what comes in time", async () => {
  const deadlines = createDeadlines(10_000);
  assertEquals(await deadlines.race(Promise.resolve(7), late), 7);
  await assertRejects(
    () => deadlines.race(Promise.reject(new RangeError("own")), late),
    RangeError,
    "own",
  );
  deadlines.close();
});

Deno.test("race() ends what takes too long, and only that", async () => {
  const deadlines = createDeadlines(16);
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

Deno.test("close() leaves no timer behind", () => {
  const deadlines = createDeadlines(10_000);
  deadlines.race(new Promise(() => {}), late);
  deadlines.close();
});
