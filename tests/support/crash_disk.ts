/**
 * A machine that loses power: a disk and a catalog in memory that keep, on a
 * crash, what was synced, and of everything else what chance leaves of it.
 *
 * - Bytes written and not synced are there, or not, sector by sector.
 * - Entries created, renamed or removed in a directory that was not synced
 *   since are there up to some operation (directories are journaled).
 * - A commit under way is made or not.
 *
 * Every operation takes a random number of turns, so that what can overlap
 * does.
 *
 * @module
 */

import { Entries, type EntryOperation } from "./directory_entries.ts";
import { dirname } from "@std/path";
import type { Disk, DiskFile, DiskLock } from "../../storage/disk/disk.ts";
import type { Catalog, CommitRecord } from "../../storage/commit/catalog.ts";
import type { StorePlatform } from "../../storage/commit/platform.ts";
import type { Random } from "./random.ts";

const SECTOR_BYTES = 512;

/** A platform that can lose power. */
export interface CrashPlatform extends StorePlatform {
  /**
   * The machine as it is when power comes back. What goes on with this one
   * changes nothing there.
   */
  crash(): CrashPlatform;
  /** Commits that were made, oldest first: the last one is the catalog. */
  readonly commits: readonly CommitRecord[];
  /** Takes back the newest commits, as a damaged journal of the KV does. */
  rollBackCommits(count: number): void;
}

type FileOperation =
  | { readonly kind: "write"; readonly bytes: Uint8Array; offset: number }
  | { readonly kind: "truncate"; readonly sizeBytes: number };

class Bytes {
  array = new Uint8Array(1024);
  sizeBytes = 0;

  static from(content: Uint8Array): Bytes {
    const bytes = new Bytes();
    bytes.write(content, 0);
    return bytes;
  }

  apply(operation: FileOperation): void {
    if (operation.kind === "write") {
      this.write(operation.bytes, operation.offset);
    } else this.truncate(operation.sizeBytes);
  }

  write(bytes: Uint8Array, offset: number): void {
    const end = offset + bytes.length;
    if (end > this.array.length) {
      const grown = new Uint8Array(Math.max(end, this.array.length * 2));
      grown.set(this.array.subarray(0, this.sizeBytes));
      this.array = grown;
    }
    this.array.set(bytes, offset);
    this.sizeBytes = Math.max(this.sizeBytes, end);
  }

  truncate(sizeBytes: number): void {
    this.array.fill(0, Math.min(sizeBytes, this.sizeBytes), this.sizeBytes);
    this.sizeBytes = sizeBytes;
  }

  content(): Uint8Array {
    return this.array.slice(0, this.sizeBytes);
  }
}

/** A file: as programs see it, as the device has it, and what lies between. */
class Content {
  readonly seen: Bytes;
  readonly #device: Bytes;
  readonly #unsynced: FileOperation[] = [];

  constructor(content: Uint8Array) {
    this.seen = Bytes.from(content);
    this.#device = Bytes.from(content);
  }

  do(operation: FileOperation): void {
    this.seen.apply(operation);
    this.#unsynced.push(operation);
  }

  sync(): void {
    for (const operation of this.#unsynced.splice(0)) {
      this.#device.apply(operation);
    }
  }

  afterCrash(random: Random): Content {
    const left = Bytes.from(this.#device.content());
    for (const operation of this.#unsynced) {
      if (operation.kind === "truncate") {
        if (random.chance(0.5)) left.apply(operation);
        continue;
      }
      const keeps = random.pick(["all", "nothing", "start", "sectors"]);
      const { bytes, offset } = operation;
      if (keeps === "all") left.apply(operation);
      if (keeps === "start") {
        left.write(bytes.subarray(0, random.integer(0, bytes.length)), offset);
      }
      if (keeps !== "sectors") continue;
      for (let at = 0; at < bytes.length; at += SECTOR_BYTES) {
        if (random.chance(0.5)) {
          left.write(bytes.subarray(at, at + SECTOR_BYTES), offset + at);
        }
      }
    }
    return new Content(left.content());
  }
}

/** Makes a machine whose disk holds an empty directory and nothing else. */
export function createCrashPlatform(
  random: Random,
  directory: string,
): CrashPlatform {
  const entries = new Entries<Content>();
  entries.directories.add(directory);
  return new Machine(random, entries, []);
}

class Machine implements CrashPlatform {
  readonly disk: Disk;
  readonly commits: CommitRecord[];
  readonly #random: Random;
  readonly #seen: Entries<Content>;
  readonly #device: Entries<Content>;
  readonly #unsynced: EntryOperation<Content>[] = [];
  readonly #locks = new Set<string>();
  #commitUnderWay: CommitRecord | undefined;

  constructor(
    random: Random,
    entries: Entries<Content>,
    commits: CommitRecord[],
  ) {
    this.#random = random;
    this.#seen = entries;
    this.#device = new Entries(entries);
    this.commits = commits;
    this.disk = this.#createDisk();
  }

  openCatalog(): Promise<Catalog> {
    let known = this.commits.length;
    return Promise.resolve({
      read: async () => {
        await this.#turns();
        known = this.commits.length;
        return this.commits.at(-1);
      },
      commit: async (record: CommitRecord) => {
        if (known !== this.commits.length) return "fenced" as const;
        this.#commitUnderWay = record;
        await this.#turns();
        this.commits.push(record);
        known = this.commits.length;
        this.#commitUnderWay = undefined;
        await this.#turns();
        return "committed" as const;
      },
      close() {},
    });
  }

  rollBackCommits(count: number): void {
    this.commits.length = Math.max(1, this.commits.length - count);
  }

  crash(): CrashPlatform {
    const random = this.#random;
    const entries = new Entries(this.#device);
    const kept = random.integer(0, this.#unsynced.length);
    for (const operation of this.#unsynced.slice(0, kept)) {
      entries.apply(operation);
    }
    for (const [path, content] of entries.files) {
      // A file is lost with its directory.
      if (entries.directories.has(dirname(path))) {
        entries.files.set(path, content.afterCrash(random));
      } else entries.files.delete(path);
    }
    const commits = [...this.commits];
    if (this.#commitUnderWay !== undefined && random.chance(0.5)) {
      commits.push(this.#commitUnderWay);
    }
    return new Machine(random, entries, commits);
  }

  /** Takes a while: other work goes on. */
  async #turns(): Promise<void> {
    const count = this.#random.integer(0, 20);
    for (let turn = 0; turn < count; turn++) await undefined;
  }

  #do(operation: EntryOperation<Content>): void {
    this.#seen.apply(operation);
    this.#unsynced.push(operation);
  }

  #contentOf(path: string): Content {
    const content = this.#seen.files.get(path);
    if (content === undefined) {
      throw new Deno.errors.NotFound(`Cannot open "${path}": no such file`);
    }
    return content;
  }

  #file(path: string, content: Content): DiskFile {
    return {
      path,
      readAt(buffer, offset) {
        const { array, sizeBytes } = content.seen;
        const count = Math.min(buffer.length, sizeBytes - offset);
        if (count <= 0) return 0;
        buffer.set(array.subarray(offset, offset + count));
        return count;
      },
      writeAt: async (bytes, offset) => {
        await this.#turns();
        content.do({ kind: "write", bytes: bytes.slice(), offset });
        await this.#turns();
      },
      sync: async () => {
        await this.#turns();
        content.sync();
        await this.#turns();
      },
      size: () => content.seen.sizeBytes,
      truncate: async (sizeBytes) => {
        await this.#turns();
        content.do({ kind: "truncate", sizeBytes });
      },
      close() {},
    };
  }

  #createDisk(): Disk {
    return {
      makeDirectory: async (path) => {
        await this.#turns();
        const isMade = this.#seen.directories.has(path);
        if (!isMade) this.#do({ kind: "makeDirectory", path });
      },
      list: async (path) => {
        await this.#turns();
        return [...this.#seen.files.keys(), ...this.#seen.directories]
          .filter((entry) => dirname(entry) === path && entry !== path)
          .map((entry) => entry.slice(path.length + 1))
          .sort();
      },
      open: (path) => this.#file(path, this.#contentOf(path)),
      create: async (path) => {
        await this.#turns();
        if (this.#seen.files.has(path)) {
          throw new Deno.errors.AlreadyExists(`Cannot create "${path}"`);
        }
        const content = new Content(new Uint8Array(0));
        this.#do({ kind: "create", path, content });
        return this.#file(path, content);
      },
      rename: async (from, to) => {
        await this.#turns();
        this.#contentOf(from);
        this.#do({ kind: "rename", from, to });
      },
      remove: async (path) => {
        await this.#turns();
        this.#contentOf(path);
        this.#do({ kind: "remove", path });
      },
      syncDirectory: async (path) => {
        await this.#turns();
        for (const operation of [...this.#unsynced]) {
          if (directoryOf(operation) !== path) continue;
          this.#device.apply(operation);
          this.#unsynced.splice(this.#unsynced.indexOf(operation), 1);
        }
      },
      lock: (path): Promise<DiskLock | { heldBy: string }> => {
        if (this.#locks.has(path)) {
          return Promise.resolve({ heldBy: "another" });
        }
        this.#locks.add(path);
        return Promise.resolve({ release: () => this.#locks.delete(path) });
      },
    };
  }
}

function directoryOf(operation: EntryOperation<Content>): string {
  return dirname(operation.kind === "rename" ? operation.to : operation.path);
}
