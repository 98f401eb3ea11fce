/**
 * The index over several hundred segments, each with its own index file.
 *
 * @module
 */

import { assert, assertEquals, assertLess } from "@std/assert";
import type { Disk } from "../disk/disk.ts";
import { OpenFiles, positionOf, type Segment } from "../log/segment.ts";
import { createMemoryDisk } from "../memory/memory_platform.ts";
import { BLOCK_BYTES } from "./block_cache.ts";
import { StoreIndex } from "./store_index.ts";

const STORE_ID = "01234567-89ab-4cde-8f01-23456789abcd";
const SEGMENTS = 300;
const SEGMENT_BYTES = 10_000;
const RECORD_BYTES = 100;

/** A disk in memory that counts reads. */
function createCountingDisk(): { disk: Disk; reads: { count: number } } {
  const disk = createMemoryDisk();
  const reads = { count: 0 };
  return {
    reads,
    disk: {
      ...disk,
      open(path, mode) {
        const file = disk.open(path, mode);
        const readAt = file.readAt.bind(file);
        file.readAt = (buffer, offset) => {
          reads.count++;
          return readAt(buffer, offset);
        };
        return file;
      },
    },
  };
}

function openIndex(disk: Disk): StoreIndex {
  return new StoreIndex({
    disk,
    files: new OpenFiles(disk, 1_000),
    storeDirectory: "store",
    logDirectory: "segments",
    // One block: what is read is counted.
    blockCacheBytes: BLOCK_BYTES,
    idFilterBytesMax: 0,
  });
}

function segmentOf(number: number): Segment {
  return {
    number,
    generation: 1,
    path: `segments/${number}.seg`,
    startPosition: number * SEGMENT_BYTES,
    endPosition: (number + 1) * SEGMENT_BYTES,
    checksum: number,
  };
}

/** Lists with entries in every, every third, few and one segment. */
const LISTS: Record<string, (segment: number) => number> = {
  everywhere: (segment) => 1 + segment % 4,
  thirds: (segment) => segment % 3 === 0 ? 2 : 0,
  rare: (segment) => segment === 5 || segment === 250 ? 3 : 0,
  early: (segment) => segment === 0 ? 7 : 0,
  late: (segment) => segment === SEGMENTS - 1 ? 1 : 0,
};

interface Filled {
  readonly index: StoreIndex;
  /** Positions of each list's entries. */
  readonly wanted: ReadonlyMap<string, readonly number[]>;
}

/** Fills segments with entries; all but the last `unsealed` are sealed. */
async function fill(index: StoreIndex, unsealed: number): Promise<Filled> {
  const { lists } = index;
  const wanted = new Map<string, number[]>();
  for (let number = 0; number < SEGMENTS; number++) {
    const segment = segmentOf(number);
    const memtable = index.addUnsealed(segment);
    let record = 0;
    for (const [name, countIn] of Object.entries(LISTS)) {
      const listId = lists.findOrCreate("stream", name);
      for (let count = 0; count < countIn(number); count++) {
        const offset = 64 + record++ * RECORD_BYTES;
        memtable.addRecord(offset, number * 1_000 + record);
        memtable.ids.add(number * 100 + record, offset);
        memtable.addToList(listId, offset);
        const next = (lists.decidedNext[listId] ?? 0) + 1;
        lists.decidedNext[listId] = next;
        lists.visibleNext[listId] = next;
        const positions = wanted.get(name) ?? [];
        positions.push(positionOf(segment, offset));
        wanted.set(name, positions);
      }
    }
    while (index.unsealedCount > Math.max(1, unsealed)) await seal(index);
  }
  if (unsealed === 0) await seal(index);
  return { index, wanted };
}

async function seal(index: StoreIndex): Promise<void> {
  await index.sealOldest(STORE_ID, () => Promise.resolve());
}

function assertAllFound({ index, wanted }: Filled): void {
  for (const [name, positions] of wanted) {
    const listId = index.lists.find("stream", name);
    for (const [ordinal, position] of positions.entries()) {
      const place = index.locate(listId, ordinal);
      assertEquals(place?.position, position, `${ordinal} of ${name}`);
      const number = Math.floor(position / SEGMENT_BYTES);
      assertEquals(place?.segment.number, number);
    }
    for (const ordinal of [-1, positions.length, 2 ** 40]) {
      assertEquals(index.locate(listId, ordinal), undefined);
    }
    for (const direction of ["forward", "backward"] as const) {
      const isForward = direction === "forward";
      const ordered = isForward ? positions : positions.toReversed();
      for (const skipped of [0, 1, ordered.length - 1]) {
        const runs = [...index.positions(listId, {
          from: isForward ? skipped : positions.length - 1 - skipped,
          count: 10_000,
          direction,
        })];
        assertEquals(
          runs.flatMap((run) => run.positions),
          ordered.slice(skipped),
          `${name} ${direction}`,
        );
      }
    }
  }
}

for (const unsealed of [0, 1, 2, SEGMENTS]) {
  Deno.test(`every ordinal is found, ${unsealed} of ${SEGMENTS} segments unsealed`, async () => {
    assertAllFound(await fill(openIndex(createMemoryDisk()), unsealed));
  });
}

Deno.test("every ordinal is found after opening index files, with heads and without", async () => {
  const disk = createMemoryDisk();
  const { index: written, wanted } = await fill(openIndex(disk), 0);
  await written.writeSnapshot(STORE_ID, () => Promise.resolve());
  for (const withHeads of [false, true]) {
    const index = openIndex(disk);
    const heads = index.openSnapshot();
    for (let number = 0; number < SEGMENTS; number++) {
      const segment = segmentOf(number);
      assert(index.addSealed(segment, STORE_ID));
      assertEquals(segment.checksum, number);
      if (!withHeads) index.enterSealed(number);
    }
    if (withHeads) heads?.enter(index.lists);
    heads?.close();
    assertAllFound({ index, wanted });
  }
});

Deno.test("an index file of another store or segment is not opened", async () => {
  const disk = createMemoryDisk();
  await fill(openIndex(disk), 0);
  const index = openIndex(disk);
  const other = "fedcba98-89ab-4cde-8f01-23456789abcd";
  assert(!index.addSealed(segmentOf(0), other));
  assert(!index.addSealed({ ...segmentOf(0), startPosition: 5 }, STORE_ID));
  assert(!index.addSealed(segmentOf(SEGMENTS), STORE_ID));
  assert(index.addSealed(segmentOf(0), STORE_ID));
});

Deno.test("a list over n segments is crossed in O(log n) reads", async () => {
  const { disk, reads } = createCountingDisk();
  const { index, wanted } = await fill(openIndex(disk), 0);
  const listId = index.lists.find("stream", "everywhere");
  const count = wanted.get("everywhere")?.length ?? 0;
  let most = 0;
  for (let ordinal = 0; ordinal < count; ordinal++) {
    reads.count = 0;
    index.locate(listId, ordinal);
    most = Math.max(most, reads.count);
  }
  // Each step looks at a slice and at where it jumps: two blocks of files.
  const steps = 2 * Math.ceil(Math.log2(SEGMENTS));
  assertLess(most, 2 * steps + 4);
});

Deno.test("an id is found in any segment, the oldest first, and never in none", async () => {
  for (const unsealed of [0, 2]) {
    const { index } = await fill(openIndex(createMemoryDisk()), unsealed);
    const listId = index.lists.find("stream", "everywhere");
    for (let number = 0; number < SEGMENTS; number++) {
      const found = index.findId(listId, number * 100 + 1, (segment) => {
        assertEquals(segment.number, number);
        return true;
      });
      assertEquals(found, positionOf(segmentOf(number), 64));
      assertEquals(
        index.findId(listId, number * 100 + 1, () => false),
        undefined,
      );
    }
    assertEquals(index.findId(listId, 99, () => true), undefined);
    assertEquals(index.findId(listId, 2 ** 32 - 1, () => true), undefined);
  }
});

Deno.test("records are found near a position and before a time", async () => {
  const { index } = await fill(openIndex(createMemoryDisk()), 0);
  const segment = segmentOf(8);
  const first = segment.startPosition;
  assertEquals(index.recordNear(segment, first + 150), first);
  assertEquals(index.recordBefore(segment, 8_001), undefined);
  assertEquals(index.recordBefore(segment, 8_002), first);
});
