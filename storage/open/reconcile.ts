/**
 * Reconciles the log and the commit record, and begins a new epoch.
 *
 * @module
 */

import { basename, join } from "@std/path";
import type { Clock } from "../../lib/model/clock.ts";
import { QuipuError } from "../../lib/model/errors.ts";
import type { Logger } from "../../lib/model/logger.ts";
import type {
  Catalog,
  CommitOutcome,
  CommitRecord,
  Reconciled,
} from "../commit/catalog.ts";
import type { StorePlatform } from "../commit/platform.ts";
import { type Disk, readExactly } from "../disk/disk.ts";
import { CATALOG_NAME, SEGMENTS_NAME } from "../disk/store_directory.ts";
import type { StoreIndex } from "../index/store_index.ts";
import type { RecordReader } from "../log/record_reader.ts";
import { offsetOf, type OpenFiles } from "../log/segment.ts";
import type { LoadedLog } from "./load_log.ts";
import { namesToKeep } from "./losses.ts";

interface ReconcileOptions {
  readonly platform: StorePlatform;
  readonly directory: string;
  readonly logDirectory: string;
  readonly log: LoadedLog;
  readonly index: StoreIndex;
  readonly reader: RecordReader;
  readonly files: OpenFiles;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly newEventId: () => string;
}

/**
 * Makes the catalog agree with the log.
 *
 * @throws {QuipuError} `damaged` or `foreignFormat` as the verdict says.
 */
export async function reconcile(
  options: ReconcileOptions,
): Promise<Reconciled> {
  const { directory, log, logger, newEventId } = options;
  const opened = await openCatalog(options);
  const { commit } = opened;
  let { catalog } = opened;
  try {
    const verdict = verdictOf(
      { ...log, checksumAtCommit: checksumAt(options, commit) },
      commit,
    );
    if (!verdict.mayOpen) throw refusal(verdict.label, options, commit);
    if (verdict.label !== "CLEAN" && verdict.label !== "EMPTY") {
      logger.warn("store.recovered", {
        verdict: verdict.label,
        logEnd: log.validEnd,
        commitEnd: commit?.end,
        cutBytes: log.fileEnd - log.validEnd,
      });
    }
    if (verdict.cutsTail) await cutTail(options);
    await secureTail(options, commit);
    for (const path of [...log.unborn, ...log.stale]) {
      await moveToLost(options, path);
    }
    await removeSuperseded(options);
    const storeId = log.storeId ?? commit?.storeId ?? newEventId();
    const epoch = (commit?.epoch ?? 0) + 1;
    const record: CommitRecord = {
      storeId,
      epoch,
      end: log.validEnd,
      checksum: log.checksum,
      lastCreatedAtUs: log.lastCreatedAtUs,
    };
    let outcome: CommitOutcome;
    try {
      outcome = await catalog.commit(record);
    } catch (error) {
      if (isOfDevice(error)) throw error;
      // Damage that shows only when something is written.
      catalog.close();
      await moveCatalogAway(options, error);
      catalog = (await openCatalog(options)).catalog;
      outcome = await catalog.commit(record);
    }
    if (outcome === "fenced") {
      throw new QuipuError(
        "directoryLocked",
        `Cannot open "${directory}": another process commits to it`,
      );
    }
    return { label: verdict.label, catalog, storeId, epoch };
  } catch (error) {
    catalog.close();
    throw error;
  }
}

/**
 * Removes files that scavenging left; they may stay if they must. What an
 * interrupted repair replaced goes where the repair would have kept it.
 */
async function removeSuperseded(options: ReconcileOptions): Promise<void> {
  const { platform: { disk }, directory, log, files } = options;
  if (log.superseded.length === 0) return;
  try {
    const kept = await namesToKeep(disk, directory);
    for (const path of log.superseded) {
      if (kept.has(`${SEGMENTS_NAME}/${basename(path)}`)) {
        await moveToLost(options, path);
        continue;
      }
      files.forget(path);
      await disk.remove(path).catch(() => {});
    }
  } catch (error) {
    if (!isOfDevice(error)) throw error;
  }
}

/** Opens the KV; one that is damaged is moved away and made again. */
async function openCatalog(
  options: ReconcileOptions,
): Promise<{ catalog: Catalog; commit: CommitRecord | undefined }> {
  const { platform, directory } = options;
  const path = join(directory, CATALOG_NAME);
  try {
    return await openAndRead(platform, path);
  } catch (error) {
    if (isOfDevice(error)) throw error;
    await moveCatalogAway(options, error);
    return await openAndRead(platform, path);
  }
}

/**
 * Reads the commit record for a store that is opened for reading alone.
 *
 * @returns Undefined when there is none that can be read.
 */
export async function readCommitRecord(
  platform: StorePlatform,
  directory: string,
): Promise<CommitRecord | undefined> {
  try {
    const path = join(directory, CATALOG_NAME);
    const { catalog, commit } = await openAndRead(platform, path);
    catalog.close();
    return commit;
  } catch {
    return undefined;
  }
}

async function openAndRead(
  platform: StorePlatform,
  path: string,
): Promise<{ catalog: Catalog; commit: CommitRecord | undefined }> {
  const catalog = await platform.openCatalog(path);
  try {
    return { catalog, commit: await catalog.read() };
  } catch (error) {
    catalog.close();
    throw error;
  }
}

async function moveCatalogAway(
  options: ReconcileOptions,
  error: unknown,
): Promise<void> {
  const { platform, directory, logger } = options;
  logger.warn("catalog.unreadable", {
    reason: error instanceof Error ? error.message : String(error),
  });
  for (const name of await platform.disk.list(directory)) {
    if (name.startsWith(CATALOG_NAME)) {
      await moveToLost(options, join(directory, name));
    }
  }
}

/**
 * Texts of SQLite and the operating system when the device fails,
 * not the file that is damaged. Then the file stays: it may be whole.
 */
const OF_DEVICE =
  /I\/O|is full|no space|quota|unable to open|too many open|locked|busy|readonly|read-only|permission|os error|power/i;

function isOfDevice(error: unknown): boolean {
  return error instanceof Error && OF_DEVICE.test(error.message);
}

/** Header CRC of the record that ends where the commit record says. */
function checksumAt(
  options: ReconcileOptions,
  commit: CommitRecord | undefined,
): number | undefined {
  const { log, reader } = options;
  if (commit === undefined || commit.end >= log.validEnd) return undefined;
  if (commit.end === 0) return 0;
  const segment = log.segments.find(({ startPosition, endPosition }) =>
    startPosition < commit.end && commit.end <= endPosition
  );
  const scavenged = segment?.scavenged?.header;
  // The record that ended there may be gone; the segments before and after
  // still name each other.
  if (scavenged !== undefined) {
    return commit.end === scavenged.endPosition
      ? scavenged.checksum
      : commit.checksum;
  }
  const position = segment && reader.positionBefore(segment, commit.end);
  if (segment === undefined || position === undefined) return undefined;
  return reader.read(segment, position, { withBodies: true }).headerCrc;
}

function refusal(
  label: VerdictLabel,
  options: ReconcileOptions,
  commit: CommitRecord | undefined,
): QuipuError {
  const { directory, log } = options;
  const segment = log.segments[log.segments.length - 1];
  const place = segment === undefined
    ? "there is no segment"
    : `segment ${segment.number} is whole up to offset ` +
      `${offsetOf(segment, log.validEnd)}` +
      (log.fault === undefined ? "" : ` (then: ${log.fault})`);
  const says = commit === undefined
    ? "no commit record is left"
    : `position ${commit.end} is committed`;
  return new QuipuError(
    label === "FOREIGN" ? "foreignFormat" : "damaged",
    `Cannot open "${directory}": ${label}: ${says}, ${place}`,
  );
}

/** Keeps the broken end of the log in `lost/` and cuts it off. */
async function cutTail(options: ReconcileOptions): Promise<void> {
  const { platform: { disk }, log, files } = options;
  const segment = log.segments[log.segments.length - 1];
  if (segment === undefined) return;
  const { path } = segment;
  const offset = offsetOf(segment, log.validEnd);
  const tail = readExactly(
    files.open(path),
    offset,
    log.fileEnd - log.validEnd,
  );
  if (tail !== undefined) {
    const lost = await lostPath(options, `${basename(path)}-${offset}`);
    await writeFile(disk, lost, tail);
    await disk.syncDirectory(join(options.directory, "lost"));
  }
  const file = disk.open(path, "write");
  try {
    await file.truncate(offset);
    await file.sync();
  } finally {
    file.close();
  }
}

/**
 * Makes permanent what is about to be committed. A process that was killed may
 * have left bytes that were never synced, or whose sync failed: those look
 * fine until the power goes, and a mere sync does nothing for them, because
 * the kernel takes them for written. So they are written once more.
 */
async function secureTail(
  options: ReconcileOptions,
  commit: CommitRecord | undefined,
): Promise<void> {
  const { platform: { disk }, log, logDirectory } = options;
  const segment = log.segments[log.segments.length - 1];
  // Of a scavenged one the file is synced before it has its name.
  if (segment !== undefined && segment.scavenged === undefined) {
    const { startPosition, path } = segment;
    const securedEnd = commit?.end ?? log.validEnd - UNSYNCED_BYTES_MAX;
    const from = securedEnd <= startPosition
      ? 0
      : offsetOf(segment, securedEnd);
    const end = offsetOf(segment, log.validEnd);
    if (from < end) await rewrite(disk, { path, from, end });
  }
  await disk.syncDirectory(logDirectory);
}

/** At most one commit group, or one longer batch, is on its way to the device. */
const UNSYNCED_BYTES_MAX = 64 * 1024 * 1024;
const REWRITE_CHUNK_BYTES = 4 * 1024 * 1024;

/** Writes bytes of a file over themselves, and syncs it. */
async function rewrite(
  disk: Disk,
  { path, from, end }: { path: string; from: number; end: number },
): Promise<void> {
  const file = disk.open(path, "write");
  try {
    for (let at = from; at < end; at += REWRITE_CHUNK_BYTES) {
      const length = Math.min(REWRITE_CHUNK_BYTES, end - at);
      const bytes = readExactly(file, at, length);
      if (bytes === undefined) throw new Error(`Cannot read "${path}" again`);
      await file.writeAt(bytes, at);
    }
    await file.sync();
  } finally {
    file.close();
  }
}

async function moveToLost(
  options: ReconcileOptions,
  path: string,
): Promise<void> {
  const { disk } = options.platform;
  options.files.forget(path);
  try {
    await disk.rename(path, await lostPath(options, basename(path)));
  } catch (error) {
    // An attempt to reconcile that failed later on has moved it already.
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  await disk.syncDirectory(join(options.directory, "lost"));
}

/** A path in `lost/` that is free: named after what it was and when. */
async function lostPath(
  options: ReconcileOptions,
  name: string,
): Promise<string> {
  const { platform: { disk }, directory, clock } = options;
  const lost = join(directory, "lost");
  await disk.makeDirectory(lost);
  return join(lost, `${name}-${clock.nowUs()}`);
}

async function writeFile(
  disk: Disk,
  path: string,
  bytes: Uint8Array,
): Promise<void> {
  const file = await disk.create(path);
  try {
    await file.writeAt(bytes, 0);
    await file.sync();
  } finally {
    file.close();
  }
}

type VerdictLabel =
  | "EMPTY"
  | "CLEAN"
  | "KV_BEHIND"
  | "TORN_TAIL"
  | "KV_LOST"
  | "LOG_SHORT"
  | "CORRUPT_COMMITTED"
  | "FOREIGN";

/** The state of the segments that was found. */
export interface LogFindings {
  /** Undefined when there is no segment. */
  readonly storeId: string | undefined;
  /** Log position after the last whole batch. */
  readonly validEnd: number;
  /** Header CRC of the last record of that batch. */
  readonly checksum: number;
  /** Log position of the end of the last segment's file, without preallocation. */
  readonly fileEnd: number;
  /**
   * The header CRC of the record that ends where the commit record says, if a
   * record ends there and that is before `validEnd`.
   */
  readonly checksumAtCommit: number | undefined;
  /** Whether whole records stand beyond the first broken one. */
  readonly hasRecordsBeyondDamage: boolean;
}

export interface Verdict {
  readonly label: VerdictLabel;
  /** Whether the store may be opened for writing. */
  readonly mayOpen: boolean;
  /** Whether bytes after `validEnd` are to be moved away. */
  readonly cutsTail: boolean;
  /** Whether the commit record is to be written anew. */
  readonly writesCommit: boolean;
}

const REFUSED = { mayOpen: false, cutsTail: false, writesCommit: false };

/** Finds the row of the table. */
export function verdictOf(
  log: LogFindings,
  commit: CommitRecord | undefined,
): Verdict {
  if (log.storeId === undefined) {
    if (commit !== undefined && commit.end > 0) {
      return { label: "LOG_SHORT", ...REFUSED };
    }
    return {
      label: "EMPTY",
      mayOpen: true,
      cutsTail: false,
      writesCommit: true,
    };
  }
  const cutsTail = log.fileEnd > log.validEnd;
  if (commit === undefined) {
    // With the record gone nobody can tell a torn tail from damage in what was
    // committed, unless whole records follow: a torn tail has none.
    if (log.hasRecordsBeyondDamage) {
      return { label: "CORRUPT_COMMITTED", ...REFUSED };
    }
    return { label: "KV_LOST", mayOpen: true, cutsTail, writesCommit: true };
  }
  if (commit.storeId !== log.storeId) return { label: "FOREIGN", ...REFUSED };
  if (commit.end > log.validEnd) {
    const label = commit.end > log.fileEnd ? "LOG_SHORT" : "CORRUPT_COMMITTED";
    return { label, ...REFUSED };
  }
  const checksum = commit.end === log.validEnd
    ? log.checksum
    : log.checksumAtCommit;
  if (checksum !== commit.checksum) {
    return { label: "CORRUPT_COMMITTED", ...REFUSED };
  }
  if (commit.end < log.validEnd) {
    return { label: "KV_BEHIND", mayOpen: true, cutsTail, writesCommit: true };
  }
  return {
    label: cutsTail ? "TORN_TAIL" : "CLEAN",
    mayOpen: true,
    cutsTail,
    writesCommit: true,
  };
}
