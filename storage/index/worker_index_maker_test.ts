/**
 * Index files made in a worker: the same bytes as those made here, and none
 * lost when the worker fails.
 *
 * @module
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { type Random, withSeed } from "../../tests/support/random.ts";
import type { Disk } from "../disk/disk.ts";
import { createFileDisk } from "../disk/file_disk.ts";
import { OpenFiles, type Segment } from "../log/segment.ts";
import { createMemoryDisk } from "../memory/memory_platform.ts";
import type { IndexMaker, IndexMakerError } from "./index_maker.ts";
import { StoreIndex } from "./store_index.ts";
import { createWorkerIndexMaker } from "./worker_index_maker.ts";

const STORE_ID = "01234567-89ab-4cde-8f01-23456789abcd";
const SEGMENT_BYTES = 100_000_000;
const NO_PAUSE = () => Promise.resolve();

/** An index over the files of a directory. */
class TestIndex {
  readonly index: StoreIndex;
  readonly failures: IndexMakerError[] = [];
  readonly #files: OpenFiles;
  readonly #directory: string;

  constructor(
    disk: Disk,
    directory: string,
    indexMaker: IndexMaker | undefined,
  ) {
    this.#directory = directory;
    this.#files = new OpenFiles(disk, 100);
    this.index = new StoreIndex({
      disk,
      files: this.#files,
      storeDirectory: directory,
      logDirectory: directory,
      blockCacheBytes: 1024 * 1024,
      idFilterBytesMax: 0,
      indexMaker,
      onMakerFailure: (error) => this.failures.push(error),
    });
  }

  /** Adds a full segment: entries of lists, by name, in their order. */
  add(number: number, content: SegmentContent): void {
    const { lists } = this.index;
    const memtable = this.index.addUnsealed(
      segmentOf(this.#directory, number),
    );
    let offset = 64;
    for (const { name, hash, isTombstone, sizeBytes } of content) {
      const listId = lists.findOrCreate("stream", name);
      memtable.addRecord(offset, number * 1_000_000 + offset);
      memtable.ids.add(hash, offset);
      if (isTombstone) memtable.tombstoned.push(listId);
      else {
        for (const id of [listId, lists.category[listId] ?? 0]) {
          if (id === 0) continue;
          memtable.addToList(id, offset);
          const next = (lists.decidedNext[id] ?? 0) + 1;
          lists.decidedNext[id] = next;
          lists.visibleNext[id] = next;
        }
      }
      offset += sizeBytes;
    }
  }

  async seal(): Promise<void> {
    await this.index.sealOldest(STORE_ID, NO_PAUSE);
  }

  [Symbol.dispose](): void {
    this.#files.close();
  }
}

function segmentOf(directory: string, number: number): Segment {
  return {
    number,
    generation: 1,
    path: join(directory, `${number}.seg`),
    startPosition: number * SEGMENT_BYTES,
    endPosition: (number + 1) * SEGMENT_BYTES,
    checksum: number,
  };
}

type SegmentContent = {
  readonly name: string;
  readonly hash: number;
  readonly isTombstone: boolean;
  readonly sizeBytes: number;
}[];

const NAMES = ["cart-", "größe-", "x-", "", "訂單-", "long-".repeat(40)];

/** Records of few or of many streams; some runs of them are long. */
function randomContent(random: Random): SegmentContent {
  const streamCount = random.pick([1, 3, 500, 20_000]);
  const content: SegmentContent = [];
  const recordCount = random.integer(0, 40_000);
  while (content.length < recordCount) {
    const name = random.pick(NAMES) + "s" + random.integer(1, streamCount);
    const runLength = random.chance(0.001) ? random.integer(1, 70_000) : 1;
    for (let count = 0; count < runLength; count++) {
      content.push({
        name,
        // Now and then two ids have one hash.
        hash: random.integer(0, random.chance(0.1) ? 100 : 0xffff_ffff),
        isTombstone: random.chance(0.001),
        sizeBytes: random.integer(1, 900),
      });
    }
  }
  return content;
}

/** A list that begins in the segment after the one of its tombstone. */
const TOMBSTONE_FIRST: SegmentContent[] = [true, false].map((isTombstone) => [
  { name: "cart-1", hash: 1, isTombstone, sizeBytes: 100 },
]);

function contentOf(count: number): SegmentContent {
  return Array.from({ length: count }, (_, index) => ({
    name: `cart-${index % 100}`,
    hash: Math.imul(index, 0x9e37_79b1) >>> 0,
    isTombstone: false,
    sizeBytes: 100,
  }));
}

async function withDirectory(
  body: (directory: string) => Promise<void>,
): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "quipu-maker-" });
  try {
    await body(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

function readIndex(directory: string, number: number): Uint8Array {
  const name = number.toString().padStart(8, "0");
  return Deno.readFileSync(join(directory, `${name}.g1.idx`));
}

Deno.test("a worker makes the same index files as this thread", async () => {
  await withSeed(async (random) => {
    await withDirectory(async (directory) => {
      const [there, here] = [join(directory, "a"), join(directory, "b")];
      for (const path of [there, here]) await Deno.mkdir(path);
      const disk = createFileDisk();
      const maker = createWorkerIndexMaker({ entriesMin: 0 });
      using one = new TestIndex(disk, there, maker);
      using other = new TestIndex(disk, here, undefined);
      const contents = [
        ...TOMBSTONE_FIRST,
        ...Array.from({ length: 9 }, () => randomContent(random)),
      ];
      for (const [number, content] of contents.entries()) {
        for (const index of [one, other]) {
          index.add(number, content);
          await index.seal();
        }
        const made = readIndex(there, number);
        const wanted = readIndex(here, number);
        assertEquals(made.length, wanted.length);
        assert(
          made.every((byte, at) => byte === wanted[at]),
          `The index files of segment ${number} differ`,
        );
      }
      assertEquals(one.failures, []);
    });
  });
});

/** A worker that runs a text. */
function workerOf(source: string): () => Worker {
  const url = "data:application/javascript," + encodeURIComponent(source);
  return () => new Worker(url, { type: "module" });
}

const FAILING: Record<string, () => Worker> = {
  "cannot be started": () => {
    throw new Error("no thread is left");
  },
  "has no module": () =>
    new Worker(new URL("./no_such_worker.js", import.meta.url), {
      type: "module",
    }),
  "throws when it begins": workerOf("throw new Error('at once')"),
  "throws at the third message": workerOf(
    "let n = 0; onmessage = () => { if (++n === 3) throw new Error('later') }",
  ),
  "refuses to work": workerOf(
    "onmessage = () => postMessage({ type: 'failed', reason: 'no memory' })",
  ),
  "says nothing": workerOf("onmessage = () => {}"),
  "writes rubbish, then fails": workerOf(
    `onmessage = ({ data }) => {
       if (data.type === "begin") postMessage({
         type: "piece", memory: new ArrayBuffer(999), byteLength: 9, offset: 5
       });
       if (data.type === "written") setTimeout(() => { throw new Error("x") });
     }`,
  ),
};

for (const [title, startWorker] of Object.entries(FAILING)) {
  Deno.test(`a worker that ${title} costs nothing but time`, async () => {
    await withDirectory(async (directory) => {
      const content = contentOf(20_000);
      const disk = createFileDisk();
      const maker = createWorkerIndexMaker({
        entriesMin: 0,
        startWorker,
        silenceMsMax: title === "says nothing" ? 20 : 60_000,
      });
      using index = new TestIndex(disk, directory, maker);
      index.add(0, content);
      await index.seal();
      assertEquals(index.failures.length, 1);
      const made = readIndex(directory, 0);
      await Deno.remove(join(directory, "00000000.g1.idx"));
      using wanted = new TestIndex(disk, directory, undefined);
      wanted.add(0, content);
      await wanted.seal();
      assertEquals(made, readIndex(directory, 0));
    });
  });
}

Deno.test("a disk that fails is no failure of the worker", async () => {
  const disk = createMemoryDisk();
  const failing: Disk = {
    ...disk,
    async create(path) {
      const file = await disk.create(path);
      file.writeAt = () => Promise.reject(new Error("the disk is full"));
      return file;
    },
  };
  const maker = createWorkerIndexMaker({ entriesMin: 0 });
  using index = new TestIndex(failing, "segments", maker);
  index.add(0, contentOf(20_000));
  await assertRejects(() => index.seal(), Error, "the disk is full");
  assertEquals(index.failures, []);
});

Deno.test("the disk sees the same calls, wherever a file is made", async () => {
  const calls: Record<string, string[]> = { here: [], there: [] };
  for (const [place, told] of Object.entries(calls)) {
    using index = new TestIndex(
      listeningDisk(told),
      "segments",
      place === "here" ? undefined : createWorkerIndexMaker({ entriesMin: 0 }),
    );
    index.add(0, contentOf(300_000));
    await index.seal();
    assertEquals(index.failures, []);
  }
  assert((calls.here?.length ?? 0) > 6, "More than one piece is written");
  assertEquals(calls.there, calls.here);
});

/** A disk in memory that tells every call that changes something. */
function listeningDisk(told: string[]): Disk {
  const disk = createMemoryDisk();
  return {
    ...disk,
    async create(path) {
      told.push(`create ${path}`);
      const file = await disk.create(path);
      const writeAt = file.writeAt.bind(file);
      file.writeAt = (bytes, offset) => {
        told.push(`write ${bytes.length} at ${offset}`);
        return writeAt(bytes, offset);
      };
      file.sync = () => {
        told.push("sync");
        return Promise.resolve();
      };
      return file;
    },
    rename(from, to) {
      told.push(`rename ${from} ${to}`);
      return disk.rename(from, to);
    },
    syncDirectory(path) {
      told.push(`sync ${path}`);
      return disk.syncDirectory(path);
    },
  };
}
