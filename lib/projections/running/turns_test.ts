import { assertEquals } from "@std/assert";
import {
  createManualTimers,
  type ManualTimers,
} from "../../../tests/support/manual_timers.ts";
import { Turns, type TurnTaker } from "./turns.ts";

/** Turns, of which each taker says by its name that it has one. */
function createTurns(
  timers: ManualTimers,
  { atOnce = 1, writtenCount = () => 0 }: {
    readonly atOnce?: number;
    readonly writtenCount?: () => number;
  } = {},
) {
  const turns = new Turns({ timers, atOnce, writtenCount });
  const began: string[] = [];
  const take = (name: string, taker: TurnTaker = turns.join()) => {
    void taker.take().then(() => began.push(name));
    return taker;
  };
  return { turns, began, take };
}

Deno.test("Turns lets as many work at once as it may, in the order in which they came", async () => {
  const timers = createManualTimers();
  const { began, take } = createTurns(timers, { atOnce: 2 });
  const [a, b] = [take("a"), take("b"), take("c"), take("d")];
  await timers.pass(0);
  assertEquals(began, ["a", "b"]);
  b?.give();
  await timers.pass(0);
  assertEquals(began, ["a", "b", "c"]);
  // Whoever goes on working queues up again.
  if (a !== undefined) take("a again", a);
  await timers.pass(0);
  assertEquals(began, ["a", "b", "c", "d"]);
});

Deno.test("Turns goes on with the others when a turn takes too long", async () => {
  const timers = createManualTimers();
  const { began, take } = createTurns(timers);
  const slow = take("slow");
  take("a");
  await timers.pass(49);
  assertEquals(began, ["slow"]);
  await timers.pass(1);
  assertEquals(began, ["slow", "a"]);
  // Its end gives nobody a turn any more.
  take("b");
  slow.give();
  await timers.pass(0);
  assertEquals(began, ["slow", "a"]);
});

Deno.test("TurnTaker that has left neither waits nor holds up others", async () => {
  const timers = createManualTimers();
  const { began, take } = createTurns(timers);
  const a = take("a");
  const b = take("b");
  take("c");
  b.leave();
  await timers.pass(0);
  assertEquals(began, ["a", "b"]);
  a.leave();
  await timers.pass(0);
  assertEquals(began, ["a", "b", "c"]);
});

/** Milliseconds from the end of a turn of 30 until the next one begins. */
async function restAfter(
  { others, own }: { readonly others: number; readonly own: number },
): Promise<number> {
  const timers = createManualTimers();
  let written = 0;
  const { turns, began, take } = createTurns(timers, {
    writtenCount: () => written,
  });
  await timers.pass(30);
  const first = take("first");
  written += others + own;
  turns.wrote(own);
  await timers.pass(30);
  first.give();
  const endMs = timers.nowMs();
  take("next");
  await timers.pass(0);
  while (began.length < 2 && timers.nowMs() < 10_000) await timers.pass(1);
  return timers.nowMs() - endMs;
}

Deno.test("Turns are followed by rests while others write, the longer the more they do", async () => {
  // 300 events of 0.2 ms fill the 60 ms that have passed.
  assertEquals(await restAfter({ others: 300, own: 0 }), 8 * 30);
  assertEquals(await restAfter({ others: 75, own: 0 }), 2 * 30);
  assertEquals(await restAfter({ others: 3000, own: 0 }), 8 * 30);
  assertEquals(await restAfter({ others: 0, own: 0 }), 0);
});

Deno.test("Turns does not rest for what runs write themselves", async () => {
  assertEquals(await restAfter({ others: 0, own: 300 }), 0);
  assertEquals(await restAfter({ others: 75, own: 3000 }), 2 * 30);
});

Deno.test("Turns puts rests together that are shorter than 5 ms", async () => {
  assertEquals(await restAfter({ others: 5, own: 0 }), 0);
});
