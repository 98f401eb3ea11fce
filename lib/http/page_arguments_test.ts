import { assertEquals, assertThrows } from "@std/assert";
import { LIMITS } from "../model/limits.ts";
import {
  checkPageSize,
  readAllBackwardRange,
  readAllForwardRange,
  readBackwardRange,
  readEventNumber,
  readForwardRange,
} from "./feed_request.ts";
import { Refusal } from "./errors.ts";

function refusalOf(read: () => unknown): string {
  return assertThrows(read, Refusal).message;
}

Deno.test("ranges of stream pages", () => {
  assertEquals(readBackwardRange("head", "20"), { kind: "head", count: 20 });
  assertEquals(readBackwardRange("7", "1"), {
    kind: "backward",
    from: 7,
    count: 1,
  });
  assertEquals(readForwardRange("0", "4096"), {
    kind: "forward",
    from: 0,
    count: 4096,
  });
  assertEquals(readForwardRange("9007199254740993", "1"), {
    kind: "forward",
    from: 9007199254740993n,
    count: 1,
  });
});

Deno.test("bad event numbers and counts are named", () => {
  const numbers = ["x", "-1", "1.5", "", "9223372036854775808", "1e3", " 1"];
  for (const text of numbers) {
    const wanted = `'${text}' is not valid event number`;
    assertEquals(refusalOf(() => readBackwardRange(text, "1")), wanted);
    assertEquals(refusalOf(() => readForwardRange(text, "x")), wanted);
    assertEquals(refusalOf(() => readEventNumber(text)), wanted);
  }
  assertEquals(
    refusalOf(() => readForwardRange("head", "1")),
    "'head' is not valid event number",
  );
  for (const text of ["x", "0", "-1", "", "2147483648", "1.0"]) {
    assertEquals(
      refusalOf(() => readBackwardRange("0", text)),
      `'${text}' is not valid count. Should be positive integer`,
    );
  }
  assertEquals(
    refusalOf(() => checkPageSize({ count: 4097 }, LIMITS)),
    "Read size too big, should be less than 4096 items",
  );
});

Deno.test("readEventNumber() reads numbers up to the tombstone's", () => {
  assertEquals(readEventNumber("head"), "head");
  assertEquals(readEventNumber("0"), 0);
  assertEquals(readEventNumber("9223372036854775807"), 2 ** 63);
});

Deno.test("positions of the whole log are 32 hex digits", () => {
  const position = "00000000000000FF7fffffffffffffff";
  assertEquals(readAllForwardRange(position, "3"), {
    kind: "forward",
    from: { commit: 255, prepare: 0x7fffffffffffffffn },
    count: 3,
  });
  assertEquals(readAllBackwardRange("head", "3"), { kind: "head", count: 3 });
  const zero = "0".repeat(16);
  const refused = [
    "",
    "0",
    "x".repeat(32),
    position + "0",
    // Negative numbers, of 64 bits.
    "F".repeat(32),
    "F".repeat(16) + zero,
    zero + "8" + "0".repeat(15),
  ];
  for (const text of refused) {
    for (
      const read of [
        () => readAllForwardRange(text, "3"),
        () => readAllBackwardRange(text, "3"),
      ]
    ) assertEquals(refusalOf(read), `Invalid position argument: ${text}`);
  }
  assertEquals(
    refusalOf(() => readAllForwardRange("head", "3")),
    "Invalid position argument: head",
  );
  assertEquals(
    refusalOf(() => readAllBackwardRange("head", "0")),
    "Invalid count argument: 0",
  );
});
