import { assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { crc32 } from "node:zlib";
import { createRandom } from "../../tests/support/random.ts";
import { GONE_OFFSET } from "../index/index_file.ts";
import { bytesOf, GrowingBytes } from "../log/bytes.ts";
import { encodeRecord, FLAG_FIRST, FLAG_RUN_END } from "../log/record.ts";
import { EntryDigest } from "./entry_digest.ts";
import { NameHash } from "./name_hash.ts";
import { tableBitsFor } from "./piece_lists.ts";
import {
  beginDigest,
  bytesIn,
  digestIn,
  type PieceProgram,
  startPieceProgram,
} from "./piece_program.ts";

const FIRST_POSITION = 5_000;
const SHIFT_BYTES_MAX = 2 ** 18 - 1;
const STARTS_AT = 786_432;
const PROGRAM = startPieceProgram();

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

/** Puts bytes into the program's memory; tells where. */
function put(program: PieceProgram, array: Uint8Array): number {
  const at = program.room(array.length);
  bytesIn(program, at, array.length).array.set(array);
  return at;
}

/** Where the records end that are found to be whole. */
function wholeEnd(
  array: Uint8Array,
  position?: number,
  limit = array.length,
): number {
  const isScavenged = position === undefined ? 1 : 0;
  PROGRAM.begin(isScavenged, 0, 0, tableBitsFor(0));
  PROGRAM.goTo(position ?? 0);
  const at = put(PROGRAM, array);
  const end = PROGRAM.find(at, at + limit, at + array.length) - at;
  const isWhole = crc32(array.subarray(0, end)) === PROGRAM.crc.value >>> 0;
  return isWhole ? end : 0;
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
    const end = wholeEnd(array, FIRST_POSITION, limit);
    assertEquals(PROGRAM.count.value, count);
    const { view } = bytesIn(PROGRAM, STARTS_AT, 4 * count);
    const found = starts.slice(0, count).map((_, index) =>
      view.getUint32(4 * index, true) - view.getUint32(0, true)
    );
    assertEquals(found, starts.slice(0, count));
    assertEquals(end, starts[count]);
  }
});

Deno.test("the CRC of two parts is that of their bytes, whatever the lengths", () => {
  const random = createRandom(7);
  const bytes = new Uint8Array(SHIFT_BYTES_MAX + 100);
  for (let at = 0; at < bytes.length; at++) bytes[at] = random.integer(0, 255);
  const lengths = [0, 1, 4, 63, 64, 65, 4095, 4096, 4097, SHIFT_BYTES_MAX];
  for (let round = 0; round < 200; round++) {
    lengths.push(random.integer(0, SHIFT_BYTES_MAX));
  }
  for (const length of lengths) {
    const middle = random.integer(0, 100);
    const end = middle + length;
    const crc = PROGRAM.crcAfter(
      crc32(bytes.subarray(0, middle)),
      crc32(bytes.subarray(middle, end)),
      length,
    );
    assertEquals(crc >>> 0, crc32(bytes.subarray(0, end)), `${length} bytes`);
  }
});

Deno.test("hashes and digests are those that are made elsewhere", () => {
  const random = createRandom(9);
  const hash = new NameHash();
  const digest = new EntryDigest();
  beginDigest(PROGRAM);
  const slices: Uint8Array[] = [];
  for (let round = 0; round < 300; round++) {
    const name = new Uint8Array(random.integer(0, 40));
    for (let at = 0; at < name.length; at++) name[at] = random.integer(0, 255);
    const kind = random.integer(0, 4);
    const first = random.integer(0, 2 ** 32 - 100);
    const offsets = Array.from(
      { length: random.integer(0, 5) },
      () =>
        random.integer(0, 3) === 0 ? GONE_OFFSET : random.integer(64, 2 ** 31),
    );
    const slice = new Uint8Array(52 + name.length + 4 * offsets.length);
    const { view } = bytesOf(slice);
    slice[0] = kind;
    view.setUint16(2, name.length, true);
    slice.set(name, 4);
    view.setUint32(4 + name.length, first, true);
    view.setUint32(12 + name.length, offsets.length, true);
    hash.take(bytesOf(name), 0, name.length);
    for (const [index, offset] of offsets.entries()) {
      view.setUint32(52 + name.length + 4 * index, offset, true);
      if (offset === GONE_OFFSET) continue;
      digest.add(kind, hash.high, hash.low, first + index, offset);
    }
    slices.push(slice);
  }
  const bytes = new Uint8Array(slices.flatMap((slice) => [...slice]));
  const at = put(PROGRAM, bytes);
  const middle = PROGRAM.addSlices(at, at + bytes.length - 1, 200);
  assertEquals(PROGRAM.slices.value, 200);
  assertEquals(
    PROGRAM.addSlices(middle, at + bytes.length - 1, 200) > middle,
    true,
  );
  assertEquals(PROGRAM.slices.value, 99, "the last one is cut off");
  const last = slices.at(-1)?.length ?? 0;
  const end = at + bytes.length;
  assertEquals(PROGRAM.addSlices(end - last, end, 200), end);
  assertEquals(digestIn(PROGRAM), digest);
});

Deno.test("the program is what its text says", async () => {
  const root = fromFileUrl(new URL("../../", import.meta.url));
  const { tasks } = JSON.parse(await Deno.readTextFile(root + "deno.json"));
  const [command = "", target = ""] = tasks.wasm.command.split(" > ");
  const [, ...args] = command.split(" ");
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["--quiet", ...args],
    cwd: root,
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  assertEquals(text(stderr), "");
  assertEquals(
    await Deno.readTextFile(root + target),
    text(stdout),
    "run deno task wasm",
  );
});
