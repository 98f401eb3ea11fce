/**
 * A read of a page that is allowed and whose stream is there.
 *
 * @module
 */

import type { StreamState } from "../store/event_store.ts";
import { listOfStream, type ListRef } from "../model/lists.ts";
import { isSystemStream } from "../model/stream_names.ts";
import type { ReadAccess } from "./access.ts";
import type { Caller, ReadFeedCommand } from "./outcomes.ts";
import type { VisibleRange } from "./visibility.ts";

/** What a page is made from. */
export interface PageRequest {
  readonly caller: Caller;
  readonly command: ReadFeedCommand;
  /** Its head is that of the moment which the page shows. */
  readonly state: StreamState;
  readonly access: ReadAccess;
  readonly visible: VisibleRange;
}

/** The system list that a stream is served from; undefined: it is one itself. */
export function systemListOf(streamName: string): ListRef | undefined {
  if (!isSystemStream(streamName)) return undefined;
  const list = listOfStream(streamName);
  return list.kind === "stream" ? undefined : list;
}
