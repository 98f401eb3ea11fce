/**
 * Reads the whole log by position, forward and backward.
 *
 * @module
 */

import type { RecordedEvent } from "../../lib/model/event.ts";
import type {
  ReadAllRequest,
  ReadAllResult,
} from "../../lib/store/event_store.ts";
import type { StoreIndex } from "../index/store_index.ts";
import type { LogRecord } from "../log/log_record.ts";
import type { RecordFault } from "../log/record.ts";
import type { RecordReader } from "../log/record_reader.ts";
import type { Segment } from "../log/segment.ts";

export interface LogView {
  /** Oldest first; the last one is active. */
  readonly segments: readonly Segment[];
  readonly index: StoreIndex;
  readonly reader: RecordReader;
  /** Position after the last record that readers may trust. */
  readonly end: number;
  /** Records that a filtered read looks at, at most. */
  readonly scanMax: number;
  /** Bytes of bodies after which a read stops. */
  readonly bytesMax: number;
}

/** Gathers events until the request is satisfied or a bound is met. */
class Gathering {
  readonly events: RecordedEvent[] = [];
  readonly #request: ReadAllRequest;
  readonly #view: LogView;
  #looked = 0;
  #bytes = 0;

  constructor(request: ReadAllRequest, view: LogView) {
    this.#request = request;
    this.#view = view;
  }

  get isDone(): boolean {
    return this.events.length >= this.#request.count ||
      this.#looked >= this.#view.scanMax ||
      this.#bytes >= this.#view.bytesMax;
  }

  take(record: LogRecord): void {
    const { accepts, withBodies } = this.#request;
    // Without a filter a page is as long as it was asked for.
    if (accepts !== undefined) {
      this.#looked++;
      if (!accepts(record)) return;
    }
    if (withBodies) this.#bytes += record.bodyBytes;
    this.events.push(record);
  }
}

/** Reads events of the log; see the port. */
export function readAll(view: LogView, request: ReadAllRequest): ReadAllResult {
  const from = request.from === "end"
    ? view.end
    : Math.min(request.from, view.end);
  return request.direction === "forward"
    ? readForward(view, request, from)
    : readBackward(view, request, from);
}

function readForward(
  view: LogView,
  request: ReadAllRequest,
  from: number,
): ReadAllResult {
  const { segments, reader, end } = view;
  const gathering = new Gathering(request, view);
  const options = { withBodies: request.withBodies };
  let next = from;
  for (let at = segmentAt(segments, from); at < segments.length; at++) {
    const segment = segments[at];
    if (segment === undefined || gathering.isDone) break;
    const scanner = reader.scan(segment, startAt(view, segment, next));
    while (!gathering.isDone && scanner.position < segment.endPosition) {
      const position = scanner.position;
      const record = whole(view, segment, position, scanner.next(options));
      if (record === undefined) break;
      next = scanner.position;
      // A start between two records goes on with the later one.
      if (position >= from) gathering.take(record);
    }
    // The last records of a scavenged segment may be gone.
    if (!gathering.isDone) next = Math.max(next, segment.endPosition);
  }
  return {
    events: gathering.events,
    next,
    isAtEnd: next >= end,
    end,
  };
}

function readBackward(
  view: LogView,
  request: ReadAllRequest,
  from: number,
): ReadAllResult {
  const { segments, reader, end } = view;
  const gathering = new Gathering(request, view);
  const options = { withBodies: request.withBodies };
  let next = from;
  const last = from === 0 ? -1 : segmentAt(segments, from - 1);
  for (let at = Math.min(last, segments.length - 1); at >= 0; at--) {
    const segment = segments[at];
    if (segment === undefined || gathering.isDone) break;
    const scanner = reader.scanBack(segment, endAt(view, segment, next));
    while (!gathering.isDone && scanner.position > segment.startPosition) {
      const position = scanner.position;
      const record = whole(view, segment, position, scanner.next(options));
      if (record === undefined) break;
      next = scanner.position;
      gathering.take(record);
    }
    // So may its first ones.
    if (!gathering.isDone) next = Math.min(next, segment.startPosition);
  }
  return { events: gathering.events, next, isAtEnd: next <= 0, end };
}

/** Index of the segment that holds a position. */
function segmentAt(segments: readonly Segment[], position: number): number {
  let low = 0;
  let high = segments.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if ((segments[middle]?.startPosition ?? 0) <= position) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Position of a record at or before `position`, to scan forward from. */
function startAt(view: LogView, segment: Segment, position: number): number {
  if (position <= segment.startPosition) return segment.startPosition;
  if (position >= segment.endPosition) return segment.endPosition;
  if (segment.scavenged !== undefined) return position;
  if (view.reader.isRecordAt(segment, position)) return position;
  return view.index.recordNear(segment, position) ?? segment.startPosition;
}

/**
 * Position where a record ends, to scan back from: that of the last record
 * that begins before `position`.
 */
function endAt(view: LogView, segment: Segment, position: number): number {
  if (position >= segment.endPosition) return segment.endPosition;
  if (segment.scavenged !== undefined) return position;
  if (view.reader.positionBefore(segment, position) !== undefined) {
    return position;
  }
  const near = view.index.recordNear(segment, position - 1);
  const scanner = view.reader.scan(segment, near ?? segment.startPosition);
  while (scanner.position < position) {
    const at = scanner.position;
    const record = whole(
      view,
      segment,
      at,
      scanner.next({ withBodies: false }),
    );
    if (record === undefined) break;
  }
  return scanner.position;
}

function whole(
  view: LogView,
  segment: Segment,
  position: number,
  record: LogRecord | RecordFault | undefined,
): LogRecord | undefined {
  if (typeof record === "string") {
    throw view.reader.corrupt(segment, position, record);
  }
  return record;
}

/** Position of the first record that is at least that young. */
export function findPosition(view: LogView, createdAtUs: number): number {
  const { segments, index, reader, end } = view;
  // The last segment that begins with an older record holds the place, or the
  // one after it begins with it.
  let low = 0;
  let high = segments.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const segment = segments[middle];
    const isOlder = segment !== undefined &&
      index.recordBefore(segment, createdAtUs) !== undefined;
    if (isOlder) low = middle + 1;
    else high = middle;
  }
  const segment = segments[low - 1];
  if (segment === undefined) return 0;
  const before = index.recordBefore(segment, createdAtUs);
  const scanner = reader.scan(segment, before ?? segment.startPosition);
  while (scanner.position < Math.min(segment.endPosition, end)) {
    const at = scanner.position;
    const record = whole(
      view,
      segment,
      at,
      scanner.next({ withBodies: false }),
    );
    if (record === undefined || record.createdAtUs >= createdAtUs) return at;
  }
  return Math.min(segment.endPosition, end);
}
