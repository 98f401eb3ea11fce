/**
 * `heads.snap`: where every list ends as of the newest sealed segment, so that
 * a start need not walk all index files. Losing it loses nothing.
 *
 * Content of the blocked file, little-endian:
 *
 * ```
 * for each list, in the order of their ids:
 *   u8 kind, u8 flags, u16 length of the name, name (UTF-8)
 *   u64 ordinal after its last entry, u32 segment and u32 offset of its slice
 * footer (the last block):
 *   8 "QUIPUHED", u32 format (1), 16 store id,
 *   u32 number of the newest sealed segment, u32 its checksum, u64 lists
 * ```
 *
 * @module
 */

import type { Disk, DiskFile } from "../disk/disk.ts";
import {
  bytesOf,
  decodeUtf8,
  getSafeUint64,
  getUuid,
  GrowingBytes,
  setSafeUint64,
  setUuid,
} from "../log/bytes.ts";
import type { Segment } from "../log/segment.ts";
import {
  BLOCK_BYTES,
  BLOCK_CONTENT_BYTES,
  BlockCache,
  BlockedReader,
  BlockedWriter,
} from "./blocked_file.ts";
import {
  LIST_KINDS,
  type ListDirectory,
  NO_SEGMENT,
} from "./list_directory.ts";

const MAGIC = new TextEncoder().encode("QUIPUHED");
const FORMAT = 1;
/** Bytes of a list besides its name. */
const ENTRY_FIXED_BYTES = 20;
/** Lists that are written between two pauses. */
const LISTS_PER_PAUSE = 1000;
/** Bytes of a list with a name of usual length, for an estimate. */
const ENTRY_BYTES_TYPICAL = 48;

/** About how large a snapshot of so many lists is. */
export function snapshotBytesFor(listCount: number): number {
  return listCount * ENTRY_BYTES_TYPICAL;
}

/** Writes the snapshot: under a temporary name, synced, renamed. */
export async function writeHeadsSnapshot(request: {
  readonly disk: Disk;
  readonly directory: string;
  readonly path: string;
  readonly storeId: string;
  /** The newest sealed segment. */
  readonly segment: Segment;
  readonly lists: ListDirectory;
  /** Ordinal after the list's last entry in sealed segments. */
  readonly sealedNextOf: (listId: number) => number;
  readonly pause: () => Promise<void>;
}): Promise<void> {
  const { disk, path, lists, segment } = request;
  const temporaryPath = path + ".tmp";
  await disk.remove(temporaryPath).catch(() => {});
  const file = await disk.create(temporaryPath);
  try {
    const writer = new BlockedWriter(file);
    const out = new GrowingBytes(64 * 1024);
    let listCount = 0;
    // Lists that are made meanwhile have no sealed entries yet.
    const { size } = lists;
    for (let id = 1; id < size; id++) {
      if (id % LISTS_PER_PAUSE === 0) {
        if (writer.push(out.bytes())) await writer.flush();
        out.clear();
        await request.pause();
      }
      if (lists.lastSegment[id] === NO_SEGMENT) continue;
      out.pushUint8(lists.kinds[id] ?? 0);
      out.pushUint8(lists.visibleFlags[id] ?? 0);
      out.pushText(lists.nameOf(id));
      out.pushUint64(request.sealedNextOf(id));
      out.pushUint32(lists.lastSegment[id] ?? 0);
      out.pushUint32(lists.lastSlice[id] ?? 0);
      listCount++;
    }
    writer.push(out.bytes());
    writer.endBlock();
    writer.push(encodeFooter({
      storeId: request.storeId,
      segmentNumber: segment.number,
      checksum: segment.checksum,
      listCount,
    }));
    await writer.finish();
    await file.sync();
    file.close();
    await disk.rename(temporaryPath, path);
    await disk.syncDirectory(request.directory);
  } finally {
    file.close();
  }
}

interface SnapshotFooter {
  readonly storeId: string;
  readonly segmentNumber: number;
  readonly checksum: number;
  readonly listCount: number;
}

function encodeFooter(footer: SnapshotFooter): Uint8Array {
  const array = new Uint8Array(BLOCK_CONTENT_BYTES);
  const { view } = bytesOf(array);
  array.set(MAGIC);
  view.setUint32(8, FORMAT, true);
  setUuid(array, 12, footer.storeId);
  view.setUint32(28, footer.segmentNumber, true);
  view.setUint32(32, footer.checksum, true);
  setSafeUint64(view, 36, footer.listCount);
  return array;
}

/** An opened snapshot whose footer is whole. */
export interface HeadsSnapshot {
  readonly storeId: string;
  /** Number of the newest segment it knows of. */
  readonly segmentNumber: number;
  /** Checksum of that segment. */
  readonly checksum: number;
  /**
   * Enters the lists.
   *
   * @throws {QuipuError} `corruptRecord` when a block is damaged; what was
   * entered until then is right.
   */
  enter(lists: ListDirectory): void;
  close(): void;
}

/**
 * Opens the snapshot; undefined when there is none that can be used: a store
 * must open without it, too.
 */
export function openHeadsSnapshot(
  disk: Disk,
  path: string,
): HeadsSnapshot | undefined {
  let file: DiskFile | undefined;
  try {
    const opened = file = disk.open(path, "read");
    const reader = new BlockedReader(
      () => opened,
      new BlockCache(BLOCK_BYTES),
      0,
    );
    const sizeBytes = opened.size();
    const footer = readFooter(reader, sizeBytes);
    if (footer !== undefined) {
      const contentBytes = (sizeBytes / BLOCK_BYTES - 1) * BLOCK_CONTENT_BYTES;
      return {
        ...footer,
        enter: (lists) =>
          enterLists(reader, contentBytes, footer.listCount, lists),
        close: () => opened.close(),
      };
    }
  } catch {
    // Missing, damaged, or on a bad part of the device.
  }
  file?.close();
  return undefined;
}

function readFooter(
  reader: BlockedReader,
  sizeBytes: number,
): SnapshotFooter | undefined {
  if (sizeBytes < BLOCK_BYTES || sizeBytes % BLOCK_BYTES !== 0) {
    return undefined;
  }
  const array = reader.block(sizeBytes / BLOCK_BYTES - 1);
  const { view } = bytesOf(array);
  const isOurs = MAGIC.every((byte, index) => array[index] === byte) &&
    view.getUint32(8, true) === FORMAT;
  return isOurs
    ? {
      storeId: getUuid(array, 12),
      segmentNumber: view.getUint32(28, true),
      checksum: view.getUint32(32, true),
      listCount: getSafeUint64(view, 36),
    }
    : undefined;
}

/** Blocks that are decoded together. */
const BLOCKS_PER_READ = 16;

function enterLists(
  reader: BlockedReader,
  contentBytes: number,
  listCount: number,
  lists: ListDirectory,
): void {
  let chunk = bytesOf(new Uint8Array(0));
  let chunkStart = 0;
  let offset = 0;

  /** Makes `length` bytes from `offset` on part of the chunk; where they are. */
  function load(length: number): number {
    if (offset + length > chunkStart + chunk.array.length) {
      const wanted = Math.min(
        Math.max(length, BLOCKS_PER_READ * BLOCK_CONTENT_BYTES),
        contentBytes - offset,
      );
      chunk = bytesOf(reader.read(offset, Math.max(wanted, length)));
      chunkStart = offset;
    }
    return offset - chunkStart;
  }

  for (let count = 0; count < listCount; count++) {
    const prefixAt = load(4);
    const nameBytes = chunk.view.getUint16(prefixAt + 2, true);
    const at = load(nameBytes + ENTRY_FIXED_BYTES);
    const { array, view } = chunk;
    const kind = LIST_KINDS[array[at] ?? 0] ?? "stream";
    const name = decodeUtf8(array, at + 4, at + 4 + nameBytes);
    const id = lists.findOrCreate(kind, name);
    const flags = array[at + 1] ?? 0;
    const next = getSafeUint64(view, at + 4 + nameBytes);
    lists.visibleFlags[id] = flags;
    lists.decidedFlags[id] = flags;
    lists.visibleNext[id] = next;
    lists.decidedNext[id] = next;
    lists.lastSegment[id] = view.getUint32(at + 12 + nameBytes, true);
    lists.lastSlice[id] = view.getUint32(at + 16 + nameBytes, true);
    offset += nameBytes + ENTRY_FIXED_BYTES;
  }
}
