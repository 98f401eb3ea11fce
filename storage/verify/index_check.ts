/**
 * Checks the index file of a sealed segment: every block, that it belongs to
 * the segment, and that its entries are those of the segment's records, by a
 * digest of both. The ids, the directory and the pointers between slices are
 * held against the log by the deep check alone.
 *
 * @module
 */

import type { JobControl } from "../../lib/model/maintenance.ts";
import type { DiskFile } from "../disk/disk.ts";
import type { IndexFooter } from "../index/index_file.ts";
import type { Segment } from "../log/segment.ts";
import { BlockDamage } from "./blocked_stream.ts";
import type { DigestSums } from "./entry_digest.ts";
import type { Findings } from "./findings.ts";
import { digestIndex, readFooter } from "./index_digest.ts";
import type { PieceProgram } from "./piece_program.ts";
import type { SegmentFacts } from "./segment_facts.ts";

export interface IndexCheckRequest {
  readonly file: DiskFile;
  /** Name of the file, for findings. */
  readonly fileName: string;
  readonly storeId: string;
  readonly segment: Segment;
  readonly isScavenged: boolean;
  readonly facts: SegmentFacts;
  readonly findings: Findings;
  readonly control: JobControl;
  /** It is used for this alone meanwhile. */
  readonly program: PieceProgram;
  readonly onBytes: (count: number) => void;
  /**
   * The digest of a file that was read to its end already, and of which every
   * block is whole.
   */
  readonly proven: DigestSums | undefined;
}

/**
 * Checks an index file.
 *
 * @returns Whether it is whole and says what the log says.
 */
export async function checkIndex(request: IndexCheckRequest): Promise<boolean> {
  const { file, fileName, findings, facts } = request;
  const footer = readFooter(file);
  if (footer === undefined) {
    findings.broken("indexFile", "the index file has no footer", {
      file: fileName,
    });
    return false;
  }
  const strange = strangenessOf(footer, request);
  if (strange !== undefined) {
    findings.broken("indexFile", strange, { file: fileName });
    return false;
  }
  try {
    const digest = await digestOf(footer, request);
    // Of a segment that was not read whole nobody knows what to expect.
    if (!facts.isWhole) return true;
    if (footer.recordCount !== facts.recordCount) {
      findings.broken(
        "indexContent",
        `the index has ${footer.recordCount} records, the segment ` +
          `${facts.recordCount}`,
        { file: fileName },
      );
      return false;
    }
    if (digest === undefined || !facts.digest.equals(digest)) {
      findings.broken(
        "indexContent",
        "the lists in the index are not those of the segment's records",
        { file: fileName },
      );
      return false;
    }
    return true;
  } catch (error) {
    if (!(error instanceof BlockDamage)) throw error;
    findings.broken("indexFile", "a block of the index file is damaged", {
      file: fileName,
      offset: error.offset,
    });
    return false;
  }
}

function strangenessOf(
  footer: IndexFooter,
  { storeId, segment, isScavenged }: IndexCheckRequest,
): string | undefined {
  if (footer.storeId !== storeId) return "the index file is of another store";
  const isOfSegment = footer.segmentNumber === segment.number &&
    footer.generation === segment.generation &&
    footer.startPosition === segment.startPosition &&
    footer.isScavenged === isScavenged;
  if (!isOfSegment) return "the index file is of another segment";
  const isFit = footer.endPosition === segment.endPosition &&
    footer.checksum === segment.checksum;
  return isFit
    ? undefined
    : "the index file was made of a segment that ended elsewhere";
}

async function digestOf(
  footer: IndexFooter,
  { file, control, program, onBytes, proven }: IndexCheckRequest,
): Promise<DigestSums | undefined> {
  if (proven !== undefined) {
    onBytes(file.size());
    return proven;
  }
  return await digestIndex(file, footer, {
    program,
    onBytes,
    pause: () => {
      control.signal.throwIfAborted();
      return control.pause?.();
    },
  });
}
