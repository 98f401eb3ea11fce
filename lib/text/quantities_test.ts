import { assertEquals } from "@std/assert";
import { showBytes, showCount, showDuration } from "./quantities.ts";

Deno.test("quantities are shown rounded, with their unit", () => {
  assertEquals([0, 1023, 1024, 1536, 200 * 2 ** 20, 2 ** 41].map(showBytes), [
    "0 B",
    "1023 B",
    "1.0 KiB",
    "1.5 KiB",
    "200 MiB",
    "2.0 TiB",
  ]);
  assertEquals([0, 999.6, 1234567].map((count) => showCount(count)), [
    "0",
    "1,000",
    "1,234,567",
  ]);
  assertEquals([0, 1, 2, 1000].map((count) => showCount(count, "event")), [
    "0 events",
    "1 event",
    "2 events",
    "1,000 events",
  ]);
  assertEquals(
    [0, 840, 10_400, 80_000, 3_599_000, 7_500_000].map(showDuration),
    [
      "0.0 s",
      "0.8 s",
      "10 s",
      "1 min 20 s",
      "59 min 59 s",
      "2 h 5 min",
    ],
  );
});
