/**
 * Group commit. Requests queue; the writer takes what is there and
 *
 *   1. decides, numbers and encodes it in one synchronous step,
 *   2. writes it to the active segment and syncs that once,
 *   3. commits it: one check-and-set of the commit record,
 *   4. publishes it to readers, tells listeners, answers.
 *
 * While a batch is in step 3 the next one may be in step 2; steps of one kind
 * never overlap and keep the order. Batches that are synced while a commit is
 * under way are committed together by the next one.
 *
 * The order is the promise: nothing is committed that is not synced, nothing
 * is visible or answered that is not committed. Whatever goes wrong in step 2
 * or 3 ends writing, with the reason, until `WriteAccess` has gained ground
 * again: then what was decided in vain is taken back, and the log goes on in a
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
import { Batch, type CommitPoint, commitPointOf } from "./batch.ts";
import type { BatchEncoder } from "./batch_encoder.ts";
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

interface WriterOptions extends BatchBounds {
  readonly encoder: BatchEncoder;
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
  /** Takes back what was decided and never committed. */
  readonly rollBack: () => void;
}

export class Writer {
  readonly #options: WriterOptions;
  #active: ActiveSegment | undefined;
  /** Position after the last encoded record. */
  #encodedEnd: number;
  #checksum: number;
  /** What is committed for sure. */
  #committed: CommitPoint;
  readonly intake: Intake;
  readonly #queue: AppendQueue;
  /** Batches from step 1 until they are published, oldest first. */
  readonly #inFlight: Batch[] = [];
  readonly #idleBatches: Batch[] = [new Batch(), new Batch(), new Batch()];
  /** The batch in steps 1 and 2. */
  #writing: Batch | undefined;
  /** Batches that are synced and wait for their commit. */
  readonly #synced: Batch[] = [];
  /** Batches whose commit failed: it may have been made all the same. */
  #inDoubt: readonly Batch[] = [];
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

  /** Makes what comes from now on go into the next segment. */
  endSegment(): Promise<void> {
    return this.intake.endSegment();
  }

  /** The record at a position that is not published yet. */
  recordInFlight(position: number): LogRecord | undefined {
    const batch = this.#inFlight.findLast((one) =>
      one.startPosition <= position && position < one.endPosition
    );
    return batch?.recordAt(position);
  }

  /** Finishes what is queued, then ends. */
  async close(): Promise<void> {
    this.#isClosing = true;
    this.#wake?.();
    this.#wakeCommitter?.();
    this.#retry.cancel();
    await this.#loops;
    if (this.#active === undefined) return;
    // What stands in a file after a failure is for the next start to judge.
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
        await this.#writeBatch();
      } catch (error) {
        this.#fail("write", error);
      }
    }
    this.#isWritten = true;
    this.#wakeCommitter?.();
  }

  /**
   * Whether the next batch is to grow first. A batch costs as much as a dozen
   * requests, so while others are under way it waits until it is as large as
   * they are together, or they are answered. With none under way nobody waits.
   */
  #waitsForMore(): boolean {
    if (this.#queue.isEmpty) return true;
    let underWay = 0;
    for (const batch of this.#inFlight) underWay += batch.answers.length;
    return this.#queue.length < underWay;
  }

  /** Steps 1 and 2 for what is queued. */
  async #writeBatch(): Promise<void> {
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
    const batch = this.#idleBatches.pop();
    if (batch === undefined) {
      await this.#untilPublished();
      return;
    }
    const { segment } = active;
    batch.begin(segment, this.#encodedEnd, this.#checksum);
    this.#inFlight.push(batch);
    this.#writing = batch;
    fillBatch(batch, this.#queue, segment, this.#options);
    this.#encodedEnd = batch.endPosition;
    this.#checksum = batch.checksum;
    if (!batch.isEmpty) {
      await writeOut(batch, active, this.#options.access.observer);
    }
    this.#writing = undefined;
    this.#synced.push(batch);
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
      const batches = this.#synced.splice(0);
      try {
        await this.#commit(batches);
      } catch (error) {
        // Of several failed commits only the first one's fate is open.
        if (this.#inDoubt.length === 0) this.#inDoubt = batches;
        this.#fail("commit", error);
        this.#refuseBatches(batches);
      }
    }
  }

  /** Steps 3 and 4. */
  async #commit(batches: readonly Batch[]): Promise<void> {
    // What is synced is committed even if a later write failed. What follows a
    // commit that failed is not.
    if (this.#inDoubt.length > 0) throw new Error("a commit before failed");
    const point = commitPointOf(batches);
    if (point !== undefined) {
      const outcome = await this.#options.access.commit(point);
      if (outcome === "fenced") throw fencedError();
      this.#committed = point;
      this.#retry.reset();
    }
    for (const batch of batches) this.#publish(batch);
  }

  #publish(batch: Batch): void {
    this.#options.publisher.publish(batch);
    invariant(this.#inFlight[0] === batch, "Batches are published in order");
    this.#inFlight.shift();
    const { answers } = batch;
    this.#idleBatches.push(batch);
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
      // They were refused, for want of an answer; now they turn out to be kept.
      this.#committed = inDoubt;
      for (const batch of this.#inDoubt) publisher.publish(batch);
    }
    this.#idleBatches.push(...this.#inDoubt);
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
      this.#refuseBatches([this.#writing]);
      this.#idleBatches.push(this.#writing);
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

  #refuseBatches(batches: readonly Batch[]): void {
    const error = this.#refusal();
    for (const batch of batches) {
      const at = this.#inFlight.indexOf(batch);
      if (at >= 0) this.#inFlight.splice(at, 1);
      for (const refuse of batch.refusals) refuse(error);
      if (!this.#inDoubt.includes(batch) && batch !== this.#writing) {
        this.#idleBatches.push(batch);
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
 * One turn of the event loop: requests that have come by now join the batch
 * that is about to be taken.
 */
function untilSocketsAreRead(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

interface BatchBounds {
  /** Bytes of a segment's file, at most, unless one run alone is larger. */
  readonly segmentSizeBytes: number;
  readonly batchBytesMax: number;
}

/** Moves requests from the queue to the batch of a segment. */
function fillBatch(
  batch: Batch,
  queue: AppendQueue,
  segment: Segment,
  { batchBytesMax, segmentSizeBytes }: BatchBounds,
): void {
  for (let isFirst = true;; isFirst = false) {
    const { first } = queue;
    if (first === undefined) return;
    const isFull = !isFirst &&
      batch.bytes.length + first.bytesMax > batchBytesMax;
    if (isFull) return;
    if (overflows(first, segment, batch.endPosition, segmentSizeBytes)) return;
    queue.shift();
    encodeRequest(batch, first);
  }
}

/**
 * Whether a request does not fit in a segment whose log ends at `position`. A
 * run that is larger than a segment has one for itself.
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
 * A request that cannot be decided, because what it depends on cannot be
 * read, is refused alone; nothing was changed for it.
 */
function encodeRequest(batch: Batch, request: QueuedRequest): void {
  const before = batch.bytes.length;
  try {
    batch.answers.push(request.encode(batch));
    batch.refusals.push(request.refuse);
  } catch (error) {
    if (batch.bytes.length !== before) throw error;
    request.refuse(undecidedError(error));
  }
}

/** Times that the first wait is doubled at most. */
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

  /** It went well: the next wait is the first again. */
  reset(): void {
    this.#attempts = 0;
  }

  /** Ends this wait, and all later ones at once. */
  cancel(): void {
    this.#isCancelled = true;
    this.#end?.();
  }
}

/** Writes a batch that is not empty to its segment, and syncs that once. */
async function writeOut(
  batch: Batch,
  { segment, file }: ActiveSegment,
  observer: StoreObserver,
): Promise<void> {
  const { answers, eventCount, bytes } = batch;
  observer.batchEncoded(answers.length, eventCount, bytes.length);
  await file.write(bytes, offsetOf(segment, batch.startPosition));
  const startedAtMs = performance.now();
  await file.sync();
  observer.synced(performance.now() - startedAtMs);
}
