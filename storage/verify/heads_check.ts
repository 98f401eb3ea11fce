/**
 * Checks `heads.snap`: that it is whole, that it stands on the segments that
 * are there, and that its lists end where the log says.
 *
 * @module
 */

import type { Disk } from "../disk/disk.ts";
import { QuipuError } from "../../lib/model/errors.ts";
import {
  type HeadsSnapshot,
  openHeadsSnapshot,
  SealedDigest,
} from "../index/heads_snapshot.ts";
import { ListDirectory } from "../index/list_directory.ts";
import type { Segment } from "../log/segment.ts";
import type { EntryCheck } from "./entry_check.ts";
import type { Findings } from "./findings.ts";
import { EntryDigest, NameHash } from "./list_heads.ts";
import type { SegmentFacts } from "./segment_facts.ts";

/** Name of the snapshot in a store's directory. */
export const HEADS_NAME = "heads.snap";

export class HeadsCheck implements Disposable {
  readonly #findings: Findings;
  readonly #digest = new SealedDigest();
  #snapshot: HeadsSnapshot | undefined;
  #lists: ListDirectory | undefined;

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
        "it was made of other segments, and is not used",
        PLACE,
      );
      return;
    }
    const lists = this.#read((snapshot) => {
      const loaded = new ListDirectory();
      snapshot.enter(loaded);
      return loaded;
    });
    if (lists === undefined) return;
    this.#lists = lists;
    let used = 0;
    for (let id = 1; id < lists.size; id++) {
      const next = lists.visibleNext[id] ?? 0;
      if (next === 0) continue;
      used++;
      const slot = entries.slotOf(
        lists.kinds[id] ?? 0,
        lists.names.bytesOf(id),
      );
      const inLog = entries.heads.nextAt(slot);
      // With records missing a list may have gone further than is seen.
      if (entries.isLenient ? inLog > next : inLog !== next) {
        this.#findings.broken(
          "headsContent",
          `"${lists.nameOf(id)}" (${lists.kindOf(id)}) ends at ${next - 1} ` +
            `there, and at ${inLog - 1} in the log`,
          PLACE,
        );
      }
    }
    const inLog = entries.heads.countUsed();
    if (!entries.isLenient && used !== inLog) {
      this.#findings.broken(
        "headsContent",
        `${used} lists have entries there, and ${inLog} in the log`,
        PLACE,
      );
    }
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

/** All entries that the snapshot knows in the active segment. */
function digestOf(
  snapshot: HeadsSnapshot,
  lists: ListDirectory,
): EntryDigest {
  const memtable = snapshot.readMemtable();
  const digest = new EntryDigest();
  const hash = new NameHash();
  for (const listId of memtable.lists) {
    const name = lists.names.bytesOf(listId);
    hash.take(name, 0, name.length);
    const kind = lists.kinds[listId] ?? 0;
    const first = lists.visibleNext[listId] ?? 0;
    const offsets = memtable.offsetsOf(listId);
    for (let index = 0; index < offsets.length; index++) {
      digest.add(kind, hash.high, hash.low, first + index, offsets[index] ?? 0);
    }
  }
  return digest;
}
