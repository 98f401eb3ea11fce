/**
 * Which link events lead nowhere when they are written. A category does not
 * list them, as the projection of the original that makes it does not (spec:
 * projections §9.4); later it would not be known any more.
 *
 * @module
 */

import { encodeUtf8 } from "../text/utf8.ts";
import type { ProposedEvent } from "../model/event.ts";
import type { StreamState } from "./event_store.ts";
import type { LinkTarget } from "../model/feed.ts";
import { LINK_TYPE, parseLink } from "../model/links.ts";
import { firstVisibleNumber, isSoftDeleted } from "../model/stream_metadata.ts";

/** The state of other streams while a batch is decided. */
export interface LinkTargets {
  /** State of a stream, or of a system list. */
  readonly stateOf: (streamName: string) => StreamState;
  /** Time of one of its events, microseconds since 1970; undefined: it is gone. */
  readonly timeOf: (target: LinkTarget) => number | undefined;
  /** Whether the same batch writes a link's target. */
  readonly isOfBatch: (target: LinkTarget) => boolean;
  readonly nowUs: () => number;
}

/**
 * Indexes of the link events of a batch of which readers would not find the
 * target: the stream or the event does not exist or is hidden, or the link is
 * malformed. Undefined: there is none.
 */
export function brokenLinksOf(
  events: readonly ProposedEvent[],
  targets: LinkTargets,
): ReadonlySet<number> | undefined {
  let broken: Set<number> | undefined;
  for (let index = 0; index < events.length; index++) {
    const event = events[index];
    if (event === undefined || event.eventType !== LINK_TYPE) continue;
    if (leadsSomewhere(event.data, targets)) continue;
    broken ??= new Set();
    broken.add(index);
  }
  return broken;
}

function leadsSomewhere(
  data: string | Uint8Array,
  targets: LinkTargets,
): boolean {
  const link = parseLink(typeof data === "string" ? encodeUtf8(data) : data);
  if (link === undefined) return false;
  if (targets.isOfBatch(link)) return true;
  const { streamName, eventNumber } = link;
  const { head, isTombstoned, metadata } = targets.stateOf(streamName);
  const isHidden = isTombstoned || eventNumber > head ||
    isSoftDeleted(metadata) || eventNumber < firstVisibleNumber(metadata, head);
  if (isHidden) return false;
  const createdAtUs = targets.timeOf(link);
  if (createdAtUs === undefined) return false;
  const { maxAgeSeconds } = metadata;
  return maxAgeSeconds === undefined ||
    targets.nowUs() - createdAtUs <= Number(maxAgeSeconds) * 1_000_000;
}
