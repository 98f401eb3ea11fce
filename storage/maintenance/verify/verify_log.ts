/**
 * Checks a whole store, segment by segment from the oldest: the log itself,
 * the chain of its segments, index files, `heads.snap` and the commit record.
 *
 * @module
 */

import { FILE_LIMITS } from "../../disk/limits.ts";
import type {
  JobControl,
  VerifyReport,
} from "../../../lib/store/maintenance.ts";
import { QuipuError } from "../../../lib/model/errors.ts";
import { join } from "@std/path";
import { OpenFiles, type Segment } from "../../log/segment.ts";
import { SegmentFile } from "../../log/segment_file.ts";
import { checkCommit } from "./commit_check.ts";
import { DeepCheck } from "./deep_check.ts";
import { EntryCheck } from "./entry_check.ts";
import type { Findings } from "./findings.ts";
import { HEADS_NAME, HeadsCheck } from "./heads_check.ts";
import { checkIndex } from "./index_check.ts";
import { EntryDigest } from "./list_entries.ts";
import {
  checkSegment,
  type LogPoint,
  type Mark,
  type SegmentFacts,
} from "./segment_check.ts";
import type { PlannedSegment, VerifyPlan } from "./verify_plan.ts";

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
  /** The most that was reported: it never goes back. */
  #reportedBytes = 0;
  /** The index as far as it was compared; undefined when it is not any more. */
  #deep: DeepCheck | undefined;
  #checkedBytes = 0;
  #eventCount = 0;
  #end = 0;
  /** The last segment's, of what was read. */
  #validEnd = 0;
  #isDamaged = false;
  #point: LogPoint = { checksum: 0, lastCreatedAtUs: 0 };
  #atCommit: Mark | undefined;

  constructor(
    plan: VerifyPlan,
    findings: Findings,
    control: JobControl,
  ) {
    this.#plan = plan;
    this.#findings = findings;
    this.#control = control;
    const { disk, directory, hasHeads } = plan;
    this.#files = new OpenFiles(disk, FILE_LIMITS.openFilesMax);
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
    if (plan.isDeep) {
      const files = this.#files;
      this.#deep = new DeepCheck({ plan, files, findings, control });
    }
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
      if (at < segments.length - 1) {
        await this.#checkSealed(planned, facts);
      } else this.#heads.takeActive(planned.segment, facts);
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
    this.#reportUpTo(this.#totalBytes);
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
    this.#entries.heads[Symbol.dispose]();
    this.#files.close();
  }

  #marksIn(segment: Segment): number[] {
    const { commit } = this.#plan;
    const mark = this.#heads.markIn(segment);
    return [
      ...(commit === undefined ? [] : [commit.end]),
      ...(mark === undefined ? [] : [mark]),
    ];
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
        `the segment belongs to another store (${header.storeId})`,
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
    const { segment, fileName } = planned;
    const { commit, isOpen } = this.#plan;
    let facts: SegmentFacts;
    try {
      facts = await checkSegment({
        source: new SegmentFile(this.#files.open(segment.path), segment),
        fileName,
        start: this.#point,
        isSealed: next !== undefined,
        committedEnd: isOpen ? segment.endPosition : commit?.end,
        marks: this.#marksIn(segment),
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
    if (header?.scavenged !== undefined) this.#deep?.passScavenged();
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
        isScavenged: header?.scavenged !== undefined,
        facts,
        findings: this.#findings,
        control: this.#control,
        onBytes: (count) => this.#onBytes(count),
      });
      if (isRight && facts.isWhole && this.#deep !== undefined) {
        isRight = await this.#deep.compare(planned);
        this.#onBytes(planned.fileBytes);
      }
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

  /** Compares no more: behind a bad index file none can be made. */
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

  #onBytes(count: number): void {
    this.#checkedBytes += count;
    this.#report();
  }

  #report(): void {
    this.#reportUpTo(Math.min(this.#checkedBytes, this.#totalBytes));
  }

  #reportUpTo(done: number): void {
    this.#reportedBytes = Math.max(this.#reportedBytes, done);
    this.#control.report({
      phase: "checking",
      done: this.#reportedBytes,
      total: this.#totalBytes,
      unit: "bytes",
    });
  }
}
