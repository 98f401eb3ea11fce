/**
 * Guesses at which slice of a list an ordinal is, from where the list's slices
 * point at.
 *
 * @module
 */

import type { Slice, SlicePointer } from "./index_file.ts";
import { NO_SEGMENT } from "./list_directory.ts";

/**
 * Steps back that may be guessed in one search. A wrong guess costs a read, and
 * many short ones would make a search as long as the list has slices.
 */
export const GUESSES_MAX = 4;

/**
 * A slice that seems to be a better next step back than the jump: reading a
 * slice only to learn that it is too far back costs as much as any step. Most
 * lists grow evenly, so ordinals tell about how deep they are.
 *
 * @returns Undefined when the jump seems right.
 */
export function guessBack(
  slice: Slice,
  ordinal: number,
): SlicePointer | undefined {
  const { firstOrdinal, depth, previous, jump, jumpJump } = slice;
  const wanted = Math.floor(ordinal * depth / firstOrdinal);
  if (jumpJump.segment !== NO_SEGMENT && wanted <= jumpJump.depth) {
    return jumpJump;
  }
  return wanted > jump.depth ? previous : undefined;
}
