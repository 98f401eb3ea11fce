/**
 * The real disk.
 *
 * Each file opened for writing has a second handle for reading: positional
 * reads move the handle's cursor, which the writing handle relies on.
 *
 * @module
 */

import { statfsSync } from "node:fs";
import { dirname, join } from "@std/path";
import { QuipuError } from "../../lib/model/errors.ts";
import type { Disk, DiskFile, DiskLock } from "./disk.ts";
import { PositionalReader } from "./positional_reader.ts";
import { decodeUtf8Leniently, encodeUtf8 } from "../../lib/text/utf8.ts";

/**
 * So much is written at once: it is only copied to memory of the system, in
 * less time than it takes to have another thread do it.
 */
const WRITE_SYNC_BYTES_MAX = 64 * 1024;

/** Files are for the program's own user alone, whatever the umask. */
const FILE_MODE = 0o600;
const DIRECTORY_MODE = 0o700;

class FileDiskFile implements DiskFile {
  readonly path: string;
  readonly #reader: PositionalReader;
  readonly #writer: Deno.FsFile | undefined;
  /** Where the writing handle's cursor is. */
  #cursor = 0;
  #isClosed = false;

  constructor(path: string, writer: Deno.FsFile | undefined) {
    this.path = path;
    this.#writer = writer;
    this.#reader = new PositionalReader(path);
  }

  readAt(buffer: Uint8Array, offset: number): number {
    return this.#reader.readAt(buffer, offset);
  }

  async writeAt(bytes: Uint8Array, offset: number): Promise<void> {
    const writer = this.#requireWriter();
    if (this.#cursor !== offset) {
      writer.seekSync(offset, Deno.SeekMode.Start);
      this.#cursor = offset;
    }
    let written = 0;
    while (written < bytes.length) {
      const rest = written === 0 ? bytes : bytes.subarray(written);
      const count = rest.length <= WRITE_SYNC_BYTES_MAX
        ? writer.writeSync(rest)
        : await writer.write(rest);
      this.#cursor += count;
      written += count;
    }
  }

  async sync(): Promise<void> {
    await this.#requireWriter().syncData();
  }

  size(): number {
    return this.#reader.size();
  }

  async truncate(sizeBytes: number): Promise<void> {
    await this.#requireWriter().truncate(sizeBytes);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#reader.close();
    this.#writer?.close();
  }

  #requireWriter(): Deno.FsFile {
    if (this.#writer === undefined) {
      throw new TypeError(`Cannot write "${this.path}": opened for reading`);
    }
    return this.#writer;
  }
}

/** Makes the disk of the machine. */
export function createFileDisk(): Disk {
  return {
    async makeDirectory(path) {
      try {
        await Deno.mkdir(path, { recursive: true, mode: DIRECTORY_MODE });
      } catch (error) {
        if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
        // The path is no directory, and the system would only say
        // "File exists".
        throw new Deno.errors.NotADirectory(
          `Not a directory (os error 20): mkdir "${path}"`,
        );
      }
    },

    async list(path) {
      const names: string[] = [];
      try {
        for await (const entry of Deno.readDir(path)) names.push(entry.name);
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      }
      return names.sort();
    },

    open(path, mode) {
      const writer = mode === "write"
        ? Deno.openSync(path, { read: true, write: true })
        : undefined;
      return new FileDiskFile(path, writer);
    },

    async create(path) {
      const writer = await Deno.open(path, {
        read: true,
        write: true,
        createNew: true,
        mode: FILE_MODE,
      });
      return new FileDiskFile(path, writer);
    },

    async rename(from, to) {
      await Deno.rename(from, to);
    },

    async remove(path) {
      await Deno.remove(path);
    },

    async syncDirectory(path) {
      // Windows cannot open a directory, and needs no sync of its entries.
      if (Deno.build.os === "windows") return;
      using directory = await Deno.open(path, { read: true });
      await directory.sync();
    },

    freeBytes(path) {
      try {
        const { bavail, bsize } = statfsSync(path);
        return bavail * bsize;
      } catch {
        // Older runtimes have no such call.
        return undefined;
      }
    },

    lock,
  };
}

async function lock(
  path: string,
  owner: string,
): Promise<DiskLock | { heldBy: string }> {
  const directory = dirname(path);
  await Deno.mkdir(directory, { recursive: true, mode: DIRECTORY_MODE });
  const file = await openOwn(path);
  if (!await tryLock(file)) {
    const heldBy = decodeUtf8Leniently(
      await new Response(file.readable).bytes(),
    );
    return { heldBy: heldBy.trim() };
  }
  await makePrivate(directory);
  try {
    await file.truncate(0);
    await file.write(encodeUtf8(owner + "\n"));
  } catch {
    // A full device must not keep the store from opening: the lock is held,
    // it only does not say by whom.
  }
  return {
    release() {
      // A process that is being started has a copy of the file for a moment:
      // closing ours alone would leave the lock to it.
      try {
        file.unlockSync();
      } finally {
        file.close();
      }
    },
  };
}

/** The entries of the directory of a store or of a backup. */
const PRIVATE_NAME =
  /^(segments|incoming|lost|lock|ballast|manifest\.json|(heads\.snap|catalog\.kv).*)$/;

/**
 * Takes the rights of others away from what earlier versions made. The
 * directory itself keeps the mode that its owner gave it.
 */
async function makePrivate(directory: string): Promise<void> {
  try {
    for await (const entry of Deno.readDir(directory)) {
      // Changing a mode follows links.
      if (!PRIVATE_NAME.test(entry.name) || entry.isSymlink) continue;
      const path = join(directory, entry.name);
      const { mode } = await Deno.lstat(path);
      if (mode === null || (mode & 0o077) === 0) continue;
      await Deno.chmod(path, mode & 0o700);
    }
  } catch {
    // They are another user's, or the system knows no modes: the store works.
  }
}

/**
 * Opens a file whose name everybody knows, and makes it if it is not there. A
 * link in its place could have another file locked and overwritten: it is never
 * followed.
 *
 * @throws {QuipuError} `notWritable` if something else has the name.
 */
async function openOwn(path: string): Promise<Deno.FsFile> {
  try {
    // Creating follows no link.
    return await Deno.open(path, {
      read: true,
      write: true,
      createNew: true,
      mode: FILE_MODE,
    });
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
  }
  await refuseLink(path);
  const file = await Deno.open(path, { read: true, write: true });
  try {
    await refuseLink(path, file);
    return file;
  } catch (error) {
    file.close();
    throw error;
  }
}

/** Refuses a name that is not that of one plain file, the one that is open. */
async function refuseLink(path: string, file?: Deno.FsFile): Promise<void> {
  const named = await Deno.lstat(path);
  const opened = await file?.stat() ?? named;
  const isOwn = named.isFile && (named.nlink ?? 1) === 1 &&
    opened.dev === named.dev && opened.ino === named.ino;
  if (isOwn) return;
  throw new QuipuError(
    "notWritable",
    `Cannot use "${path}": it is a link or another kind of file; remove it`,
  );
}

/**
 * Takes an exclusive lock without waiting for it. Older runtimes have no
 * `tryLock`; there, a lock that is not to be had at once counts as held.
 */
async function tryLock(file: Deno.FsFile): Promise<boolean> {
  if (typeof file.tryLock === "function") return await file.tryLock(true);
  let timer: ReturnType<typeof setTimeout> | undefined;
  const isTimedOut = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), LOCK_WAIT_MS);
  });
  const isLocked = file.lock(true).then(() => true);
  try {
    return await Promise.race([isLocked, isTimedOut]);
  } finally {
    clearTimeout(timer);
  }
}

const LOCK_WAIT_MS = 500;
