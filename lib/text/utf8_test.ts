import { assertEquals, assertThrows } from "@std/assert";
import {
  decodeJsonText,
  decodeUtf8,
  decodeUtf8IfValid,
  decodeUtf8Leniently,
  encodeUtf8,
  encodeUtf8Into,
  withoutMark,
} from "./utf8.ts";

const MARK = "\ufeff";

Deno.test("every character comes back, wherever it stands", () => {
  for (let code = 0; code <= 0x10ffff; code++) {
    if (code >= 0xd800 && code <= 0xdfff) continue;
    const character = String.fromCodePoint(code);
    const text = `${character}a${character}b${character}`;
    if (decodeUtf8(encodeUtf8(text)) !== text) {
      throw new Error(`U+${code.toString(16)} does not come back`);
    }
  }
});

Deno.test("a mark is a character like any other, but before JSON", () => {
  const bytes = encodeUtf8(`${MARK}${MARK}{}`);
  assertEquals(decodeUtf8(bytes), `${MARK}${MARK}{}`);
  assertEquals(decodeUtf8IfValid(bytes), `${MARK}${MARK}{}`);
  assertEquals(decodeJsonText(bytes), `${MARK}{}`);
  assertEquals(withoutMark(`a${MARK}`), `a${MARK}`);
  assertEquals(withoutMark(MARK), "");
});

Deno.test("what is no UTF-8 is refused, or shown as U+FFFD", () => {
  const wrong = [[0xff], [0xc3], [0xed, 0xa0, 0x80], [0xc0, 0x80], [0xf5]];
  for (const bytes of wrong.map((bytes) => Uint8Array.from(bytes))) {
    assertThrows(() => decodeUtf8(bytes), TypeError);
    assertEquals(decodeUtf8IfValid(bytes), undefined);
    assertEquals(decodeUtf8Leniently(bytes).replaceAll("\ufffd", ""), "");
  }
});

Deno.test("what is UTF-8 and what is not is as the standard has it", () => {
  const standard = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  // The lowest and the highest byte of each kind, and those next to where a
  // sequence would be too long, a surrogate or beyond U+10FFFF.
  const edges = [0x41, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc1, 0xc2]
    .concat([0xdf, 0xe0, 0xed, 0xf0, 0xf4, 0xf5]);
  const bytes = new Uint8Array(4);
  for (const first of edges) {
    for (const second of edges) {
      for (const third of edges) {
        for (const fourth of edges) {
          bytes.set([first, second, third, fourth]);
          let expected: string | undefined;
          try {
            expected = standard.decode(bytes);
          } catch {
            // Left undefined.
          }
          if (decodeUtf8IfValid(bytes) !== expected) {
            throw new Error(`Judged otherwise: ${bytes}`);
          }
        }
      }
    }
  }
});

Deno.test("text is written into an array that is there", () => {
  const array = new Uint8Array(8);
  assertEquals(encodeUtf8Into("é", array.subarray(1)), 2);
  assertEquals([...array.subarray(0, 4)], [0, 0xc3, 0xa9, 0]);
});
