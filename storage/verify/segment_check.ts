/**
 * Checks the file of one segment from its first record to its last: checksums,
 * positions, the chain, runs, times, and through `EntryCheck` every number and
 * ordinal. Pieces that are proven are taken as a whole, if they fit to what
 * comes before them; all others record by record. Behind damage it goes on with
 * the next whole record.
 *
 * @module
 */

import { getSafeUint64, giveBack } from "../log/bytes.ts";
import {
  checkRecord,
  FLAG_RUN_END,
  RECORD_BYTES_MIN,
  RECORD_HEADER_BYTES,
  type RecordFault,
} from "../log/record.ts";
import { chainAfter, type RemainsHeader } from "../log/remains.ts";
import { isRoom } from "../log/room.ts";
import { offsetOf, positionOf } from "../log/segment.ts";
import { ChunkReader } from "./chunk_reader.ts";
import { EntryDigest } from "./entry_digest.ts";
import { describeBadBody, FAULT_TEXTS, untold } from "./fault_texts.ts";
import {
  follows,
  type Mark,
  markAfter,
  type PieceFacts,
  recordsEnd,
  recordsStart,
} from "./piece.ts";
import { findWholeRecord } from "./record_search.ts";
import { checkLastRun, checkRemains } from "./segment_end.ts";
import type { SegmentCheckRequest, SegmentFacts } from "./segment_facts.ts";

/** Checks a segment. */
export async function checkSegment(
  request: SegmentCheckRequest,
): Promise<SegmentFacts> {
  const check = new SegmentCheck(request);
  await check.run();
  return check.facts();
}

class SegmentCheck {
  readonly #request: SegmentCheckRequest;
  readonly #marks = new Map<number, Mark>();
  readonly #digest = new EntryDigest();
  readonly #reader: ChunkReader;
  /** Index of the piece that the next record begins in. */
  #pieceAt = -1;
  /** Offset in the file of the next record. */
  #at: number;
  /** Offset in the file after the last record that there may be. */
  readonly #fileEnd: number;
  #isWhole = true;
  #recordCount = 0;
  /** Header CRC of the record before; undefined behind damage. */
  #previousCrc: number | undefined;
  #chain = 0;
  /** Index in its run of the next record; undefined behind damage. */
  #indexInRun: number | undefined = 0;
  #position: number;
  #validEnd: number;
  #checksum: number;
  #lastPosition = -1;
  #lastCreatedAtUs: number;

  constructor(request: SegmentCheckRequest) {
    this.#request = request;
    const { segment, remains, start } = request;
    this.#position = segment.startPosition;
    this.#validEnd = segment.startPosition;
    this.#previousCrc = start.checksum;
    this.#checksum = start.checksum;
    this.#lastCreatedAtUs = start.lastCreatedAtUs;
    this.#reader = new ChunkReader(request.file);
    this.#at = recordsStart(remains);
    this.#fileEnd = recordsEnd(segment, remains);
    request.entries.digest = this.#digest;
  }

  facts(): SegmentFacts {
    return {
      isWhole: this.#isWhole,
      recordCount: this.#recordCount,
      digest: this.#digest,
      validEnd: this.#validEnd,
      checksum: this.#checksum,
      lastPosition: this.#lastPosition,
      lastCreatedAtUs: this.#lastCreatedAtUs,
      marks: this.#marks,
    };
  }

  async run(): Promise<void> {
    const { entries, remains, control, segment, onBytes } = this.#request;
    // Lists that go on later do so with a later number than the next one.
    if (remains !== undefined) entries.isLenient = true;
    this.#mark(segment.startPosition);
    while (this.#at < this.#fileEnd) {
      control.signal.throwIfAborted();
      const from = this.#at;
      if (!await this.#takePiece()) {
        if (!this.#reader.fill(from, this.#fileEnd)) {
          this.#damaged("short");
          break;
        }
        this.#takeChunk();
      }
      onBytes(this.#at - from);
      await control.pause?.();
    }
    if (remains !== undefined) this.#checkRemains(remains);
    else this.#checkEnd();
  }

  /**
   * Takes all of the piece that the next record begins in, when it is the
   * piece's first one.
   */
  async #takePiece(): Promise<boolean> {
    const { pieces, prove, entries, control, remains } = this.#request;
    let index = Math.max(0, this.#pieceAt);
    while (index < pieces.length && (pieces[index]?.to ?? 0) <= this.#at) {
      index++;
    }
    if (index === this.#pieceAt || index === pieces.length) return false;
    this.#pieceAt = index;
    const facts = await prove(index);
    const isFit = facts !== undefined && facts.start === this.#at &&
      follows(facts.first, {
        previousCrc: remains === undefined ? this.#previousCrc : undefined,
        indexInRun: remains === undefined ? this.#indexInRun : undefined,
        createdAtUs: this.#lastCreatedAtUs,
      });
    if (!isFit) return false;
    const { isLenient, heads } = entries;
    const isMerged = await heads.merge(facts.lists, {
      listCount: facts.listCount,
      isLenient,
      pause: () => {
        control.signal.throwIfAborted();
        return control.pause?.();
      },
    });
    giveBack(facts.lists);
    if (isMerged) this.#adopt(facts, remains !== undefined);
    return isMerged;
  }

  #adopt(facts: PieceFacts, isScavenged: boolean): void {
    const { segment } = this.#request;
    for (const mark of facts.marks) {
      this.#marks.set(
        mark.position,
        markAfter(this.#digest, this.#recordCount, mark),
      );
    }
    this.#digest.addAll(facts.digest);
    this.#recordCount += facts.recordCount;
    this.#previousCrc = facts.lastCrc;
    const isRunKnown = this.#indexInRun !== undefined ||
      facts.runEnd !== undefined;
    this.#indexInRun = isRunKnown ? facts.indexInRun : undefined;
    this.#chain = facts.chain;
    this.#lastPosition = facts.lastPosition;
    this.#lastCreatedAtUs = facts.lastCreatedAtUs;
    this.#at = facts.end;
    this.#position = isScavenged
      ? segment.endPosition
      : positionOf(segment, facts.end);
    if (facts.runEnd === undefined) return;
    this.#validEnd = facts.runEnd.position;
    this.#checksum = facts.runEnd.checksum;
  }

  /** Takes all records that are whole in the chunk, up to the next piece. */
  #takeChunk(): void {
    const { segment, remains, pieces } = this.#request;
    const reader = this.#reader;
    const firstAt = this.#at;
    const end = pieces[this.#pieceAt]?.to ?? this.#fileEnd;
    while (this.#at < end) {
      const { array, view } = reader.chunk;
      const at = this.#at - reader.offset;
      const available = array.length - at;
      const left = this.#fileEnd - this.#at;
      if (available < RECORD_HEADER_BYTES && available < left) return;
      if (left < RECORD_BYTES_MIN) return this.#damaged("short");
      const lengthBytes = view.getUint32(at, true);
      if (lengthBytes > left) return this.#damaged("short");
      if (lengthBytes > available) {
        // Not even the first of the chunk: a record longer than a chunk.
        if (this.#at === firstAt) reader.grow(lengthBytes);
        return;
      }
      const position = remains === undefined
        ? this.#position
        : getSafeUint64(view, at + 8);
      if (remains !== undefined && !this.#mayBeAt(position)) {
        return this.#damaged("badPosition");
      }
      const fault = checkRecord(reader.chunk, at, {
        available,
        position,
        withBody: true,
      });
      // Of a record whose body alone is damaged, all else is known.
      if (fault === "badBody" || fault === undefined) {
        if (fault === "badBody") this.#badBody(at, position);
        this.#take(at, position, lengthBytes);
        this.#at += lengthBytes;
        this.#position = position + (remains === undefined ? lengthBytes : 1);
        if (remains === undefined) this.#mark(this.#position);
      } else return this.#damaged(fault);
    }
    if (remains !== undefined && this.#at >= this.#fileEnd) {
      this.#position = segment.endPosition;
    }
  }

  /** Positions in a scavenged segment go up, and stay in it. */
  #mayBeAt(position: number): boolean {
    return position >= this.#position &&
      position < this.#request.segment.endPosition;
  }

  #take(at: number, position: number, lengthBytes: number): void {
    const { segment, entries, findings, remains } = this.#request;
    const { view } = this.#reader.chunk;
    const headerCrc = view.getUint32(at + 4, true);
    const createdAtUs = getSafeUint64(view, at + 16);
    const indexInRun = view.getUint32(at + 84, true);
    const isRunEnd = (view.getUint8(at + 88) & FLAG_RUN_END) !== 0;
    if (remains === undefined) {
      if (
        this.#previousCrc !== undefined &&
        view.getUint32(at + 64, true) !== this.#previousCrc
      ) {
        findings.damage(
          "record",
          "the record does not follow the one before it: one is missing, or " +
            "was exchanged",
          this.#place(position),
        );
        this.#isWhole = false;
        entries.isLenient = true;
      }
      if (this.#indexInRun !== undefined && indexInRun !== this.#indexInRun) {
        findings.damage(
          "run",
          `the record is number ${indexInRun} of its append, where number ` +
            `${this.#indexInRun} is the next one`,
          this.#place(position),
        );
      }
      if (isRunEnd) this.#indexInRun = 0;
      else if (this.#indexInRun !== undefined) this.#indexInRun++;
    } else this.#chain = chainAfter(this.#chain, headerCrc);
    if (createdAtUs < this.#lastCreatedAtUs) {
      findings.damage(
        "record",
        "the record is older than the one before it",
        this.#place(position),
      );
    }
    const wrong = entries.take(
      this.#reader.chunk,
      at,
      offsetOf(segment, position),
    );
    if (wrong !== undefined) {
      findings.damage(wrong.kind, wrong.what, this.#place(position));
    }
    this.#previousCrc = headerCrc;
    this.#lastCreatedAtUs = createdAtUs;
    this.#lastPosition = position;
    this.#recordCount++;
    if (isRunEnd || remains !== undefined) {
      this.#validEnd = position + lengthBytes;
      this.#checksum = headerCrc;
    }
  }

  #badBody(at: number, position: number): void {
    const what = describeBadBody(this.#reader.chunk, at);
    this.#isWhole = false;
    this.#request.findings.damage("record", what, this.#place(position));
  }

  /** Notes damage at the next record, and goes on behind it. */
  #damaged(fault: RecordFault): void {
    const { segment, file, findings, remains, entries } = this.#request;
    const from = this.#at;
    const position = this.#position;
    const next = findWholeRecord({
      file: this.#request.file,
      from: from + 1,
      end: this.#fileEnd,
      positionAt: ({ bytes, at, offset }) => {
        if (remains === undefined) return positionOf(segment, offset);
        const found = getSafeUint64(bytes.view, at + 8);
        return this.#mayBeAt(found) ? found : undefined;
      },
    });
    const isTorn = remains === undefined && this.#isBeyondCommit(next);
    this.#at = isTorn ? this.#fileEnd : next ?? this.#fileEnd;
    if (isTorn) {
      if (this.#indexInRun === 0 && isRoom(file, from)) return;
      findings.notice(
        "tornTail",
        `the last write was torn: ${this.#fileEnd - from} bytes ` +
          untold(this.#request.committedEnd),
        this.#place(position),
      );
      return;
    }
    this.#isWhole = false;
    entries.isLenient = true;
    const end = next === undefined
      ? "nothing behind it can be read"
      : `the next ${next - from} bytes cannot be read`;
    findings.damage("record", `${FAULT_TEXTS[fault]}: ${end}`, {
      file: this.#request.fileName,
      offset: from,
      ...(remains === undefined && { position }),
    });
    if (next === undefined) {
      this.#position = segment.endPosition;
      return;
    }
    this.#previousCrc = undefined;
    this.#indexInRun = undefined;
    if (remains === undefined) this.#position = positionOf(segment, next);
  }

  /** Whether nobody was told of what is from here on. */
  #isBeyondCommit(next: number | undefined): boolean {
    const { isSealed, committedEnd } = this.#request;
    if (isSealed) return false;
    return committedEnd === undefined
      ? next === undefined
      : this.#validEnd >= committedEnd;
  }

  #mark(position: number): void {
    if (!this.#request.marks.includes(position)) return;
    this.#marks.set(position, {
      checksum: this.#previousCrc ?? this.#checksum,
      digest: this.#digest.copy(),
      recordCount: this.#recordCount,
    });
  }

  /** A segment that the log goes on after ends with a whole append. */
  #checkEnd(): void {
    const isInRun = this.#indexInRun !== undefined && this.#indexInRun > 0 &&
      this.#at >= this.#fileEnd && this.#isWhole;
    if (!isInRun) return;
    this.#isWhole = checkLastRun(this.#request, this.#place(this.#validEnd));
  }

  #checkRemains(remains: RemainsHeader): void {
    const { segment } = this.#request;
    this.#isWhole = checkRemains(this.#request, remains, {
      isWhole: this.#isWhole,
      recordCount: this.#recordCount,
      chain: this.#chain,
    });
    // The segment ends as it did before records were taken out.
    this.#validEnd = segment.endPosition;
    this.#checksum = remains.checksum;
    this.#previousCrc = remains.checksum;
    this.#mark(segment.endPosition);
    this.#lastPosition = remains.lastPosition;
    this.#lastCreatedAtUs = Math.max(
      this.#lastCreatedAtUs,
      remains.lastCreatedAtUs,
    );
  }

  #place(position: number) {
    return { file: this.#request.fileName, offset: this.#at, position };
  }
}
