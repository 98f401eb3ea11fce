/**
 * What an answer to a read was made of, so that whoever keeps answers can tell
 * whether the same read would be answered the same now.
 *
 * A basis is only given for what depends on nothing else: not on the time (an
 * age limit, a view of the past) and not on other streams (links that are
 * followed, lists of the system).
 *
 * @module
 */

import type { StreamState } from "../store/event_store.ts";
import type { ReadAccess } from "./access.ts";
import type { StreamContext } from "./context.ts";
import type { Caller, ReadBasis } from "./outcomes.ts";
import { presenceOf } from "./visibility.ts";

/**
 * The basis of a read of one stream.
 *
 * @param isSettled Whether what is shown stays the same when events are added,
 * `$maxCount` aside.
 * @returns `undefined` if the answer depends on the time too.
 */
export function basisOf(
  state: StreamState,
  access: ReadAccess,
  isSettled: boolean,
): ReadBasis | undefined {
  const { head, metadata, metadataNumber } = state;
  if (metadata.maxAgeSeconds !== undefined) return undefined;
  return {
    head,
    metadataNumber,
    isPublic: access === "public",
    isSettled: isSettled && metadata.maxCount === undefined,
  };
}

/**
 * Whether the caller may read the stream, and what they would be answered has
 * the same basis; false if that cannot be told without waiting.
 *
 * @throws {QuipuError} As `EventStore.readState` does.
 */
export function holdsStill(
  { store, access }: StreamContext,
  caller: Caller,
  read: { readonly streamName: string; readonly basis: ReadBasis },
): boolean {
  const { streamName, basis } = read;
  const state = store.local?.peekState(streamName);
  if (state === undefined) return false;
  const granted = access.peekReadAccess(caller, streamName, state);
  if (granted !== (basis.isPublic ? "public" : "private")) return false;
  return state.metadataNumber === basis.metadataNumber &&
    (basis.isSettled ? state.head >= basis.head : state.head === basis.head) &&
    presenceOf(streamName, state) === "present";
}
