import { assert, assertEquals, assertLess } from "@std/assert";
import { createRandom } from "../../tests/support/random.ts";
import { GrowingBytes } from "../log/bytes.ts";
import { encodeUtf8 } from "../../lib/text/utf8.ts";
import {
  addToFilter,
  decodeFooter,
  decodeSlice,
  encodeFooter,
  encodeSlice,
  filterBytesFor,
  filterMayHave,
  type IndexFooter,
  isLikelyTooFar,
  type Slice,
  SLICE_FIXED_BYTES,
  SLICE_PREFIX_BYTES,
} from "./index_file.ts";
import { NO_SEGMENT } from "./list_directory.ts";

const SLICE: Omit<Slice, "entriesOffset" | "storedCount"> = {
  kind: 3,
  flags: 1,
  name: encodeUtf8("räksmörgås-🦐"),
  firstOrdinal: 2 ** 40 + 1,
  count: 123_456,
  depth: 77,
  previous: { segment: 9, offset: 4_000_000_000, depth: 76 },
  jump: { segment: 5, offset: 17, depth: 63 },
  jumpJump: { segment: NO_SEGMENT, offset: 0, depth: 0 },
};

for (const name of ["", "cart-1", "räksmörgås-🦐", "n".repeat(4096)]) {
  Deno.test(`a slice is read as it was written: a name of ${name.length}`, () => {
    const slice = { ...SLICE, name: encodeUtf8(name) };
    const out = new GrowingBytes(8);
    out.pushUint32(0);
    encodeSlice(out, slice);
    const bytes = out.bytes();
    const decoded = decodeSlice(
      4,
      (offset, length) => bytes.subarray(offset, offset + length),
    );
    assertEquals(decoded, {
      ...slice,
      storedCount: slice.count,
      entriesOffset: bytes.length,
    });
    assertEquals(
      bytes.length,
      4 + SLICE_PREFIX_BYTES + slice.name.length + SLICE_FIXED_BYTES,
    );
  });
}

const FOOTER: IndexFooter = {
  storeId: "01234567-89ab-4cde-8f01-23456789abcd",
  segmentNumber: 12,
  generation: 3,
  isScavenged: false,
  startPosition: 2 ** 45,
  endPosition: 2 ** 45 + 1000,
  checksum: 0xffff_ffff,
  recordCount: 1,
  sliceCount: 2,
  directoryOffset: 3,
  idsOffset: 4,
  filterOffset: 5,
  filterBytes: 6,
  samplesOffset: 7,
  sampleCount: 8,
};

Deno.test("a footer is read as it was written; anything else is none", () => {
  const array = encodeFooter(FOOTER);
  assertEquals(decodeFooter(array), FOOTER);
  assertEquals(decodeFooter(new Uint8Array(array.length)), undefined);
  const isScavenged = true;
  const scavenged = encodeFooter({ ...FOOTER, isScavenged });
  assertEquals(decodeFooter(scavenged), { ...FOOTER, isScavenged });
  array[8] = 3;
  assertEquals(decodeFooter(array), undefined);
});

Deno.test("the filter never says no wrongly, and yes wrongly in about 1 %", () => {
  const random = createRandom(6);
  for (const count of [1, 2, 7, 100, 20_000]) {
    const filter = new Uint8Array(filterBytesFor(count));
    const hashes = new Set<number>();
    while (hashes.size < count) hashes.add(random.integer(0, 2 ** 32 - 1));
    for (const hash of hashes) addToFilter(filter, hash);
    for (const hash of hashes) assert(filterMayHave(filter, hash), `${hash}`);
    let wrong = 0;
    for (let probe = 0; probe < 10_000; probe++) {
      const hash = random.integer(0, 2 ** 32 - 1);
      if (!hashes.has(hash) && filterMayHave(filter, hash)) wrong++;
    }
    assertLess(wrong, 300, `${count} ids`);
  }
});

Deno.test("the filter holds the extreme hashes", () => {
  const filter = new Uint8Array(filterBytesFor(4));
  for (const hash of [0, 1, 2 ** 31, 2 ** 32 - 1]) addToFilter(filter, hash);
  for (const hash of [0, 1, 2 ** 31, 2 ** 32 - 1]) {
    assert(filterMayHave(filter, hash));
  }
});

Deno.test("a jump is likely too far if an even list has the ordinal behind it", () => {
  const at = (depth: number) => ({ segment: depth, offset: 0, depth });
  // Ten entries in each of 20 slices; the 20th jumps to the eighth.
  const slice: Slice = {
    ...SLICE,
    firstOrdinal: 190,
    depth: 19,
    previous: at(18),
    jump: at(7),
    storedCount: 10,
    entriesOffset: 0,
  };
  assert(!isLikelyTooFar(slice, 0));
  assert(!isLikelyTooFar(slice, 79));
  assert(isLikelyTooFar(slice, 80));
  assert(isLikelyTooFar(slice, 189));
  // Where a jump leads no further than a step there is nothing to guess.
  assert(!isLikelyTooFar({ ...slice, jump: at(18) }, 189));
});
