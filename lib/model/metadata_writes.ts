/**
 * Which metadata the server writes itself, or changes on its way into a
 * metastream. A store applies these rules in the same step in which it decides
 * on a request, so that no other write can come between.
 *
 * - A soft delete sets `$tb` and keeps every other member, `$acl` above all:
 *   otherwise a delete would open a protected stream to everybody.
 * - Reopening a stream sets `$tb` to the number after its last event.
 * - Metadata from anybody but an administrator keeps at least the present
 *   `$tb`: otherwise it would bring back events that were truncated or deleted.
 *
 * @module
 */

import type { ProposedEvent } from "./event.ts";
import { type Int64, TRUNCATE_ALL } from "./event_number.ts";
import {
  readStreamMetadata,
  SOFT_DELETE_DATA,
  withTruncateBefore,
} from "./stream_metadata.ts";

/** A metadata event, as far as the rules look at it. */
type MetadataEvent = Pick<ProposedEvent, "isJson" | "data">;

/**
 * Data of the metadata event that soft-deletes a stream.
 *
 * @param newest The stream's newest metadata event. One that is not valid
 * counts as empty, and so do the members that it seems to have.
 */
export function softDeleteDataAfter(newest: MetadataEvent | undefined): string {
  const isValid = newest !== undefined &&
    readStreamMetadata(newest) !== undefined;
  return (isValid && withTruncateBefore(newest.data, TRUNCATE_ALL)) ||
    SOFT_DELETE_DATA;
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
