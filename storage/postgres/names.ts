/**
 * Streams and lists as the functions of the schema name them.
 *
 * @module
 */

import { listOfStream } from "../../lib/model/lists.ts";
import {
  decodeStreamMetadata,
  defaultMetadataOf,
} from "../../lib/model/stream_metadata.ts";
import type { StreamState } from "../../lib/store/event_store.ts";
import { describedStream, isMetastream } from "../../lib/model/stream_names.ts";
import { encodeUtf8 } from "../../lib/text/utf8.ts";
import { arrayText, bytesArrayText } from "./driver.ts";

/** Kinds of names, as the column has them. */
export const NAME_KINDS = {
  stream: 0,
  category: 1,
  eventType: 2,
  withMetastream: 3,
} as const;

const LIST_KINDS = {
  stream: 0,
  category: 1,
  eventType: 2,
  streams: 4,
  categoryStreams: 5,
} as const;

/** A list, as arguments: its kind, its name, whether it is a metastream. */
export function listArguments(
  streamName: string,
): [kind: number, name: Uint8Array, isMeta: boolean] {
  const { kind, name } = listOfStream(streamName);
  const isMeta = kind === "stream" && isMetastream(streamName);
  return [
    LIST_KINDS[kind],
    encodeUtf8(isMeta ? describedStream(name) : name),
    isMeta,
  ];
}

/**
 * State of a stream from the columns that all functions have for it: head,
 * number of its newest metadata, tombstone, and flags and data of the metadata.
 */
export function stateOfColumns(
  streamName: string,
  [head, metadataNumber, isTombstoned, flags, data]: readonly unknown[],
): StreamState {
  return {
    head: Number(head),
    isTombstoned: isTombstoned === true,
    metadata: data instanceof Uint8Array
      ? decodeStreamMetadata({ isJson: (Number(flags) & 1) !== 0, data })
      : defaultMetadataOf(streamName),
    metadataNumber: Number(metadataNumber),
  };
}

/** Lists, as four arguments: kinds, names, described streams, metastreams. */
export function listsArguments(streamNames: readonly string[]): string[] {
  const lists = streamNames.map(listArguments);
  return [
    arrayText(lists.map(([kind]) => kind)),
    bytesArrayText(lists.map(([, name]) => name)),
    bytesArrayText(
      streamNames.map((name) => encodeUtf8(describedStream(name))),
    ),
    arrayText(lists.map(([, , isMeta]) => isMeta)),
  ];
}
