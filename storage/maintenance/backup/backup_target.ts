/**
 * The directory that a backup is kept in.
 *
 * ```
 * manifest.json     what the backup holds; written last, by a rename
 * segments/…seg     parts of segments, each named after what is in it
 * segments/…part    what an interrupted backup left
 * lock              locked while a backup is written
 * ```
 *
 * Files never change once they have their name, so the manifest that is there
 * stays true until the next one takes its place, whatever happens between; only
 * then are the files removed that nothing names any more. What an interrupted
 * backup had written whole is found again by the next one.
 *
 * @module
 */

import { dirname, join } from "@std/path";
import { QuipuError } from "../../../lib/model/errors.ts";
import { type Disk, type DiskLock, readExactly } from "../../disk/disk.ts";
import {
  BackupFileWriter,
  crcOf,
  removeIfThere,
  writeWhole,
} from "./backup_file.ts";
import { type BackupPart, partOfFile, readStart } from "./backup_part.ts";
import { faultOfPart } from "./part_fault.ts";
import {
  BACKUP_SEGMENTS_NAME,
  MANIFEST_NAME,
  parseBackupFileName,
} from "../../disk/backup_names.ts";
import { hexOf } from "../../disk/backup_names.ts";
import {
  type BackupFile,
  type BackupManifest,
  decodeManifest,
  encodeManifest,
} from "./manifest.ts";
import { decodeJsonText, encodeUtf8 } from "../../../lib/text/utf8.ts";

/** File that is locked while a backup is written. */
export const BACKUP_LOCK_NAME = "lock";
/** Names that may lie in the directory of a backup. */
const OWN_NAME = /^(manifest\.json(\.part)?|segments|lock|lost\+found|\..*)$/;
/** Larger than the manifest of any store that fits on a device. */
const MANIFEST_BYTES_MAX = 512 * 1024 * 1024;

export class BackupTarget {
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #lock: DiskLock;
  readonly #before: BackupManifest | undefined;
  #isComplete = false;

  private constructor(options: {
    readonly disk: Disk;
    readonly directory: string;
    readonly lock: DiskLock;
    readonly before: BackupManifest | undefined;
  }) {
    this.#disk = options.disk;
    this.#directory = options.directory;
    this.#lock = options.lock;
    this.#before = options.before;
  }

  /**
   * Takes the directory, made if it is not there.
   *
   * @throws {QuipuError} `notWritable` while another backup is written to
   * it, `foreignFormat` when it holds something else.
   */
  static async open(disk: Disk, directory: string): Promise<BackupTarget> {
    const names = await disk.list(directory);
    const foreign = names.find((name) => !OWN_NAME.test(name));
    if (foreign !== undefined) {
      throw new QuipuError(
        "foreignFormat",
        `Cannot back up to "${directory}": it holds "${foreign}" and is no ` +
          `backup`,
      );
    }
    await disk.makeDirectory(directory);
    await disk.syncDirectory(dirname(directory));
    await disk.makeDirectory(join(directory, BACKUP_SEGMENTS_NAME));
    const lock = await disk.lock(
      join(directory, BACKUP_LOCK_NAME),
      `process ${Deno.pid}`,
    );
    if ("heldBy" in lock) {
      throw new QuipuError(
        "notWritable",
        `Cannot back up to "${directory}": ${lock.heldBy} is writing to it`,
      );
    }
    try {
      const before = readManifest(disk, directory);
      if (before === "foreign") {
        throw new QuipuError(
          "foreignFormat",
          `Cannot back up to "${directory}": its manifest is not of this ` +
            `program's format`,
        );
      }
      // A damaged one is replaced: the files speak for themselves.
      return new BackupTarget({
        disk,
        directory,
        lock,
        before: typeof before === "string" ? undefined : before,
      });
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  /** The backup that is there; undefined when there is none. */
  get before(): BackupManifest | undefined {
    return this.#before;
  }

  /** @throws {QuipuError} `foreignFormat` for another store than before. */
  requireStore(storeId: string): void {
    const before = this.#before?.storeId;
    if (before !== undefined && before !== storeId) {
      throw new QuipuError(
        "foreignFormat",
        `Cannot back up to "${this.#directory}": it holds a backup of ` +
          `another store (${before} instead of ${storeId})`,
      );
    }
  }

  /** Files that the backup before names and that are still there. */
  async namedFiles(): Promise<readonly BackupFile[]> {
    const names = new Set(await this.#disk.list(this.#segmentsPath));
    return (this.#before?.segments ?? []).filter((file) =>
      names.has(file.name) && this.#sizeOf(file.name) === file.bytes
    );
  }

  /**
   * Names of files that no manifest names, left whole, or so it seems, by a
   * backup that was interrupted.
   */
  async leftNames(): Promise<readonly string[]> {
    const named = new Set(this.#before?.segments.map(({ name }) => name));
    const names = await this.#disk.list(this.#segmentsPath);
    return names.filter((name) =>
      parseBackupFileName(name) !== undefined && !named.has(name)
    );
  }

  /** Looks at a file that was left; undefined, and removed, if it is not whole. */
  async adopt(name: string): Promise<BackupFile | undefined> {
    const path = join(this.#segmentsPath, name);
    const file = this.#disk.open(path, "read");
    try {
      const part = partOfFile(name, readStart(file), file.size());
      if (part !== undefined && faultOfPart(file, part) === undefined) {
        return { ...part, crc32: hexOf(crcOf(file)) };
      }
    } finally {
      file.close();
    }
    await this.#disk.remove(path);
    return undefined;
  }

  /** Begins a file. */
  create(part: BackupPart): Promise<BackupFileWriter> {
    return BackupFileWriter.create(this.#disk, this.#segmentsPath, part);
  }

  /** Makes what was written the backup, and removes what it does not name. */
  async complete(manifest: BackupManifest): Promise<void> {
    this.requireStore(manifest.storeId);
    const disk = this.#disk;
    await disk.syncDirectory(this.#segmentsPath);
    await disk.syncDirectory(this.#directory);
    await writeWhole(
      disk,
      join(this.#directory, MANIFEST_NAME),
      encodeUtf8(encodeManifest(manifest)),
    );
    await disk.syncDirectory(this.#directory);
    this.#isComplete = true;
    const named = new Set(manifest.segments.map(({ name }) => name));
    for (const name of await disk.list(this.#segmentsPath)) {
      const isOurs =
        parseBackupFileName(name.replace(/\.part$/, "")) !== undefined;
      if (isOurs && !named.has(name)) {
        await removeIfThere(disk, join(this.#segmentsPath, name));
      }
    }
  }

  /** Lets the directory go, and removes what was made in it for nothing. */
  async close(): Promise<void> {
    try {
      if (!this.#isComplete) await this.#tidy();
    } catch {
      // The error of the backup says more.
    } finally {
      this.#lock.release();
    }
  }

  async #tidy(): Promise<void> {
    const names = await this.#disk.list(this.#directory);
    const left = await this.#disk.list(this.#segmentsPath);
    if (names.includes(MANIFEST_NAME) || left.length > 0) return;
    await removeIfThere(this.#disk, this.#segmentsPath);
    await removeIfThere(this.#disk, join(this.#directory, BACKUP_LOCK_NAME));
  }

  get #segmentsPath(): string {
    return join(this.#directory, BACKUP_SEGMENTS_NAME);
  }

  #sizeOf(name: string): number {
    const file = this.#disk.open(join(this.#segmentsPath, name), "read");
    try {
      return file.size();
    } finally {
      file.close();
    }
  }
}

/**
 * Reads the manifest of a directory.
 *
 * @returns Undefined when there is none.
 */
export function readManifest(
  disk: Disk,
  directory: string,
): BackupManifest | "foreign" | "damaged" | undefined {
  let file;
  try {
    file = disk.open(join(directory, MANIFEST_NAME), "read");
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  try {
    const bytes = file.size();
    if (bytes > MANIFEST_BYTES_MAX) return "foreign";
    const text = readExactly(file, 0, bytes);
    return text === undefined
      ? "damaged"
      : decodeManifest(decodeJsonText(text));
  } finally {
    file.close();
  }
}
