import { assertEquals, assertNotEquals } from "@std/assert";
import { sipHash128 } from "./siphash.ts";

const KEY = new Uint32Array([0x03020100, 0x07060504, 0x0b0a0908, 0x0f0e0d0c]);

function digestOf(text: string): string {
  const digest = new Uint32Array(4);
  sipHash128(text, { key: KEY, digest });
  return new Uint8Array(digest.buffer).toHex();
}

/** The text whose units are the bytes 0, 1, 2, … of the published vectors. */
function vectorText(byteCount: number): string {
  let text = "";
  for (let at = 0; at < byteCount; at += 2) {
    text += String.fromCharCode(at | (at + 1) << 8);
  }
  return text;
}

Deno.test("sipHash128() gives the published digests", () => {
  // vectors_sip128 of the authors' reference implementation, even lengths.
  const published: readonly [number, string][] = [
    [0, "a3817f04ba25a8e66df67214c7550293"],
    [2, "8177228da4a45dc7fca38bdef60affe4"],
    [4, "f88164c12d9c8faf7d0f6e7c7bcd5579"],
    [6, "14eeca338b208613485ea0308fd7a15e"],
    [8, "3b62a9ba6258f5610f83e264f31497b4"],
    [10, "00110dc378146956c95447d3f3d0fbba"],
    [14, "31fcefac66d7de9c7ec7485fe4494902"],
    [30, "ea5c7f471faf6bde2b1ad7d4686d2287"],
    [62, "5853542321f567a005d547a4f04759bd"],
  ];
  for (const [byteCount, digest] of published) {
    assertEquals(digestOf(vectorText(byteCount)), digest, `${byteCount} bytes`);
  }
});

Deno.test("sipHash128() tells texts apart that differ in length or key", () => {
  assertNotEquals(digestOf("a"), digestOf("a\0"));
  assertNotEquals(digestOf(""), digestOf("\0\0\0\0"));
  const digest = new Uint32Array(4);
  sipHash128("a", { key: new Uint32Array([1, 2, 3, 4]), digest });
  assertNotEquals(new Uint8Array(digest.buffer).toHex(), digestOf("a"));
});
