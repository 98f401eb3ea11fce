/**
 * Looks into the directory of a store that nobody has open: which files of
 * segments count, and what is wrong with the others.
 *
 * @module
 */

import { join } from "@std/path";
import type { CommitRecord } from "../../commit/catalog.ts";
import { type Disk, readExactly } from "../../disk/disk.ts";
import {
  SCAVENGED_HEADER_BYTES,
  ScavengedSegment,
} from "../../log/scavenged_segment.ts";
import { positionOf, type Segment } from "../../log/segment.ts";
import {
  decodeSegmentHeader,
  parseSegmentFileName,
  SEGMENT_HEADER_BYTES,
  segmentFileName,
  type SegmentHeader,
} from "../../log/segment_header.ts";
import { SEGMENTS_NAME } from "../../disk/store_directory.ts";
import type { Findings } from "./findings.ts";
import { HEADS_NAME } from "./heads_check.ts";
import type { PlannedSegment, VerifyPlan } from "./verify_plan.ts";

/** A segment's file with what its header says. */
interface Candidate {
  readonly number: number;
  readonly generation: number;
  readonly path: string;
  readonly name: string;
  readonly sizeBytes: number;
  /** Undefined when it is damaged. */
  readonly header: SegmentHeader | undefined;
}

/** Makes the plan. */
export async function planClosed(
  options: {
    readonly disk: Disk;
    readonly directory: string;
    readonly isDeep: boolean;
    readonly commit: CommitRecord | undefined;
    readonly findings: Findings;
  },
): Promise<VerifyPlan> {
  const { disk, directory } = options;
  const logDirectory = join(directory, SEGMENTS_NAME);
  const names = await disk.list(logDirectory);
  const candidates = chooseFiles(disk, logDirectory, names, options.findings);
  const storeId = candidates.find(({ header }) => header !== undefined)
    ?.header?.storeId;
  const indexNames = new Set(names.filter((name) => name.endsWith(".idx")));
  const segments: PlannedSegment[] = [];
  let end = 0;
  for (const [at, candidate] of candidates.entries()) {
    const next = candidates[at + 1];
    const planned = planSegment(candidate, next, end);
    end = planned.segment.endPosition;
    const indexName = segmentFileName(candidate, "idx");
    const index = indexNames.has(indexName)
      ? {
        name: nameOf(indexName),
        bytes: sizeOf(disk, join(logDirectory, indexName)),
      }
      : undefined;
    segments.push({ ...planned, index });
  }
  return {
    disk,
    directory,
    isDeep: options.isDeep,
    storeId,
    segments,
    hasHeads: (await disk.list(directory)).includes(HEADS_NAME),
    commit: options.commit,
    isOpen: false,
  };
}

/** One file for each number, the newest generation that is whole. */
function chooseFiles(
  disk: Disk,
  logDirectory: string,
  names: readonly string[],
  findings: Findings,
): Candidate[] {
  const byNumber = new Map<number, Candidate[]>();
  let newest = -1;
  for (const name of names) {
    const parsed = parseSegmentFileName(name);
    if (parsed === undefined) {
      findings.notice(
        "strangeFile",
        name.endsWith(".tmp")
          ? "a file that was being made when the power went"
          : "a file of another program",
        { file: nameOf(name) },
        name.endsWith(".tmp") ? "byItself" : "foreign",
      );
      continue;
    }
    if (parsed.extension !== "seg") continue;
    const { number, generation } = parsed;
    newest = Math.max(newest, number);
    const candidate = readCandidate(disk, logDirectory, {
      number,
      generation,
      name,
    }, findings);
    byNumber.set(number, [...byNumber.get(number) ?? [], candidate]);
  }
  const chosen: Candidate[] = [];
  for (let number = 0; number <= newest; number++) {
    const some = (byNumber.get(number) ?? []).sort((one, other) =>
      other.generation - one.generation
    );
    const one = chooseOne(some, number, newest, findings);
    if (one !== undefined) chosen.push(one);
  }
  return chosen;
}

function chooseOne(
  some: readonly Candidate[],
  number: number,
  newest: number,
  findings: Findings,
): Candidate | undefined {
  const whole = some.find(({ header }) => header !== undefined);
  let damaged: Candidate | undefined;
  for (const candidate of some) {
    const { name, header, sizeBytes } = candidate;
    if (candidate === whole) continue;
    const place = { file: nameOf(name), offset: 0 };
    if (header !== undefined) {
      findings.notice("strangeFile", "a newer file took its place", place);
    } else if (sizeBytes <= SEGMENT_HEADER_BYTES && number === newest) {
      findings.notice("strangeFile", "a segment that was never begun", place);
    } else if (whole !== undefined) {
      findings.broken(
        "segmentHeader",
        "the header of the segment is damaged; an older file of it is whole",
        place,
      );
    } else {
      damaged ??= candidate;
      findings.damage(
        "segmentHeader",
        "the header of the segment is damaged",
        place,
      );
    }
  }
  const chosen = whole ?? damaged;
  if (chosen === undefined && number < newest) {
    findings.damage("missingSegment", `segment ${number} is missing`, {
      file: nameOf(segmentFileName({ number, generation: 1 }, "seg")),
    });
  }
  return chosen;
}

function readCandidate(
  disk: Disk,
  logDirectory: string,
  file: { number: number; generation: number; name: string },
  findings: Findings,
): Candidate {
  const { number, generation, name } = file;
  const path = join(logDirectory, name);
  const candidate = { number, generation, path, name };
  try {
    const opened = disk.open(path, "read");
    try {
      const sizeBytes = opened.size();
      const length = Math.min(sizeBytes, SCAVENGED_HEADER_BYTES);
      const header = decodeSegmentHeader(readExactly(opened, 0, length));
      const isIt = typeof header !== "string" && header.number === number &&
        header.generation === generation;
      return { ...candidate, sizeBytes, header: isIt ? header : undefined };
    } finally {
      opened.close();
    }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    findings.unreadable(reason, { file: nameOf(name) });
    return { ...candidate, sizeBytes: 0, header: undefined };
  }
}

function planSegment(
  candidate: Candidate,
  next: Candidate | undefined,
  end: number,
): Omit<PlannedSegment, "index"> {
  const { number, generation, path, header, name, sizeBytes } = candidate;
  const segment: Segment = {
    number,
    generation,
    path,
    startPosition: header?.startPosition ?? end,
    endPosition: 0,
    checksum: header?.previousChecksum ?? 0,
    ...(header?.scavenged !== undefined && {
      scavenged: new ScavengedSegment(header.scavenged),
    }),
  };
  const isFollowed = next?.number === number + 1 &&
    next.header !== undefined &&
    next.header.startPosition >= segment.startPosition;
  segment.endPosition = isFollowed
    ? next.header?.startPosition ?? 0
    : header?.scavenged?.endPosition ??
      Math.max(segment.startPosition, positionOf(segment, sizeBytes));
  const fileBytes = header?.scavenged === undefined
    ? Math.min(
      sizeBytes,
      segment.endPosition - segment.startPosition + SEGMENT_HEADER_BYTES,
    )
    : sizeBytes;
  return { segment, header, fileName: nameOf(name), fileBytes };
}

/** Name in the store's directory. */
function nameOf(name: string): string {
  return `${SEGMENTS_NAME}/${name}`;
}

/** Bytes of a file; 0 when that cannot be told. */
export function sizeOf(disk: Disk, path: string): number {
  try {
    const file = disk.open(path, "read");
    try {
      return file.size();
    } finally {
      file.close();
    }
  } catch {
    // Reading it reports the fault.
    return 0;
  }
}
