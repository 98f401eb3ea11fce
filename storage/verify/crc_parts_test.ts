import { assertEquals } from "@std/assert";
import { crc32 } from "node:zlib";
import { createRandom } from "../../tests/support/random.ts";
import { CRC_SHIFT_BYTES_MAX, crcAfter, crcAfterWord } from "./crc_parts.ts";

Deno.test("the CRC of two parts is that of their bytes, whatever the lengths", () => {
  const random = createRandom(7);
  const bytes = new Uint8Array(CRC_SHIFT_BYTES_MAX + 100);
  for (let at = 0; at < bytes.length; at++) bytes[at] = random.integer(0, 255);
  const lengths = [0, 1, 4, 63, 64, 65, 4095, 4096, 4097, CRC_SHIFT_BYTES_MAX];
  for (let round = 0; round < 200; round++) {
    lengths.push(random.integer(0, CRC_SHIFT_BYTES_MAX));
  }
  for (const length of lengths) {
    const middle = random.integer(0, 100);
    const end = middle + length;
    const crc = crcAfter(
      crc32(bytes.subarray(0, middle)),
      crc32(bytes.subarray(middle, end)),
      length,
    );
    assertEquals(crc >>> 0, crc32(bytes.subarray(0, end)), `${length} bytes`);
  }
});

Deno.test("the CRC of bytes and a number after them is that of all", () => {
  const random = createRandom(8);
  const bytes = new Uint8Array(64);
  const view = new DataView(bytes.buffer);
  for (let round = 0; round < 100; round++) {
    for (let at = 0; at < 64; at++) bytes[at] = random.integer(0, 255);
    const at = random.integer(0, 60);
    const crc = crcAfterWord(
      crc32(bytes.subarray(0, at)),
      view.getUint32(at, true),
    );
    assertEquals(crc >>> 0, crc32(bytes.subarray(0, at + 4)));
  }
});
