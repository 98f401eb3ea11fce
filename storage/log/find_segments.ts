/**
 * Finds the files of segments and reads their headers.
 *
 * Usually there is one file for each number. There are two of the newest when
 * one was given up, after a failed write, before anything stood in it: then
 * the newest generation counts. And there are two of one that was scavenged
 * when the older file could not be removed yet: then, too.
 *
 * @module
 */

import { join } from "@std/path";
import { QuipuError } from "../../lib/model/errors.ts";
import { type Disk, readExactly } from "../disk/disk.ts";
import {
  SCAVENGED_HEADER_BYTES,
  ScavengedSegment,
} from "./scavenged_segment.ts";
import { type OpenFiles, segmentPath } from "./segment.ts";
import {
  decodeSegmentHeader,
  parseSegmentFileName,
  SEGMENT_HEADER_BYTES,
  segmentFileName,
  type SegmentHeader,
} from "./segment_header.ts";

/** A segment's file with its header. */
export interface FoundSegment {
  readonly number: number;
  readonly generation: number;
  readonly path: string;
  readonly header: SegmentHeader;
}

interface FoundSegments {
  /** Oldest first, numbers from 0 on without gaps. */
  readonly found: readonly FoundSegment[];
  /** Files of segments that were never completely created. */
  readonly unborn: readonly string[];
  /** Files of generations that were given up. */
  readonly stale: readonly string[];
  /**
   * Files that have nothing any more that counts: of generations that were
   * scavenged, and index files of generations that never were.
   */
  readonly superseded: readonly string[];
}

/**
 * Looks into the directory of segments.
 *
 * @throws {QuipuError} `damaged` when a segment is missing or its header is
 * damaged, `foreignFormat` when it is another program's.
 */
export async function findSegments(options: {
  readonly disk: Disk;
  readonly logDirectory: string;
  readonly files: OpenFiles;
}): Promise<FoundSegments> {
  const { disk, logDirectory, files } = options;
  const { generations, indexNames } = await listGenerations(
    disk,
    logDirectory,
    { removesTemporary: true },
  );
  const newest = generations.length - 1;
  const found: FoundSegment[] = [];
  const unborn: string[] = [];
  const stale: string[] = [];
  const superseded: string[] = [];
  for (let number = 0; number <= newest; number++) {
    let isFound = false;
    const older = [...generations[number] ?? []];
    for (const generation of generations[number] ?? []) {
      older.shift();
      const path = segmentPath(logDirectory, { number, generation }, "seg");
      if (isFound) {
        const isScavenged = found[number]?.header.isScavenged === true;
        (isScavenged ? superseded : stale).push(path);
        continue;
      }
      const header = readHeader(files, path);
      if (header === "foreign") {
        throw new QuipuError(
          "foreignFormat",
          `Cannot open "${path}": it is not a segment of this program's format`,
        );
      }
      if (header !== "damaged") {
        // A file that was not written to its end replaces nothing.
        const isWhole = isComplete(files, path, header);
        if (!isWhole && older.length > 0) {
          stale.push(path);
          continue;
        }
        if (!isWhole) throw damaged(`segment ${number} is cut short`);
        found.push({ number, generation, path, header });
        isFound = true;
      } else if (files.open(path).size() <= SEGMENT_HEADER_BYTES) {
        unborn.push(path);
      } else throw damaged(`the header of segment ${number} is damaged`);
    }
    if (!isFound && number < newest) {
      throw damaged(`segment ${number} is missing in "${logDirectory}"`);
    }
  }
  const names = new Set(found.map((one) => segmentFileName(one, "idx")));
  for (const name of indexNames) {
    if (!names.has(name)) superseded.push(join(logDirectory, name));
  }
  return { found, unborn, stale, superseded };
}

/** Whether a scavenged segment's file is as long as it says that it is. */
export function isComplete(
  files: OpenFiles,
  path: string,
  { scavenged }: SegmentHeader,
): boolean {
  return scavenged === undefined ||
    files.open(path).size() === scavenged.fileBytes;
}

/** The scavenged part of a segment's header, if it has one. */
export function scavengedOf(
  header: SegmentHeader | undefined,
): { scavenged?: ScavengedSegment } {
  return header?.scavenged === undefined
    ? {}
    : { scavenged: new ScavengedSegment(header.scavenged) };
}

/** Generations of each number, newest first, and names of index files. */
export async function listGenerations(
  disk: Disk,
  logDirectory: string,
  { removesTemporary }: { removesTemporary: boolean },
): Promise<{
  generations: (number[] | undefined)[];
  indexNames: string[];
}> {
  const generations: (number[] | undefined)[] = [];
  const indexNames: string[] = [];
  for (const name of await disk.list(logDirectory)) {
    if (name.endsWith(".tmp") && removesTemporary) {
      // Left from a power cut. It may stay if it cannot be removed.
      await disk.remove(join(logDirectory, name)).catch(() => {});
      continue;
    }
    const parsed = parseSegmentFileName(name);
    if (parsed?.extension === "idx") indexNames.push(name);
    if (parsed?.extension !== "seg") continue;
    const { number, generation } = parsed;
    if (number >= SEGMENTS_MAX) continue;
    (generations[number] ??= []).push(generation);
  }
  for (const some of generations) some?.sort((one, other) => other - one);
  return { generations, indexNames };
}

/** More than fit on any device; guards against a file name made up. */
const SEGMENTS_MAX = 10_000_000;

/** Reads the header of a segment's file. */
export function readHeader(
  files: OpenFiles,
  path: string,
): SegmentHeader | "foreign" | "damaged" {
  const file = files.open(path);
  const header = decodeSegmentHeader(
    readExactly(file, 0, SEGMENT_HEADER_BYTES),
  );
  return typeof header !== "string" && header.isScavenged
    ? decodeSegmentHeader(readExactly(file, 0, SCAVENGED_HEADER_BYTES))
    : header;
}

function damaged(what: string): QuipuError {
  return new QuipuError("damaged", `Cannot open the store: ${what}`);
}
