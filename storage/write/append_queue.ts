/**
 * Requests to the writer, and the queue in which they wait for their commit
 * group: first in, first out, bounded by events and by bytes.
 *
 * @module
 */

import { QuipuError } from "../../lib/model/errors.ts";
import type {
  AppendRequest,
  AppendResult,
  DeleteRequest,
  DeleteResult,
  QueueStatus,
} from "../../lib/store/event_store.ts";
import type { CommitGroup } from "./commit_group.ts";
import { recordBytesMax } from "../log/record.ts";
import type { RequestEncoder } from "./request_encoder.ts";
import type {
  ImportRunRequest,
  ImportRunResult,
} from "../../lib/store/import_run.ts";

export interface QueuedRequest {
  readonly eventCount: number;
  /** Bytes of its batch, at most. */
  readonly bytesMax: number;
  /** Decides and encodes it; returns how to answer it. */
  readonly encode: (group: CommitGroup) => () => void;
  readonly refuse: (error: Error) => void;
  /** Whether it begins the next segment, unless the active one is empty. */
  readonly endsSegment?: boolean;
}

/** Taken requests are dropped from the array in such numbers. */
const COMPACT_AT = 1024;

export class AppendQueue {
  readonly #eventsMax: number;
  readonly #bytesMax: number;
  #requests: QueuedRequest[] = [];
  /** Index of the first request that is not taken yet. */
  #first = 0;
  #events = 0;
  #bytes = 0;

  constructor(limits: { eventsMax: number; bytesMax: number }) {
    this.#eventsMax = limits.eventsMax;
    this.#bytesMax = limits.bytesMax;
  }

  get isEmpty(): boolean {
    return this.#first === this.#requests.length;
  }

  /** How many requests wait. */
  get length(): number {
    return this.#requests.length - this.#first;
  }

  /** How much waits, and how much may. */
  get status(): QueueStatus {
    return {
      requests: this.length,
      events: this.#events,
      eventsMax: this.#eventsMax,
      bytes: this.#bytes,
      bytesMax: this.#bytesMax,
    };
  }

  /** The request that is next; undefined when none waits. */
  get first(): QueuedRequest | undefined {
    return this.#requests[this.#first];
  }

  /**
   * Adds a request at the end.
   *
   * @returns False, and nothing is added, when it exceeds a bound. A single
   * request is never too much.
   */
  push(request: QueuedRequest): boolean {
    const isTooMuch = this.#events + request.eventCount > this.#eventsMax ||
      this.#bytes + request.bytesMax > this.#bytesMax;
    if (isTooMuch && !this.isEmpty) return false;
    this.#requests.push(request);
    this.#events += request.eventCount;
    this.#bytes += request.bytesMax;
    return true;
  }

  /** Takes the first request off the queue. */
  shift(): QueuedRequest | undefined {
    const request = this.#requests[this.#first];
    if (request === undefined) return undefined;
    this.#first++;
    this.#events -= request.eventCount;
    this.#bytes -= request.bytesMax;
    if (this.isEmpty) {
      this.#requests = [];
      this.#first = 0;
    } else if (this.#first >= COMPACT_AT) {
      this.#requests.splice(0, this.#first);
      this.#first = 0;
    }
    return request;
  }
}

interface IntakeOptions {
  readonly encoder: RequestEncoder;
  readonly queueEventsMax: number;
  readonly queueBytesMax: number;
  /** Why requests are refused at the moment; undefined when they are not. */
  readonly refusal: () => QuipuError | undefined;
  readonly onQueued: () => void;
}

/** Metadata of a stream that is reopened, in most cases. */
const REOPENING_BYTES = 256;

const NO_BODY = { eventType: "", data: "", metadata: "" };

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
      bytesMax += recordBytesMax(request.streamName, event);
    }
    return this.#enqueue(
      request.events.length,
      bytesMax,
      (group) => this.#options.encoder.append(group, request),
    );
  }

  /** Queues an import: a batch that keeps its numbers and times. */
  importRun(request: ImportRunRequest): Promise<ImportRunResult> {
    let bytesMax = 0;
    for (const { streamName, event } of request.events) {
      bytesMax += recordBytesMax(streamName, event);
    }
    return this.#enqueue(
      request.events.length,
      bytesMax,
      (group) => this.#options.encoder.importRun(group, request),
    );
  }

  deleteStream(request: DeleteRequest): Promise<DeleteResult> {
    return this.#enqueue(
      1,
      recordBytesMax(request.streamName, NO_BODY),
      (group) => this.#options.encoder.deleteStream(group, request),
    );
  }

  /** Makes later requests go into the next segment. */
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
    decide: (group: CommitGroup) => Result,
  ): Promise<Result> {
    const refusal = this.#options.refusal();
    if (refusal !== undefined) return Promise.reject(refusal);
    return new Promise((resolve, reject) => {
      const isQueued = this.queue.push({
        eventCount,
        // A soft-deleted stream that is reopened gets one event more.
        bytesMax: bytesMax + bytesMax / 2 + REOPENING_BYTES,
        encode: (group) => {
          const result = decide(group);
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
