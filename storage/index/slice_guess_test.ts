import { assertEquals } from "@std/assert";
import type { Slice, SlicePointer } from "./index_file.ts";
import { NO_SEGMENT } from "./list_directory.ts";
import { guessBack } from "./slice_guess.ts";

/** The newest of seven slices, with ten entries in each before it. */
const SEVENTH: Slice = {
  kind: 0,
  flags: 0,
  name: new Uint8Array(0),
  firstOrdinal: 60,
  count: 10,
  storedCount: 10,
  depth: 6,
  previous: pointerTo(5),
  jump: pointerTo(3),
  jumpJump: pointerTo(0),
  entriesOffset: 0,
};

Deno.test("guesses the slice before when the jump would go too far", () => {
  assertEquals(guessBack(SEVENTH, 59), SEVENTH.previous);
  assertEquals(guessBack(SEVENTH, 40), SEVENTH.previous);
});

Deno.test("leaves what the jump leads to, to the jump", () => {
  assertEquals(guessBack(SEVENTH, 39), undefined);
  assertEquals(guessBack(SEVENTH, 10), undefined);
});

Deno.test("guesses two jumps at once for the oldest entries", () => {
  assertEquals(guessBack(SEVENTH, 9), SEVENTH.jumpJump);
  assertEquals(guessBack(SEVENTH, 0), SEVENTH.jumpJump);
  const none = { ...SEVENTH, jumpJump: pointerTo(0, NO_SEGMENT) };
  assertEquals(guessBack(none, 0), undefined);
});

function pointerTo(depth: number, segment = depth): SlicePointer {
  return { segment, offset: 0, depth };
}
