/**
 * Which metadata the server writes itself, or changes on its way into a
 * metastream. A store applies these rules in the same step in which it decides
 * on a request, so that no other write can come between.
 *
 * - A soft delete sets `$tb` (of a system list, to the number after its last
 *   entry) and keeps every other member, `$acl` above all:
 *   otherwise a delete would open a protected stream to everybody.
 * - Reopening a stream sets `$tb` to the number after its last event.
 * - Metadata from anybody but an administrator keeps at least the present
 *   `$tb`: otherwise it would bring back events that were truncated or deleted.
 *
 * @module
 */

import type { ProposedEvent } from "./event.ts";
import { formatInt64, type Int64, TRUNCATE_ALL } from "./event_number.ts";
import { isSystemList } from "./lists.ts";
import { readStreamMetadata, withTruncateBefore } from "./stream_metadata.ts";

/** A metadata event, as far as the rules look at it. */
type MetadataEvent = Pick<ProposedEvent, "isJson" | "data">;

/** The state that a soft delete depends on. */
interface DeletableStream {
  readonly streamName: string;
  /** Number of its last event, -1 for none. */
  readonly head: number;
  /** `$tb` of its metadata, 0 for none. */
  readonly truncateBefore: Int64;
}

/**
 * Data of the metadata event that soft-deletes a stream. A system list is
 * hidden up to its last entry: the next comes from other streams, and nobody
 * would be there to reopen the list.
 *
 * @param newest The stream's newest metadata event. One that is not valid
 * counts as empty, and so do the members that it seems to have.
 */
export function softDeleteDataAfter(
  newest: MetadataEvent | undefined,
  { streamName, head, truncateBefore: present }: DeletableStream,
): string {
  const hidden: Int64 = isSystemList(streamName)
    ? present > head ? present : head + 1
    : TRUNCATE_ALL;
  const isValid = newest !== undefined &&
    readStreamMetadata(newest) !== undefined;
  return (isValid && withTruncateBefore(newest.data, hidden)) ||
    `{"$tb":${formatInt64(hidden)}}`;
}

/**
 * The events of a metadata write, changed where needed so that the last of them
 * truncates at least as much as the stream's present metadata does.
 *
 * Of a soft-deleted stream nothing is changed: writing its metadata reopens it,
 * and the event that reopens it carries the right `$tb`.
 *
 * @param present `$tb` of the stream, 0 for none.
 * @returns `undefined` when an event cannot carry a `$tb`, because it is not a
 * valid metadata document and so counts as empty.
 */
export function keepTruncation(
  events: readonly ProposedEvent[],
  present: Int64,
): readonly ProposedEvent[] | undefined {
  if (present >= TRUNCATE_ALL) {
    const newest = events[events.length - 1];
    return newest === undefined || readStreamMetadata(newest) === undefined
      ? undefined
      : events;
  }
  const kept: ProposedEvent[] = [];
  let least: Int64 = present;
  for (const event of events) {
    const metadata = readStreamMetadata(event);
    if (metadata === undefined && least > 0) return undefined;
    const truncateBefore: Int64 = metadata?.truncateBefore ?? 0;
    const data = truncateBefore < least
      ? withTruncateBefore(event.data, least)
      : event.data;
    if (data === undefined) return undefined;
    kept.push(data === event.data ? event : { ...event, data });
    if (truncateBefore > least) least = truncateBefore;
  }
  return kept;
}

/** Text for a client whose metadata `keepTruncation` does not let pass. */
export const NOT_TRUNCATING_MESSAGE =
  "Cannot write metadata that is not a valid document to a stream with " +
  "truncated or deleted events: they would become visible again";
