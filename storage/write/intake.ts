/**
 * Takes requests in: bounds them, and queues them for the writer.
 *
 * @module
 */

import { QuipuError } from "../../lib/model/errors.ts";
import type {
  AppendRequest,
  AppendResult,
  DeleteRequest,
  DeleteResult,
} from "../../lib/store/event_store.ts";
import type { ProposedEvent } from "../../lib/model/event.ts";
import { AppendQueue } from "./append_queue.ts";
import type { Batch } from "./batch.ts";
import type { BatchEncoder } from "./batch_encoder.ts";
import type { ImportRunRequest, ImportRunResult } from "./import_run.ts";

interface IntakeOptions {
  readonly encoder: BatchEncoder;
  readonly queueEventsMax: number;
  readonly queueBytesMax: number;
  /** Why nothing is taken in at the moment; undefined when it is. */
  readonly refusal: () => QuipuError | undefined;
  readonly onQueued: () => void;
}

/** Bytes of a record besides texts and bodies, generously. */
const RECORD_OVERHEAD_BYTES = 256;

export class Intake {
  readonly queue: AppendQueue;
  readonly #options: IntakeOptions;

  constructor(options: IntakeOptions) {
    this.#options = options;
    this.queue = new AppendQueue({
      eventsMax: options.queueEventsMax,
      bytesMax: options.queueBytesMax,
    });
  }

  append(request: AppendRequest): Promise<AppendResult> {
    let bytesMax = 0;
    for (const event of request.events) {
      bytesMax += bytesMaxOfEvent(request.streamName, event);
    }
    return this.#enqueue(
      request.events.length,
      bytesMax,
      (batch) => this.#options.encoder.append(batch, request),
    );
  }

  /** Takes in a run with the numbers and times that it has. */
  importRun(request: ImportRunRequest): Promise<ImportRunResult> {
    let bytesMax = 0;
    for (const { streamName, event } of request.events) {
      bytesMax += bytesMaxOfEvent(streamName, event);
    }
    return this.#enqueue(
      request.events.length,
      bytesMax,
      (batch) => this.#options.encoder.importRun(batch, request),
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

  /** Asks for what comes from now on to go into the next segment. */
  endSegment(): Promise<void> {
    const refusal = this.#options.refusal();
    if (refusal !== undefined) return Promise.reject(refusal);
    return new Promise((resolve, reject) => {
      const isQueued = this.queue.push({
        eventCount: 0,
        bytesMax: 0,
        endsSegment: true,
        encode: () => resolve,
        refuse: reject,
      });
      if (isQueued) this.#options.onQueued();
      else reject(queueFull());
    });
  }

  #enqueue<Result>(
    eventCount: number,
    bytesMax: number,
    decide: (batch: Batch) => Result,
  ): Promise<Result> {
    const refusal = this.#options.refusal();
    if (refusal !== undefined) return Promise.reject(refusal);
    return new Promise((resolve, reject) => {
      const isQueued = this.queue.push({
        eventCount,
        // A soft-deleted stream that is reopened gets one event more.
        bytesMax: bytesMax + bytesMax / 2 + RECORD_OVERHEAD_BYTES,
        encode: (batch) => {
          const result = decide(batch);
          return () => resolve(result);
        },
        refuse: reject,
      });
      if (isQueued) this.#options.onQueued();
      else reject(queueFull());
    });
  }
}

function queueFull(): QuipuError {
  return new QuipuError(
    "queueFull",
    "Cannot append: too many appends are waiting already",
  );
}

function bytesMaxOfEvent(streamName: string, event: ProposedEvent): number {
  return RECORD_OVERHEAD_BYTES +
    3 * (streamName.length + event.eventType.length) +
    bytesMaxOf(event.data) + bytesMaxOf(event.metadata);
}

function bytesMaxOf(value: string | Uint8Array): number {
  return typeof value === "string" ? value.length * 3 : value.length;
}
