/**
 * Checks a file of a backup record by record: the backup is only as good as
 * what was copied.
 *
 * @module
 */

import type { DiskFile } from "../disk/disk.ts";
import { FLAG_RUN_END } from "../log/record.ts";
import { RecordScanner } from "../log/record_scanner.ts";
import {
  chainAfter,
  readEnds,
  type RemainsHeader,
  SCAVENGED_HEADER_BYTES,
} from "../log/remains.ts";
import { RemainsScanner } from "../log/remains_scanner.ts";
import { offsetOf, type Segment } from "../log/segment.ts";
import { decodeSegmentHeader } from "../log/segment_header.ts";
import { type BackupPart, readStart, segmentOf } from "./backup_part.ts";

/** A check that follows whoever reads the file. */
export interface PartCheck {
  /**
   * Checks every record that begins before an offset.
   *
   * @returns What is wrong; undefined: nothing so far.
   */
  upTo(offset: number): string | undefined;
  /** Checks the rest, and that it ends as it should. */
  finish(): string | undefined;
}

/**
 * What is wrong with a file of a backup, by what it is to be; undefined when
 * its header, every record and their chain are in order.
 */
export function faultOfPart(
  file: DiskFile,
  part: BackupPart,
): string | undefined {
  if (file.size() !== part.bytes) {
    return `the file has ${file.size()} bytes instead of ${part.bytes}`;
  }
  const check = checkPart(file, part);
  return typeof check === "string" ? check : check.finish();
}

/**
 * Begins the check of what a backup is to hold of a file, which may go on
 * behind it.
 *
 * @returns What is wrong with its header already, in place of the check.
 */
export function checkPart(
  file: DiskFile,
  part: BackupPart,
): PartCheck | string {
  const header = decodeSegmentHeader(readStart(file));
  if (typeof header === "string") return `its header is ${header}`;
  const isIt = header.number === part.number &&
    header.generation === part.generation &&
    header.startPosition === part.startPosition;
  if (!isIt) return "it is another segment";
  const segment = segmentOf(header, file.path, part.endPosition);
  if (header.remains === undefined) return new RunsCheck(file, segment, part);
  const endsSo = header.remains.endPosition === part.endPosition &&
    header.remains.checksum === part.checksum;
  return endsSo
    ? new RemainsCheck(file, segment, header.remains)
    : `it ends otherwise at position ${header.remains.endPosition}`;
}

/** Whole runs, each record chained to the one before it. */
class RunsCheck implements PartCheck {
  readonly #segment: Segment;
  readonly #part: BackupPart;
  readonly #scanner: RecordScanner;
  #checksum: number;
  #timeUs = 0;
  /** Records of a run that has not ended yet. */
  #runLength = 0;

  constructor(file: DiskFile, segment: Segment, part: BackupPart) {
    this.#segment = segment;
    this.#part = part;
    this.#scanner = new RecordScanner(file, segment, segment.startPosition);
    this.#checksum = segment.checksum;
  }

  upTo(offset: number): string | undefined {
    const scanner = this.#scanner;
    while (offsetOf(this.#segment, scanner.position) < offset) {
      const { position } = scanner;
      const record = scanner.next({ withBodies: true });
      if (record === undefined) return undefined;
      const fault = typeof record === "string"
        ? record
        : record.previousCrc !== this.#checksum
        ? "badChain"
        : record.indexInRun !== this.#runLength
        ? "badRun"
        : record.createdAtUs < this.#timeUs
        ? "badTime"
        : undefined;
      if (fault !== undefined || typeof record === "string") {
        return `${fault} at position ${position}`;
      }
      this.#checksum = record.headerCrc;
      this.#timeUs = record.createdAtUs;
      this.#runLength = (record.flags & FLAG_RUN_END) === 0
        ? this.#runLength + 1
        : 0;
    }
    return undefined;
  }

  finish(): string | undefined {
    const fault = this.upTo(Infinity);
    if (fault !== undefined) return fault;
    const { position } = this.#scanner;
    if (this.#runLength > 0) return `badRun at position ${position}`;
    return position === this.#part.endPosition &&
        this.#checksum === this.#part.checksum
      ? undefined
      : `it ends otherwise at position ${position}`;
  }
}

/** What stayed of a scavenged segment has a chain of its own. */
class RemainsCheck implements PartCheck {
  readonly #file: DiskFile;
  readonly #header: RemainsHeader;
  readonly #scanner: RemainsScanner;
  /** Where in the file the next record is. */
  #offset = SCAVENGED_HEADER_BYTES;
  #count = 0;
  #chain = 0;

  constructor(file: DiskFile, segment: Segment, header: RemainsHeader) {
    this.#file = file;
    this.#header = header;
    this.#scanner = new RemainsScanner(file, segment, segment.startPosition);
  }

  upTo(offset: number): string | undefined {
    while (this.#offset < offset) {
      const record = this.#scanner.next({ withBodies: true });
      if (record === undefined) return undefined;
      if (typeof record === "string") {
        return `${record} at position ${this.#scanner.position}`;
      }
      this.#offset += record.lengthBytes;
      this.#chain = chainAfter(this.#chain, record.headerCrc);
      this.#count++;
    }
    return undefined;
  }

  finish(): string | undefined {
    const fault = this.upTo(Infinity);
    if (fault !== undefined) return fault;
    const header = this.#header;
    if (this.#count !== header.recordCount || this.#chain !== header.chain) {
      return "not all of its records are there";
    }
    return readEnds(this.#file, header) === undefined
      ? "where its lists end is damaged"
      : undefined;
  }
}
