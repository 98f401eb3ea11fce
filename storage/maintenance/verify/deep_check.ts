/**
 * The deep check of a store: each index file is made again from the log, in
 * the order of the log, and compared with what is there.
 *
 * @module
 */

import { FILE_LIMITS } from "../../disk/limits.ts";
import type { JobControl } from "../../../lib/store/maintenance.ts";
import { join } from "@std/path";
import { RemainingEntries } from "../../index/remaining_entries.ts";
import { StoreIndex } from "../../index/store_index.ts";
import { RecordReader } from "../../log/record_reader.ts";
import type { OpenFiles } from "../../log/segment.ts";
import { SEGMENTS_NAME } from "../../disk/store_directory.ts";
import type { Findings } from "./findings.ts";
import { compareIndex } from "./index_compare.ts";
import type { PlannedSegment, VerifyPlan } from "./verify_plan.ts";

/** Records are read once: none need be kept. */
const READ_CACHE_BYTES = 64 * 1024;

export class DeepCheck {
  readonly #plan: VerifyPlan;
  readonly #findings: Findings;
  readonly #control: JobControl;
  readonly #index: StoreIndex;
  readonly #files: OpenFiles;
  readonly #reader: RecordReader;
  /** For one segment after the other: sets of their own would pile up. */
  #entries: RemainingEntries | undefined;
  #isScavenged = false;

  constructor(
    options: {
      readonly plan: VerifyPlan;
      readonly files: OpenFiles;
      readonly findings: Findings;
      readonly control: JobControl;
    },
  ) {
    const { plan, files } = options;
    this.#plan = plan;
    this.#files = files;
    this.#findings = options.findings;
    this.#control = options.control;
    this.#index = new StoreIndex({
      disk: plan.disk,
      files,
      storeDirectory: plan.directory,
      logDirectory: join(plan.directory, SEGMENTS_NAME),
      blockCacheBytes: FILE_LIMITS.indexBlockCacheBytes,
      idFilterBytesMax: 0,
    });
    this.#reader = new RecordReader({ files, cacheBytes: READ_CACHE_BYTES });
  }

  /** Records were taken out of the next segment: see `index_compare.ts`. */
  passScavenged(): void {
    this.#isScavenged = true;
  }

  /**
   * Compares an index file that is fit by its checksums.
   *
   * @returns Whether the next one can be compared, too.
   * @throws {QuipuError} `corruptRecord`.
   */
  async compare({ segment, index }: PlannedSegment): Promise<boolean> {
    const { disk, directory, storeId = "" } = this.#plan;
    this.#entries ??= new RemainingEntries(this.#index.lists, segment);
    const difference = await compareIndex({
      entries: this.#entries,
      index: this.#index,
      files: this.#files,
      reader: this.#reader,
      disk,
      logDirectory: join(directory, SEGMENTS_NAME),
      storeId,
      segment,
      isScavenged: this.#isScavenged,
      pause: async () => {
        this.#control.signal.throwIfAborted();
        await this.#control.pause?.();
      },
    });
    if (difference !== undefined) {
      this.#findings.broken(
        "indexContent",
        "the index is not the one that the log makes",
        { ...(index && { file: index.name }), offset: difference },
      );
      return false;
    }
    const isOpen = this.#index.addSealed(segment, storeId);
    if (isOpen) this.#index.enterSealed(segment.number);
    return isOpen;
  }
}
