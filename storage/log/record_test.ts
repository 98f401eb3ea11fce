import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { TOMBSTONE_EVENT_NUMBER } from "../../lib/model/event_number.ts";
import { withSeed } from "../../tests/support/random.ts";
import { GrowingBytes } from "./bytes.ts";
import { encodeUtf8 } from "../../lib/text/utf8.ts";
import { LogRecord } from "./log_record.ts";
import {
  checkRecord,
  encodeRecord,
  FLAG_BATCH_END,
  FLAG_FIRST,
  FLAG_JSON,
  FLAG_TOMBSTONE,
  NO_ORDINAL,
  RECORD_BYTES_MIN,
  type RecordFields,
} from "./record.ts";

const MIB = 1024 * 1024;

const FIELDS: RecordFields = {
  logPosition: 1_000,
  createdAtUs: 1_767_225_600_000_000,
  eventNumber: 3,
  eventId: "01234567-89ab-4cde-8f01-23456789abcd",
  streamName: "cart-1",
  eventType: "added",
  data: '{"a":1}',
  metadata: '{"m":2}',
  flags: FLAG_JSON | FLAG_BATCH_END,
  indexInBatch: 0,
  previousCrc: 0xfedc_ba98,
  categoryOrdinal: 17,
  typeOrdinal: 18,
  streamsOrdinal: NO_ORDINAL,
  categoryStreamsOrdinal: NO_ORDINAL,
};

/** Records that are encoded, checked and read back. */
const CASES: Record<string, Partial<RecordFields>> = {
  "two strings": {},
  "nothing but names": { data: "", metadata: "" },
  "empty byte arrays": { data: new Uint8Array(), metadata: new Uint8Array() },
  "data not ASCII": { data: '{"name":"Ådä 🦐"}' },
  "metadata not ASCII": { metadata: "€" },
  "names not ASCII": { streamName: "räksmörgås-🦐", eventType: "hinzugefügt" },
  "an astral character where two names meet": {
    streamName: "a\ud83e",
    eventType: "\udd90b",
    data: "\ud83e",
    metadata: "\udd90",
  },
  "two byte arrays": {
    data: new Uint8Array([0, 255, 128, 7]),
    metadata: new Uint8Array([1]),
  },
  "bytes, then a string": { data: new Uint8Array([200]), metadata: "ä" },
  "a string, then bytes": { data: "plain", metadata: new Uint8Array([9, 8]) },
  "a string not ASCII, then bytes": {
    data: "ü",
    metadata: new Uint8Array([9, 8]),
  },
  "bytes without metadata": { data: new Uint8Array([1, 2]), metadata: "" },
  "no names": { streamName: "", eventType: "" },
  "long names": { streamName: "n".repeat(4096), eventType: "ü".repeat(512) },
  "4 MiB of text": { data: "x".repeat(4 * MIB), metadata: "" },
  "4 MiB of bytes": { data: "", metadata: new Uint8Array(4 * MIB).fill(3) },
  "the first event of a stream": {
    flags: FLAG_FIRST | FLAG_BATCH_END,
    eventNumber: 0,
    streamsOrdinal: 5,
    categoryStreamsOrdinal: 2 ** 40,
  },
  "the first event of a stream without category": {
    flags: FLAG_FIRST,
    categoryOrdinal: NO_ORDINAL,
    streamsOrdinal: 0,
    categoryStreamsOrdinal: NO_ORDINAL,
  },
  "in no list": { categoryOrdinal: NO_ORDINAL, typeOrdinal: NO_ORDINAL },
  "a tombstone": {
    flags: FLAG_TOMBSTONE | FLAG_BATCH_END,
    eventNumber: TOMBSTONE_EVENT_NUMBER,
    data: "",
    metadata: "",
  },
  "numbers beyond 32 bits": {
    logPosition: 2 ** 32 + 1,
    eventNumber: 2 ** 33 + 5,
    categoryOrdinal: 2 ** 34,
    typeOrdinal: 2 ** 35 + 1,
    createdAtUs: 2 ** 52 + 1,
  },
  "the largest exact numbers": {
    logPosition: 2 ** 53 - 1,
    eventNumber: 2 ** 53 - 1,
    categoryOrdinal: 2 ** 53 - 1,
    typeOrdinal: 2 ** 53 - 1,
  },
  "deep in a run": { indexInBatch: 99_999, flags: 0 },
};

function bytesIn(value: string | Uint8Array): Uint8Array {
  return typeof value === "string" ? encodeUtf8(value) : value;
}

for (const [what, changes] of Object.entries(CASES)) {
  Deno.test(`a record is read as it was written: ${what}`, () => {
    const fields = { ...FIELDS, ...changes };
    const out = new GrowingBytes(32);
    // Something before it: offsets in the array are not offsets in the record.
    out.pushUint32(0xffff_ffff);
    const crc = encodeRecord(out, fields);
    const available = out.length - 4;
    const fault = checkRecord(out, 4, {
      available,
      position: fields.logPosition,
      withBody: true,
    });
    assertEquals(fault, undefined);
    const record = new LogRecord(out, 4, { withBodies: true });
    const isFirst = (fields.flags & FLAG_FIRST) !== 0;
    assertEquals({
      lengthBytes: record.lengthBytes,
      headerCrc: record.headerCrc,
      logPosition: record.logPosition,
      createdAtUs: record.createdAtUs,
      eventNumber: record.eventNumber,
      eventId: record.eventId,
      streamName: record.streamName,
      eventType: record.eventType,
      isJson: record.isJson,
      flags: record.flags,
      indexInBatch: record.indexInBatch,
      previousCrc: record.previousCrc,
      bodyBytes: record.bodyBytes,
    }, {
      lengthBytes: available,
      headerCrc: crc,
      logPosition: fields.logPosition,
      createdAtUs: fields.createdAtUs,
      eventNumber: fields.eventNumber,
      eventId: fields.eventId,
      streamName: fields.streamName.toWellFormed(),
      eventType: fields.eventType.toWellFormed(),
      isJson: (fields.flags & FLAG_JSON) !== 0,
      flags: fields.flags,
      indexInBatch: fields.indexInBatch,
      previousCrc: fields.previousCrc,
      bodyBytes: bytesIn(fields.data).length + bytesIn(fields.metadata).length,
    });
    assertEquals([
      record.categoryOrdinal,
      record.typeOrdinal,
      record.streamsOrdinal,
      record.categoryStreamsOrdinal,
    ], [
      fields.categoryOrdinal,
      fields.typeOrdinal,
      isFirst ? fields.streamsOrdinal : NO_ORDINAL,
      isFirst ? fields.categoryStreamsOrdinal : NO_ORDINAL,
    ]);
    assert(isEqual(record.data, bytesIn(fields.data)), "data");
    assert(isEqual(record.metadata, bytesIn(fields.metadata)), "metadata");
    const bare = new LogRecord(out, 4, { withBodies: false });
    assertEquals([bare.data.length, bare.metadata.length], [0, 0]);
    assertEquals(bare.eventType, record.eventType);
  });
}

/** As `assertEquals`, but quick on megabytes. */
function isEqual(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length &&
    one.every((byte, index) => byte === other[index]);
}

/** Small records of every shape. */
const SMALL: Record<string, Partial<RecordFields>> = {
  "with bodies": {},
  "without bodies": { data: "", metadata: "" },
  "first of its stream": { flags: FLAG_FIRST, streamsOrdinal: 1 },
  "a tombstone": { eventNumber: TOMBSTONE_EVENT_NUMBER, data: "" },
};

for (const [what, changes] of Object.entries(SMALL)) {
  Deno.test(`every single flipped bit of a record is noticed: ${what}`, () => {
    const fields = { ...FIELDS, ...changes };
    const out = new GrowingBytes(1024);
    encodeRecord(out, fields);
    const { array } = out;
    for (let bit = 0; bit < out.length * 8; bit++) {
      const at = bit >>> 3;
      const before = array[at] ?? 0;
      array[at] = before ^ (1 << (bit & 7));
      const fault = checkRecord(out, 0, {
        available: out.length,
        position: fields.logPosition,
        withBody: true,
      });
      assertNotEquals(fault, undefined, `bit ${bit & 7} of byte ${at}`);
      array[at] = before;
    }
  });
}

Deno.test("a record that is cut short is noticed at every length", () => {
  const out = new GrowingBytes(1024);
  encodeRecord(out, FIELDS);
  for (let available = 0; available < out.length; available++) {
    const fault = checkRecord(out, 0, {
      available,
      position: FIELDS.logPosition,
      withBody: true,
    });
    assertEquals(fault, "short", `${available} bytes`);
  }
});

Deno.test("a record in the wrong place is noticed", () => {
  const out = new GrowingBytes(1024);
  encodeRecord(out, FIELDS);
  for (const position of [0, FIELDS.logPosition + 1, 2 ** 40]) {
    const fault = checkRecord(out, 0, {
      available: out.length,
      position,
      withBody: true,
    });
    assertEquals(fault, "badPosition");
  }
});

Deno.test("without its body a record is checked up to its names", () => {
  const out = new GrowingBytes(1024);
  encodeRecord(out, FIELDS);
  const check = { position: FIELDS.logPosition, withBody: false };
  const bodyBytes = FIELDS.data.length + FIELDS.metadata.length + 4;
  const available = out.length - bodyBytes;
  assertEquals(checkRecord(out, 0, { ...check, available }), undefined);
  assertEquals(
    checkRecord(out, 0, { ...check, available: available - 1 }),
    "short",
  );
});

Deno.test("random bytes are no record", async () => {
  await withSeed((random) => {
    for (let count = 0; count < 2000; count++) {
      const array = random.bytes(random.integer(RECORD_BYTES_MIN, 300));
      const view = new DataView(array.buffer);
      // The hardest case: length and position are what they should be.
      view.setUint32(0, array.length, true);
      view.setBigUint64(8, 5n, true);
      const fault = checkRecord({ array, view }, 0, {
        available: array.length,
        position: 5,
        withBody: random.chance(0.5),
      });
      assertNotEquals(fault, undefined);
    }
  });
});

Deno.test("records that follow one another form a chain", () => {
  const out = new GrowingBytes(64);
  const first = encodeRecord(out, FIELDS);
  const second = out.length;
  encodeRecord(out, { ...FIELDS, previousCrc: first });
  const record = new LogRecord(out, second, { withBodies: true });
  assertEquals(record.previousCrc, first);
  assertNotEquals(record.headerCrc, first);
});
