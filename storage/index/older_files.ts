/**
 * Older slices of lists, read from index files by a thread that has nothing
 * else of the store. It finds what `sealed_segments.ts` finds.
 *
 * @module
 */

import { QuipuError } from "../../lib/model/errors.ts";
import { PositionalReader } from "../disk/positional_reader.ts";
import {
  BLOCK_BYTES,
  BLOCK_CONTENT_BYTES,
  type BlockMemory,
  type Blocks,
} from "./block_cache.ts";
import type { Slice, SlicePointer } from "./index_file.ts";
import type { FoundSlice, NamedLists, OlderSlices } from "./index_builder.ts";
import { NO_SEGMENT } from "./list_directory.ts";
import { findNamedSlice } from "./named_slice.ts";
import { openSealedIndex, type SealedIndex } from "./sealed_index.ts";

/** Blocks that are kept: 8 MiB. A slice is looked at in far fewer. */
const BLOCKS_KEPT = 2048;
/** Index files that are open at a time. */
const OPEN_MAX = 128;

/** An index file of an older segment. */
export interface OlderIndex {
  readonly segmentNumber: number;
  readonly path: string;
}

/** Lists, and where the newest slice of each is, by id. */
export interface PlacedLists extends NamedLists {
  readonly lastSegment: Uint32Array;
  readonly lastSlice: Uint32Array;
}

export class OlderFiles implements OlderSlices, Disposable {
  readonly #lists: PlacedLists;
  readonly #paths: ReadonlyMap<number, string>;
  readonly #cache = new BlockRing(BLOCKS_KEPT);
  readonly #indexes = new Map<number, SealedIndex>();
  /** By segment; the one that was opened first comes first. */
  readonly #readers = new Map<number, PositionalReader>();

  constructor(indexes: readonly OlderIndex[], lists: PlacedLists) {
    this.#lists = lists;
    this.#paths = new Map(
      indexes.map(({ segmentNumber, path }) => [segmentNumber, path]),
    );
  }

  /** See `SealedSegments.newestSlice()`. */
  newest(listId: number): FoundSlice | undefined {
    const { lastSegment, lastSlice, names } = this.#lists;
    const segment = lastSegment[listId] ?? NO_SEGMENT;
    if (segment === NO_SEGMENT) return undefined;
    const sealed = this.#indexAt(segment);
    if (sealed.footer.isScavenged) return this.#named(listId, segment);
    const offset = lastSlice[listId] ?? 0;
    const slice = sealed.sliceAt(offset);
    if (!isSame(slice.name, names.bytesOf(listId))) {
      throw new QuipuError(
        "corruptRecord",
        `Cannot read the index of segment ${segment}: another list is there`,
      );
    }
    return { pointer: { segment, offset, depth: slice.depth }, slice };
  }

  /** See `SealedSegments.sliceAt()`. */
  at(listId: number, pointer: SlicePointer): Slice | undefined {
    const { segment, offset } = pointer;
    if (segment === NO_SEGMENT) return undefined;
    const sealed = this.#indexAt(segment);
    return sealed.footer.isScavenged
      ? this.#named(listId, segment)?.slice
      : sealed.sliceAt(offset);
  }

  [Symbol.dispose](): void {
    for (const reader of this.#readers.values()) reader.close();
    this.#readers.clear();
  }

  #named(listId: number, newest: number): FoundSlice | undefined {
    const { kinds, names } = this.#lists;
    const list = { kind: kinds[listId] ?? 0, name: names.bytesOf(listId) };
    return findNamedSlice(list, newest, (segment) => this.#indexAt(segment));
  }

  #indexAt(segment: number): SealedIndex {
    const known = this.#indexes.get(segment);
    if (known !== undefined) return known;
    const index = openSealedIndex(
      () => this.#readerOf(segment),
      this.#cache,
      segment,
      () => {},
    );
    if (index === undefined) {
      throw new QuipuError(
        "corruptRecord",
        `Cannot read the index of segment ${segment}`,
      );
    }
    this.#indexes.set(segment, index);
    return index;
  }

  #readerOf(segment: number): PositionalReader {
    const open = this.#readers.get(segment);
    if (open !== undefined) return open;
    const reader = new PositionalReader(this.#paths.get(segment) ?? "");
    this.#readers.set(segment, reader);
    if (this.#readers.size > OPEN_MAX) this.#closeOldest();
    return reader;
  }

  #closeOldest(): void {
    for (const [segment, reader] of this.#readers) {
      reader.close();
      this.#readers.delete(segment);
      return;
    }
  }
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  const { length } = one;
  if (length !== other.length) return false;
  for (let index = 0; index < length; index++) {
    if (one[index] !== other[index]) return false;
  }
  return true;
}

export class BlockRing implements Blocks {
  readonly #memory: Uint8Array<ArrayBuffer>;
  /** Key of the block in each place. */
  readonly #keys: (number | undefined)[];
  readonly #blocks = new Map<number, Uint8Array>();
  #next = 0;

  /** @param count Of blocks; more than are looked at together. */
  constructor(count: number) {
    this.#memory = new Uint8Array(count * BLOCK_BYTES);
    this.#keys = new Array(count).fill(undefined);
  }

  get(key: number): Uint8Array | undefined {
    return this.#blocks.get(key);
  }

  /** Memory for a block, which holds until as many others were read. */
  memoryFor(): BlockMemory {
    const place = this.#next;
    const key = this.#keys[place];
    if (key !== undefined) this.#blocks.delete(key);
    this.#keys[place] = undefined;
    this.#next = (place + 1) % this.#keys.length;
    const start = place * BLOCK_BYTES;
    return {
      block: this.#memory.subarray(start, start + BLOCK_BYTES),
      content: this.#memory.subarray(start, start + BLOCK_CONTENT_BYTES),
      recentAt: place,
    };
  }

  /** Enters a block that was read, and is whole. */
  enter(key: number, { content, recentAt }: BlockMemory): void {
    if (recentAt === undefined) return;
    this.#keys[recentAt] = key;
    this.#blocks.set(key, content);
  }
}
