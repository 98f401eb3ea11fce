/**
 * The platform of a store in memory.
 *
 * @module
 */

import type { Catalog, CommitRecord } from "../commit/catalog.ts";
import type { StorePlatform } from "../commit/platform.ts";
import type { Disk, DiskFile, DiskLock } from "../disk/disk.ts";

/** Makes an empty platform. */
export function createMemoryPlatform(): StorePlatform {
  return {
    isVolatile: true,
    disk: createMemoryDisk(),
    openCatalog: () => Promise.resolve(createMemoryCatalog()),
  };
}

/** Makes an empty catalog. */
export function createMemoryCatalog(): Catalog {
  let current: CommitRecord | undefined;
  return {
    read: () => Promise.resolve(current),
    peek: () => Promise.resolve(current),
    commit(record) {
      current = record;
      return Promise.resolve("committed" as const);
    },
    close() {},
  };
}

/** The bytes of one file; open handles share it. */
class MemoryContent {
  bytes = new Uint8Array(4096);
  sizeBytes = 0;

  write(bytes: Uint8Array, offset: number): void {
    const end = offset + bytes.length;
    if (end > this.bytes.length) {
      const grown = new Uint8Array(Math.max(end, this.bytes.length * 2));
      grown.set(this.bytes.subarray(0, this.sizeBytes));
      this.bytes = grown;
    }
    this.bytes.set(bytes, offset);
    this.sizeBytes = Math.max(this.sizeBytes, end);
  }

  truncate(sizeBytes: number): void {
    this.bytes.fill(0, sizeBytes, Math.max(sizeBytes, this.sizeBytes));
    this.sizeBytes = sizeBytes;
  }
}

class MemoryFile implements DiskFile {
  readonly path: string;
  readonly #content: MemoryContent;

  constructor(path: string, content: MemoryContent) {
    this.path = path;
    this.#content = content;
  }

  readAt(buffer: Uint8Array, offset: number): number {
    const { bytes, sizeBytes } = this.#content;
    const count = Math.min(buffer.length, sizeBytes - offset);
    if (count <= 0) return 0;
    buffer.set(bytes.subarray(offset, offset + count));
    return count;
  }

  writeAt(bytes: Uint8Array, offset: number): Promise<void> {
    this.#content.write(bytes, offset);
    return Promise.resolve();
  }

  sync(): Promise<void> {
    return Promise.resolve();
  }

  size(): number {
    return this.#content.sizeBytes;
  }

  truncate(sizeBytes: number): Promise<void> {
    this.#content.truncate(sizeBytes);
    return Promise.resolve();
  }

  close(): void {}
}

/** Makes an empty disk that lives as long as it is referenced. */
export function createMemoryDisk(): Disk {
  const files = new Map<string, MemoryContent>();
  const locks = new Map<string, string>();

  function contentOf(path: string): MemoryContent {
    const content = files.get(path);
    if (content === undefined) {
      throw new Deno.errors.NotFound(`Cannot open "${path}": no such file`);
    }
    return content;
  }

  return {
    makeDirectory: () => Promise.resolve(),

    list(path) {
      const prefix = path + "/";
      const names = new Set<string>();
      for (const file of files.keys()) {
        if (!file.startsWith(prefix)) continue;
        const [name] = file.slice(prefix.length).split("/");
        if (name !== undefined) names.add(name);
      }
      return Promise.resolve([...names].sort());
    },

    open: (path) => new MemoryFile(path, contentOf(path)),

    create: (path) =>
      Promise.resolve().then(() => {
        if (files.has(path)) {
          throw new Deno.errors.AlreadyExists(
            `Cannot create "${path}": it exists`,
          );
        }
        const content = new MemoryContent();
        files.set(path, content);
        return new MemoryFile(path, content);
      }),

    rename: (from, to) =>
      Promise.resolve().then(() => {
        files.set(to, contentOf(from));
        files.delete(from);
      }),

    remove: (path) =>
      Promise.resolve().then(() => {
        contentOf(path);
        files.delete(path);
      }),

    syncDirectory: () => Promise.resolve(),

    lock(path, owner): Promise<DiskLock | { heldBy: string }> {
      const heldBy = locks.get(path);
      if (heldBy !== undefined) return Promise.resolve({ heldBy });
      locks.set(path, owner);
      return Promise.resolve({ release: () => locks.delete(path) });
    },
  };
}
