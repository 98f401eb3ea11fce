/**
 * The file of the active segment: written at the log's end, into room that was
 * made beforehand (`log/room.ts`).
 *
 * @module
 */

import type { DiskFile } from "../disk/disk.ts";
import type { GrowingBytes } from "../log/bytes.ts";
import { isRoom, ROOM_STEP_BYTES } from "../log/room.ts";

export class ActiveFile {
  readonly #file: DiskFile;
  /** Bytes of the file, room included. */
  #sizeBytes: number;

  /** @param file Open for writing; nothing but room stands behind the log. */
  constructor(file: DiskFile) {
    this.#file = file;
    this.#sizeBytes = file.size();
  }

  /** Writes what comes next in the log. It is not synced. */
  async write(bytes: GrowingBytes, offset: number): Promise<void> {
    const end = offset + bytes.length;
    const roomBytes = end > this.#sizeBytes ? roomBehind(bytes.length, end) : 0;
    await this.#file.writeAt(bytes.bytesAndZeros(roomBytes), offset);
    this.#sizeBytes = Math.max(this.#sizeBytes, end + roomBytes);
  }

  /** Forces what was written to the device. */
  async sync(): Promise<void> {
    await this.#file.sync();
  }

  /**
   * Cuts off the room behind the log's end, and closes the file.
   *
   * What is not room stays: whoever wrote it, it was not this process.
   */
  async finish(endOffset: number): Promise<void> {
    try {
      const hasRoom = this.#sizeBytes > endOffset &&
        isRoom(this.#file, endOffset);
      if (hasRoom) await this.#file.truncate(endOffset);
    } finally {
      this.close();
    }
  }

  /** Closes the file as it is. */
  close(): void {
    this.#file.close();
  }
}

/** Zeros to write behind bytes that make the file longer. */
function roomBehind(byteCount: number, end: number): number {
  // Bytes that fill a step by themselves leave nothing to be saved.
  if (byteCount >= ROOM_STEP_BYTES) return 0;
  return Math.ceil(end / ROOM_STEP_BYTES) * ROOM_STEP_BYTES - end;
}
