/**
 * A segment: a run of log positions in one file. The active one is written at
 * its end; sealed ones never change.
 *
 * @module
 */

import { join } from "@std/path";
import { QuipuError } from "../../lib/model/errors.ts";
import type { Disk, DiskFile } from "../disk/disk.ts";
import type { ScavengedSegment } from "./scavenged_segment.ts";
import { SEGMENT_HEADER_BYTES, segmentFileName } from "./segment_header.ts";

/** A segment's place in the log, and its file. */
export interface Segment {
  readonly number: number;
  readonly generation: number;
  /** Path of its file. */
  readonly path: string;
  /** Log position of its first record. */
  readonly startPosition: number;
  /** Position after the last record that readers may trust; grows while active. */
  endPosition: number;
  /** Header CRC of its last record, of its header if it has none. */
  checksum: number;
  /** The kept records of a scavenged one, whose file has another format. */
  readonly scavenged?: ScavengedSegment;
}

/**
 * Where the record at a log position stands in the segment's file; in that of
 * a scavenged one: where it once stood.
 */
export function offsetOf(
  segment: Pick<Segment, "startPosition">,
  position: number,
): number {
  return position - segment.startPosition + SEGMENT_HEADER_BYTES;
}

/** Log position of the record that stands at an offset of the file. */
export function positionOf(
  segment: Pick<Segment, "startPosition">,
  offset: number,
): number {
  return offset - SEGMENT_HEADER_BYTES + segment.startPosition;
}

/** Paths of the files of a segment, in the `log` directory of a store. */
export function segmentPath(
  logDirectory: string,
  segment: { readonly number: number; readonly generation: number },
  extension: "seg" | "idx",
): string {
  return join(logDirectory, segmentFileName(segment, extension));
}

/**
 * Files opened for reading, at most `max` at a time: the one that was opened
 * first is closed first.
 */
export class OpenFiles {
  readonly #disk: Disk;
  readonly #max: number;
  readonly #files = new Map<string, DiskFile>();

  constructor(disk: Disk, max: number) {
    this.#disk = disk;
    this.#max = max;
  }

  get count(): number {
    return this.#files.size;
  }

  /** Opens a file, or finds it open. */
  open(path: string): DiskFile {
    const open = this.#files.get(path);
    if (open !== undefined) return open;
    const file = this.#openNow(path);
    this.#files.set(path, file);
    if (this.#files.size > this.#max) this.#closeOldest();
    return file;
  }

  #openNow(path: string): DiskFile {
    try {
      return this.#disk.open(path, "read");
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      throw new QuipuError(
        "corruptRecord",
        `Cannot read "${path}": it is gone`,
      );
    }
  }

  /** Closes a file that will not be read again, if it is open. */
  forget(path: string): void {
    this.#files.get(path)?.close();
    this.#files.delete(path);
  }

  close(): void {
    for (const file of this.#files.values()) file.close();
    this.#files.clear();
  }

  #closeOldest(): void {
    for (const path of this.#files.keys()) return this.forget(path);
  }
}
