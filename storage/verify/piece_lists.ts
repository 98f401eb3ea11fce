/**
 * The lists that have entries in one piece of the log: which number each goes
 * on with there, and how far it gets. As `ListHeads`, by hashes and without
 * names; a typed array, which goes from thread to thread as it is. `piece.wat`
 * makes it.
 *
 * Lists stand in the order of their keys, as they do in `ListHeads`: to go
 * through this table is to go through that one, from its start to its end.
 *
 * @module
 */

/**
 * Numbers of a slot: low and high half of the key, the low half of the next
 * ordinal; then 5 bits of its high half, a bit for a stream, and 26 bits of how
 * many ordinals there are in the piece.
 */
export const PIECE_SLOT_BITS = 2;
export const KEY_HIGH = 1;
export const NEXT_LOW = 2;
export const PACKED = 3;
export const COUNT_MASK = 0x03ff_ffff;
export const STREAM_BIT = 0x0400_0000;
const NEXT_HIGH_SHIFT = 27;
const TWO_32 = 2 ** 32;

const LOAD_MAX = 0.7;
const TABLE_BITS_MIN = 10;

/** Bits of the number of slots that so many lists need, or 0 of them. */
export function tableBitsFor(listCount: number): number {
  let bits = TABLE_BITS_MIN;
  while (LOAD_MAX * (1 << bits) < listCount) bits++;
  return bits;
}

/** Ordinal after a list's last one in the piece. */
export function nextAt(words: Int32Array, slot: number): number {
  return ((words[slot + NEXT_LOW] ?? 0) >>> 0) +
    ((words[slot + PACKED] ?? 0) >>> NEXT_HIGH_SHIFT) * TWO_32;
}
