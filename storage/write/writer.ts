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
  CommittedEvent,
  DeleteRequest,
  DeleteResult,
} from "../../lib/model/event_store.ts";
import type { Logger } from "../../lib/model/logger.ts";
import type { DiskFile } from "../disk/disk.ts";
import type { ListDirectory } from "../index/list_directory.ts";
import type { Catalog } from "../kv/catalog.ts";
import { LIST_TOMBSTONED } from "../index/list_directory.ts";
import type { LogRecord } from "../log/record.ts";
import { offsetOf, type Segment } from "../log/segment.ts";
import { SEGMENT_HEADER_BYTES } from "../log/segment_header.ts";
import { Batch } from "./batch.ts";
import type { BatchEncoder } from "./batch_encoder.ts";

/** The segment that is written, and its file. */
export interface ActiveSegment {
  readonly segment: Segment;
  readonly file: DiskFile;
}

/** Where the log ends for readers. */
export interface DurableEnd {
  end: number;
  /** Position of the last record, -1 for an empty log. */
  lastPosition: number;
}

export interface WriterOptions {
  readonly lists: ListDirectory;
  readonly encoder: BatchEncoder;
  readonly catalog: Catalog;
  readonly storeId: string;
  readonly epoch: number;
  readonly logger: Logger;
  readonly active: ActiveSegment;
  readonly durable: DurableEnd;
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

/** A request that waits for its batch. */
interface QueuedRequest {
  readonly eventCount: number;
  /** Bytes of its run, at most. */
  readonly bytesMax: number;
  /** Encodes it; returns how to answer it. */
  readonly encode: (batch: Batch) => () => void;
  readonly refuse: (error: Error) => void;
}

/** Bytes of a record besides texts and bodies, generously. */
const RECORD_OVERHEAD_BYTES = 256;

export class Writer {
  readonly #options: WriterOptions;
  #active: ActiveSegment;
  /** Position after the last encoded record. */
  #encodedEnd: number;
  #checksum: number;
  #queue: QueuedRequest[] = [];
  #queuedEvents = 0;
  #queuedBytes = 0;
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
  readonly #listeners = new Set<
    (events: readonly CommittedEvent[]) => void
  >();
  readonly #loops: Promise<unknown>;

  constructor(options: WriterOptions) {
    this.#options = options;
    this.#active = options.active;
    this.#encodedEnd = options.durable.end;
    this.#checksum = options.checksum;
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

  onCommit(listener: (events: readonly CommittedEvent[]) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
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
    const refusal = this.#refusalOf(eventCount, bytesMax);
    if (refusal !== undefined) return Promise.reject(refusal);
    return new Promise((resolve, reject) => {
      this.#queue.push({
        eventCount,
        // A soft-deleted stream that is reopened gets one event more.
        bytesMax: bytesMax + bytesMax / 2 + RECORD_OVERHEAD_BYTES,
        encode: (batch) => {
          const result = decide(batch);
          return () => resolve(result);
        },
        refuse: reject,
      });
      this.#queuedEvents += eventCount;
      this.#queuedBytes += bytesMax;
      this.#wake?.();
    });
  }

  #refusalOf(eventCount: number, bytesMax: number): QuipuError | undefined {
    if (this.#failure !== undefined) return this.#failure;
    if (this.#isClosing) {
      return new QuipuError("storeClosed", "The server is shutting down");
    }
    const { queueEventsMax, queueBytesMax } = this.#options;
    const isFull = this.#queue.length > 0 &&
      (this.#queuedEvents + eventCount > queueEventsMax ||
        this.#queuedBytes + bytesMax > queueBytesMax);
    return isFull
      ? new QuipuError(
        "queueFull",
        "Cannot append: too many appends are waiting already",
      )
      : undefined;
  }

  async #writeLoop(): Promise<void> {
    while (true) {
      if (this.#queue.length === 0) {
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
    let taken = 0;
    for (const request of this.#queue) {
      const segmentBytes = offsetOf(segment, batch.endPosition);
      const isFirstInSegment = segmentBytes === SEGMENT_HEADER_BYTES;
      const isFull = taken > 0 &&
        batch.bytes.length + request.bytesMax > batchBytesMax;
      const overflows = segmentBytes + request.bytesMax > segmentSizeBytes;
      if (isFull || (overflows && !isFirstInSegment)) break;
      this.#encodeOne(batch, request);
      this.#queuedEvents -= request.eventCount;
      this.#queuedBytes -= request.bytesMax;
      taken++;
    }
    this.#queue = this.#queue.slice(taken);
    if (this.#queue.length === 0) {
      this.#queuedEvents = 0;
      this.#queuedBytes = 0;
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
    const [next] = this.#queue;
    if (next === undefined) return false;
    const segmentBytes = offsetOf(this.#active.segment, this.#encodedEnd);
    return segmentBytes > SEGMENT_HEADER_BYTES &&
      segmentBytes + next.bytesMax > this.#options.segmentSizeBytes;
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
    const { lists, durable } = this.#options;
    if (!batch.isEmpty) {
      const { touchedLists, touchedNexts, segment } = batch;
      for (let index = 0; index < touchedLists.length; index++) {
        lists.visibleNext[touchedLists[index] ?? 0] = touchedNexts[index] ?? 0;
      }
      for (const listId of batch.tombstonedLists) {
        lists.visibleFlags[listId] = LIST_TOMBSTONED;
      }
      invariant(segment !== undefined, "A batch has a segment");
      segment.endPosition = batch.endPosition;
      segment.checksum = batch.checksum;
      durable.end = batch.endPosition;
      durable.lastPosition = batch.lastPosition;
      if (this.#listeners.size > 0) this.#notify(batch.committedEvents());
    }
    invariant(this.#inFlight[0] === batch, "Batches are published in order");
    this.#inFlight.shift();
    const { answers } = batch;
    this.#idleBatches.push(batch);
    for (const answer of answers) answer();
    this.#whenPublished?.();
  }

  #notify(events: readonly CommittedEvent[]): void {
    for (const listener of this.#listeners) {
      try {
        listener(events);
      } catch (error) {
        // What a listener does wrong must not take back a commit.
        this.#options.logger.error("store.listener_failed", {
          reason: String(error),
        });
      }
    }
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
    const queued = this.#queue;
    this.#queue = [];
    this.#queuedEvents = 0;
    this.#queuedBytes = 0;
    for (const request of queued) request.refuse(error);
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

function bytesMaxOf(value: string | Uint8Array): number {
  return typeof value === "string" ? value.length * 3 : value.length;
}

function isDiskFull(error: unknown): boolean {
  return error instanceof Error &&
    /no space left|os error 28|disk is full|ENOSPC/i.test(error.message);
}
