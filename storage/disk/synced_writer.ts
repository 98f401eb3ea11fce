/**
 * Writes large files that are made while others append: synced every
 * megabyte, so that no sync of an append waits for one of a hundred.
 *
 * @module
 */

import type { DiskFile } from "./disk.ts";

/** Bytes that are written before they are synced. */
const SYNC_BYTES = 1024 * 1024;

export class SyncedWriter {
  readonly #file: DiskFile;
  #unsyncedBytes = 0;

  constructor(file: DiskFile) {
    this.#file = file;
  }

  /** Writes bytes, which must stay as they are until that is done. */
  async writeAt(bytes: Uint8Array, offset: number): Promise<void> {
    await this.#file.writeAt(bytes, offset);
    this.#unsyncedBytes += bytes.length;
    if (this.#unsyncedBytes >= SYNC_BYTES) await this.sync();
  }

  /** Syncs what is left: all that was written is on the device then. */
  async sync(): Promise<void> {
    await this.#file.sync();
    this.#unsyncedBytes = 0;
  }
}
