/**
 * A machine whose disk and catalog fail on demand, and which can lose power
 * before any of their calls. Every call has a number; a plan says what goes
 * wrong at which one.
 *
 * @module
 */

import { basename, dirname } from "@std/path";
import type { Disk, DiskFile, DiskLock } from "../../storage/disk/disk.ts";
import type { Catalog, CommitRecord } from "../../storage/commit/catalog.ts";
import type { StorePlatform } from "../../storage/commit/platform.ts";
import { Content, Device, Entries, type Loss } from "./device.ts";

/** What can be asked of a disk or catalog. */
export type CallKind =
  | "read"
  | "size"
  | "open"
  | "write"
  | "sync"
  | "truncate"
  | "create"
  | "rename"
  | "remove"
  | "list"
  | "makeDirectory"
  | "syncDirectory"
  | "openCatalog"
  | "readCatalog"
  | "commit";

export interface Call {
  /** 0 for the machine's first one. */
  readonly index: number;
  readonly kind: CallKind;
  /** Last part of the path. */
  readonly name: string;
}

/** Ways in which a call goes wrong. */
export type Fault =
  /** Nothing is done. */
  | "EIO"
  /** It is done all the same: half of it, if it is a write. */
  | "EIO, but done"
  /** Writes do half of it. */
  | "ENOSPC"
  /** Too many open files. */
  | "EMFILE";

/** Says what goes wrong with a call; undefined: nothing. */
export type Plan = (call: Call) => Fault | undefined;

/** Files with their bytes. */
export type Image = ReadonlyMap<
  string,
  { readonly bytes: Uint8Array; readonly commits: readonly CommitRecord[] }
>;

/** Kinds of calls after which the machine is another. */
const CHANGING: ReadonlySet<CallKind> = new Set<CallKind>([
  "write",
  "sync",
  "truncate",
  "create",
  "rename",
  "remove",
  "makeDirectory",
  "syncDirectory",
  "commit",
]);

/** Whether a call changes what is there. */
export function isChange(call: Call): boolean {
  return CHANGING.has(call.kind);
}

/** Microtasks that a call takes: who was answered before it has noticed. */
const TURNS = 12;

export interface MachineOptions {
  /** The only directory at first. */
  readonly directory?: string;
  /**
   * How many microtasks each part of a call takes: by chance, so that whatever
   * can overlap does, or always as many.
   */
  readonly turns?: () => number;
}

export class Machine implements StorePlatform {
  readonly disk: Disk;
  /** Calls so far. */
  readonly calls: Call[] = [];
  /** Faults so far. */
  faultCount = 0;
  plan: Plan = () => undefined;
  /** Called before each call, with power still on. */
  onCall: (call: Call) => void = () => {};
  #device: Device;
  readonly #locks = new Set<string>();
  readonly #options: MachineOptions;
  #isOff = false;

  constructor(options: MachineOptions = {}, device?: Device) {
    const entries = new Entries<Content>();
    entries.directories.add(options.directory ?? "store");
    this.#options = options;
    this.#device = device ?? new Device(entries);
    this.disk = this.#createDisk();
  }

  /** Whether the power is off: no call does anything any more. */
  get isOff(): boolean {
    return this.#isOff;
  }

  /** Nothing fails from now on. */
  heal(): void {
    this.plan = () => undefined;
  }

  /** No call does anything from now on. */
  turnOff(): void {
    this.#isOff = true;
  }

  /** The machine as it is after the power was gone. */
  afterPowerLoss(loss: Loss): Machine {
    return new Machine(this.#options, this.#device.afterPowerLoss(loss));
  }

  /** The machine as another process finds it when this one was killed. */
  afterKill(): Machine {
    return new Machine(this.#options, this.#device.copy());
  }

  /** All files and their bytes, and the catalog's commits. */
  image(): Image {
    return new Map(
      [...this.#device.seen.files].map(([path, content]) => [path, {
        bytes: content.seen.content(),
        commits: [...content.commits],
      }]),
    );
  }

  /** A machine on whose device these files are. */
  static of(image: Image): Machine {
    const entries = new Entries<Content>();
    for (const [path, { bytes, commits }] of image) {
      for (let at = dirname(path); at !== "."; at = dirname(at)) {
        entries.directories.add(at);
      }
      const content = new Content(bytes);
      content.commits = [...commits];
      entries.files.set(path, content);
    }
    return new Machine({}, new Device(entries));
  }

  /** Content of a file as programs see it; undefined if there is none. */
  contentOf(path: string): Content | undefined {
    return this.#device.seen.files.get(path);
  }

  /** Paths of all files. */
  paths(): string[] {
    return [...this.#device.seen.files.keys()].sort();
  }

  /** Removes files behind everybody's back, for good. */
  removeFiles(isRemoved: (path: string) => boolean): void {
    const entries = new Entries(this.#device.seen);
    for (const path of this.paths()) {
      if (isRemoved(path)) entries.files.delete(path);
    }
    this.#device = new Device(entries);
  }

  /** Takes back the newest commits of a catalog, as a bad journal does. */
  rollBackCommits(count: number): void {
    for (const path of this.paths()) {
      const commits = this.contentOf(path)?.commits;
      if (commits !== undefined && commits.length > 0) {
        commits.length = Math.max(1, commits.length - count);
      }
    }
  }

  async #turns(): Promise<void> {
    const count = this.#options.turns?.() ?? TURNS;
    for (let turn = 0; turn < count; turn++) await undefined;
  }

  /** Announces a call; says what goes wrong with it. */
  #enter(kind: CallKind, path: string): Fault | undefined {
    const call = { index: this.calls.length, kind, name: basename(path) };
    if (!this.#isOff) this.onCall(call);
    if (this.#isOff) throw new Error("The power is off (os error 5)");
    this.calls.push(call);
    const fault = this.plan(call);
    if (fault !== undefined) this.faultCount++;
    return fault;
  }

  async #enterSlowly(kind: CallKind, path: string): Promise<Fault | undefined> {
    await this.#turns();
    return this.#enter(kind, path);
  }

  /** A call that is done or not, and throws if it is to fail. */
  async #call(kind: CallKind, path: string, act: () => void): Promise<void> {
    const fault = await this.#enterSlowly(kind, path);
    if (fault === undefined || fault === "EIO, but done") act();
    if (fault !== undefined) throw errorOf(fault);
    await this.#turns();
    if (this.#isOff) throw new Error("The power is off (os error 5)");
  }

  #callNow(kind: CallKind, path: string): void {
    const fault = this.#enter(kind, path);
    if (fault !== undefined) throw errorOf(fault);
  }

  #contentOf(path: string): Content {
    const content = this.contentOf(path);
    if (content === undefined) {
      throw new Deno.errors.NotFound(`Cannot open "${path}": no such file`);
    }
    return content;
  }

  async openCatalog(path: string): Promise<Catalog> {
    const fault = await this.#enterSlowly("openCatalog", path);
    if (fault !== undefined) throw catalogErrorOf(fault);
    if (this.contentOf(path) === undefined) {
      this.#device.do({ kind: "create", path, content: new Content() });
      this.#device.syncDirectory(dirname(path));
    }
    const content = this.#contentOf(path);
    const { commits } = content;
    let known = commits.length;
    return {
      read: async () => {
        const fault = await this.#enterSlowly("readCatalog", path);
        if (fault !== undefined) throw catalogErrorOf(fault);
        known = commits.length;
        return commits.at(-1);
      },
      commit: async (record: CommitRecord) => {
        if (known === commits.length) content.commitUnderWay = record;
        const fault = await this.#enterSlowly("commit", path);
        if (!this.#isOff) content.commitUnderWay = undefined;
        const isMade = fault === undefined || fault === "EIO, but done";
        if (isMade && known !== commits.length) return "fenced" as const;
        if (isMade) commits.push(record);
        if (fault !== undefined) throw catalogErrorOf(fault);
        known = commits.length;
        await this.#turns();
        if (this.#isOff) throw new Error("The power is off (os error 5)");
        return "committed" as const;
      },
      close() {},
    };
  }

  #file(path: string, content: Content): DiskFile {
    return {
      path,
      readAt: (buffer, offset) => {
        this.#callNow("read", path);
        const { array, sizeBytes } = content.seen;
        const count = Math.min(buffer.length, sizeBytes - offset);
        if (count <= 0) return 0;
        buffer.set(array.subarray(offset, offset + count));
        return count;
      },
      writeAt: async (bytes, offset) => {
        const fault = await this.#enterSlowly("write", path);
        const count = fault === undefined
          ? bytes.length
          : fault === "EIO"
          ? 0
          : bytes.length >>> 1;
        if (count > 0) {
          content.do({ kind: "write", bytes: bytes.slice(0, count), offset });
        }
        if (fault !== undefined) throw errorOf(fault);
        await this.#turns();
        if (this.#isOff) throw new Error("The power is off (os error 5)");
      },
      sync: async () => {
        const fault = await this.#enterSlowly("sync", path);
        if (fault === undefined) content.sync();
        else {
          content.failSync();
          throw errorOf(fault);
        }
        await this.#turns();
        if (this.#isOff) throw new Error("The power is off (os error 5)");
      },
      size: () => {
        this.#callNow("size", path);
        return content.seen.sizeBytes;
      },
      truncate: (sizeBytes) =>
        this.#call(
          "truncate",
          path,
          () => content.do({ kind: "truncate", sizeBytes }),
        ),
      close() {},
    };
  }

  #createDisk(): Disk {
    return {
      makeDirectory: (path) =>
        this.#call("makeDirectory", path, () => {
          if (!this.#device.seen.directories.has(path)) {
            this.#device.do({ kind: "makeDirectory", path });
          }
        }),
      list: async (path) => {
        const fault = await this.#enterSlowly("list", path);
        if (fault !== undefined) throw errorOf(fault);
        const { files, directories } = this.#device.seen;
        return [...files.keys(), ...directories]
          .filter((entry) => dirname(entry) === path && entry !== path)
          .map((entry) => basename(entry))
          .sort();
      },
      open: (path) => {
        this.#callNow("open", path);
        return this.#file(path, this.#contentOf(path));
      },
      create: async (path) => {
        const content = new Content();
        await this.#call("create", path, () => {
          if (this.contentOf(path) !== undefined) {
            throw new Deno.errors.AlreadyExists(`Cannot create "${path}"`);
          }
          this.#device.do({ kind: "create", path, content });
        });
        return this.#file(path, content);
      },
      rename: (from, to) =>
        this.#call("rename", to, () => {
          this.#contentOf(from);
          this.#device.do({ kind: "rename", from, to });
        }),
      remove: (path) =>
        this.#call("remove", path, () => {
          this.#contentOf(path);
          this.#device.do({ kind: "remove", path });
        }),
      syncDirectory: async (path) => {
        const fault = await this.#enterSlowly("syncDirectory", path);
        if (fault !== undefined) throw errorOf(fault);
        this.#device.syncDirectory(path);
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

/** What the operating system says. */
function errorOf(fault: Fault): Error {
  switch (fault) {
    case "EIO":
    case "EIO, but done":
      return new Error("Input/output error (os error 5)");
    case "ENOSPC":
      return new Error("No space left on device (os error 28)");
    case "EMFILE":
      return new Error("Too many open files (os error 24)");
  }
}

/** What Deno KV says. */
function catalogErrorOf(fault: Fault): Error {
  switch (fault) {
    case "EIO":
    case "EIO, but done":
      return new TypeError("disk I/O error");
    case "ENOSPC":
      return new TypeError("database or disk is full");
    case "EMFILE":
      return new TypeError("unable to open database file");
  }
}
