/**
 * Checks `heads.snap`: that it is whole, that it stands on the segments that
 * are there, and that its lists end where the log says.
 *
 * @module
 */

import type { Disk } from "../disk/disk.ts";
import { QuipuError } from "../../lib/model/errors.ts";
import {
  type ActiveEntries,
  type HeadsSnapshot,
  openHeadsSnapshot,
  SealedDigest,
} from "../index/heads_snapshot.ts";
import { LIST_KINDS, type LoadedLists } from "../index/list_directory.ts";
import { type Bytes, bytesOf, giveBack } from "../log/bytes.ts";
import type { Segment } from "../log/segment.ts";
import type { EntryCheck } from "./entry_check.ts";
import type { Findings } from "./findings.ts";
import type { EntryDigest } from "./entry_digest.ts";
import type { ListKeys } from "./list_heads.ts";
import { NameHash } from "./name_hash.ts";
import {
  beginDigest,
  bytesIn,
  digestIn,
  type PieceProgram,
} from "./piece_program.ts";
import type { SegmentFacts } from "./segment_facts.ts";

/** Name of the snapshot in a store's directory. */
export const HEADS_NAME = "heads.snap";

export class HeadsCheck implements Disposable {
  readonly #findings: Findings;
  readonly #program: PieceProgram;
  readonly #digest = new SealedDigest();
  #snapshot: HeadsSnapshot | undefined;
  #lists: LoadedLists | undefined;

  /** @param isThere Whether there is such a file. */
  constructor(
    options: {
      readonly disk: Disk;
      readonly path: string;
      readonly isThere: boolean;
      readonly findings: Findings;
      /** It is used for this alone whenever something is taken. */
      readonly program: PieceProgram;
    },
  ) {
    this.#findings = options.findings;
    this.#program = options.program;
    if (!options.isThere) return;
    this.#snapshot = openHeadsSnapshot(options.disk, options.path);
    if (this.#snapshot === undefined) {
      this.#findings.broken("headsFile", "its header cannot be read", PLACE);
    }
  }

  /** Position in a segment at which it is to be noted what was read so far. */
  markIn(segment: Segment): number | undefined {
    const active = this.#snapshot?.header.active;
    return active?.number === segment.number &&
        active.generation === segment.generation
      ? active.endPosition
      : undefined;
  }

  /** Compares before the first segment is taken, of a snapshot of none. */
  begin(storeId: string, entries: EntryCheck): void {
    const listCount = this.#snapshot?.header.listCount ?? 0;
    entries.heads.reserve(Math.min(listCount, RESERVED_MAX));
    if (this.#snapshot?.header.sealedCount === 0) {
      this.#compareSealed(storeId, entries);
    }
  }

  /** Takes the next sealed segment once it was read. */
  takeSealed(segment: Segment, storeId: string, entries: EntryCheck): void {
    this.#digest.add(segment);
    if (this.#snapshot?.header.sealedCount === this.#digest.count) {
      this.#compareSealed(storeId, entries);
    }
  }

  /** Compares what it says of the segment that was the active one. */
  takeActive(segment: Segment, facts: SegmentFacts): void {
    const end = this.markIn(segment);
    const lists = this.#lists;
    if (end === undefined || lists === undefined) return;
    const active = this.#snapshot?.header.active;
    const mark = facts.marks.get(end);
    if (mark === undefined || mark.checksum !== active?.checksum) {
      // A store that lost its last events, or was damaged: said elsewhere.
      if (facts.isWhole) {
        this.#findings.notice(
          "headsFile",
          "it knows of another end of the log, and is not used",
          PLACE,
        );
      }
      return;
    }
    const digest = this.#read((snapshot) =>
      digestOf(snapshot, lists, this.#program)
    );
    if (digest === undefined || !facts.isWhole) return;
    if (!digest.equals(mark.digest)) {
      this.#findings.broken(
        "headsContent",
        "the entries of the last segment are not those of its records",
        PLACE,
      );
    }
  }

  /**
   * After all segments.
   *
   * @param isDamaged Whether more is wrong with them than with the heads.
   */
  finish(isDamaged: boolean): void {
    if (isDamaged) return;
    const sealedCount = this.#snapshot?.header.sealedCount ?? 0;
    if (sealedCount > this.#digest.count) {
      this.#findings.notice(
        "headsFile",
        `it stands on ${sealedCount} sealed segments, of which there are ` +
          `${this.#digest.count}, and is not used`,
        PLACE,
      );
    }
  }

  [Symbol.dispose](): void {
    this.#snapshot?.close();
  }

  #compareSealed(storeId: string, entries: EntryCheck): void {
    const header = this.#snapshot?.header;
    const isFit = header?.storeId === storeId &&
      header.sealedDigest === this.#digest.value;
    if (!isFit) {
      if (entries.isLenient) return;
      this.#findings.notice(
        "headsFile",
        "it was made of other segments, and is not used",
        PLACE,
      );
      return;
    }
    const lists = this.#read((snapshot) => snapshot.readLists());
    if (lists === undefined) return;
    this.#lists = lists;
    let used = 0;
    const keys = new NameKeys(lists);
    const inLog = new Float64Array(BATCH);
    for (let from = 1; from < lists.names.count; from += BATCH) {
      const count = keys.take(from);
      entries.heads.findAll(keys, inLog);
      for (let index = 0; index < count; index++) {
        const next = lists.next[from + index] ?? 0;
        if (next === 0) continue;
        used++;
        this.#compareList(from + index, inLog[index] ?? 0, entries);
      }
    }
    const usedInLog = entries.heads.countUsed();
    if (!entries.isLenient && used !== usedInLog) {
      this.#findings.broken(
        "headsContent",
        `${used} lists have entries there, and ${usedInLog} in the log`,
        PLACE,
      );
    }
  }

  /** Compares where a list ends in the snapshot and in the log. */
  #compareList(id: number, inLog: number, { isLenient }: EntryCheck): void {
    const { next: nexts, names, kinds } = this.#lists ?? {};
    const next = nexts?.[id] ?? 0;
    // With records missing a list may have gone further than is seen.
    if (isLenient ? inLog <= next : inLog === next) return;
    this.#findings.broken(
      "headsContent",
      `"${names?.nameOf(id)}" (${LIST_KINDS[kinds?.[id] ?? 0]}) ends at ` +
        `${next - 1} there, and at ${inLog - 1} in the log`,
      PLACE,
    );
  }

  #read<Result>(
    read: (snapshot: HeadsSnapshot) => Result,
  ): Result | undefined {
    const snapshot = this.#snapshot;
    if (snapshot === undefined) return undefined;
    try {
      return read(snapshot);
    } catch (error) {
      if (!(error instanceof QuipuError)) throw error;
      this.#findings.broken("headsFile", error.message, PLACE);
      return undefined;
    }
  }
}

const PLACE = { file: HEADS_NAME };
/** Lists that are looked up at once. */
const BATCH = 2 * 1024;
/** Lists that room is made for before they are seen. */
const RESERVED_MAX = 4_000_000;

/** Hashes of names of lists, many at a time. */
class NameKeys implements ListKeys {
  count = 0;
  readonly kinds = new Uint8Array(BATCH);
  readonly highs = new Int32Array(BATCH);
  readonly lows = new Int32Array(BATCH);
  readonly #hash = new NameHash();
  readonly #lists: LoadedLists;
  readonly #names: Bytes;
  readonly #starts: Uint32Array;

  constructor(lists: LoadedLists) {
    const { names } = lists;
    this.#lists = lists;
    this.#names = bytesOf(names.bytesAt(0, names.byteLength));
    this.#starts = names.startsFrom(0, names.count + 1);
  }

  /** Hashes the names of the lists from an id on; tells how many they are. */
  take(id: number): number {
    this.count = Math.min(BATCH, this.#lists.names.count - id);
    for (let index = 0; index < this.count; index++) {
      this.kinds[index] = this.#lists.kinds[id + index] ?? 0;
      const hash = this.hashOf(id + index);
      this.highs[index] = hash.high;
      this.lows[index] = hash.low;
    }
    return this.count;
  }

  /** Hash of the name of a list; it holds until the next one. */
  hashOf(id: number): NameHash {
    const end = this.#starts[id + 1] ?? 0;
    this.#hash.take(this.#names, this.#starts[id] ?? 0, end);
    return this.#hash;
  }
}

/** Entries that are summed up at a time. */
const ENTRIES_AT_ONCE = 64 * 1024;

/** All entries that the snapshot knows in the active segment. */
function digestOf(
  snapshot: HeadsSnapshot,
  known: LoadedLists,
  program: PieceProgram,
): EntryDigest {
  const active = snapshot.readActiveEntries();
  addActive(active, known, program);
  for (const array of Object.values(active)) giveBack(array);
  return digestIn(program);
}

/** Adds entries to the program's digest, which is empty before. */
function addActive(
  { lists, lengths, entries }: ActiveEntries,
  known: LoadedLists,
  program: PieceProgram,
): void {
  const keys = new NameKeys(known);
  beginDigest(program);
  const memoryAt = program.room(ENTRIES_AT_ONCE * 4);
  const { array } = bytesIn(program, memoryAt, ENTRIES_AT_ONCE * 4);
  const memory = new Uint32Array(array.buffer, memoryAt, ENTRIES_AT_ONCE);
  /** Which entries are in memory. */
  let memoryFrom = 0;
  let memoryEnd = 0;
  let at = 0;
  for (let index = 0; index < lists.length; index++) {
    const id = lists[index] ?? 0;
    const { high, low } = keys.hashOf(id);
    const kind = known.kinds[id] ?? 0;
    const end = at + (lengths[index] ?? 0);
    for (let ordinal = known.next[id] ?? 0; at < end;) {
      // With fewer than their lengths say, it is another digest anyway.
      if (at === entries.length) return;
      if (at === memoryEnd) {
        memoryFrom = at;
        memoryEnd = Math.min(entries.length, at + ENTRIES_AT_ONCE);
        memory.set(entries.subarray(memoryFrom, memoryEnd));
      }
      const count = Math.min(end, memoryEnd) - at;
      const place = memoryAt + (at - memoryFrom) * 4;
      program.addAll(kind, high, low, ordinal, place, count);
      ordinal += count;
      at += count;
    }
  }
}
