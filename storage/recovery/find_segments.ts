/**
 * Finds the files of segments and reads their headers.
 *
 * Usually there is one file for each number. There are two of the newest when
 * one was given up, after a failed write, before anything stood in it: then
 * the newest generation counts.
 *
 * @module
 */

import { join } from "@std/path";
import { QuipuError } from "../../lib/model/errors.ts";
import { type Disk, readExactly } from "../disk/disk.ts";
import { type OpenFiles, segmentPath } from "../log/segment.ts";
import {
  decodeSegmentHeader,
  parseSegmentFileName,
  SEGMENT_HEADER_BYTES,
  type SegmentHeader,
} from "../log/segment_header.ts";

/** A segment's file with its header. */
export interface FoundSegment {
  readonly number: number;
  readonly generation: number;
  readonly path: string;
  readonly header: SegmentHeader;
}

export interface FoundSegments {
  /** Oldest first, numbers from 0 on without gaps. */
  readonly found: readonly FoundSegment[];
  /** Files of segments that were never completely created. */
  readonly unborn: readonly string[];
  /** Files of generations that were given up. */
  readonly stale: readonly string[];
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
  const generations = await listGenerations(disk, logDirectory, {
    removesTemporary: true,
  });
  const newest = generations.length - 1;
  const found: FoundSegment[] = [];
  const unborn: string[] = [];
  const stale: string[] = [];
  for (let number = 0; number <= newest; number++) {
    let isFound = false;
    for (const generation of generations[number] ?? []) {
      const path = segmentPath(logDirectory, { number, generation }, "seg");
      if (isFound) {
        stale.push(path);
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
  return { found, unborn, stale };
}

/** Generations of each number, newest first. */
export async function listGenerations(
  disk: Disk,
  logDirectory: string,
  { removesTemporary }: { removesTemporary: boolean },
): Promise<(number[] | undefined)[]> {
  const generations: (number[] | undefined)[] = [];
  for (const name of await disk.list(logDirectory)) {
    if (name.endsWith(".tmp") && removesTemporary) {
      // What was being made when the power went. It may stay if it must.
      await disk.remove(join(logDirectory, name)).catch(() => {});
      continue;
    }
    const parsed = parseSegmentFileName(name);
    if (parsed?.extension !== "seg") continue;
    const { number, generation } = parsed;
    if (number >= SEGMENTS_MAX) continue;
    (generations[number] ??= []).push(generation);
  }
  for (const some of generations) some?.sort((one, other) => other - one);
  return generations;
}

/** More than fit on any device; guards against a file name made up. */
const SEGMENTS_MAX = 10_000_000;

/** Reads the header of a segment's file. */
export function readHeader(
  files: OpenFiles,
  path: string,
): SegmentHeader | "foreign" | "damaged" {
  return decodeSegmentHeader(
    readExactly(files.open(path), 0, SEGMENT_HEADER_BYTES),
  );
}

function damaged(what: string): QuipuError {
  return new QuipuError("damaged", `Cannot open the store: ${what}`);
}
