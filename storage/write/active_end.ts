/**
 * The end of the active segment when a store stops cleanly.
 *
 * @module
 */

import type { ActiveEnd } from "../index/heads_snapshot.ts";
import type { RecordReader } from "../log/record_reader.ts";
import type { Segment } from "../log/segment.ts";

/**
 * The end of the active segment, once all that was decided is committed;
 * undefined when it is empty or cannot be read.
 */
export function activeEndOf(
  segment: Segment | undefined,
  lastPosition: number,
  reader: RecordReader,
): ActiveEnd | undefined {
  if (segment === undefined || lastPosition < segment.startPosition) {
    return undefined;
  }
  try {
    const last = reader.read(segment, lastPosition, { withBodies: true });
    return {
      number: segment.number,
      generation: segment.generation,
      checksum: last.headerCrc,
      endPosition: segment.endPosition,
      lastPosition,
      lastCreatedAtUs: last.createdAtUs,
    };
  } catch {
    // The next start scans the segment, and says what is wrong.
    return undefined;
  }
}
