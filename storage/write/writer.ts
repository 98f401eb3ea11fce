/**
 * Group commit. Requests queue; the writer takes all that wait as one commit
 * group and
 *
 *   1. decides, numbers and encodes them in one synchronous step,
 *   2. writes the group to the active segment and syncs that once,
 *   3. commits it: one check-and-set of the commit record,
 *   4. publishes it to readers, tells listeners, answers.
 *
 * While a group is in step 3 the next one may be in step 2; steps of one kind
 * never overlap and keep the order. Groups that are synced while a commit is
 * under way are committed together by the next one.
 *
 * The order is the promise: nothing is committed that is not synced, nothing
 * is visible or answered that is not committed. A failure in step 2 or 3 ends
 * writing, with the reason, until `WriteAccess` has regained access: then all
 * that was decided and not committed is rolled back, and the log goes on in a
 * new segment at its durable end.
 *
 * @module
 */

import { setImmediate } from "node:timers";
import { invariant, type QuipuError } from "../../lib/model/errors.ts";
import type { Logger } from "../../lib/model/logger.ts";
import type {
  AppendRequest,
  AppendResult,
  DeleteRequest,
  DeleteResult,
} from "../../lib/store/event_store.ts";
import type { StoreObserver } from "../../lib/store/store_observer.ts";
import type { LogRecord } from "../log/log_record.ts";
import { offsetOf, type Segment } from "../log/segment.ts";
import { SEGMENT_HEADER_BYTES } from "../log/segment_header.ts";
import type { AppendQueue, QueuedRequest } from "./append_queue.ts";
import {
  CommitGroup,
  type CommitPoint,
  commitPointOf,
} from "./commit_group.ts";
import type { RequestEncoder } from "./request_encoder.ts";
import {
  asFullError,
  closedError,
  failureOf,
  reasonOf,
  undecidedError,
} from "./failure.ts";
import { Intake } from "./append_queue.ts";
import type { Publisher } from "./publisher.ts";
import {
  type ActiveSegment,
  FencedError,
  fencedError,
  type WriteAccess,
} from "./write_access.ts";

interface WriterOptions extends GroupBounds {
  readonly encoder: RequestEncoder;
  readonly access: WriteAccess;
  readonly logger: Logger;
  /** Undefined when the store could not be opened for writing: see `failure`. */
  readonly active: ActiveSegment | undefined;
  readonly failure: unknown;
  /** Whether it is not to be tried again. */
  readonly isReadOnly: boolean;
  readonly publisher: Publisher;
  /** The end of the log. */
  readonly point: CommitPoint;
  readonly queueEventsMax: number;
  readonly queueBytesMax: number;
  /** Time after a failure until writing is tried again, at first. */
  readonly retryMs: number;
  /** Rolls back all that was decided and not committed. */
  readonly rollBack: () => void;
}

export class Writer {
  readonly #options: WriterOptions;
  #active: ActiveSegment | undefined;
  /** Position after the last encoded record. */
  #encodedEnd: number;
  #checksum: number;
  /** The end that is committed for sure. */
  #committed: CommitPoint;
  readonly intake: Intake;
  readonly #queue: AppendQueue;
  /** Groups from step 1 until they are published, oldest first. */
  readonly #inFlight: CommitGroup[] = [];
  readonly #idleGroups: CommitGroup[] = [
    new CommitGroup(),
    new CommitGroup(),
    new CommitGroup(),
  ];
  /** The group in steps 1 and 2. */
  #writing: CommitGroup | undefined;
  /** Groups that are synced and wait for their commit. */
  readonly #synced: CommitGroup[] = [];
  /** Groups whose commit failed: it may have happened all the same. */
  #inDoubt: readonly CommitGroup[] = [];
  #wake: (() => void) | undefined;
  #wakeCommitter: (() => void) | undefined;
  #whenPublished: (() => void) | undefined;
  #isClosing = false;
  #isWritten = false;
  #failure: QuipuError | undefined;
  #isFinal: boolean;
  readonly #retry: RetryDelay;
  readonly #loops: Promise<unknown>;

  constructor(options: WriterOptions) {
    this.#options = options;
    this.#active = options.active;
    this.#committed = options.point;
    this.#encodedEnd = options.point.end;
    this.#checksum = options.point.checksum;
    this.#isFinal = options.isReadOnly;
    this.#retry = new RetryDelay(options.retryMs);
    this.intake = new Intake({
      encoder: options.encoder,
      queueEventsMax: options.queueEventsMax,
      queueBytesMax: options.queueBytesMax,
      refusal: () =>
        this.#failure ?? (this.#isClosing ? closedError() : undefined),
      onQueued: () => {
        if (this.#wake !== undefined && !this.#waitsForMore()) this.#wake();
      },
    });
    this.#queue = this.intake.queue;
    if (options.failure !== undefined) this.#fail("open", options.failure);
    this.#loops = Promise.all([this.#writeLoop(), this.#commitLoop()]);
  }

  /** Why nothing can be written at the moment. */
  get failure(): QuipuError | undefined {
    return this.#failure;
  }

  append(request: AppendRequest): Promise<AppendResult> {
    return this.intake.append(request);
  }

  deleteStream(request: DeleteRequest): Promise<DeleteResult> {
    return this.intake.deleteStream(request);
  }

  /** Makes later requests go into the next segment. */
  endSegment(): Promise<void> {
    return this.intake.endSegment();
  }

  /** The record at a position that is not published yet. */
  recordInFlight(position: number): LogRecord | undefined {
    const group = this.#inFlight.findLast((one) =>
      one.startPosition <= position && position < one.endPosition
    );
    return group?.recordAt(position);
  }

  /** Finishes what is queued, then ends. */
  async close(): Promise<void> {
    this.#isClosing = true;
    this.#wake?.();
    this.#wakeCommitter?.();
    this.#retry.cancel();
    await this.#loops;
    if (this.#active === undefined) return;
    // The next start judges a file after a failure.
    if (this.#failure !== undefined) this.#active.file.close();
    else await this.#options.access.finish(this.#active, this.#committed);
  }

  async #writeLoop(): Promise<void> {
    while (true) {
      const mayRecover = this.#failure !== undefined && !this.#isFinal &&
        !this.#isClosing;
      if (mayRecover) {
        await this.#recover();
        continue;
      }
      if (this.#queue.isEmpty && this.#isClosing) break;
      if (this.#waitsForMore()) {
        await new Promise<void>((resolve) => this.#wake = resolve);
        this.#wake = undefined;
        continue;
      }
      await untilSocketsAreRead();
      try {
        await this.#writeGroup();
      } catch (error) {
        this.#fail("write", error);
      }
    }
    this.#isWritten = true;
    this.#wakeCommitter?.();
  }

  /**
   * Whether the next group must grow first. A group costs as much as a dozen
   * requests, so while others are in flight it waits until it is as large as
   * they are together, or they are answered. With none in flight it never waits.
   */
  #waitsForMore(): boolean {
    if (this.#queue.isEmpty) return true;
    let underWay = 0;
    for (const group of this.#inFlight) underWay += group.answers.length;
    return this.#queue.length < underWay;
  }

  /** Steps 1 and 2 for the queued requests. */
  async #writeGroup(): Promise<void> {
    const active = this.#active;
    if (this.#failure !== undefined || active === undefined) {
      this.#refuseQueued();
      return;
    }
    if (this.#needsRoll(active.segment)) {
      await this.#untilAllPublished();
      if (this.#failure !== undefined) return;
      this.#active = await this.#options.access.roll(active, this.#committed);
      return;
    }
    const group = this.#idleGroups.pop();
    if (group === undefined) {
      await this.#untilPublished();
      return;
    }
    const { segment } = active;
    group.begin(segment, this.#encodedEnd, this.#checksum);
    this.#inFlight.push(group);
    this.#writing = group;
    fillGroup(group, this.#queue, segment, this.#options);
    this.#encodedEnd = group.endPosition;
    this.#checksum = group.checksum;
    if (!group.isEmpty) {
      await writeOut(group, active, this.#options.access.observer);
    }
    this.#writing = undefined;
    this.#synced.push(group);
    this.#wakeCommitter?.();
  }

  /** Whether the next request does not fit in the active segment. */
  #needsRoll(segment: Segment): boolean {
    const { first } = this.#queue;
    return first !== undefined && overflows(
      first,
      segment,
      this.#encodedEnd,
      this.#options.segmentSizeBytes,
    );
  }

  async #commitLoop(): Promise<void> {
    while (true) {
      if (this.#synced.length === 0) {
        if (this.#isWritten) return;
        await new Promise<void>((resolve) => this.#wakeCommitter = resolve);
        this.#wakeCommitter = undefined;
        continue;
      }
      const groups = this.#synced.splice(0);
      try {
        await this.#commit(groups);
      } catch (error) {
        // Of several failed commits only the first one is in doubt.
        if (this.#inDoubt.length === 0) this.#inDoubt = groups;
        this.#fail("commit", error);
        this.#refuseGroups(groups);
      }
    }
  }

  /** Steps 3 and 4. */
  async #commit(groups: readonly CommitGroup[]): Promise<void> {
    // A synced group is committed even if a later write failed, but not after a
    // commit that failed.
    if (this.#inDoubt.length > 0) throw new Error("a commit before failed");
    const point = commitPointOf(groups);
    if (point !== undefined) {
      const outcome = await this.#options.access.commit(point);
      if (outcome === "fenced") throw fencedError();
      this.#committed = point;
      this.#retry.reset();
    }
    for (const group of groups) this.#publish(group);
  }

  #publish(group: CommitGroup): void {
    this.#options.publisher.publish(group);
    invariant(this.#inFlight[0] === group, "Groups are published in order");
    this.#inFlight.shift();
    const { answers } = group;
    this.#idleGroups.push(group);
    for (const answer of answers) answer();
    this.#whenPublished?.();
    this.#wake?.();
  }

  async #untilPublished(): Promise<void> {
    await new Promise<void>((resolve) => this.#whenPublished = resolve);
    this.#whenPublished = undefined;
  }

  async #untilAllPublished(): Promise<void> {
    while (this.#inFlight.length > 0) await this.#untilPublished();
  }

  /** Waits, then tries to take up writing again. */
  async #recover(): Promise<void> {
    this.#refuseQueued();
    await this.#untilAllPublished();
    const { access, logger } = this.#options;
    const failure = this.#failure;
    if (failure?.code === "storeReadOnly" && await access.isDeviceFull()) {
      this.#failure = asFullError(failure);
    }
    try {
      if (this.#failure?.code === "storeFull") await access.releaseBallast();
    } catch (error) {
      logger.warn("ballast.not_released", { reason: reasonOf(error) });
    }
    await this.#retry.wait();
    if (this.#isClosing) return;
    try {
      await this.#regain();
    } catch (error) {
      if (error instanceof FencedError) {
        this.#failure = undefined;
        this.#fail("commit", error);
      }
      logger.debug("store.still_read_only", { reason: reasonOf(error) });
      return;
    }
    this.#failure = undefined;
    logger.warn("store.writing_again", { endPosition: this.#encodedEnd });
  }

  async #regain(): Promise<void> {
    const { access, publisher, rollBack } = this.#options;
    const inDoubt = commitPointOf(this.#inDoubt);
    const found = await access.regainCatalog({
      committed: this.#committed,
      inDoubt,
    });
    if (found === "inDoubtCommitted" && inDoubt !== undefined) {
      // They were refused as inconclusive; now they turn out to be committed.
      this.#committed = inDoubt;
      for (const group of this.#inDoubt) publisher.publish(group);
    }
    this.#idleGroups.push(...this.#inDoubt);
    this.#inDoubt = [];
    rollBack();
    const ended = this.#active;
    this.#active = undefined;
    ended?.file.close();
    this.#active = await access.regainSegment(this.#committed);
    this.#encodedEnd = this.#committed.end;
    this.#checksum = this.#committed.checksum;
  }

  /** Ends writing: says why, once, and refuses everything. */
  #fail(step: string, error: unknown): void {
    if (this.#failure === undefined) {
      this.#failure = failureOf(step, error);
      const { logger, isReadOnly } = this.#options;
      const fields = { step, reason: reasonOf(error) };
      if (!isReadOnly) logger.error("store.write_failed", fields);
    }
    if (error instanceof FencedError) this.#isFinal = true;
    this.#refuseQueued();
    if (step === "write" && this.#writing !== undefined) {
      this.#refuseGroups([this.#writing]);
      this.#idleGroups.push(this.#writing);
      this.#writing = undefined;
    }
    this.#wake?.();
  }

  #refuseQueued(): void {
    const error = this.#refusal();
    let request = this.#queue.shift();
    for (; request !== undefined; request = this.#queue.shift()) {
      request.refuse(error);
    }
  }

  #refuseGroups(groups: readonly CommitGroup[]): void {
    const error = this.#refusal();
    for (const group of groups) {
      const at = this.#inFlight.indexOf(group);
      if (at >= 0) this.#inFlight.splice(at, 1);
      for (const refuse of group.refusals) refuse(error);
      if (!this.#inDoubt.includes(group) && group !== this.#writing) {
        this.#idleGroups.push(group);
      }
    }
    this.#whenPublished?.();
    this.#wake?.();
  }

  #refusal(): QuipuError {
    return this.#failure ?? failureOf("write", "no reason");
  }
}

/**
 * One turn of the event loop, so that requests that have arrived join the group
 * that is about to be filled.
 */
function untilSocketsAreRead(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

interface GroupBounds {
  /** Bytes of a segment's file, at most, unless one batch alone is larger. */
  readonly segmentSizeBytes: number;
  readonly groupBytesMax: number;
}

/** Moves requests from the queue to the group of a segment. */
function fillGroup(
  group: CommitGroup,
  queue: AppendQueue,
  segment: Segment,
  { groupBytesMax, segmentSizeBytes }: GroupBounds,
): void {
  for (let isFirst = true;; isFirst = false) {
    const { first } = queue;
    if (first === undefined) return;
    const isFull = !isFirst &&
      group.bytes.length + first.bytesMax > groupBytesMax;
    if (isFull) return;
    if (overflows(first, segment, group.endPosition, segmentSizeBytes)) return;
    queue.shift();
    encodeRequest(group, first);
  }
}

/**
 * Whether a request does not fit in a segment whose log ends at `position`. A
 * batch that is larger than a segment gets one of its own.
 */
function overflows(
  request: QueuedRequest,
  segment: Segment,
  position: number,
  segmentSizeBytes: number,
): boolean {
  const segmentBytes = offsetOf(segment, position);
  return segmentBytes > SEGMENT_HEADER_BYTES && (request.endsSegment ||
    segmentBytes + request.bytesMax > segmentSizeBytes);
}

/**
 * Encodes a request. One that cannot be decided, because the state that it
 * depends on cannot be read, is refused alone; nothing was changed for it.
 */
function encodeRequest(group: CommitGroup, request: QueuedRequest): void {
  const before = group.bytes.length;
  try {
    group.answers.push(request.encode(group));
    group.refusals.push(request.refuse);
  } catch (error) {
    if (group.bytes.length !== before) throw error;
    request.refuse(undecidedError(error));
  }
}

/** How often the first wait is doubled, at most. */
const DOUBLINGS_MAX = 4;

export class RetryDelay {
  readonly #firstMs: number;
  #attempts = 0;
  #end: (() => void) | undefined;
  #isCancelled = false;

  /** @param firstMs The first wait; the longest is sixteen times that. */
  constructor(firstMs: number) {
    this.#firstMs = firstMs;
  }

  /** Waits; ends early when cancelled. */
  async wait(): Promise<void> {
    if (this.#isCancelled) return;
    const delayMs = this.#firstMs *
      2 ** Math.min(this.#attempts, DOUBLINGS_MAX);
    this.#attempts++;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, delayMs);
      this.#end = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#end = undefined;
  }

  /** After a success: the next wait is the first again. */
  reset(): void {
    this.#attempts = 0;
  }

  /** Ends this wait, and all later ones at once. */
  cancel(): void {
    this.#isCancelled = true;
    this.#end?.();
  }
}

/** Writes a group that is not empty to its segment, and syncs that once. */
async function writeOut(
  group: CommitGroup,
  { segment, file }: ActiveSegment,
  observer: StoreObserver,
): Promise<void> {
  const { answers, eventCount, bytes } = group;
  observer.groupEncoded(answers.length, eventCount, bytes.length);
  await file.write(bytes, offsetOf(segment, group.startPosition));
  const startedAtMs = performance.now();
  await file.sync();
  observer.synced(performance.now() - startedAtMs);
}
