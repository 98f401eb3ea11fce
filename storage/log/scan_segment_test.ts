import { assertEquals } from "@std/assert";
import type { DiskFile } from "../disk/disk.ts";
import { GrowingBytes } from "./bytes.ts";
import { encodeRecord, FLAG_BATCH_END, NO_ORDINAL } from "./record.ts";
import { offsetOf, positionOf, type Segment } from "./segment.ts";
import { SegmentFile } from "./segment_file.ts";
import { SEGMENT_HEADER_BYTES } from "./segment_header.ts";
import { createMemoryDisk } from "../memory/memory_platform.ts";
import { type ScanResult, scanSegment } from "./scan_segment.ts";

const START = { checksum: 4711, lastPosition: -1, lastCreatedAtUs: 50 };
const START_POSITION = 2 ** 33;

interface Written {
  readonly bytes: Uint8Array;
  /** Positions where runs end, the start of the segment first. */
  readonly runEnds: readonly number[];
  readonly checksums: readonly number[];
}

/** Encodes runs of so many records; `change` may spoil one of them. */
function encodeRuns(
  lengths: readonly number[],
  change: (record: number) => {
    createdAtUs?: number;
    indexInBatch?: number;
    previousCrc?: number;
    flags?: number;
  } = () => ({}),
): Written {
  const out = new GrowingBytes(1024);
  const runEnds = [START_POSITION];
  const checksums = [START.checksum];
  let checksum = START.checksum;
  let record = 0;
  for (const length of lengths) {
    for (let index = 0; index < length; index++) {
      checksum = encodeRecord(out, {
        logPosition: START_POSITION + out.length,
        createdAtUs: 100 + record,
        eventNumber: record,
        eventId: "01234567-89ab-4cde-8f01-23456789abcd",
        streamName: "cart-1",
        eventType: "added",
        data: "d".repeat(record * 10),
        metadata: "",
        flags: index === length - 1 ? FLAG_BATCH_END : 0,
        indexInBatch: index,
        previousCrc: checksum,
        categoryOrdinal: NO_ORDINAL,
        typeOrdinal: NO_ORDINAL,
        streamsOrdinal: NO_ORDINAL,
        categoryStreamsOrdinal: NO_ORDINAL,
        ...change(record),
      });
      record++;
    }
    runEnds.push(START_POSITION + out.length);
    checksums.push(checksum);
  }
  return { bytes: out.bytes().slice(), runEnds, checksums };
}

interface Scanned extends ScanResult {
  /** Lengths of the runs that were handed over. */
  readonly runs: readonly number[];
  /** Records that are older than the one before them. */
  readonly olderCount: number;
}

async function scan(bytes: Uint8Array): Promise<Scanned> {
  const file: DiskFile = await createMemoryDisk().create("0.seg");
  await file.writeAt(bytes, SEGMENT_HEADER_BYTES);
  const segment: Segment = {
    number: 0,
    generation: 1,
    path: "0.seg",
    startPosition: START_POSITION,
    endPosition: START_POSITION + bytes.length,
    checksum: START.checksum,
  };
  assertEquals(positionOf(segment, offsetOf(segment, 0)), 0);
  const runs: number[] = [];
  let olderCount = 0;
  const result = scanSegment(
    new SegmentFile(file, segment),
    START,
    (records) => void runs.push(records.length),
    () => olderCount++,
  );
  return { ...result, runs, olderCount };
}

const RUNS = [1, 3, 1, 2];

Deno.test("a whole segment is read to its end, run by run", async () => {
  const { bytes, runEnds, checksums } = encodeRuns(RUNS);
  const result = await scan(bytes);
  assertEquals(result.runs, RUNS);
  assertEquals(result.fault, undefined);
  assertEquals(result.validEnd, runEnds[4]);
  assertEquals(result.checksum, checksums[4]);
  assertEquals(result.lastCreatedAtUs, 106);
});

Deno.test("an empty segment ends where it begins", async () => {
  const { isFollowed, ...result } = await scan(new Uint8Array(0));
  assertEquals(isFollowed(), false);
  assertEquals(result, {
    ...START,
    validEnd: START_POSITION,
    fault: undefined,
    faultPosition: START_POSITION,
    runs: [],
    olderCount: 0,
  });
});

Deno.test("cut at any byte, a segment is whole up to its last whole run", async () => {
  const { bytes, runEnds, checksums } = encodeRuns(RUNS);
  for (let length = 0; length <= bytes.length; length++) {
    const result = await scan(bytes.subarray(0, length));
    const end = START_POSITION + length;
    const whole = runEnds.findLastIndex((runEnd) => runEnd <= end);
    assertEquals(result.validEnd, runEnds[whole], `${length} bytes`);
    assertEquals(result.checksum, checksums[whole]);
    assertEquals(result.runs, RUNS.slice(0, whole));
    assertEquals(result.fault === undefined, result.validEnd === end);
  }
});

Deno.test("a flipped bit ends the segment before its run", async () => {
  const { bytes, runEnds } = encodeRuns(RUNS);
  for (let at = 0; at < bytes.length; at++) {
    const damaged = bytes.slice();
    damaged[at] = (damaged[at] ?? 0) ^ (1 << (at & 7));
    const result = await scan(damaged);
    const whole = runEnds.findLastIndex((runEnd) =>
      runEnd <= START_POSITION + at
    );
    assertEquals(result.validEnd, runEnds[whole], `byte ${at}`);
    assertEquals(result.fault === undefined, false);
  }
});

Deno.test("a record of another chain ends the segment", async () => {
  const { bytes, runEnds } = encodeRuns(
    RUNS,
    (record) => record === 4 ? { previousCrc: 1 } : {},
  );
  const result = await scan(bytes);
  assertEquals([result.fault, result.validEnd], ["badChain", runEnds[2]]);
});

Deno.test("a record out of its run's order ends the segment", async () => {
  for (const indexInBatch of [0, 2, 7]) {
    const { bytes, runEnds } = encodeRuns(
      RUNS,
      (record) => record === 2 ? { indexInBatch } : {},
    );
    const result = await scan(bytes);
    assertEquals([result.fault, result.validEnd], ["badBatch", runEnds[1]]);
    assertEquals(result.runs, [1]);
  }
});

Deno.test("a last run without its end is left out", async () => {
  const { bytes, runEnds } = encodeRuns(
    RUNS,
    (record) => record === 6 ? { flags: 0 } : {},
  );
  const result = await scan(bytes);
  assertEquals([result.fault, result.validEnd], ["badBatch", runEnds[3]]);
});

Deno.test("a record older than the one before counts, and is told", async () => {
  for (const record of [0, 4]) {
    const { bytes, runEnds } = encodeRuns(
      RUNS,
      (one) => one === record ? { createdAtUs: 49 } : {},
    );
    const result = await scan(bytes);
    assertEquals([result.fault, result.validEnd], [undefined, runEnds[4]]);
    assertEquals([result.olderCount, result.lastCreatedAtUs], [1, 106]);
  }
});

Deno.test("a segment larger than what is read at once is read whole", async () => {
  const { bytes, runEnds } = encodeRuns(Array(600).fill(1));
  const result = await scan(bytes);
  assertEquals(result.validEnd, runEnds[600]);
  assertEquals(result.runs.length, 600);
});
