/**
 * Checks a file of a backup record by record: the backup is only as good as
 * what was copied.
 *
 * @module
 */

import type { DiskFile } from "../../disk/disk.ts";
import { SegmentFile, type Walk, WalkFault } from "../../log/segment_file.ts";
import { decodeSegmentHeader } from "../../log/segment_header.ts";
import { type BackupPart, readStart, segmentOf } from "./backup_part.ts";

/** A check that runs along with a read of the file. */
interface PartCheck {
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
  const { scavenged } = header;
  const endsSo = scavenged === undefined ||
    (scavenged.endPosition === part.endPosition &&
      scavenged.checksum === part.checksum);
  return endsSo
    ? new WalkCheck(new SegmentFile(file, segment), part)
    : `it ends otherwise at position ${scavenged.endPosition}`;
}

class WalkCheck implements PartCheck {
  readonly #source: SegmentFile;
  readonly #part: BackupPart;
  readonly #walk: Walk;

  constructor(source: SegmentFile, part: BackupPart) {
    this.#source = source;
    this.#part = part;
    this.#walk = source.walk({ previousCrc: source.segment.checksum });
  }

  upTo(offset: number): string | undefined {
    while (this.#walk.offset < offset) {
      const step = this.#walk.next();
      if (step === undefined) return undefined;
      // A record that is older than the one before it is mended by a repair;
      // a backup is of the store as it is.
      if (step instanceof WalkFault && step.fault !== "badTime") {
        return `${step.fault} at position ${step.position}`;
      }
    }
    return undefined;
  }

  finish(): string | undefined {
    const fault = this.upTo(Infinity);
    if (fault !== undefined) return fault;
    if (this.#source.isScavenged) {
      return this.#source.ends() === undefined
        ? "where its lists end is damaged"
        : undefined;
    }
    const { endPosition, checksum } = this.#part;
    const { position, previousCrc } = this.#walk;
    return position === endPosition && previousCrc === checksum
      ? undefined
      : `it ends otherwise at position ${position}`;
  }
}
