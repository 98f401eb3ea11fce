/**
 * Step 1 of an append: takes requests off the queue and has them decided and
 * encoded, until the batch is full.
 *
 * @module
 */

import { offsetOf, type Segment } from "../log/segment.ts";
import { SEGMENT_HEADER_BYTES } from "../log/segment_header.ts";
import type { AppendQueue, QueuedRequest } from "./append_queue.ts";
import type { Batch } from "./batch.ts";
import { undecidedError } from "./failure.ts";

export interface BatchBounds {
  /** Bytes of a segment's file, at most, unless one run alone is larger. */
  readonly segmentSizeBytes: number;
  readonly batchBytesMax: number;
}

/** Moves requests from the queue to the batch of a segment. */
export function fillBatch(
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
export function overflows(
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
