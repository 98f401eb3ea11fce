/**
 * Which events of a stream readers see: `$tb`, `$maxCount`, `$maxAge` and
 * deletion hide events that the store still has (spec: streams §9.3).
 *
 * @module
 */

import type { Clock } from "../model/clock.ts";
import type { StreamState } from "../store/event_store.ts";
import { isSystemList } from "../model/lists.ts";
import { firstVisibleNumber, isSoftDeleted } from "../model/stream_metadata.ts";

/** Whether readers find the stream at all. */
export type StreamPresence = "present" | "missing" | "deleted";

/**
 * Says whether a stream is there for readers (spec: streams §1.5).
 *
 * @param state What the store says of that very stream.
 */
export function presenceOf(
  streamName: string,
  state: StreamState,
): StreamPresence {
  const { head, metadata } = state;
  if (state.isTombstoned) return "deleted";
  if (head < 0 || isSoftDeleted(metadata)) return "missing";
  // A system list is deleted up to its last entry: the next one, which other
  // streams bring, shows it again.
  const isDeletedList = (metadata.truncateBefore ?? 0) > head &&
    isSystemList(streamName);
  return isDeletedList ? "missing" : "present";
}

/** The events of a present stream that readers see. */
export interface VisibleRange {
  /** Lowest visible number; may be above the head. */
  readonly first: number;
  /** Older events are invisible; microseconds since 1970. */
  readonly sinceUs: number;
}

/** Says what readers see of a present stream now. */
export function visibleRangeOf(
  state: StreamState,
  clock: Clock,
): VisibleRange {
  const { metadata, head } = state;
  const { maxAgeSeconds } = metadata;
  return {
    first: firstVisibleNumber(metadata, head),
    sinceUs: maxAgeSeconds === undefined
      ? -Infinity
      : clock.nowUs() - Number(maxAgeSeconds) * 1_000_000,
  };
}
