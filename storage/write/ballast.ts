/**
 * A file that reserves space on the device and is removed when the device is
 * full: deleting, committing and closing need a little space, too. Once it can
 * be written again there is space again.
 *
 * Beside it the probe: a small file, written and synced, that shows whether
 * the device takes writes at all.
 *
 * @module
 */

import { join } from "@std/path";
import type { Logger } from "../../lib/model/logger.ts";
import type { Disk } from "../disk/disk.ts";

const BALLAST_NAME = "ballast";
const PROBE_NAME = "probe.tmp";
const CHUNK_BYTES = 1024 * 1024;
const PROBE_BYTES = 4096;

export class Ballast {
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #sizeBytes: number;

  /** @param options `sizeBytes` 0 for no ballast. */
  constructor(
    options: { disk: Disk; directory: string; sizeBytes: number },
  ) {
    this.#disk = options.disk;
    this.#directory = options.directory;
    this.#sizeBytes = options.sizeBytes;
  }

  /** Removes the file, if there is one. */
  async release(): Promise<void> {
    if (this.#sizeBytes === 0) return;
    try {
      await this.#disk.remove(join(this.#directory, BALLAST_NAME));
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }

  /**
   * Makes the file, unless it is there already.
   *
   * @throws The error of the disk when there is no space; nothing is left then.
   */
  async make(): Promise<void> {
    if (this.#sizeBytes === 0 || this.#isMade()) return;
    // A smaller one is what a crash left.
    await this.release();
    await this.#write(BALLAST_NAME, this.#sizeBytes);
  }

  /** Makes the file, or says why there is none. */
  async makeOrWarn(logger: Logger): Promise<void> {
    try {
      await this.make();
    } catch (error) {
      logger.warn("ballast.not_made", {
        reason: error instanceof Error ? error.message : String(error),
      });
    }
  }

  /** Writes and syncs a small file, and removes it. */
  async probe(): Promise<void> {
    const path = join(this.#directory, PROBE_NAME);
    await this.#disk.remove(path).catch(() => {});
    await this.#write(PROBE_NAME, PROBE_BYTES);
    await this.#disk.remove(path);
  }

  #isMade(): boolean {
    try {
      const file = this.#disk.open(
        join(this.#directory, BALLAST_NAME),
        "read",
      );
      const isMade = file.size() === this.#sizeBytes;
      file.close();
      return isMade;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return false;
      throw error;
    }
  }

  async #write(name: string, sizeBytes: number): Promise<void> {
    const path = join(this.#directory, name);
    const file = await this.#disk.create(path);
    try {
      // File systems that compress would make nothing of zeroes.
      const chunk = new Uint8Array(Math.min(CHUNK_BYTES, sizeBytes));
      for (let at = 0; at < chunk.length; at += RANDOM_BYTES_MAX) {
        crypto.getRandomValues(chunk.subarray(at, at + RANDOM_BYTES_MAX));
      }
      for (let at = 0; at < sizeBytes; at += chunk.length) {
        await file.writeAt(chunk.subarray(0, sizeBytes - at), at);
      }
      await file.sync();
    } catch (error) {
      await this.#disk.remove(path).catch(() => {});
      throw error;
    } finally {
      file.close();
    }
  }
}

/** Most bytes that `getRandomValues()` gives at a time. */
const RANDOM_BYTES_MAX = 65_536;
