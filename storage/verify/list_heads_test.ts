import { assertEquals } from "@std/assert";
import { createRandom } from "../../tests/support/random.ts";
import { ListHeads } from "./list_heads.ts";
import { tableBitsFor } from "./piece_lists.ts";
import {
  listsOf,
  type PieceProgram,
  startPieceProgram,
} from "./piece_program.ts";

const STREAM = 0;
const CATEGORY = 1;
const TWO_32 = 2 ** 32;

/** Hashes of a list that is known by a number. */
function hashesOf(list: number): { high: number; low: number } {
  return {
    high: Math.imul(list + 1, 0x85eb_ca6b),
    low: Math.imul(list + 7, 0x9e37_79b1),
  };
}

function enter(
  lists: PieceProgram,
  list: number,
  ordinal: number,
  kind = CATEGORY,
): boolean {
  const { high, low } = hashesOf(list);
  const ordinalHigh = Math.floor(ordinal / TWO_32);
  return lists.enter(kind, high, low, ordinal % TWO_32, ordinalHigh, 0) === 1;
}

function newPiece(maySkip = false): PieceProgram {
  const piece = startPieceProgram();
  piece.begin(maySkip ? 1 : 0, 0, 0, tableBitsFor(1));
  return piece;
}

function nextOf(heads: ListHeads, list: number, kind = CATEGORY): number {
  const { high, low } = hashesOf(list);
  return heads.nextAt(heads.slotOf(kind, high, low));
}

function merge(
  heads: ListHeads,
  piece: PieceProgram,
  isLenient = false,
): Promise<boolean> {
  const pause = () => undefined;
  const listCount = piece.listCount.value;
  return heads.merge(listsOf(piece), { listCount, isLenient, pause });
}

Deno.test("pieces one after the other come to what all entries come to", async () => {
  const random = createRandom(12);
  const heads = new ListHeads();
  const expected = new Map<number, number>();
  for (let round = 0; round < 8; round++) {
    const piece = newPiece();
    for (let count = 0; count < 20_000; count++) {
      const list = random.integer(0, 30_000);
      const next = expected.get(list) ?? 0;
      assertEquals(enter(piece, list, next), true);
      expected.set(list, next + 1);
    }
    assertEquals(await merge(heads, piece), true);
  }
  assertEquals(heads.size, expected.size);
  assertEquals(heads.countUsed(), expected.size);
  for (const [list, next] of expected) assertEquals(nextOf(heads, list), next);
});

Deno.test("a piece that does not follow leaves everything as it was", async () => {
  const heads = new ListHeads();
  const first = newPiece();
  for (let list = 0; list < 5_000; list++) enter(first, list, 0);
  assertEquals(await merge(heads, first), true);
  for (const wrong of [0, 2_500, 4_999, 5_000]) {
    const piece = newPiece();
    for (let list = 0; list <= 5_000; list++) {
      const isNew = list === 5_000;
      enter(piece, list, (isNew ? 0 : 1) + (list === wrong ? 1 : 0));
    }
    assertEquals(await merge(heads, piece), false);
    for (let list = 0; list < 5_000; list++) {
      assertEquals(nextOf(heads, list), 1);
    }
    assertEquals(heads.countUsed(), 5_000);
  }
});

Deno.test("ordinals before the next one are never taken, later ones where some may be gone", async () => {
  for (
    const [ordinal, isStrict, isLenient] of [
      [4, false, false],
      [5, true, true],
      [6, false, true],
    ] as const
  ) {
    const within = newPiece();
    for (let before = 0; before < 5; before++) enter(within, 1, before);
    assertEquals(enter(within, 1, ordinal), isStrict);
    const sparse = newPiece(true);
    for (let before = 0; before < 5; before++) enter(sparse, 1, before);
    assertEquals(enter(sparse, 1, ordinal), isLenient);
    for (const lenient of [false, true]) {
      const heads = new ListHeads();
      heads.setNext(heads.slotOf(CATEGORY, ...pairOf(1)), 5);
      const piece = newPiece();
      enter(piece, 1, ordinal);
      const isTaken = await merge(heads, piece, lenient);
      assertEquals(isTaken, lenient ? isLenient : isStrict);
    }
  }
});

function pairOf(list: number): [number, number] {
  const { high, low } = hashesOf(list);
  return [high, low];
}

Deno.test("a stream may begin later than with 0, no other list may", async () => {
  for (const kind of [STREAM, CATEGORY]) {
    const heads = new ListHeads();
    const piece = newPiece();
    enter(piece, 3, 17, kind);
    enter(piece, 3, 18, kind);
    assertEquals(await merge(heads, piece), kind === STREAM);
    assertEquals(nextOf(heads, 3, kind), kind === STREAM ? 19 : 0);
  }
});

Deno.test("ordinals have more than 32 bits", async () => {
  const heads = new ListHeads();
  const first = TWO_32 - 2;
  heads.setNext(heads.slotOf(CATEGORY, ...pairOf(9)), first);
  const piece = newPiece();
  for (let count = 0; count < 5; count++) {
    assertEquals(enter(piece, 9, first + count), true);
  }
  assertEquals(enter(piece, 9, first), false);
  assertEquals(await merge(heads, piece), true);
  assertEquals(nextOf(heads, 9), TWO_32 + 3);
  assertEquals(enter(newPiece(), 9, 2 ** 40), false);
});
