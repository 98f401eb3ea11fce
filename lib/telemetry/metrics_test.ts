import { assertEquals } from "@std/assert";
import { type LogFields, SILENT_LOGGER } from "../model/logger.ts";
import { Histogram } from "./histogram.ts";
import { encodeMetrics, gauge, labelsText } from "./metric.ts";
import { RequestMetrics } from "./request_metrics.ts";
import { SlowWarnings } from "./slow_warnings.ts";
import { StoreMetrics } from "./store_metrics.ts";

Deno.test("a histogram counts what lies at a bound or below it", () => {
  const histogram = new Histogram([1, 10]);
  for (const value of [0, 1, 1.5, 10, 11, 1000]) histogram.note(value);
  const { max, last, mean, count } = histogram;
  assertEquals({ max, last, mean, count }, {
    max: 1000,
    last: 1000,
    mean: 1023.5 / 6,
    count: 6,
  });
  assertEquals(
    encodeMetrics([histogram.family("quipu_size_bytes", "Size.")]),
    "# HELP quipu_size_bytes Size.\n" +
      "# TYPE quipu_size_bytes histogram\n" +
      'quipu_size_bytes_bucket{le="1"} 2\n' +
      'quipu_size_bytes_bucket{le="10"} 4\n' +
      'quipu_size_bytes_bucket{le="+Inf"} 6\n' +
      "quipu_size_bytes_sum 1023.5\n" +
      "quipu_size_bytes_count 6\n",
  );
  assertEquals(new Histogram([1]).mean, 0);
});

Deno.test("texts in metrics cannot begin another line or label", () => {
  assertEquals(
    labelsText({ version: 'a"b\\c\nd', other: "e" }),
    '{version="a\\"b\\\\c\\nd",other="e"}',
  );
  const family = gauge("quipu_x", "One\\two\nthree.", Infinity);
  assertEquals(
    encodeMetrics([family, { ...family, samples: [] }]),
    "# HELP quipu_x One\\\\two\\nthree.\n# TYPE quipu_x gauge\nquipu_x +Inf\n",
  );
});

Deno.test("requests are told apart by their route's identity", () => {
  const [one, two] = [
    { method: "GET", template: "/a/{b}" },
    { method: "GET", template: "/c" },
  ];
  const metrics = new RequestMetrics([one, two]);
  metrics.note(one, 200, 3);
  metrics.note(one, 200, 4);
  metrics.note(one, 599, 5);
  metrics.note(undefined, 404, 1);
  const [counts] = metrics.families();
  assertEquals(counts?.samples.map(({ labels, value }) => labels + value), [
    '{method="GET",route="/a/{b}",status="200"}2',
    '{method="GET",route="/a/{b}",status="599"}1',
    '{method="",route="none",status="404"}1',
  ]);
  assertEquals([metrics.total, Math.round(metrics.totalMs)], [4, 13]);
});

Deno.test("what is slow is warned of once in five seconds, with what was left out", () => {
  const lines: LogFields[] = [];
  const logger = {
    ...SILENT_LOGGER,
    warn: (event: string, fields?: LogFields) =>
      lines.push({ event, ...fields }),
  };
  const slow = new SlowWarnings({ logger, event: "x.slow", thresholdMs: 100 });
  for (
    const [durationMs, nowMs] of [[99, 0], [100, 1], [500, 2], [600, 5000]]
  ) {
    slow.note(durationMs ?? 0, nowMs ?? 0, () => ({ at: nowMs }));
  }
  slow.note(700.4, 5001, () => ({ at: 5001 }));
  assertEquals(lines, [
    { event: "x.slow", durationMs: 100, at: 1, leftOut: undefined },
    { event: "x.slow", durationMs: 700, at: 5001, leftOut: 2 },
  ]);
  const never = new SlowWarnings({ logger, event: "y", thresholdMs: 0 });
  never.note(1e9, 1e6, () => ({}));
  assertEquals(lines.length, 2);
});

Deno.test("a slow sync is warned of with the size of what was synced", () => {
  const lines: LogFields[] = [];
  const logger = {
    ...SILENT_LOGGER,
    warn: (_event: string, fields?: LogFields) => lines.push(fields ?? {}),
  };
  const slow = new SlowWarnings({ logger, event: "s", thresholdMs: 50 });
  const metrics = new StoreMetrics(slow);
  metrics.groupEncoded(2, 3, 400);
  metrics.synced(49);
  metrics.synced(51);
  assertEquals(lines, [{
    durationMs: 51,
    step: "sync",
    sizeBytes: 400,
    leftOut: undefined,
  }]);
  assertEquals(metrics.groupEvents.sum, 3);
});
