/**
 * Checks what a segment ends with: its last append, or what stands behind the
 * records of a scavenged one: places and ends.
 *
 * @module
 */

import { crc32 } from "node:zlib";
import { type DiskFile, readExactly } from "../disk/disk.ts";
import { type ListEnd, readEnds, type RemainsHeader } from "../log/remains.ts";
import { untold } from "./fault_texts.ts";
import type { Place } from "./findings.ts";
import type { SegmentCheckRequest } from "./segment_facts.ts";

/**
 * Tells of a last append that is not whole.
 *
 * @returns Whether that is no damage: nobody was told of it.
 */
export function checkLastRun(
  { segment, isSealed, findings, committedEnd }: SegmentCheckRequest,
  place: Place,
): boolean {
  const end = segment.endPosition;
  if (isSealed || (committedEnd !== undefined && committedEnd >= end)) {
    findings.damage("run", "the last append is not whole", place);
    return false;
  }
  findings.notice(
    "tornTail",
    `the last append is not whole: bytes ${untold(committedEnd)}`,
    place,
  );
  return true;
}

/**
 * Checks what the header says of the records that stayed, and the tables, and
 * takes the ends of lists.
 *
 * @param found What the records turned out to be.
 * @returns Whether all of the segment is whole.
 */
export function checkRemains(
  request: SegmentCheckRequest,
  remains: RemainsHeader,
  found: {
    readonly isWhole: boolean;
    readonly recordCount: number;
    readonly chain: number;
  },
): boolean {
  const { file, fileName, findings, entries, onBytes } = request;
  let { isWhole } = found;
  const ends = readWholeEnds(file, remains);
  onBytes(remains.fileBytes - remains.placesOffset);
  if (ends === undefined) {
    isWhole = false;
    findings.damage("record", "the table of what stayed is damaged", {
      file: fileName,
      offset: remains.placesOffset,
    });
  } else entries.takeEnds(ends);
  const isRight = found.recordCount === remains.recordCount &&
    found.chain === remains.chain;
  if (found.isWhole && !isRight) {
    isWhole = false;
    findings.damage(
      "record",
      `${found.recordCount} records were found, where ` +
        `${remains.recordCount} others stayed`,
      { file: fileName },
    );
  }
  return isWhole;
}

/** The ends, if all of the tables are as they were written. */
function readWholeEnds(
  file: DiskFile,
  remains: RemainsHeader,
): Iterable<ListEnd> | undefined {
  const { placesOffset, fileBytes, tablesCrc } = remains;
  const tables = readExactly(file, placesOffset, fileBytes - placesOffset);
  const isWhole = tables !== undefined && crc32(tables) === tablesCrc;
  return isWhole ? readEnds(file, remains) : undefined;
}
