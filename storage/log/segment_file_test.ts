import { assert, assertEquals } from "@std/assert";
import { createMemoryDisk } from "../memory/memory_platform.ts";
import { ScavengedWriter } from "./scavenged_writer.ts";
import { GrowingBytes } from "./bytes.ts";
import { LogRecord } from "./log_record.ts";
import { encodeRecord, FLAG_BATCH_END, NO_ORDINAL } from "./record.ts";
import { ScavengedSegment } from "./scavenged_segment.ts";
import {
  type LogFault,
  SegmentFile,
  WalkFault,
  type WalkOptions,
} from "./segment_file.ts";
import type { Segment } from "./segment.ts";
import { SEGMENT_HEADER_BYTES } from "./segment_header.ts";

const START_POSITION = 2 ** 33;
const CHECKSUM = 4711;

interface Change {
  createdAtUs?: number;
  indexInBatch?: number;
  previousCrc?: number;
  data?: string | Uint8Array;
  flags?: number;
}

/** Records of one event an append; `change` may spoil some. */
function encode(
  count: number,
  change: (record: number) => Change = () => ({}),
): { bytes: Uint8Array; starts: number[] } {
  const out = new GrowingBytes(1024);
  const starts: number[] = [];
  let previousCrc = CHECKSUM;
  for (let record = 0; record < count; record++) {
    starts.push(out.length);
    previousCrc = encodeRecord(out, {
      logPosition: START_POSITION + out.length,
      createdAtUs: 100 + record,
      eventNumber: record,
      eventId: "01234567-89ab-4cde-8f01-23456789abcd",
      streamName: "cart-1",
      eventType: "added",
      data: "d".repeat(record * 10),
      metadata: "",
      flags: FLAG_BATCH_END,
      indexInBatch: 0,
      previousCrc,
      categoryOrdinal: NO_ORDINAL,
      typeOrdinal: NO_ORDINAL,
      streamsOrdinal: NO_ORDINAL,
      categoryStreamsOrdinal: NO_ORDINAL,
      ...change(record),
    });
  }
  return { bytes: out.bytes().slice(), starts };
}

async function fresh(bytes: Uint8Array): Promise<SegmentFile> {
  const file = await createMemoryDisk().create("0.seg");
  await file.writeAt(bytes, SEGMENT_HEADER_BYTES);
  return new SegmentFile(file, {
    number: 0,
    generation: 1,
    path: "0.seg",
    startPosition: START_POSITION,
    endPosition: START_POSITION + bytes.length,
    checksum: CHECKSUM,
  });
}

/** A scavenged segment in which only some records stayed. */
async function scavenged(
  bytes: Uint8Array,
  stays: (record: LogRecord) => boolean,
): Promise<{ source: SegmentFile; spoil: (at: number) => Promise<void> }> {
  const whole = await fresh(bytes);
  const file = await createMemoryDisk().create("0.g2.seg");
  const segment: Segment = { ...whole.segment, generation: 2 };
  const writer = new ScavengedWriter(file, segment, {});
  for (const step of whole.walk()) {
    assert(step instanceof LogRecord);
    if (stays(step)) writer.add(step);
  }
  const header = {
    storeId: "01234567-89ab-4cde-8f01-23456789abcd",
    number: 0,
    generation: 2,
    startPosition: START_POSITION,
    previousChecksum: CHECKSUM,
    createdAtUs: 1,
  };
  const scavenged = await writer.finish(header, [], {
    lastPosition: 0,
    lastCreatedAtUs: 0,
    scavengedAtUs: 0,
  });
  const content = new Uint8Array(file.size());
  file.readAt(content, 0);
  return {
    source: new SegmentFile(file, {
      ...segment,
      scavenged: new ScavengedSegment(scavenged),
    }),
    spoil: (at) => file.writeAt(new Uint8Array([~(content[at] ?? 0)]), at),
  };
}

/** Numbers of events that were read, and faults by name. */
function stepsOf(
  source: SegmentFile,
  options?: WalkOptions,
): (number | LogFault)[] {
  const steps: (number | LogFault)[] = [];
  for (const step of source.walk(options)) {
    steps.push(step instanceof WalkFault ? step.fault : step.eventNumber);
  }
  return steps;
}

const upTo = (count: number) => Array.from({ length: count }, (_, at) => at);

Deno.test("a walk gives all records, however much is read at a time", async () => {
  const { bytes, starts } = encode(60);
  const source = await fresh(bytes);
  for (const chunkBytes of [1, 100, 1000, 10 ** 6]) {
    for (const isKept of [false, true]) {
      const options = { chunkBytes, isKept, previousCrc: CHECKSUM };
      assertEquals(stepsOf(source, options), upTo(60));
    }
  }
  const kept = [...source.walk({ isKept: true, chunkBytes: 100 })];
  assertEquals(
    kept.map((step) =>
      step instanceof LogRecord ? step.logPosition - START_POSITION : -1
    ),
    starts,
  );
  const from = START_POSITION + (starts[57] ?? 0);
  assertEquals(stepsOf(source, { from }), [57, 58, 59]);
});

Deno.test("every flipped bit is told, and costs no other record", async () => {
  const { bytes, starts } = encode(7);
  for (let at = 0; at < bytes.length; at++) {
    const spoilt = bytes.slice();
    spoilt[at] = (spoilt[at] ?? 0) ^ (1 << (at & 7));
    const steps = [...(await fresh(spoilt)).walk({ previousCrc: CHECKSUM })];
    const hit = starts.findLastIndex((start) => start <= at);
    const read = steps.flatMap((step) =>
      step instanceof LogRecord ? [step.eventNumber] : []
    );
    assertEquals(read, upTo(7).filter((one) => one !== hit), `byte ${at}`);
    const faults = steps.filter((step) => step instanceof WalkFault);
    assertEquals(faults.length, 1, `byte ${at}`);
    assertEquals(faults[0]?.position, START_POSITION + (starts[hit] ?? 0));
    const next = starts[hit + 1];
    assertEquals(
      faults[0]?.next()?.position,
      next === undefined ? undefined : START_POSITION + next,
    );
    assertEquals(
      faults[0]?.record !== undefined,
      faults[0]?.fault === "badBody",
    );
  }
});

Deno.test("records that are whole, but not right, are told of, and given", async () => {
  const cases: [LogFault, Change][] = [
    ["badChain", { previousCrc: 1 }],
    ["badBatch", { indexInBatch: 3 }],
    ["badTime", { createdAtUs: 99 }],
  ];
  for (const [fault, change] of cases) {
    for (const record of [0, 3]) {
      const { bytes } = encode(5, (one) => one === record ? change : {});
      const expected: (number | LogFault)[] = upTo(5);
      expected.splice(record, 0, fault);
      const options = { previousCrc: CHECKSUM, createdAtUs: 100 };
      assertEquals(stepsOf(await fresh(bytes), options), expected);
    }
  }
  const all = Object.assign({}, ...cases.map(([, change]) => change));
  const { bytes } = encode(3, (one) => one === 1 ? all : {});
  const expected = [0, "badChain", "badBatch", "badTime", 1, 2] as const;
  assertEquals(stepsOf(await fresh(bytes)), [...expected]);
  const open = encode(3, (one) => one === 2 ? { flags: 0 } : {});
  assertEquals(stepsOf(await fresh(open.bytes)), [0, 1, 2, "badBatch"]);
});

/** A record that a client wrote into an event, right for where it stands. */
function forgery(inside: number): Uint8Array {
  const before = encode(inside).bytes.length;
  for (let at = before;; at++) {
    const out = new GrowingBytes(256);
    encodeRecord(out, {
      logPosition: START_POSITION + at,
      createdAtUs: 500,
      eventNumber: 666,
      eventId: "01234567-89ab-4cde-8f01-23456789abcd",
      streamName: "forged-1",
      eventType: "added",
      data: "",
      metadata: "",
      flags: FLAG_BATCH_END,
      indexInBatch: 0,
      previousCrc: 0,
      categoryOrdinal: NO_ORDINAL,
      typeOrdinal: NO_ORDINAL,
      streamsOrdinal: NO_ORDINAL,
      categoryStreamsOrdinal: NO_ORDINAL,
    });
    const data = new Uint8Array(out.length);
    data.set(out.bytes());
    const { bytes } = encode(
      inside + 1,
      (one) => one === inside ? { data } : {},
    );
    const text = new TextDecoder("latin1").decode(bytes);
    const found = text.indexOf(new TextDecoder("latin1").decode(out.bytes()));
    if (found === at) return data;
  }
}

Deno.test("behind a damaged body no record is looked for inside it", async () => {
  const data = forgery(2);
  const { bytes, starts } = encode(5, (one) => one === 2 ? { data } : {});
  // The last byte of the body; the whole record of its own is before it.
  const last = (starts[3] ?? 0) - 5;
  bytes[last] = (bytes[last] ?? 0) ^ 1;
  const source = await fresh(bytes);
  assertEquals(stepsOf(source), [0, 1, "badBody", 3, 4]);
  const fault = [...source.walk()].find((step) => step instanceof WalkFault);
  assertEquals(fault?.next()?.position, START_POSITION + (starts[3] ?? 0));
});

Deno.test("of a scavenged segment every flipped bit is told, and costs no other record", async () => {
  const { bytes } = encode(12);
  const stays = (record: LogRecord) => record.eventNumber % 3 !== 1;
  const left = upTo(12).filter((one) => one % 3 !== 1);
  const { source } = await scavenged(bytes, stays);
  assertEquals(stepsOf(source), left);
  const places = [...source.walk()].map((step) =>
    step instanceof LogRecord ? step.lengthBytes : 0
  );
  let start = source.recordsStart;
  for (const [index, lengthBytes] of places.entries()) {
    for (let at = start + 4; at < start + lengthBytes; at++) {
      const other = await scavenged(bytes, stays);
      await other.spoil(at);
      const steps = stepsOf(other.source);
      const read = steps.filter((step) => typeof step === "number");
      assertEquals(
        read,
        left.filter((_, one) => one !== index),
        `byte ${at - start} of record ${index}`,
      );
      assertEquals(steps.length, read.length + 1);
    }
    start += lengthBytes;
  }
});

Deno.test("a scavenged segment of other records than its header says is told of", async () => {
  const { bytes } = encode(6);
  const { source } = await scavenged(bytes, () => true);
  const kept = source.segment.scavenged;
  assert(kept !== undefined);
  for (const change of [{ recordCount: 5 }, { chain: 1 }]) {
    const other = new SegmentFile(source.file, {
      ...source.segment,
      scavenged: new ScavengedSegment({ ...kept.header, ...change }),
    });
    assertEquals(stepsOf(other), [...upTo(6), "badCount"]);
  }
});
