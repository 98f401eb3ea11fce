import { assertEquals } from "@std/assert";
import {
  decodeSegmentHeader,
  encodeSegmentHeader,
  parseSegmentFileName,
  SEGMENT_HEADER_BYTES,
  segmentFileName,
  type SegmentHeader,
} from "./segment_header.ts";

const HEADER: SegmentHeader = {
  storeId: "01234567-89ab-4cde-8f01-23456789abcd",
  number: 7,
  generation: 1,
  startPosition: 2 ** 40 + 3,
  previousChecksum: 0xffff_fffe,
  createdAtUs: 1_767_225_600_000_000,
};

Deno.test("a segment header is read as it was written", () => {
  const array = encodeSegmentHeader(HEADER);
  assertEquals(array.length, SEGMENT_HEADER_BYTES);
  assertEquals(decodeSegmentHeader(array), HEADER);
});

Deno.test("every flipped bit of a segment header is noticed", () => {
  for (let bit = 0; bit < SEGMENT_HEADER_BYTES * 8; bit++) {
    const array = encodeSegmentHeader(HEADER);
    const at = bit >>> 3;
    array[at] = (array[at] ?? 0) ^ (1 << (bit & 7));
    const isFormat = at >= 8 && at < 12;
    assertEquals(
      decodeSegmentHeader(array),
      isFormat ? "foreign" : "damaged",
      `bit ${bit}`,
    );
  }
});

Deno.test("a header that is missing, short or blank is damaged", () => {
  assertEquals(decodeSegmentHeader(undefined), "damaged");
  const array = encodeSegmentHeader(HEADER);
  assertEquals(decodeSegmentHeader(array.subarray(0, 63)), "damaged");
  assertEquals(
    decodeSegmentHeader(new Uint8Array(SEGMENT_HEADER_BYTES)),
    "damaged",
  );
});

Deno.test("another program's file is foreign", () => {
  const array = new Uint8Array(SEGMENT_HEADER_BYTES).fill(0x41);
  assertEquals(decodeSegmentHeader(array), "foreign");
});

Deno.test("a file name says number, generation and kind", () => {
  for (const number of [0, 7, 99_999_999, 100_000_000]) {
    for (const extension of ["seg", "idx"] as const) {
      const name = segmentFileName({ number, generation: 12 }, extension);
      assertEquals(parseSegmentFileName(name), {
        number,
        generation: 12,
        extension,
      });
    }
  }
  assertEquals(
    segmentFileName({ number: 3, generation: 1 }, "seg"),
    "00000003.g1.seg",
  );
});

Deno.test("other file names are no segment's", () => {
  for (
    const name of [
      "",
      "3.g1.seg",
      "00000003.seg",
      "00000003.g1.seg.tmp",
      "x00000003.g1.seg",
      "00000003.g1.SEG",
      "00000003.g-1.idx",
      "00000003.g1.idx\n",
    ]
  ) {
    assertEquals(parseSegmentFileName(name), undefined, name);
  }
});
