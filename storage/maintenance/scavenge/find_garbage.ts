/**
 * Finds out whether a segment holds anything that can go, from its index
 * alone: for each stream, what its first entry there is.
 *
 * @module
 */

import type { StoreIndex } from "../../index/store_index.ts";
import type { RecordReader } from "../../log/record_reader.ts";
import { offsetOf, type Segment } from "../../log/segment.ts";
import { NO_LIST } from "../../index/list_directory.ts";
import type { Retention } from "./retention.ts";

/** Code of the kind of streams. */
const STREAM_KIND = 0;
/** Streams that are looked at between two pauses. */
const STREAMS_PER_PAUSE = 16;
/** Most ages of which the place in a segment is kept. */
const CUTOFFS_MAX = 1000;

interface GarbageOptions {
  readonly index: StoreIndex;
  readonly reader: RecordReader;
  readonly retention: Retention;
  /** Lets others work. */
  readonly pause: () => Promise<void>;
}

/** Whether a sealed segment holds an event that is hidden. */
export async function hasGarbage(
  segment: Segment,
  { index, reader, retention, pause }: GarbageOptions,
): Promise<boolean> {
  const sealed = index.sealed.indexOf(segment);
  if (sealed === undefined) return false;
  const cutoffs = new Cutoffs(segment, index, reader);
  let count = 0;
  for (const { slice, name } of sealed.walk()) {
    if (++count % STREAMS_PER_PAUSE === 0) await pause();
    if (slice.kind !== STREAM_KIND || slice.count === 0) continue;
    const streamId = index.lists.find("stream", name);
    if (streamId === NO_LIST) continue;
    // The first entry of a slice is left.
    const { firstOrdinal } = slice;
    if (firstOrdinal < retention.firstOf(streamId)) return true;
    const sinceUs = retention.sinceOf(streamId);
    const isLeft = sinceUs === -Infinity ||
      firstOrdinal === retention.keptOf(streamId);
    if (isLeft) continue;
    const cutoff = cutoffs.of(sinceUs);
    if (sealed.entryOf(slice, 0) < cutoff) return true;
  }
  return false;
}

/** The garbage of the active segment. */
interface ActiveGarbage {
  readonly recordCount: number;
  readonly hiddenCount: number;
  /** Whether anything of that was deleted, rather than given up. */
  readonly isDeleted: boolean;
}

/** Looks at the active segment. */
export async function findActiveGarbage(
  segment: Segment,
  { index, reader, retention, pause }: GarbageOptions,
): Promise<ActiveGarbage> {
  const memtable = index.active;
  const { lists } = index;
  const cutoffs = new Cutoffs(segment, index, reader);
  const { recordCount } = memtable;
  let hiddenCount = 0;
  let isDeleted = false;
  let count = 0;
  for (const listId of memtable.lists) {
    if (++count % STREAMS_PER_PAUSE === 0) await pause();
    if (lists.kinds[listId] !== STREAM_KIND) continue;
    const offsets = memtable.offsetsOf(listId);
    const firstOrdinal = (lists.decidedNext[listId] ?? 0) - offsets.length;
    const first = retention.firstOf(listId);
    const sinceUs = retention.sinceOf(listId);
    let hidden = Math.min(offsets.length, Math.max(0, first - firstOrdinal));
    if (sinceUs !== -Infinity) {
      hidden = Math.max(hidden, countBelow(offsets, cutoffs.of(sinceUs)));
    }
    hiddenCount += hidden;
    isDeleted ||= hidden > 0 && retention.isDeleted(listId);
  }
  return { recordCount, hiddenCount, isDeleted };
}

/** From which offset of a segment on records are at least as young as a time. */
class Cutoffs {
  readonly #segment: Segment;
  readonly #index: StoreIndex;
  readonly #reader: RecordReader;
  #known = new Map<number, number>();

  constructor(segment: Segment, index: StoreIndex, reader: RecordReader) {
    this.#segment = segment;
    this.#index = index;
    this.#reader = reader;
  }

  of(sinceUs: number): number {
    const known = this.#known.get(sinceUs);
    if (known !== undefined) return known;
    const cutoff = this.#find(sinceUs);
    if (this.#known.size >= CUTOFFS_MAX) this.#known = new Map();
    this.#known.set(sinceUs, cutoff);
    return cutoff;
  }

  #find(sinceUs: number): number {
    const segment = this.#segment;
    const { endPosition } = segment;
    const before = this.#index.recordBefore(segment, sinceUs);
    if (before === undefined) return 0;
    const scanner = this.#reader.scan(segment, before);
    while (scanner.position < endPosition) {
      const { position } = scanner;
      const record = scanner.next({ withBodies: false });
      if (typeof record === "string") {
        throw this.#reader.corrupt(segment, position, record);
      }
      if (record === undefined) break;
      if (record.createdAtUs >= sinceUs) {
        return offsetOf(segment, record.logPosition);
      }
    }
    return offsetOf(segment, endPosition);
  }
}

/** How many offsets, which rise, are below a limit. */
function countBelow(offsets: Uint32Array, limit: number): number {
  let low = 0;
  let high = offsets.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((offsets[middle] ?? 0) < limit) low = middle + 1;
    else high = middle;
  }
  return low;
}
