import { assertEquals } from "@std/assert";
import { SegmentPins } from "./segment_pins.ts";

Deno.test("a file that nobody pinned is free at once", () => {
  const pins = new SegmentPins();
  const freed: string[] = [];
  pins.whenFree("a", () => freed.push("a"));
  assertEquals(freed, ["a"]);
});

Deno.test("a file is free once the last who pinned it let it go", () => {
  const pins = new SegmentPins();
  const freed: string[] = [];
  const first = pins.pin(["a", "b"]);
  const second = pins.pin(["a"]);
  pins.whenFree("a", () => freed.push("a"));
  pins.whenFree("b", () => freed.push("b"));
  first("b");
  assertEquals(freed, ["b"]);
  first();
  first();
  assertEquals([pins.isPinned("a"), freed], [true, ["b"]]);
  second("a");
  assertEquals([pins.isPinned("a"), freed], [false, ["b", "a"]]);
});
