/**
 * Checks a file of a backup record by record: the backup is only as good as
 * what was copied.
 *
 * @module
 */

import type { DiskFile } from "../disk/disk.ts";
import { chainAfter, readEnds, type RemainsHeader } from "../log/remains.ts";
import { RemainsScanner } from "../log/remains_scanner.ts";
import type { Segment } from "../log/segment.ts";
import { decodeSegmentHeader } from "../log/segment_header.ts";
import { scanSegment } from "../recovery/scan_segment.ts";
import { type BackupPart, readStart, segmentOf } from "./backup_part.ts";

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
  const header = decodeSegmentHeader(readStart(file));
  if (typeof header === "string") return `its header is ${header}`;
  const isIt = header.number === part.number &&
    header.generation === part.generation &&
    header.startPosition === part.startPosition;
  if (!isIt) return "it is another segment";
  const segment = segmentOf(header, file.path, part.endPosition);
  return header.remains === undefined
    ? faultOfSegment(file, segment, part)
    : faultOfRemains(file, segment, header.remains, part);
}

function faultOfSegment(
  file: DiskFile,
  segment: Segment,
  part: BackupPart,
): string | undefined {
  const { fault, faultPosition, validEnd, checksum } = scanSegment(
    file,
    segment,
    { checksum: segment.checksum, lastPosition: -1, lastCreatedAtUs: 0 },
    () => {},
  );
  if (fault !== undefined) return `${fault} at position ${faultPosition}`;
  return validEnd === part.endPosition && checksum === part.checksum
    ? undefined
    : `it ends otherwise at position ${validEnd}`;
}

/** What stayed of a scavenged segment has a chain of its own. */
function faultOfRemains(
  file: DiskFile,
  segment: Segment,
  header: RemainsHeader,
  part: BackupPart,
): string | undefined {
  const isIt = header.endPosition === part.endPosition &&
    header.checksum === part.checksum;
  if (!isIt) return `it ends otherwise at position ${header.endPosition}`;
  const scanner = new RemainsScanner(file, segment, segment.startPosition);
  let count = 0;
  let chain = 0;
  for (;; count++) {
    const record = scanner.next({ withBodies: true });
    if (record === undefined) break;
    if (typeof record === "string") {
      return `${record} at position ${scanner.position}`;
    }
    chain = chainAfter(chain, record.headerCrc);
  }
  if (count !== header.recordCount || chain !== header.chain) {
    return "not all of its records are there";
  }
  return readEnds(file, header) === undefined
    ? "where its lists end is damaged"
    : undefined;
}
