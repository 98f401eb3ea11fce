import { assertEquals, assertThrows } from "@std/assert";
import {
  bytesOf,
  getSafeUint64,
  getUuid,
  giveBack,
  GrowingBytes,
  readName,
  setSafeUint64,
  setUuid,
} from "./bytes.ts";
import { encodeUtf8, utf8Length } from "../../lib/text/utf8.ts";
import { QuipuError } from "../../lib/model/errors.ts";

const NUMBERS = [
  0,
  1,
  255,
  2 ** 31,
  2 ** 32 - 1,
  2 ** 32,
  2 ** 32 + 1,
  2 ** 48 + 12_345,
  2 ** 53 - 1,
  2 ** 53,
];

Deno.test("numbers of 8 bytes are exact up to 2^53, and little-endian", () => {
  const { view } = bytesOf(new Uint8Array(16));
  for (const number of NUMBERS) {
    setSafeUint64(view, 3, number);
    assertEquals(getSafeUint64(view, 3), number);
    assertEquals(view.getBigUint64(3, true), BigInt(number));
  }
});

Deno.test("bytesOf() of a part of an array sees that part only", () => {
  const { view } = bytesOf(new Uint8Array([1, 2, 3, 4]).subarray(1, 3));
  assertEquals([view.byteLength, view.getUint8(0)], [2, 2]);
});

Deno.test("a UUID keeps its digits and comes back in lower case", () => {
  const array = new Uint8Array(20);
  for (
    const uuid of [
      "00000000-0000-0000-0000-000000000000",
      "ffffffff-ffff-ffff-ffff-ffffffffffff",
      "01234567-89ab-4cde-8f01-23456789abcd",
      "FBF4A1A1-B4A3-4DFE-A01F-EC52C34E16E4",
    ]
  ) {
    setUuid(array, 2, uuid);
    assertEquals(getUuid(array, 2), uuid.toLowerCase());
  }
  assertEquals(array[2], 0xfb);
});

const TEXTS = [
  "",
  "a",
  "short and plain",
  "länger als vierundzwanzig Zeichen, und nicht nur ASCII",
  "é".repeat(12),
  "🦐 und € und \u0000",
  "\ufeffmark",
  "\ufeff",
  `\ufeff${"x".repeat(40)}\ufeff`,
  "x".repeat(100_000),
];

Deno.test("UTF-8 of any text comes back, and its length is known", () => {
  for (const text of TEXTS) {
    const bytes = encodeUtf8(text);
    assertEquals(utf8Length(text), bytes.length);
    const array = new Uint8Array(bytes.length + 4);
    array.set(bytes, 2);
    assertEquals(readName(array, 2, 2 + bytes.length), text);
  }
});

Deno.test("a name that is no UTF-8 is damage, short or long", () => {
  for (const length of [1, 10, 30]) {
    const array = new Uint8Array(length).fill(0x61);
    array[0] = 0xff;
    assertThrows(() => readName(array, 0, length), QuipuError);
  }
});

Deno.test("growing bytes keep what was pushed while they grow", () => {
  const bytes = new GrowingBytes(1);
  bytes.pushUint8(7);
  bytes.pushUint32(0xdead_beef);
  bytes.pushUint64(2 ** 40 + 1);
  bytes.pushText("hällo");
  bytes.push(new Uint8Array(1000).fill(9));
  const { array, view } = bytesOf(bytes.bytes());
  assertEquals(array.length, 1 + 4 + 8 + 2 + 6 + 1000);
  assertEquals(view.getUint8(0), 7);
  assertEquals(view.getUint32(1, true), 0xdead_beef);
  assertEquals(getSafeUint64(view, 5), 2 ** 40 + 1);
  assertEquals(view.getUint16(13, true), 6);
  assertEquals(readName(array, 15, 21), "hällo");
  assertEquals(array.subarray(21), new Uint8Array(1000).fill(9));
});

Deno.test("growing bytes give back memory when they are told to", () => {
  const bytes = new GrowingBytes(16);
  bytes.push(new Uint8Array(1000));
  bytes.clear(64);
  assertEquals([bytes.length, bytes.array.length], [0, 64]);
  bytes.pushUint8(1);
  bytes.clear();
  assertEquals([bytes.length, bytes.array.length], [0, 64]);
});

Deno.test("a text too long for its length field is refused", () => {
  const bytes = new GrowingBytes(16);
  bytes.pushText("x".repeat(65_535));
  assertThrows(() => bytes.pushText("x".repeat(65_536)), Error);
});

Deno.test("memory that is given back is gone, with all views of it", () => {
  const array = new Float64Array(1000).fill(7);
  const view = array.subarray(10, 20);
  giveBack(array);
  assertEquals([array.length, view.length, view[0]], [0, 0, undefined]);
});
