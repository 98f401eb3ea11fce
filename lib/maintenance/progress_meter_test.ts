import { assertEquals } from "@std/assert";
import { ProgressMeter } from "./progress_meter.ts";

function meterAt(): { meter: ProgressMeter; at(ms: number): void } {
  let nowMs = 0;
  const meter = new ProgressMeter(() => nowMs);
  return { meter, at: (ms) => nowMs = ms };
}

function progressOf(done: number, phase = "one") {
  return { phase, done, total: 1000, unit: "bytes" } as const;
}

Deno.test("a meter tells rate and time left once it has seen enough", () => {
  const { meter, at } = meterAt();
  assertEquals(meter.measure(), undefined);
  meter.take(progressOf(0));
  assertEquals(meter.measure()?.ratePerSecond, undefined);
  at(1000);
  meter.take(progressOf(100));
  assertEquals(meter.measure(), {
    ...progressOf(100),
    ratePerSecond: 100,
    leftMs: 9000,
  });
});

Deno.test("a meter's rate is that of the last seconds, and of one phase", () => {
  const { meter, at } = meterAt();
  for (let second = 0; second <= 30; second++) {
    at(second * 1000);
    // Slow for ten seconds, then fast.
    meter.take(progressOf(second <= 10 ? second : 10 + (second - 10) * 20));
  }
  assertEquals(meter.measure()?.ratePerSecond, 20);
  meter.take(progressOf(0, "two"));
  assertEquals(meter.measure()?.ratePerSecond, undefined);
  assertEquals(meter.measure()?.leftMs, undefined);
});

Deno.test("a job that stands still has no time left that could be told", () => {
  const { meter, at } = meterAt();
  meter.take(progressOf(5));
  at(5000);
  meter.take(progressOf(5));
  assertEquals(meter.measure()?.ratePerSecond, 0);
  assertEquals(meter.measure()?.leftMs, undefined);
});
