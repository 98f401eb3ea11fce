/**
 * Metadata of system lists before anybody wrote it: what a projection of the
 * original wrote before a list's first event (spec: projections §6.3). It is an
 * event of the list's metastream that is made when it is read, and takes part in
 * nothing else: the first that is written is number 0, too.
 *
 * @module
 */

import type { ListEntry, StreamState } from "../store/event_store.ts";
import { isSystemList } from "../model/lists.ts";
import { METADATA_EVENT_TYPE } from "../model/stream_metadata.ts";
import { isMetastream, originalOfMetastream } from "../model/stream_names.ts";
import { encodeUtf8 } from "../text/utf8.ts";
import type { StreamContext } from "./context.ts";
import { systemEventId } from "./system_streams.ts";

const DATA = encodeUtf8('{"$acl":{"$r":"$all","$mr":"$all"}}');
const NO_BYTES = new Uint8Array(0);

/**
 * The metadata event of a system list that has entries and no metadata.
 *
 * @param state What the store says of `metastreamName`.
 * @returns `undefined` for any other stream.
 * @throws {QuipuError} As `EventStore.readStream` does.
 */
export async function madeMetadataOf(
  { store }: StreamContext,
  metastreamName: string,
  state: StreamState,
): Promise<ListEntry | undefined> {
  if (state.head >= 0 || !isMetastream(metastreamName)) return undefined;
  const listName = originalOfMetastream(metastreamName);
  if (!isSystemList(listName)) return undefined;
  const { head } = await store.readState(listName);
  if (head < 0) return undefined;
  const first = await store.findNearest(listName, 0, "forward");
  const { entries: [oldest] } = await store.readStream({
    streamName: listName,
    from: first ?? head,
    count: 1,
    direction: "forward",
    withBodies: false,
  });
  // An event has a time: of a list that has lost all entries nobody knows it.
  if (oldest === undefined) return undefined;
  const event = {
    streamName: metastreamName,
    eventNumber: 0,
    eventId: systemEventId(metastreamName, 0),
    eventType: METADATA_EVENT_TYPE,
    isJson: true,
    data: DATA,
    metadata: NO_BYTES,
    createdAtUs: oldest.event.createdAtUs,
    logPosition: oldest.event.logPosition,
  };
  return { ordinal: 0, event };
}
