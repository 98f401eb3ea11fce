import { assertEquals } from "@std/assert";
import { createRandom } from "../../tests/support/random.ts";
import { bytesOf, GrowingBytes } from "../log/bytes.ts";
import { encodeRecord, FLAG_FIRST, FLAG_RUN_END } from "../log/record.ts";
import { WholeRecords } from "./whole_records.ts";

const FIRST_POSITION = 5_000;
const WHOLE = new WholeRecords();

/** Records with bodies of these lengths, one after the other. */
function recordsOf(bodyLengths: readonly number[]): Uint8Array {
  const out = new GrowingBytes(1024);
  let previousCrc = 17;
  for (const [index, length] of bodyLengths.entries()) {
    const metadataLength = length % 3;
    previousCrc = encodeRecord(out, {
      logPosition: FIRST_POSITION + out.length,
      createdAtUs: 1_790_000_000_000_000 + index,
      eventNumber: index,
      eventId: "5f0d9e4c-7a3b-4c6f-8d21-1b2c3d4e5f60",
      streamName: `order-${index}`,
      eventType: "placed",
      data: "d".repeat(length - metadataLength),
      metadata: "m".repeat(metadataLength),
      flags: FLAG_RUN_END | (index % 2 === 0 ? FLAG_FIRST : 0),
      indexInRun: 0,
      previousCrc,
      categoryOrdinal: index,
      typeOrdinal: index,
      streamsOrdinal: index,
      categoryStreamsOrdinal: index,
    });
  }
  return out.bytes().slice();
}

function wholeEnd(array: Uint8Array, position?: number): number {
  const limit = array.length;
  return WHOLE.find(bytesOf(array), { start: 0, limit, position });
}

Deno.test("whole records are taken for whole, the one that is cut off is not", () => {
  const whole = recordsOf([0, 1, 60, 5_000, 0, 100_000, 7]);
  assertEquals(wholeEnd(whole, FIRST_POSITION), whole.length);
  assertEquals(wholeEnd(whole), whole.length);
  const last = recordsOf([0, 1, 60, 5_000, 0, 100_000]).length;
  for (const missing of [1, 4, 100, whole.length - last]) {
    assertEquals(wholeEnd(whole.subarray(0, -missing), FIRST_POSITION), last);
  }
});

Deno.test("records at another position are not taken for whole", () => {
  assertEquals(wholeEnd(recordsOf([10, 20]), FIRST_POSITION + 1), 0);
});

Deno.test("records after one that is too long for the sum are left to others", () => {
  const before = recordsOf([10]).length;
  assertEquals(wholeEnd(recordsOf([10, 300_000, 10])), before);
});

Deno.test("no record behind or with a flipped bit is taken for whole", () => {
  const array = recordsOf([0, 30, 0, 70]);
  const ends = [1, 2, 3].map((count) =>
    recordsOf([0, 30, 0].slice(0, count)).length
  );
  for (let bit = 0; bit < array.length * 8; bit++) {
    const at = bit >>> 3;
    array[at] = (array[at] ?? 0) ^ (1 << (bit & 7));
    const before = ends.findLast((end) => end <= at) ?? 0;
    const found = wholeEnd(array, FIRST_POSITION);
    // Only a length, or a position, ends the sum before the damage.
    assertEquals(found === 0 || found === before, true, `bit ${bit}`);
    array[at] = (array[at] ?? 0) ^ (1 << (bit & 7));
  }
});

Deno.test("no record with several wrong bytes is taken for whole", () => {
  const random = createRandom(31);
  const whole = recordsOf([40, 0, 500, 3]);
  const before = recordsOf([40, 0]).length;
  for (let round = 0; round < 2_000; round++) {
    const array = whole.slice();
    for (let count = random.integer(2, 9); count > 0; count--) {
      array[random.integer(before, array.length - 1)] = random.integer(0, 255);
    }
    if (array.every((byte, at) => byte === whole[at])) continue;
    const found = wholeEnd(array, FIRST_POSITION);
    assertEquals(found < array.length, true, `round ${round}`);
  }
});

Deno.test("whole records are told by where they begin, up to a limit", () => {
  const array = recordsOf([10, 20, 30]);
  const starts = [0, recordsOf([10]).length, recordsOf([10, 20]).length];
  for (const [count, limit] of [[0, 0], [1, 1], [2, starts[2] ?? 0]] as const) {
    const end = WHOLE.find(bytesOf(array), { start: 0, limit, position: 5000 });
    assertEquals(WHOLE.count, count);
    assertEquals([...WHOLE.starts.subarray(0, count)], starts.slice(0, count));
    assertEquals(end, starts[count]);
  }
});
