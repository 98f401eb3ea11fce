/**
 * The disk as a port: everything that the store asks of an operating system's
 * files. The real one is `file_disk.ts`; `memory/memory_disk.ts` keeps files
 * in memory; a fault-injecting twin can stand in for either.
 *
 * Assumptions about a disk: bytes written are there after `sync()` returned;
 * a created, renamed or removed entry is there (or gone) after
 * `syncDirectory()` returned; nothing is assumed of what was not synced.
 *
 * @module
 */

/** One open file. Reads are positional and synchronous: they take 2 µs. */
export interface DiskFile {
  readonly path: string;
  /**
   * Reads into `buffer` from `offset` on.
   *
   * @returns How many bytes were read; less than asked only at the end.
   */
  readAt(buffer: Uint8Array, offset: number): number;
  /** Writes all of `bytes` at `offset`. */
  writeAt(bytes: Uint8Array, offset: number): Promise<void>;
  /** Forces the file's data to the device. */
  sync(): Promise<void>;
  /** Bytes. */
  size(): number;
  truncate(sizeBytes: number): Promise<void>;
  close(): void;
}

/** Keeps other processes out of a directory until it is released. */
export interface DiskLock {
  release(): void;
}

export interface Disk {
  /** Makes a directory and its parents; one that exists is fine. */
  makeDirectory(path: string): Promise<void>;
  /** Names in a directory, sorted; empty if there is no such directory. */
  list(path: string): Promise<string[]>;
  /**
   * Opens a file that exists. Synchronous, because a look-up in the middle of
   * a decision may find that it needs a file that is not open.
   *
   * @throws {Deno.errors.NotFound} If there is no such file.
   */
  open(path: string, mode: "read" | "write"): DiskFile;
  /** Creates a file that must not exist, for reading and writing. */
  create(path: string): Promise<DiskFile>;
  rename(from: string, to: string): Promise<void>;
  remove(path: string): Promise<void>;
  /** Makes the directory's entries permanent. */
  syncDirectory(path: string): Promise<void>;
  /**
   * Bytes that can still be written to the device that a path is on; undefined
   * when that is not known.
   */
  freeBytes?(path: string): number | undefined;
  /**
   * Takes the lock file, writing `owner` into it.
   *
   * @returns The lock, or what the file says of the process that holds it.
   */
  lock(path: string, owner: string): Promise<DiskLock | { heldBy: string }>;
}

/** Reads exactly `length` bytes; undefined if the file ends earlier. */
export function readExactly(
  file: DiskFile,
  offset: number,
  length: number,
): Uint8Array | undefined {
  const buffer = new Uint8Array(length);
  let have = 0;
  while (have < length) {
    const count = file.readAt(
      have === 0 ? buffer : buffer.subarray(have),
      offset + have,
    );
    if (count === 0) return undefined;
    have += count;
  }
  return buffer;
}
