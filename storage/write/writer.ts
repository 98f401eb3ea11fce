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
 * or 3 ends writing: the file may hold anything after its durable end, so it
 * is not written again by this process.
 *
 * @module
 */

import { invariant, QuipuError } from "../../lib/model/errors.ts";
import type {
  AppendRequest,
  AppendResult,
  DeleteRequest,
  DeleteResult,
} from "../../lib/model/event_store.ts";
import type { Logger } from "../../lib/model/logger.ts";
import type { DiskFile } from "../disk/disk.ts";
import type { Catalog } from "../kv/catalog.ts";
import type { LogRecord } from "../log/log_record.ts";
import { offsetOf, type Segment } from "../log/segment.ts";
import { SEGMENT_HEADER_BYTES } from "../log/segment_header.ts";
import { AppendQueue, type QueuedRequest } from "./append_queue.ts";
import { Batch } from "./batch.ts";
import type { BatchEncoder } from "./batch_encoder.ts";
import type { Publisher } from "./publisher.ts";

/** The segment that is written, and its file. */
export interface ActiveSegment {
  readonly segment: Segment;
  readonly file: DiskFile;
}

export interface WriterOptions {
  readonly encoder: BatchEncoder;
  readonly catalog: Catalog;
  readonly storeId: string;
  readonly epoch: number;
  readonly logger: Logger;
  readonly active: ActiveSegment;
  readonly publisher: Publisher;
  /** Position after the last record of the log. */
  readonly end: number;
  /** Header CRC of the last record of the log. */
  readonly checksum: number;
  /** Bytes of a segment's file, at most, unless one run alone is larger. */
  readonly segmentSizeBytes: number;
  readonly batchBytesMax: number;
  readonly queueEventsMax: number;
  readonly queueBytesMax: number;
  /**
   * Ends the active segment and begins the next one; called when nothing is
   * in flight.
   */
  readonly roll: (startPosition: number, checksum: number) => Promise<
    ActiveSegment
  >;
}

/** Bytes of a record besides texts and bodies, generously. */
const RECORD_OVERHEAD_BYTES = 256;

export class Writer {
  readonly #options: WriterOptions;
  #active: ActiveSegment;
  /** Position after the last encoded record. */
  #encodedEnd: number;
  #checksum: number;
  readonly #queue: AppendQueue;
  /** Batches from step 1 until they are published, oldest first. */
  readonly #inFlight: Batch[] = [];
  readonly #idleBatches: Batch[] = [new Batch(), new Batch(), new Batch()];
  /** Batches that are synced and wait for their commit. */
  readonly #synced: Batch[] = [];
  #wake: (() => void) | undefined;
  #wakeCommitter: (() => void) | undefined;
  #whenPublished: (() => void) | undefined;
  #isClosing = false;
  #failure: QuipuError | undefined;
  readonly #loops: Promise<unknown>;

  constructor(options: WriterOptions) {
    this.#options = options;
    this.#active = options.active;
    this.#encodedEnd = options.end;
    this.#checksum = options.checksum;
    this.#queue = new AppendQueue({
      eventsMax: options.queueEventsMax,
      bytesMax: options.queueBytesMax,
    });
    this.#loops = Promise.all([this.#writeLoop(), this.#commitLoop()]);
  }

  /** Why nothing can be written any more. */
  get failure(): QuipuError | undefined {
    return this.#failure;
  }

  append(request: AppendRequest): Promise<AppendResult> {
    let bytesMax = 0;
    for (const event of request.events) {
      bytesMax += RECORD_OVERHEAD_BYTES +
        3 * (request.streamName.length + event.eventType.length) +
        bytesMaxOf(event.data) + bytesMaxOf(event.metadata);
    }
    return this.#enqueue(
      request.events.length,
      bytesMax,
      (batch) => this.#options.encoder.append(batch, request),
    );
  }

  deleteStream(request: DeleteRequest): Promise<DeleteResult> {
    const bytesMax = RECORD_OVERHEAD_BYTES + 3 * request.streamName.length;
    return this.#enqueue(
      1,
      bytesMax,
      (batch) => this.#options.encoder.deleteStream(batch, request),
    );
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
    await this.#loops;
    this.#active.file.close();
  }

  #enqueue<Result>(
    eventCount: number,
    bytesMax: number,
    decide: (batch: Batch) => Result,
  ): Promise<Result> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (this.#isClosing) {
      return Promise.reject(
        new QuipuError("storeClosed", "The server is shutting down"),
      );
    }
    return new Promise((resolve, reject) => {
      const isQueued = this.#queue.push({
        eventCount,
        // A soft-deleted stream that is reopened gets one event more.
        bytesMax: bytesMax + bytesMax / 2 + RECORD_OVERHEAD_BYTES,
        encode: (batch) => {
          const result = decide(batch);
          return () => resolve(result);
        },
        refuse: reject,
      });
      if (isQueued) this.#wake?.();
      else reject(queueFull());
    });
  }

  async #writeLoop(): Promise<void> {
    while (true) {
      if (this.#queue.isEmpty) {
        if (this.#isClosing) break;
        await new Promise<void>((resolve) => this.#wake = resolve);
        this.#wake = undefined;
        continue;
      }
      try {
        await this.#writeBatch();
      } catch (error) {
        this.#fail("write", error);
      }
    }
    // Nothing more will be synced; the committer ends after what is.
    this.#isWritten = true;
    this.#wakeCommitter?.();
  }
  #isWritten = false;

  /** Steps 1 and 2 for what is queued. */
  async #writeBatch(): Promise<void> {
    if (this.#failure !== undefined) {
      this.#refuseQueued(this.#failure);
      return;
    }
    if (this.#needsRoll()) {
      await this.#untilAllPublished();
      if (this.#failure !== undefined) return;
      const ended = this.#active.file;
      this.#active = await this.#options.roll(this.#encodedEnd, this.#checksum);
      ended.close();
      return;
    }
    const batch = this.#idleBatches.pop();
    if (batch === undefined) {
      await this.#untilPublished();
      return;
    }
    const { segment, file } = this.#active;
    batch.begin(segment, this.#encodedEnd, this.#checksum);
    this.#inFlight.push(batch);
    this.#encode(batch);
    this.#encodedEnd = batch.endPosition;
    this.#checksum = batch.checksum;
    if (!batch.isEmpty) {
      await file.writeAt(
        batch.bytes.bytes(),
        offsetOf(segment, batch.startPosition),
      );
      await file.sync();
    }
    this.#synced.push(batch);
    this.#wakeCommitter?.();
  }

  /** Step 1: takes requests off the queue until the batch is full. */
  #encode(batch: Batch): void {
    const { batchBytesMax, segmentSizeBytes } = this.#options;
    const { segment } = this.#active;
    for (let isFirst = true;; isFirst = false) {
      const { first } = this.#queue;
      if (first === undefined) return;
      const segmentBytes = offsetOf(segment, batch.endPosition);
      const isFull = !isFirst &&
        batch.bytes.length + first.bytesMax > batchBytesMax;
      // A run that is larger than a segment has one for itself.
      const overflows = segmentBytes > SEGMENT_HEADER_BYTES &&
        segmentBytes + first.bytesMax > segmentSizeBytes;
      if (isFull || overflows) return;
      this.#queue.shift();
      this.#encodeOne(batch, first);
    }
  }

  /**
   * A request that cannot be decided, because what it depends on cannot be
   * read, is refused alone; nothing was changed for it.
   */
  #encodeOne(batch: Batch, request: QueuedRequest): void {
    const before = batch.bytes.length;
    try {
      batch.answers.push(request.encode(batch));
      batch.refusals.push(request.refuse);
    } catch (error) {
      if (batch.bytes.length !== before) throw error;
      request.refuse(error instanceof Error ? error : new Error(String(error)));
    }
  }

  /** Whether the next request does not fit in the active segment. */
  #needsRoll(): boolean {
    const { first } = this.#queue;
    if (first === undefined) return false;
    const segmentBytes = offsetOf(this.#active.segment, this.#encodedEnd);
    return segmentBytes > SEGMENT_HEADER_BYTES &&
      segmentBytes + first.bytesMax > this.#options.segmentSizeBytes;
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
        this.#fail("commit", error);
        this.#refuseBatches(batches);
      }
    }
  }

  /** Steps 3 and 4. */
  async #commit(batches: readonly Batch[]): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    const last = batches.findLast((batch) => !batch.isEmpty);
    if (last !== undefined) {
      const { catalog, storeId, epoch } = this.#options;
      const outcome = await catalog.commit({
        storeId,
        epoch,
        end: last.endPosition,
        checksum: last.checksum,
        lastCreatedAtUs: last.createdAtUs,
      });
      if (outcome === "fenced") {
        throw new QuipuError(
          "storeReadOnly",
          "Cannot append: another process has written to this store",
        );
      }
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
  }

  async #untilPublished(): Promise<void> {
    await new Promise<void>((resolve) => this.#whenPublished = resolve);
    this.#whenPublished = undefined;
  }

  async #untilAllPublished(): Promise<void> {
    while (this.#inFlight.length > 0) await this.#untilPublished();
  }

  /** Ends writing: says why, once, and refuses everything. */
  #fail(step: string, error: unknown): void {
    if (this.#failure === undefined) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#failure = error instanceof QuipuError ? error : new QuipuError(
        isDiskFull(error) ? "storeFull" : "storeReadOnly",
        `Cannot append: the store failed to ${step} (${reason})`,
        { cause: error },
      );
      this.#options.logger.error("store.write_failed", { step, reason });
    }
    this.#refuseQueued(this.#failure);
    // The batch that failed in step 2 is in flight and in no other queue.
    const unsynced = this.#inFlight.filter((batch) =>
      !this.#synced.includes(batch)
    );
    if (step === "write") this.#refuseBatches(unsynced.slice(-1));
  }

  #refuseQueued(error: Error): void {
    let request = this.#queue.shift();
    for (; request !== undefined; request = this.#queue.shift()) {
      request.refuse(error);
    }
  }

  #refuseBatches(batches: readonly Batch[]): void {
    const error = this.#failure ??
      new QuipuError("storeReadOnly", "Cannot append: the store failed");
    for (const batch of batches) {
      const at = this.#inFlight.indexOf(batch);
      if (at >= 0) this.#inFlight.splice(at, 1);
      for (const refuse of batch.refusals) refuse(error);
      // Refused once: a second failure must find nothing to refuse.
      batch.refusals = [];
      this.#idleBatches.push(batch);
    }
    this.#whenPublished?.();
  }
}

function queueFull(): QuipuError {
  return new QuipuError(
    "queueFull",
    "Cannot append: too many appends are waiting already",
  );
}

function bytesMaxOf(value: string | Uint8Array): number {
  return typeof value === "string" ? value.length * 3 : value.length;
}

function isDiskFull(error: unknown): boolean {
  return error instanceof Error &&
    /no space left|os error 28|disk is full|ENOSPC/i.test(error.message);
}
