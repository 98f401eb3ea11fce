/**
 * Files and directories of a machine: as its programs see them, as the device
 * has them, and what lies between.
 *
 * - Bytes that were written and not synced may be on the device whole, in
 *   part, torn at any byte, out of order, or not at all.
 * - What a failed sync should have made permanent never becomes so by a later
 *   sync: the kernel takes those pages for clean. Programs go on to see it.
 * - Entries created, renamed or removed are permanent once their directory was
 *   synced; until then some first part of them is (directories are journaled:
 *   what one sync could not make permanent, a later one does).
 * - A commit of a catalog that is under way is made or not.
 *
 * @module
 */

import { dirname } from "@std/path";
import type { CommitRecord } from "../../storage/commit/catalog.ts";
import type { Random } from "../support/random.ts";

/** What is left of things that were not synced. */
export type Loss = "nothing is kept" | "everything is kept" | Random;

type FileOperation =
  | { readonly kind: "write"; readonly bytes: Uint8Array; offset: number }
  | { readonly kind: "truncate"; readonly sizeBytes: number };

const SECTOR_BYTES = 512;

class Bytes {
  array: Uint8Array;
  sizeBytes: number;

  constructor(content: Uint8Array) {
    this.array = content;
    this.sizeBytes = content.length;
  }

  apply(operation: FileOperation): void {
    if (operation.kind === "write") {
      this.write(operation.bytes, operation.offset);
      return;
    }
    const { sizeBytes } = operation;
    if (sizeBytes > this.sizeBytes) this.write(new Uint8Array(0), sizeBytes);
    this.array.fill(0, sizeBytes, this.sizeBytes);
    this.sizeBytes = sizeBytes;
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

  content(): Uint8Array {
    return this.array.slice(0, this.sizeBytes);
  }
}

/** An operation that was to be synced. */
interface SyncedOperation {
  readonly operation: FileOperation;
  readonly isPermanent: boolean;
}

/** One file. */
export class Content {
  readonly seen: Bytes;
  readonly #device: Bytes;
  /**
   * From the first sync that failed on: operations that it may have made
   * permanent all the same, and those after it that are permanent. A later
   * write to the same place stays above an earlier one.
   */
  #sinceFailure: SyncedOperation[];
  #unsynced: FileOperation[];
  /** For the file of a catalog: its commits, oldest first. */
  commits: CommitRecord[] = [];
  /** One that was asked for and not made yet. */
  commitUnderWay: CommitRecord | undefined;

  constructor(
    seen: Uint8Array = new Uint8Array(0),
    device: Uint8Array = seen,
    unsynced: { sinceFailure: SyncedOperation[]; waiting: FileOperation[] } = {
      sinceFailure: [],
      waiting: [],
    },
  ) {
    this.seen = new Bytes(seen.slice());
    this.#device = new Bytes(device.slice());
    this.#sinceFailure = unsynced.sinceFailure;
    this.#unsynced = unsynced.waiting;
  }

  do(operation: FileOperation): void {
    this.seen.apply(operation);
    this.#unsynced.push(operation);
  }

  sync(): void {
    for (const operation of this.#unsynced) {
      this.#device.apply(operation);
      if (this.#sinceFailure.length > 0) {
        this.#sinceFailure.push({ operation, isPermanent: true });
      }
    }
    this.#unsynced = [];
  }

  failSync(): void {
    for (const operation of this.#unsynced) {
      this.#sinceFailure.push({ operation, isPermanent: false });
    }
    this.#unsynced = [];
  }

  /** The same file on the same machine, for another process. */
  copy(): Content {
    const copy = new Content(this.seen.content(), this.#device.content(), {
      sinceFailure: [...this.#sinceFailure],
      waiting: [...this.#unsynced],
    });
    copy.commits = [...this.commits];
    return copy;
  }

  afterPowerLoss(loss: Loss): Content {
    const left = new Bytes(this.#device.content());
    for (const { operation, isPermanent } of this.#sinceFailure) {
      if (isPermanent) left.apply(operation);
      else keep(operation, left, loss);
    }
    for (const operation of this.#unsynced) keep(operation, left, loss);
    const content = new Content(left.content());
    content.commits = [...this.commits];
    if (
      this.commitUnderWay !== undefined && typeof loss !== "string" &&
      loss.chance(0.5)
    ) content.commits.push(this.commitUnderWay);
    return content;
  }
}

function keep(operation: FileOperation, left: Bytes, loss: Loss): void {
  if (loss === "nothing is kept") return;
  if (loss === "everything is kept") return left.apply(operation);
  if (operation.kind === "truncate") {
    if (loss.chance(0.5)) left.apply(operation);
    return;
  }
  const { bytes, offset } = operation;
  switch (loss.pick(["all", "nothing", "start", "end", "sectors"])) {
    case "all":
      return left.apply(operation);
    case "start":
      return left.write(
        bytes.subarray(0, loss.integer(0, bytes.length)),
        offset,
      );
    case "end": {
      // The file grew, but its first new pages were not written.
      const from = loss.integer(0, bytes.length);
      return left.write(bytes.subarray(from), offset + from);
    }
    case "sectors":
      for (let at = 0; at < bytes.length; at += SECTOR_BYTES) {
        if (loss.chance(0.5)) {
          left.write(bytes.subarray(at, at + SECTOR_BYTES), offset + at);
        }
      }
  }
}

/** A change of a directory. */
export type EntryOperation<Content> =
  | {
    readonly kind: "create";
    readonly path: string;
    readonly content: Content;
  }
  | { readonly kind: "makeDirectory"; readonly path: string }
  | { readonly kind: "rename"; readonly from: string; readonly to: string }
  | { readonly kind: "remove"; readonly path: string };

/** Names and what they stand for. */
export class Entries<Content> {
  readonly files: Map<string, Content>;
  readonly directories: Set<string>;

  constructor(from?: Entries<Content>) {
    this.files = new Map(from?.files);
    this.directories = new Set(from?.directories);
  }

  apply(operation: EntryOperation<Content>): void {
    const { files, directories } = this;
    if (operation.kind === "create") {
      files.set(operation.path, operation.content);
    } else if (operation.kind === "makeDirectory") {
      directories.add(operation.path);
    } else if (operation.kind === "remove") files.delete(operation.path);
    else {
      const content = files.get(operation.from);
      if (content === undefined) return;
      files.delete(operation.from);
      files.set(operation.to, content);
    }
  }
}

/** A device with one tree of directories. */
export class Device {
  readonly seen: Entries<Content>;
  readonly #kept: Entries<Content>;
  #unsynced: EntryOperation<Content>[] = [];

  constructor(entries: Entries<Content>) {
    this.seen = entries;
    this.#kept = new Entries(entries);
  }

  do(operation: EntryOperation<Content>): void {
    this.seen.apply(operation);
    this.#unsynced.push(operation);
  }

  syncDirectory(path: string): void {
    this.#unsynced = this.#unsynced.filter((operation) => {
      if (directoryOf(operation) !== path) return true;
      this.#kept.apply(operation);
      return false;
    });
  }

  /** As another process of the same machine finds it. */
  copy(): Device {
    const copies = new Map<Content, Content>();
    const copyOf = (content: Content): Content => {
      let copy = copies.get(content);
      if (copy === undefined) copies.set(content, copy = content.copy());
      return copy;
    };
    const copyEntries = (from: Entries<Content>): Entries<Content> => {
      const entries = new Entries(from);
      for (const [path, content] of entries.files) {
        entries.files.set(path, copyOf(content));
      }
      return entries;
    };
    const copyAll = (
      operations: EntryOperation<Content>[],
    ): EntryOperation<Content>[] =>
      operations.map((operation) =>
        operation.kind === "create"
          ? { ...operation, content: copyOf(operation.content) }
          : operation
      );
    const device = new Device(copyEntries(this.seen));
    const kept = copyEntries(this.#kept);
    device.#kept.files.clear();
    device.#kept.directories.clear();
    for (const [path, content] of kept.files) {
      device.#kept.files.set(path, content);
    }
    for (const path of kept.directories) device.#kept.directories.add(path);
    device.#unsynced = copyAll(this.#unsynced);
    return device;
  }

  afterPowerLoss(loss: Loss): Device {
    const entries = new Entries(this.#kept);
    const operations = this.#unsynced;
    const count = loss === "nothing is kept"
      ? 0
      : loss === "everything is kept"
      ? operations.length
      : loss.integer(0, operations.length);
    for (const operation of operations.slice(0, count)) {
      entries.apply(operation);
    }
    for (const [path, content] of entries.files) {
      // A file is lost with its directory.
      if (entries.directories.has(dirname(path))) {
        entries.files.set(path, content.afterPowerLoss(loss));
      } else entries.files.delete(path);
    }
    return new Device(entries);
  }
}

function directoryOf(operation: EntryOperation<Content>): string {
  return dirname(operation.kind === "rename" ? operation.to : operation.path);
}
