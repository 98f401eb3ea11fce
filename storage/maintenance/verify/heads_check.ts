/**
 * Checks `heads.snap`: that it is whole, that it stands on the segments that
 * are there, and that its lists end where the log says.
 *
 * @module
 */

import type { Disk } from "../../disk/disk.ts";
import { QuipuError } from "../../../lib/model/errors.ts";
import {
  type HeadsSnapshot,
  openHeadsSnapshot,
  SealedDigest,
} from "../../index/heads_snapshot.ts";
import { GONE_OFFSET } from "../../index/index_file.ts";
import { LIST_KINDS, type LoadedLists } from "../../index/list_directory.ts";
import { type Bytes, bytesOf, giveBack } from "../../log/bytes.ts";
import type { Segment } from "../../log/segment.ts";
import type { EntryCheck } from "./entry_check.ts";
import type { Findings } from "./findings.ts";
import { EntryDigest, NameHash } from "./list_entries.ts";
import type { SegmentFacts } from "./segment_check.ts";

/** Name of the snapshot in a store's directory. */
export const HEADS_NAME = "heads.snap";

export class HeadsCheck implements Disposable {
  readonly #findings: Findings;
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
    },
  ) {
    this.#findings = options.findings;
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
    const digest = this.#read((snapshot) => digestOf(snapshot, lists));
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
        "it was made from other segments, and is not used",
        PLACE,
      );
      return;
    }
    const lists = this.#read((snapshot) => snapshot.readLists());
    if (lists === undefined) return;
    this.#lists = lists;
    let used = 0;
    const hashes = new NameHashes(lists);
    for (let id = 1; id < lists.names.count; id++) {
      if ((lists.next[id] ?? 0) === 0) continue;
      used++;
      const inLog = entries.heads.nextOf(lists.kinds[id] ?? 0, hashes.of(id));
      this.#compareList(id, inLog, entries);
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
/** Lists that room is made for before they are seen. */
const RESERVED_MAX = 4_000_000;

/** Hashes of the names of lists, by id. */
class NameHashes {
  readonly #hash = new NameHash();
  readonly #names: Bytes;
  readonly #starts: Uint32Array;

  constructor({ names }: LoadedLists) {
    this.#names = bytesOf(names.bytesAt(0, names.byteLength));
    this.#starts = names.startsFrom(0, names.count + 1);
  }

  /** Hash of the name of a list; it holds until the next one. */
  of(id: number): NameHash {
    const end = this.#starts[id + 1] ?? 0;
    this.#hash.take(this.#names, this.#starts[id] ?? 0, end);
    return this.#hash;
  }
}

/** All entries that the snapshot knows in the active segment. */
function digestOf(snapshot: HeadsSnapshot, known: LoadedLists): EntryDigest {
  const digest = new EntryDigest();
  const hashes = new NameHashes(known);
  const active = snapshot.readActiveEntries();
  const { lists, lengths, entries } = active;
  let at = 0;
  for (let index = 0; index < lists.length; index++) {
    const id = lists[index] ?? 0;
    const { high, low } = hashes.of(id);
    const kind = known.kinds[id] ?? 0;
    let ordinal = known.next[id] ?? 0;
    // With fewer than their lengths say, it is another digest anyway.
    const end = Math.min(entries.length, at + (lengths[index] ?? 0));
    for (; at < end; at++, ordinal++) {
      const place = entries[at] ?? 0;
      if (place !== GONE_OFFSET) digest.add(kind, high, low, ordinal, place);
    }
  }
  for (const array of Object.values(active)) giveBack(array);
  return digest;
}
