/**
 * Where the entries of lists are: in the memtables of segments that have no
 * index file yet, newest first, then in index files; and how to get over
 * entries that are gone.
 *
 * @module
 */

import { QuipuError } from "../../lib/model/errors.ts";
import { positionOf, type Segment } from "../log/segment.ts";
import { SEGMENT_HEADER_BYTES } from "../log/segment_header.ts";
import { GONE_OFFSET } from "./index_file.ts";
import type { ListDirectory } from "./list_directory.ts";
import type { Memtable } from "./memtable.ts";
import type { ListPlace, SealedSegments } from "./sealed_segments.ts";

/** Positions of consecutive entries of a list that lie in one segment. */
export interface PositionRun {
  readonly segment: Segment;
  /** In the order asked for. */
  readonly positions: readonly number[];
  /** Ordinal of the first of them; the others follow without gaps. */
  readonly ordinal: number;
}

/** A segment without an index file, and what it holds. */
export interface UnsealedSegment {
  readonly segment: Segment;
  readonly memtable: Memtable;
}

export class ListPlaces {
  readonly #lists: ListDirectory;
  /** Oldest first. */
  readonly #unsealed: readonly UnsealedSegment[];
  readonly #sealed: SealedSegments;

  constructor(
    lists: ListDirectory,
    unsealed: readonly UnsealedSegment[],
    sealed: SealedSegments,
  ) {
    this.#lists = lists;
    this.#unsealed = unsealed;
    this.#sealed = sealed;
  }

  /**
   * Log positions of a list's entries, from `from` on in the direction, of
   * `count` ordinals at most, in runs of one segment each. Entries that are
   * gone are left out: a run ends before them.
   */
  *positions(
    listId: number,
    options: {
      from: number;
      count: number;
      direction: "forward" | "backward";
    },
  ): Generator<PositionRun> {
    const step = options.direction === "forward" ? 1 : -1;
    let ordinal = options.from;
    let left = options.count;
    while (left > 0) {
      const place = this.#placeOf(listId, ordinal);
      if (place === undefined) {
        const next = this.leftNear(listId, ordinal, step);
        if (next === undefined) return;
        left -= Math.abs(next - ordinal);
        ordinal = next;
        continue;
      }
      const { segment, firstOrdinal, count } = place;
      const room = step > 0
        ? firstOrdinal + count - ordinal
        : ordinal - firstOrdinal + 1;
      const take = Math.min(left, room);
      let positions: number[] = [];
      for (let index = 0; index < take; index++) {
        const at = ordinal + step * index;
        const offset = place.offsetAt(at - firstOrdinal);
        if (offset !== GONE_OFFSET) {
          positions.push(positionIn(segment, offset));
        } else if (positions.length > 0) {
          const first = at - step * positions.length;
          yield { segment, positions, ordinal: first };
          positions = [];
        }
      }
      ordinal += step * take;
      left -= take;
      if (positions.length > 0) {
        const first = ordinal - step * positions.length;
        yield { segment, positions, ordinal: first };
      }
    }
  }

  /**
   * A list's nearest ordinal that is left, from one on in the direction;
   * undefined when none is.
   */
  leftNear(listId: number, from: number, step: 1 | -1): number | undefined {
    const next = this.#lists.decidedNext[listId] ?? 0;
    const start = step < 0 ? Math.min(from, next - 1) : Math.max(from, 0);
    if (start < 0 || start >= next) return undefined;
    const firstUnsealed = this.firstUnsealed(listId);
    const unsealed = (ordinal: number): number | undefined => {
      for (; ordinal >= firstUnsealed && ordinal < next; ordinal += step) {
        const place = this.#placeOf(listId, ordinal);
        const offset = place?.offsetAt(ordinal - place.firstOrdinal);
        if (offset !== undefined && offset !== GONE_OFFSET) return ordinal;
      }
      return undefined;
    };
    if (start >= firstUnsealed) {
      const found = unsealed(start);
      if (found !== undefined || step > 0) return found;
    }
    const sealed = this.#sealed.leftNear(
      listId,
      Math.min(start, firstUnsealed - 1),
      step,
    );
    return sealed !== undefined || step < 0 ? sealed : unsealed(firstUnsealed);
  }

  /** Segment and log position of one entry; undefined if there is none. */
  locate(
    listId: number,
    ordinal: number,
  ): { segment: Segment; position: number } | undefined {
    const place = this.#placeOf(listId, ordinal);
    if (place === undefined) return undefined;
    const offset = place.offsetAt(ordinal - place.firstOrdinal);
    if (offset === GONE_OFFSET) return undefined;
    return {
      segment: place.segment,
      position: positionIn(place.segment, offset),
    };
  }

  /** Ordinal of the list's first entry in segments without an index file. */
  firstUnsealed(listId: number): number {
    let next = this.#lists.decidedNext[listId] ?? 0;
    for (const { memtable } of this.#unsealed) {
      next -= memtable.lengthOf(listId);
    }
    return next;
  }

  /** Where an ordinal's neighbourhood is: its part of the list in a segment. */
  #placeOf(listId: number, ordinal: number): ListPlace | undefined {
    let next = this.#lists.decidedNext[listId] ?? 0;
    if (ordinal < 0 || ordinal >= next) return undefined;
    for (let at = this.#unsealed.length - 1; at >= 0; at--) {
      const unsealed = this.#unsealed[at];
      if (unsealed === undefined) break;
      const count = unsealed.memtable.lengthOf(listId);
      const firstOrdinal = next - count;
      if (ordinal >= firstOrdinal) {
        const { segment, memtable } = unsealed;
        return {
          segment,
          firstOrdinal,
          count,
          offsetAt: (index) => memtable.offsetAt(listId, index),
        };
      }
      next = firstOrdinal;
    }
    return this.#sealed.placeOf(listId, ordinal);
  }
}

/** Log position of a list's entry. */
function positionIn(segment: Segment, offset: number): number {
  if (offset >= SEGMENT_HEADER_BYTES) return positionOf(segment, offset);
  throw new QuipuError(
    "corruptRecord",
    `Cannot read an event that segment ${segment.number} or one before it lost`,
  );
}
