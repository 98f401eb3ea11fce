import { assert, assertEquals } from "@std/assert";
import { LatencyHistogram } from "./histogram.ts";

Deno.test("LatencyHistogram is exact below 128 µs", () => {
  const histogram = new LatencyHistogram();
  for (let us = 1; us <= 100; us++) histogram.record(us);
  const summary = histogram.summary();
  assertEquals(summary.count, 100);
  assertEquals(summary.p50Us, 50);
  assertEquals(summary.p99Us, 99);
  assertEquals(summary.maxUs, 100);
  assertEquals(summary.meanUs, 50.5);
});

Deno.test("LatencyHistogram is at most 1.6 % off for longer latencies", () => {
  for (const us of [128, 129, 255, 256, 999, 12_345, 1_000_003, 130_000_000]) {
    const histogram = new LatencyHistogram();
    histogram.record(us);
    // A second, longer one, so that the maximum does not hide the bucket.
    histogram.record(134_000_000);
    const found = histogram.quantile(0.5);
    assert(Math.abs(found - us) / us < 0.016, `${us} reads as ${found}`);
  }
});

Deno.test("LatencyHistogram counts what is out of range at its edges", () => {
  const histogram = new LatencyHistogram();
  histogram.record(-5);
  histogram.record(1e12);
  assertEquals(histogram.quantile(0.5), 0);
  assertEquals(histogram.summary().maxUs, 2 ** 27 - 1);
});

Deno.test("LatencyHistogram without records answers zeros", () => {
  assertEquals(new LatencyHistogram().summary(), {
    count: 0,
    meanUs: 0,
    p50Us: 0,
    p99Us: 0,
    p999Us: 0,
    maxUs: 0,
  });
});
