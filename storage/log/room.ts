/**
 * Room: zeros behind the last record of the active segment's file. A file that
 * is overwritten is synced by writing the bytes alone, while one that grows
 * has its length and the places of its blocks written each time, too. So it
 * grows by steps, see `write/active_file.ts`.
 *
 * No record begins with zeros, as its length comes first: where only zeros
 * follow, the log ends. Room is cut off when the store stops or goes on in the
 * next segment; after a crash it is what lies behind the log.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import type { DiskFile } from "../disk/disk.ts";

/** By such steps the file grows. */
export const ROOM_STEP_BYTES = 64 * 1024;

const ZEROS = Buffer.alloc(ROOM_STEP_BYTES);

/** Whether nothing but zeros stands in a file from `offset` on. */
export function isRoom(file: DiskFile, offset: number): boolean {
  const chunk = Buffer.alloc(ROOM_STEP_BYTES);
  for (let at = offset;;) {
    const count = file.readAt(chunk, at);
    if (count === 0) return true;
    if (chunk.compare(ZEROS, 0, count, 0, count) !== 0) return false;
    at += count;
  }
}
