/**
 * Segments written record by record with the store's own encoder: right
 * checksums, right chain, and whatever a test wants the records to say.
 *
 * @module
 */

import { membershipsOf } from "../../lib/model/lists.ts";
import { decodeStreamMetadata } from "../../lib/model/stream_metadata.ts";
import { isMetastream } from "../../lib/model/stream_names.ts";
import { GrowingBytes } from "../../storage/log/bytes.ts";
import {
  encodeRecord,
  FLAG_BATCH_END,
  FLAG_FIRST,
  FLAG_JSON,
  NO_ORDINAL,
  type RecordFields,
} from "../../storage/log/record.ts";
import {
  encodeSegmentHeader,
  segmentFileName,
} from "../../storage/log/segment_header.ts";
import { testUuid } from "./events.ts";

/** An event, and what its record is to say besides what would be right. */
export interface ForgedEvent {
  readonly streamName: string;
  readonly eventType?: string;
  readonly data?: string | Uint8Array;
  readonly isTombstone?: boolean;
  readonly forged?: Partial<RecordFields>;
}

/** Files of a log by their names. */
export type ForgedFiles = ReadonlyMap<string, Uint8Array<ArrayBuffer>>;

/** Time of the first record. */
const START_US = Date.UTC(2025, 0, 1) * 1000;
const TOMBSTONE_FLAG = 8;

/** Writes each list of events as a segment, each event as a run of its own. */
export function forgeLog(
  segments: readonly (readonly ForgedEvent[])[],
): ForgedFiles {
  const files = new Map<string, Uint8Array<ArrayBuffer>>();
  const nexts = new Map<string, number>();
  const storeId = testUuid(999_999);
  let position = 0;
  let checksum = 0;
  let count = 0;

  /** The list's next ordinal, which is used up. */
  function take(list: string | undefined): number {
    if (list === undefined) return NO_ORDINAL;
    const next = nexts.get(list) ?? 0;
    nexts.set(list, next + 1);
    return next;
  }

  for (const [number, events] of segments.entries()) {
    const out = new GrowingBytes(4096);
    const segment = { number, generation: 1 };
    out.push(encodeSegmentHeader({
      ...{ storeId, ...segment, startPosition: position },
      ...{ previousChecksum: checksum, createdAtUs: START_US },
    }));
    for (const event of events) {
      const { streamName, eventType = "t", data = "{}", forged = {} } = event;
      const isTombstone = event.isTombstone ?? false;
      const eventNumber = isTombstone ? 2 ** 63 : take(`stream ${streamName}`);
      const listed = { streamName, eventType, eventNumber };
      const { category, eventType: type, isInStreams, categoryOfStream } =
        membershipsOf(
          listed,
          isMetastream(streamName)
            ? decodeStreamMetadata({ isJson: true, data })
            : undefined,
        );
      const start = out.length;
      checksum = encodeRecord(out, {
        logPosition: position,
        createdAtUs: START_US + ++count * 1000,
        eventId: testUuid(count),
        ...listed,
        data,
        metadata: "",
        flags: FLAG_JSON | FLAG_BATCH_END | (isInStreams ? FLAG_FIRST : 0) |
          (isTombstone ? TOMBSTONE_FLAG : 0),
        indexInBatch: 0,
        previousCrc: checksum,
        categoryOrdinal: take(category && `category ${category}`),
        typeOrdinal: take(type && `type ${type}`),
        streamsOrdinal: take(isInStreams ? "streams" : undefined),
        categoryStreamsOrdinal: take(
          categoryOfStream && `streams of ${categoryOfStream}`,
        ),
        ...forged,
      });
      position += out.length - start;
    }
    files.set(segmentFileName(segment, "seg"), out.bytes().slice());
  }
  return files;
}
