/**
 * Checks a whole store, segment by segment from the oldest: the log itself,
 * the chain of its segments, index files, `heads.snap` and the commit record.
 *
 * @module
 */

import { LIMITS } from "../../lib/model/limits.ts";
import type { JobControl, VerifyReport } from "../../lib/model/maintenance.ts";
import { QuipuError } from "../../lib/model/errors.ts";
import { join } from "@std/path";
import type { Disk } from "../disk/disk.ts";
import { StoreIndex } from "../index/store_index.ts";
import type { CommitRecord } from "../kv/catalog.ts";
import { RecordReader } from "../log/record_reader.ts";
import { OpenFiles, type Segment } from "../log/segment.ts";
import type { SegmentHeader } from "../log/segment_header.ts";
import { SEGMENTS_NAME } from "../open_directory.ts";
import { checkCommit } from "./commit_check.ts";
import { EntryCheck } from "./entry_check.ts";
import type { Findings } from "./findings.ts";
import { HEADS_NAME, HeadsCheck } from "./heads_check.ts";
import { checkIndex } from "./index_check.ts";
import { compareIndex } from "./index_compare.ts";
import { EntryDigest } from "./list_heads.ts";
import { checkSegment } from "./segment_check.ts";
import type { LogPoint, Mark, SegmentFacts } from "./segment_facts.ts";

/** A segment's file that is to be checked. */
export interface PlannedSegment {
  /** With its `endPosition`: how far the file counts. */
  readonly segment: Segment;
  /** Undefined when it is damaged. */
  readonly header: SegmentHeader | undefined;
  /** Name in the store's directory. */
  readonly fileName: string;
  readonly fileBytes: number;
  /** The same of its index file; undefined when there is none. */
  readonly index: { readonly name: string; readonly bytes: number } | undefined;
}

/** What is to be checked. */
export interface VerifyPlan {
  readonly disk: Disk;
  readonly directory: string;
  readonly isDeep: boolean;
  readonly storeId: string | undefined;
  /** Oldest first. */
  readonly segments: readonly PlannedSegment[];
  readonly hasHeads: boolean;
  /** Undefined when there is none that can be read. */
  readonly commit: CommitRecord | undefined;
  /** Whether the store is open: then there is no end of a last write. */
  readonly isOpen: boolean;
}

/** Checks what the plan says. */
export async function verifyLog(
  plan: VerifyPlan,
  findings: Findings,
  control: JobControl,
): Promise<VerifyReport> {
  using verification = new LogVerification(plan, findings, control);
  return await verification.run();
}

class LogVerification implements Disposable {
  readonly #plan: VerifyPlan;
  readonly #findings: Findings;
  readonly #control: JobControl;
  readonly #files: OpenFiles;
  readonly #entries = new EntryCheck(new EntryDigest());
  readonly #heads: HeadsCheck;
  readonly #totalBytes: number;
  /** The index as far as it was compared; undefined when it is not any more. */
  #deep: { index: StoreIndex; reader: RecordReader } | undefined;
  #isScavenged = false;
  #checkedBytes = 0;
  #eventCount = 0;
  #end = 0;
  /** The last segment's, of what was read. */
  #validEnd = 0;
  #isDamaged = false;
  #point: LogPoint = { checksum: 0, lastCreatedAtUs: 0 };
  #atCommit: Mark | undefined;

  constructor(plan: VerifyPlan, findings: Findings, control: JobControl) {
    this.#plan = plan;
    this.#findings = findings;
    this.#control = control;
    const { disk, directory, hasHeads } = plan;
    this.#files = new OpenFiles(disk, LIMITS.openFilesMax);
    this.#heads = new HeadsCheck({
      disk,
      path: join(directory, HEADS_NAME),
      isThere: hasHeads,
      findings,
    });
    let bytes = 0;
    for (const { fileBytes, index } of plan.segments) {
      bytes += fileBytes + (index?.bytes ?? 0);
      if (plan.isDeep && index !== undefined) bytes += fileBytes;
    }
    this.#totalBytes = bytes;
    if (plan.isDeep) this.#deep = this.#openDeep();
  }

  async run(): Promise<VerifyReport> {
    const { segments, storeId, commit, isDeep } = this.#plan;
    const findings = this.#findings;
    const entries = this.#entries;
    this.#heads.begin(storeId ?? "", entries);
    for (const [at, planned] of segments.entries()) {
      this.#checkPlace(planned);
      const facts = await this.#checkSegment(planned, segments[at + 1]);
      if (facts === undefined) continue;
      if (at < segments.length - 1) await this.#checkSealed(planned, facts);
      else this.#heads.takeActive(planned.segment, facts);
    }
    this.#heads.finish(this.#isDamaged);
    if (commit !== undefined) {
      checkCommit(commit, {
        storeId,
        validEnd: this.#validEnd,
        atCommit: this.#atCommit,
        isDamaged: this.#isDamaged,
        isOpen: this.#plan.isOpen,
      }, findings);
    }
    // Headers of segments were read when it began.
    this.#report(this.#totalBytes);
    const damageCount = findings.countOf("damage");
    const brokenCount = findings.countOf("broken");
    return {
      isDeep,
      isClean: damageCount === 0 && brokenCount === 0,
      findings: findings.listed,
      damageCount,
      brokenCount,
      noticeCount: findings.countOf("notice"),
      segmentCount: segments.length,
      eventCount: this.#eventCount,
      checkedBytes: this.#checkedBytes,
      endPosition: commit?.end ?? this.#validEnd,
    };
  }

  [Symbol.dispose](): void {
    this.#heads[Symbol.dispose]();
    this.#files.close();
  }

  /** A segment must begin where the one before it ended. */
  #checkPlace({ segment, header, fileName }: PlannedSegment): void {
    const findings = this.#findings;
    const position = segment.startPosition;
    const place = { file: fileName, offset: 0, position };
    if (header === undefined) {
      this.#lose();
      return;
    }
    if (header.storeId !== this.#plan.storeId) {
      findings.damage(
        "segmentChain",
        `the segment is of another store (${header.storeId})`,
        place,
      );
      this.#lose();
    }
    if (position > this.#end) {
      findings.damage(
        "position",
        `positions ${this.#end} to ${position} are in no segment`,
        place,
      );
      this.#lose();
    } else if (position < this.#end) {
      findings.damage(
        "segmentChain",
        `the segment begins at ${position}, the one before ends at ` +
          `${this.#end}`,
        place,
      );
      this.#lose();
    } else if (header.previousChecksum !== this.#point.checksum) {
      // Of a segment with damage at its end nobody knows the last record.
      if (!this.#isDamaged) {
        findings.damage(
          "segmentChain",
          "the segment follows another one than is there before it",
          place,
        );
      }
    }
    this.#point = {
      checksum: header.previousChecksum,
      lastCreatedAtUs: this.#point.lastCreatedAtUs,
    };
  }

  /** Something is missing: what comes later may be numbers further. */
  #lose(): void {
    this.#isDamaged = true;
    this.#entries.isLenient = true;
    this.#stopComparing();
  }

  async #checkSegment(
    planned: PlannedSegment,
    next: PlannedSegment | undefined,
  ): Promise<SegmentFacts | undefined> {
    const { segment, header, fileName } = planned;
    const { commit, isOpen } = this.#plan;
    const mark = this.#heads.markIn(segment);
    const marks = [
      ...(commit === undefined ? [] : [commit.end]),
      ...(mark === undefined ? [] : [mark]),
    ];
    let facts: SegmentFacts;
    try {
      facts = await checkSegment({
        file: this.#files.open(segment.path),
        fileName,
        segment,
        remains: header?.remains,
        start: this.#point,
        isSealed: next !== undefined,
        committedEnd: isOpen ? segment.endPosition : commit?.end,
        marks,
        entries: this.#entries,
        findings: this.#findings,
        control: this.#control,
        onBytes: (count) => this.#onBytes(count),
      });
    } catch (error) {
      this.#control.signal.throwIfAborted();
      const reason = error instanceof Error ? error.message : String(error);
      this.#findings.unreadable(reason, { file: fileName });
      this.#lose();
      this.#end = segment.endPosition;
      return undefined;
    } finally {
      this.#files.forget(segment.path);
    }
    if (!facts.isWhole) this.#lose();
    this.#eventCount += facts.recordCount;
    this.#atCommit = facts.marks.get(commit?.end ?? -1) ?? this.#atCommit;
    this.#validEnd = facts.validEnd;
    this.#end = next === undefined ? facts.validEnd : segment.endPosition;
    segment.checksum = facts.isWhole
      ? facts.checksum
      : next?.header?.previousChecksum ?? facts.checksum;
    this.#point = {
      checksum: segment.checksum,
      lastCreatedAtUs: facts.lastCreatedAtUs,
    };
    return facts;
  }

  /** Index file and heads of a segment that the log goes on after. */
  async #checkSealed(
    planned: PlannedSegment,
    facts: SegmentFacts,
  ): Promise<void> {
    const { segment, header, index, fileName } = planned;
    const storeId = this.#plan.storeId ?? "";
    if (header?.remains !== undefined) this.#isScavenged = true;
    this.#heads.takeSealed(segment, storeId, this.#entries);
    if (index === undefined) {
      // Of an open store, one that is being made: the last ones have none yet.
      if (this.#plan.isOpen) {
        this.#deep = undefined;
        return;
      }
      this.#stopComparing();
      this.#findings.notice("indexMissing", "it has no index file yet", {
        file: fileName,
      });
      return;
    }
    const path = join(this.#plan.directory, index.name);
    let isRight = false;
    try {
      isRight = await checkIndex({
        file: this.#files.open(path),
        fileName: index.name,
        storeId,
        segment,
        isScavenged: header?.remains !== undefined,
        facts,
        findings: this.#findings,
        control: this.#control,
        onBytes: (count) => this.#onBytes(count),
      });
      if (isRight && facts.isWhole) await this.#compare(planned);
    } catch (error) {
      this.#control.signal.throwIfAborted();
      if (error instanceof QuipuError && error.code !== "corruptRecord") {
        throw error;
      }
      const reason = error instanceof Error ? error.message : String(error);
      this.#findings.unreadable(reason, { file: index.name });
    }
    if (!isRight || !facts.isWhole) this.#stopComparing();
  }

  /** The deep check of an index file that is fit by its checksums. */
  async #compare({ segment, fileBytes, index }: PlannedSegment): Promise<void> {
    if (this.#deep === undefined || index === undefined) return;
    const { disk, directory, storeId = "" } = this.#plan;
    const difference = await compareIndex({
      ...this.#deep,
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
    this.#onBytes(fileBytes);
    if (difference !== undefined) {
      this.#findings.broken(
        "indexContent",
        "the index is not the one that the log makes",
        { file: index.name, offset: difference },
      );
      this.#stopComparing();
      return;
    }
    const isOpen = this.#deep.index.addSealed(segment, storeId);
    if (isOpen) this.#deep.index.enterSealed(segment.number);
    else this.#stopComparing();
  }

  /** Indexes point at those before them: behind a bad one none can be made. */
  #stopComparing(): void {
    if (this.#deep === undefined) return;
    this.#deep = undefined;
    this.#findings.notice(
      "indexMissing",
      "later index files were not compared with the log entry by entry, " +
        "because they point into those before them",
      {},
    );
  }

  #openDeep(): { index: StoreIndex; reader: RecordReader } {
    const { disk, directory } = this.#plan;
    const files = this.#files;
    const index = new StoreIndex({
      disk,
      files,
      storeDirectory: directory,
      logDirectory: join(directory, SEGMENTS_NAME),
      blockCacheBytes: LIMITS.indexBlockCacheBytes,
      idFilterBytesMax: 0,
    });
    const reader = new RecordReader({ files, cacheBytes: READ_CACHE_BYTES });
    return { index, reader };
  }

  #onBytes(count: number): void {
    this.#checkedBytes += count;
    this.#report(Math.min(this.#checkedBytes, this.#totalBytes));
  }

  #report(done: number): void {
    this.#control.report({
      phase: "checking",
      done,
      total: this.#totalBytes,
      unit: "bytes",
    });
  }
}

/** Records are read once: none need be kept. */
const READ_CACHE_BYTES = 64 * 1024;
