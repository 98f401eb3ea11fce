import { assertEquals } from "@std/assert";
import { LongEvents } from "./live_feeds.ts";

Deno.test("long pieces share a bound, and those without room wait", () => {
  const pieces = new LongEvents(100);
  const [first, second, third] = [60, 60, 300].map((length) =>
    new Uint8Array(length)
  ) as [Uint8Array, Uint8Array, Uint8Array];
  let retryCount = 0;
  const retry = () => retryCount++;
  assertEquals(pieces.tryHold(first), true);
  // The same bytes for another client cost nothing.
  assertEquals(pieces.tryHold(first), true);
  assertEquals(pieces.tryHold(second), false);
  pieces.waitForRoom(retry);
  pieces.waitForRoom(() => retry())();
  pieces.letGo(first);
  assertEquals([retryCount, pieces.tryHold(second)], [0, false]);
  pieces.letGo(first);
  // One has given up waiting, and nobody is told twice.
  assertEquals([retryCount, pieces.tryHold(second)], [1, true]);
  assertEquals(pieces.tryHold(third), false);
  pieces.letGo(second);
  pieces.letGo(second);
  // Longer than all there is, but alone.
  assertEquals([retryCount, pieces.tryHold(third)], [1, true]);
  assertEquals(pieces.tryHold(first), false);
  pieces.letGo(third);
});
