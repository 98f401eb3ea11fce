/**
 * Writes `heads.snap`: under a temporary name, synced, renamed. It pauses
 * often: appends and reads go on beside it. See `heads_snapshot.ts` for the
 * format.
 *
 * @module
 */

import type { Disk } from "../disk/disk.ts";
import type { ActiveEnd, SealedDigest } from "./heads_snapshot.ts";
import { giveBack } from "../log/bytes.ts";
import { encodeSnapshotHeader } from "./heads_snapshot.ts";
import type { ListDirectory } from "./list_directory.ts";
import { NO_LIST } from "./list_directory.ts";
import type { Memtable } from "./memtable.ts";
import { SectionWriter } from "./section_file.ts";

/** Lists, or entries, that are written between two pauses. */
const PART_LENGTH = 64 * 1024;

interface HeadsWriteRequest {
  readonly disk: Disk;
  readonly directory: string;
  readonly path: string;
  readonly storeId: string;
  /** The sealed segments. */
  readonly sealed: SealedDigest;
  readonly lists: ListDirectory;
  /** Ordinal after the list's last entry in sealed segments. */
  readonly sealedNextOf: (listId: number) => number;
  /**
   * The active segment, when nothing is written any more and all that was is
   * committed.
   */
  readonly active:
    | { readonly end: ActiveEnd; readonly memtable: Memtable }
    | undefined;
  /** Lets others work. */
  readonly pause: () => Promise<void>;
}

type Column = Uint8Array | Uint32Array | Float64Array;

/** Writes the snapshot. */
export async function writeHeadsSnapshot(
  request: HeadsWriteRequest,
): Promise<void> {
  const { disk, path, lists, sealed, active } = request;
  const temporaryPath = path + ".tmp";
  await disk.remove(temporaryPath).catch(() => {});
  const file = await disk.create(temporaryPath);
  try {
    const writer = new SectionWriter(file);
    // Lists that are made meanwhile have no sealed entries yet.
    const listCount = lists.size;
    await writeLists(writer, listCount, request);
    await writeMemtable(writer, request);
    await writer.finish(encodeSnapshotHeader({
      storeId: request.storeId,
      sealedCount: sealed.count,
      sealedDigest: sealed.value,
      listCount,
      active: active?.end,
    }));
    file.close();
    await disk.rename(temporaryPath, path);
    await disk.syncDirectory(request.directory);
  } finally {
    file.close();
  }
}

/** Writes a section part by part; each part is of one moment. */
async function writeColumn(
  writer: SectionWriter,
  length: number,
  partOf: (from: number, to: number) => Column,
  pause: () => Promise<void>,
  release: (part: Column) => void = () => {},
): Promise<void> {
  writer.begin();
  for (let from = 0; from < length; from += PART_LENGTH) {
    const part = partOf(from, Math.min(length, from + PART_LENGTH));
    await writer.write(asBytes(part));
    release(part);
    await pause();
  }
}

async function writeLists(
  writer: SectionWriter,
  listCount: number,
  { lists, sealedNextOf, pause }: HeadsWriteRequest,
): Promise<void> {
  const { names } = lists;
  const column = (partOf: (from: number, to: number) => Column) =>
    writeColumn(writer, listCount, partOf, pause, giveBack);
  await writeColumn(
    writer,
    listCount + 1,
    (from, to) => names.startsFrom(from, to - from).slice(),
    pause,
    giveBack,
  );
  const [nameEnd = 0] = names.startsFrom(listCount, 1);
  await writeColumn(
    writer,
    nameEnd,
    (from, to) => names.bytesAt(from, to - from).slice(),
    pause,
    giveBack,
  );
  await column((from, to) => lists.hashes.slice(from, to));
  await column((from, to) => lists.kinds.slice(from, to));
  await column((from, to) => lists.visibleFlags.slice(from, to));
  await column((from, to) => lists.isSource.slice(from, to));
  await column((from, to) => {
    const part = new Float64Array(to - from);
    for (let id = from; id < to; id++) part[id - from] = sealedNextOf(id);
    return part;
  });
  await column((from, to) => lists.lastSegment.slice(from, to));
  await column((from, to) => lists.lastSlice.slice(from, to));
  await column((from, to) => {
    const part = lists.metastream.slice(from, to);
    // One that was made meanwhile is found again when its record is.
    for (let index = 0; index < part.length; index++) {
      if ((part[index] ?? 0) >= listCount) part[index] = NO_LIST;
    }
    return part;
  });
  await column((from, to) => lists.category.slice(from, to));
}

async function writeMemtable(
  writer: SectionWriter,
  { active, pause }: HeadsWriteRequest,
): Promise<void> {
  const memtable = active?.memtable;
  const { hashes, offsets } = memtable?.ids.columns() ?? NO_IDS;
  const samples = memtable?.samples ?? [];
  const ids = Uint32Array.from(memtable?.lists ?? []);
  const whole = (column: Column) =>
    writeColumn(
      writer,
      column.length,
      (from, to) => column.subarray(from, to),
      pause,
    );
  await whole(ids);
  await whole(ids.map((listId) => memtable?.lengthOf(listId) ?? 0));
  writer.begin();
  for (const part of memtable?.entryParts(PART_LENGTH) ?? []) {
    await writer.write(asBytes(part));
    await pause();
  }
  await whole(Uint32Array.from(memtable?.tombstoned ?? []));
  await whole(Uint32Array.from(samples, ({ offset }) => offset));
  await whole(Float64Array.from(samples, ({ createdAtUs }) => createdAtUs));
  await whole(hashes);
  await whole(offsets);
}

const NO_IDS = { hashes: new Uint32Array(0), offsets: new Uint32Array(0) };

function asBytes({ buffer, byteOffset, byteLength }: Column): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
