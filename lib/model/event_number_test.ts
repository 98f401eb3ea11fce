import { assertEquals } from "@std/assert";
import { formatInt64, parseInt64 } from "./event_number.ts";

const EDGES = [0n, 2n ** 31n, 2n ** 53n, 2n ** 63n];

Deno.test("integers of 64 bits are read and written to their last digit", () => {
  const read: [bigint, ReturnType<typeof parseInt64>][] = [];
  for (const edge of EDGES) {
    for (const sign of [1n, -1n]) {
      for (let near = -3n; near <= 3n; near++) {
        const exact = sign * (edge + near);
        const value = parseInt64(String(exact));
        if (BigInt.asIntN(64, exact) === exact) {
          assertEquals(value && formatInt64(value), value && String(exact));
          read.push([exact, value]);
        } else assertEquals(value, undefined, String(exact));
      }
    }
  }
  // What is larger is larger, whatever it is made of.
  for (const [one, value] of read) {
    for (const [other, limit] of read) {
      if (value === undefined || limit === undefined) throw new Error(`${one}`);
      assertEquals(value < limit, one < other, `${one} < ${other}`);
    }
  }
});

Deno.test("what is no integer of 64 bits is not read", () => {
  for (const text of ["", "-", "+1", "1.0", "1e3", " 1", "0x1", "1n", "٣"]) {
    assertEquals(parseInt64(text), undefined, text);
  }
});
