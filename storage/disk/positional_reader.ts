/**
 * Reading a file of the machine at any place, without a cursor.
 *
 * @module
 */

import { closeSync, fstatSync, openSync, readSync } from "node:fs";

export class PositionalReader {
  readonly path: string;
  readonly #fd: number;

  /** @throws {Deno.errors.NotFound} If there is no such file. */
  constructor(path: string) {
    this.path = path;
    this.#fd = openForReading(path);
  }

  /** See `DiskFile.readAt()`. */
  readAt(buffer: Uint8Array, offset: number): number {
    return readSync(this.#fd, buffer, 0, buffer.length, offset);
  }

  /** Bytes. */
  size(): number {
    return fstatSync(this.#fd).size;
  }

  close(): void {
    closeSync(this.#fd);
  }
}

function openForReading(path: string): number {
  try {
    return openSync(path, "r");
  } catch (error) {
    const isMissing = error instanceof Error && "code" in error &&
      error.code === "ENOENT";
    throw isMissing
      ? new Deno.errors.NotFound(`Cannot open "${path}": no such file`)
      : error;
  }
}
