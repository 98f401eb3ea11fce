/**
 * However a store is verified, by one thread or several, in pieces of any size
 * or record by record: what is found is the same.
 *
 * @module
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import type { JobControl, VerifyReport } from "../../lib/model/maintenance.ts";
import { createFileDisk } from "../../storage/disk/file_disk.ts";
import { decodeSegmentHeader } from "../../storage/log/segment_header.ts";
import { piecesOf } from "../../storage/verify/piece.ts";
import { startPieceProgram } from "../../storage/verify/piece_program.ts";
import { provePiece } from "../../storage/verify/piece_check.ts";
import {
  type Proof,
  type ProofTask,
  Prover,
} from "../../storage/verify/proofs.ts";
import { ThreadEndedError } from "../../storage/verify/thread_proofs.ts";
import { verifyDirectory } from "../../storage/verify/verify_directory.ts";
import type { VerifyManner } from "../../storage/verify/verify_log.ts";
import { anEvent } from "../support/events.ts";
import { createRandom, type Random } from "../support/random.ts";
import {
  changeFile,
  createStoreDirectory,
  flipBit,
  type StoreDirectory,
} from "../support/store_directory.ts";

const CONTROL: JobControl = {
  signal: new AbortController().signal,
  report() {},
};

const RECORD_BY_RECORD: VerifyManner = { pieceBytes: 0 };

const MANNERS: readonly VerifyManner[] = [
  {},
  { pieceBytes: 100 },
  { pieceBytes: 700 },
  { pieceBytes: 700, threadCount: 2 },
  { threadCount: 3 },
];

function verify(
  directory: StoreDirectory,
  manner: VerifyManner,
  isDeep = false,
): Promise<VerifyReport> {
  return verifyDirectory(
    { directory: directory.path, isDeep },
    CONTROL,
    manner,
  );
}

/** A store with segments of all kinds of streams, appends of several events. */
async function fill(directory: StoreDirectory): Promise<void> {
  await directory.append(30);
  {
    await using opened = await directory.open();
    for (let round = 0; round < 12; round++) {
      for (
        const streamName of ["-a-b", "a-b-c", "-", "plain", `new-${round}`]
      ) {
        await opened.store.append({
          streamName,
          expectedVersion: "any",
          events: Array.from(
            { length: 1 + round % 3 },
            (_, index) => anEvent(round * 3 + index),
          ),
        });
      }
    }
    await opened.store.deleteStream({
      streamName: "plain",
      expectedVersion: "any",
      mode: "soft",
    });
    await opened.store.deleteStream({
      streamName: "new-1",
      expectedVersion: "any",
      mode: "hard",
    });
  }
  await directory.append(20);
}

Deno.test("a clean store is clean in every manner, whatever its streams are called", async () => {
  await using directory = await createStoreDirectory();
  await fill(directory);
  for (const isDeep of [false, true]) {
    const expected = await verify(directory, RECORD_BY_RECORD, isDeep);
    assertEquals(expected.findings, []);
    for (const manner of MANNERS) {
      assertEquals(await verify(directory, manner, isDeep), expected);
    }
  }
});

Deno.test("what is found does not depend on threads and pieces", async () => {
  const random = createRandom(20);
  for (let round = 0; round < 20; round++) {
    await using directory = await createStoreDirectory();
    await directory.append(20, 1024);
    await directory.append(20, 4096);
    for (let count = random.integer(1, 4); count > 0; count--) {
      damage(directory, random);
    }
    const isDeep = random.integer(0, 2) === 0;
    const expected = await verify(directory, RECORD_BY_RECORD, isDeep);
    for (const manner of MANNERS) {
      assertEquals(
        await verify(directory, manner, isDeep),
        expected,
        `round ${round}, ${JSON.stringify(manner)}`,
      );
    }
  }
});

/** Does something to a file of the store. */
function damage(directory: StoreDirectory, random: Random): void {
  const kind = random.integer(0, 9);
  const extension = kind < 7 ? "seg" : "idx";
  const count = directory.namesOf(extension).length;
  if (count === 0) return;
  const path = directory.segmentPath(random.integer(0, count - 1), extension);
  if (kind === 0) return Deno.removeSync(path);
  if (kind === 1) {
    return changeFile(
      path,
      (bytes) => bytes.slice(0, random.integer(0, bytes.length)),
    );
  }
  const { size } = Deno.statSync(path);
  if (size > 0) flipBit(path, random.integer(0, size - 1));
}

Deno.test("every piece of a whole log is proven, and none with a wrong byte", async () => {
  await using directory = await createStoreDirectory();
  await fill(directory);
  const disk = createFileDisk();
  const path = directory.segmentPath(1);
  const header = decodeSegmentHeader(Deno.readFileSync(path));
  assert(typeof header !== "string");
  const { size } = Deno.statSync(path);
  const segment = {
    number: header.number,
    generation: header.generation,
    path,
    startPosition: header.startPosition,
    endPosition: header.startPosition + size - 64,
    checksum: 0,
  };
  const pieces = piecesOf(segment, {
    remains: undefined,
    marks: [],
    pieceBytes: 600,
  });
  assert(pieces.length > 2);
  const checks = pieces.map((piece) => ({
    piece,
    control: {
      program: startPieceProgram(),
      listCount: 1,
      onChunk: () => undefined,
    },
  }));
  const prove = async () => {
    using closing = new DisposableStack();
    const file = disk.open(path, "read");
    closing.defer(() => file.close());
    return await Promise.all(
      checks.map(({ piece, control }) => provePiece(piece, file, control)),
    );
  };
  const whole = await prove();
  let end = 64;
  // In a piece that a long record fills none begins.
  for (const facts of whole.filter((facts) => facts !== undefined)) {
    assertEquals(facts.start, end);
    end = facts.end;
  }
  assertEquals(end, size);
  for (let at = 64; at < size; at++) {
    flipBit(path, at);
    const proven = await prove();
    flipBit(path, at);
    // A piece may begin behind its damaged first record: then it does not
    // follow what comes before it.
    const isIn = proven.some((facts) =>
      facts !== undefined && facts.start <= at && at < facts.end
    );
    assertEquals(isIn, false, `byte ${at}`);
  }
});

Deno.test("who is asked for several proofs at once gives the same as one by one", async () => {
  await using directory = await createStoreDirectory();
  await fill(directory);
  const disk = createFileDisk();
  const tasks: ProofTask[] = directory.namesOf("idx")
    .map((_, number) => ({ index: directory.segmentPath(number, "idx") }));
  assert(tasks.length > 1);
  // Whatever waits for its turn comes in between.
  const pause = () => Promise.resolve();
  const control = { onBytes() {}, pause };
  const oneByOne: Proof[] = [];
  for (const task of tasks) {
    oneByOne.push(await new Prover(disk).prove(task, control));
  }
  assert(oneByOne.every(({ index }) => index !== undefined));
  const prover = new Prover(disk);
  const atOnce = tasks.map((task) => prover.prove(task, control));
  const missing = prover.prove({ index: "no such file" }, control);
  const after = tasks.map((task) => prover.prove(task, control));
  await assertRejects(() => missing, Deno.errors.NotFound);
  assertEquals(await Promise.all(atOnce), oneByOne);
  assertEquals(await Promise.all(after), oneByOne);
});

Deno.test("progress goes up to its end with several threads, too", async () => {
  await using directory = await createStoreDirectory();
  await fill(directory);
  const done: number[] = [];
  let total = 0;
  await verifyDirectory({ directory: directory.path, isDeep: false }, {
    ...CONTROL,
    report: (progress) => {
      done.push(progress.done);
      total = progress.total;
    },
  }, { threadCount: 2, pieceBytes: 700 });
  assertEquals(done, done.toSorted((one, other) => one - other));
  assertEquals(done.at(-1), total);
});

Deno.test("a thread that ends by itself ends the verification", async () => {
  await using directory = await createStoreDirectory();
  await directory.append(20);
  const url = "data:text/javascript," + encodeURIComponent(
    "onmessage = () => { throw new Error('gone') }",
  );
  const startWorker = () => new Worker(url, { type: "module" });
  for (const threadCount of [2, 4]) {
    await assertRejects(
      () => verify(directory, { threadCount, startWorker }),
      ThreadEndedError,
      "gone",
    );
  }
  // The directory was let go of.
  assert((await verify(directory, { threadCount: 2 })).isClean);
});

Deno.test("threads stop when they are told to", async () => {
  await using directory = await createStoreDirectory();
  await fill(directory);
  const stopping = new AbortController();
  await assertRejects(
    () =>
      verifyDirectory({ directory: directory.path, isDeep: false }, {
        signal: stopping.signal,
        report: () => stopping.abort(new Error("enough")),
      }, { threadCount: 2, pieceBytes: 300 }),
    Error,
    "enough",
  );
  assert((await verify(directory, { threadCount: 2 })).isClean);
});
