import { assertEquals } from "@std/assert";
import {
  type CommitRecord,
  decodeCommitRecord,
  encodeCommitRecord,
} from "./catalog.ts";

const RECORD: CommitRecord = {
  storeId: "01234567-89ab-4cde-8f01-23456789abcd",
  end: 2 ** 52 + 1,
  checksum: 0xffff_ffff,
  epoch: 7,
  lastCreatedAtUs: 1_767_225_600_000_000,
};

Deno.test("a commit record is read as it was written", () => {
  for (const end of [0, 1, 2 ** 32, 2 ** 53 - 1]) {
    const record = { ...RECORD, end };
    assertEquals(decodeCommitRecord(encodeCommitRecord(record)), record);
  }
});

Deno.test("every flipped bit of a commit record is noticed", () => {
  const array = encodeCommitRecord(RECORD);
  for (let bit = 0; bit < array.length * 8; bit++) {
    const damaged = array.slice();
    damaged[bit >>> 3] = (damaged[bit >>> 3] ?? 0) ^ (1 << (bit & 7));
    assertEquals(decodeCommitRecord(damaged), undefined, `bit ${bit}`);
  }
});

Deno.test("what is no commit record is none", () => {
  const array = encodeCommitRecord(RECORD);
  for (
    const value of [
      undefined,
      null,
      "",
      5n,
      [...array],
      array.subarray(1),
      new Uint8Array(49),
      new Uint8Array(48),
    ]
  ) assertEquals(decodeCommitRecord(value), undefined);
});
