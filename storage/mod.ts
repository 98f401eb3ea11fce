/**
 * The store as the program has it: opened, in a directory or in memory, with
 * all that keeps it well.
 *
 * @module
 */

import { FILE_LIMITS } from "./disk/limits.ts";
import type { MaintainedStore } from "../lib/store/event_store.ts";
import type { StoreMaintenance } from "../lib/store/maintenance.ts";
import { openKvCatalog } from "./commit/kv_catalog.ts";
import type { StorePlatform } from "./commit/platform.ts";
import { createFileDisk } from "./disk/file_disk.ts";
import { openBackup } from "./maintenance/backup/open_backup.ts";
import { ScavengeRunner } from "./maintenance/scavenge/scavenger.ts";
import { createMemoryPlatform } from "./memory/memory_platform.ts";
import type { FileStore } from "./open/file_store.ts";
import { openFileStore, type OpenFileStoreOptions } from "./open/open_store.ts";

interface OpenStoreOptions extends Omit<OpenFileStoreOptions, "directory"> {
  /** Directory of the store; undefined keeps everything in memory. */
  readonly directory: string | undefined;
  /** Room that scavenging leaves to appends; that of `LIMITS` by default. */
  readonly scavengeReserveBytes?: number;
}

/**
 * Opens the store of a directory, or one in memory.
 *
 * @throws {QuipuError} `directoryLocked`, `notWritable`, `foreignFormat` or
 * `damaged`; each message says what is wrong and where.
 */
export function openStore(options: OpenStoreOptions): Promise<MaintainedStore> {
  const { directory } = options;
  return directory === undefined
    ? openStoreOn(createMemoryPlatform(), { ...options, directory: "memory" })
    : openStoreOn(
      { disk: createFileDisk(), openCatalog: openKvCatalog },
      { ...options, directory },
    );
}

/** Opens a store on a given disk and catalog; see `openStore`. */
export async function openStoreOn(
  platform: StorePlatform,
  options: OpenStoreOptions & { readonly directory: string },
): Promise<FileStore & MaintainedStore> {
  const store = await openFileStore(platform, options);
  const { parts } = store;
  const { writer } = parts;
  const scavenges = new ScavengeRunner({
    ...parts,
    disk: platform.disk,
    endSegment: () => writer.endSegment(),
    failure: () => writer.failure,
    reserveBytes: options.scavengeReserveBytes ??
      FILE_LIMITS.scavengeReserveBytes,
  });
  store.endsWith(() => scavenges.close());
  const maintenance: Required<StoreMaintenance> = {
    isReadOnly: parts.isReadOnly,
    figures: () => store.figures(),
    verify: (request, control) =>
      parts.damage.learn(async () => {
        // Loaded when it is needed: a tenth of the program, and seldom used.
        const { verifyOpenStore } = await import(
          "./maintenance/verify/verify_open.ts"
        );
        return await verifyOpenStore(parts, request, control);
      }),
    openBackup: (request) =>
      openBackup({ ...parts, disk: platform.disk }, request),
    scavenge: (request, control) => scavenges.run(request, control),
  };
  return Object.assign(store, { maintenance });
}
