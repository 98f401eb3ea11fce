import { assertEquals } from "@std/assert";
import { withSeed } from "../../tests/support/random.ts";
import { isWithin, Progress } from "./progress.ts";

const NOTHING = { donePlace: -1, doneRanges: [] };

Deno.test("progress stays below the first message that is not done", () => {
  const progress = new Progress(NOTHING);
  for (const place of [0, 1, 2, 5, 6]) progress.begin(place);
  const seen = [progress.value];
  for (const place of [1, 5, 0, 2, 6]) {
    progress.finish(place);
    seen.push(progress.value);
  }
  assertEquals(seen, [-1, -1, -1, 1, 5, 6]);
});

Deno.test("progress without anything outstanding is where the source was looked through to", () => {
  const progress = new Progress({ donePlace: 4, doneRanges: [] });
  progress.pass(9);
  assertEquals(progress.value, 9);
  progress.begin(12);
  progress.pass(20);
  assertEquals(progress.value, 11);
  progress.finish(12);
  assertEquals(progress.value, 20);
});

Deno.test("finishing twice, or what was never begun, changes nothing", () => {
  const progress = new Progress(NOTHING);
  progress.begin(0);
  const answers = [progress.finish(7), progress.finish(0), progress.finish(0)];
  assertEquals([answers, progress.value], [[false, true, false], 0]);
});

Deno.test("runs of done messages are what a list of them would say", () =>
  withSeed((random) => {
    const progress = new Progress(NOTHING);
    const open: number[] = [];
    const done = new Set<number>();
    let place = -1;
    for (let step = 0; step < 3000; step++) {
      if (open.length === 0 || random.chance(0.5)) {
        place += random.integer(1, 3);
        progress.begin(place);
        open.push(place);
      } else {
        const index = random.integer(0, Math.min(open.length - 1, 9));
        const [finished = 0] = open.splice(index, 1);
        progress.finish(finished);
        done.add(finished);
      }
      const lowest = open[0];
      const value = lowest === undefined ? place : lowest - 1;
      assertEquals(progress.value, value);
      assertEquals(progress.outstandingCount, open.length);
      const { doneRanges } = progress.done;
      assertEquals(doneRanges.length <= open.length, true);
      if (step % 50 > 0) continue;
      for (const other of done) {
        assertEquals(isWithin(doneRanges, other), other > value);
      }
      for (const other of open) {
        assertEquals(isWithin(doneRanges, other), false);
      }
      const settled = [...done].filter((other) => other <= value);
      assertEquals(progress.settledCount, settled.length);
    }
  }));

Deno.test("what was done before the start stays done until it is read again", () => {
  const before = { donePlace: 1, doneRanges: [[3, 5], [8, 9]] } as const;
  const progress = new Progress(before);
  assertEquals([2, 3, 5, 6, 9].map((place) => progress.wasDone(place)), [
    false,
    true,
    true,
    false,
    true,
  ]);
  assertEquals(progress.done, before);
  for (const place of [2, 3, 4]) progress.begin(place);
  for (const place of [3, 4]) progress.finish(place);
  assertEquals(progress.done, {
    donePlace: 1,
    doneRanges: [[3, 4], [5, 5], [8, 9]],
  });
});
