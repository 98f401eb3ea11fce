/**
 * Holding reads for something new (spec: streams §5.8). An event that the reader
 * may not see does not end their wait: they would learn when it was written.
 *
 * @module
 */

import { type EventFilter, passesFilter } from "../model/event_filter.ts";
import type { StreamState } from "../store/event_store.ts";
import { ALL_STREAM } from "./access.ts";
import type { StreamContext } from "./context.ts";
import { hasLostRights } from "./held_rights.ts";
import type { Caller, ReadAllCommand, ReadFeedCommand } from "./outcomes.ts";
import { systemListOf } from "./page_request.ts";
import { readLog } from "./read_log.ts";
import { Readability } from "./readability.ts";
import { LinkResolver } from "./resolve_links.ts";
import { visibleRangeOf } from "./visibility.ts";

/** Events that are looked at together while a read is held. */
const NEWS_BLOCK_COUNT = 256;

/**
 * Holds a read until its stream has an event after `head` that the reader may
 * see, or they may read it no longer, or the time is over.
 */
export function holdForStreamNews(
  context: StreamContext,
  caller: Caller,
  command: ReadFeedCommand,
  head: number,
): Promise<void> {
  const { store, longPolls } = context;
  const { streamName, longPollMs, signal } = command;
  let seen = head;
  return longPolls.hold({
    streamName,
    timeoutMs: longPollMs,
    signal,
    login: caller?.login,
    async hasNews() {
      const state = await store.readState(streamName);
      if (state.isTombstoned) return true;
      if (state.head > seen) {
        const from = seen + 1;
        const reader = { caller, command, from };
        if (await findsStreamNews(context, reader, state)) return true;
        seen = state.head;
      }
      return await hasLostRights(context, caller, { streamName, state });
    },
  });
}

/** Whether a stream has an event to show from a number on. */
async function findsStreamNews(
  context: StreamContext,
  { caller, command, from }: {
    readonly caller: Caller;
    readonly command: ReadFeedCommand;
    readonly from: number;
  },
  state: StreamState,
): Promise<boolean> {
  const { store, clock } = context;
  const { streamName, filter, resolveLinks } = command;
  const { first, sinceUs } = visibleRangeOf(state, clock);
  // Rights may have changed since the last look.
  const resolver = new LinkResolver(context, caller, "private");
  const list = systemListOf(streamName);
  const options = { list, streamName, resolveLinks, withBodies: false };
  for (let next = Math.max(from, first); next <= state.head;) {
    const count = Math.min(NEWS_BLOCK_COUNT, state.head - next + 1);
    const { entries } = await store.readStream({
      streamName,
      from: next,
      count,
      direction: "forward",
      withBodies: false,
    });
    for (const entry of entries) {
      const { event } = entry;
      const mayBeNews = event.createdAtUs >= sinceUs &&
        (filter === undefined || passesFilter(filter, event));
      if (!mayBeNews) continue;
      const shown = await resolver.planEntries([entry], options);
      if (shown.length > 0) return true;
    }
    next += count;
  }
  return false;
}

/** As {@link holdForStreamNews}, for events of the whole log from `end` on. */
export function holdForLogNews(
  context: StreamContext,
  caller: Caller,
  { longPollMs, signal, filter }: ReadAllCommand,
  end: number,
): Promise<void> {
  const { store, longPolls } = context;
  let from = end;
  return longPolls.hold({
    streamName: ALL_STREAM,
    timeoutMs: longPollMs,
    signal,
    login: caller?.login,
    async hasNews() {
      const range = { from, end: store.status().end, filter };
      if (range.end > from) {
        if (await findsLogNews(context, caller, range)) return true;
        from = range.end;
      }
      const state = await store.readState(ALL_STREAM);
      const read = { streamName: ALL_STREAM, state };
      return await hasLostRights(context, caller, read);
    },
  });
}

/** Whether there is an event to show in a part of the log. */
async function findsLogNews(
  context: StreamContext,
  caller: Caller,
  range: {
    readonly from: number;
    readonly end: number;
    readonly filter: EventFilter | undefined;
  },
): Promise<boolean> {
  const { end, filter } = range;
  // Rights may have changed since the last look.
  const readability = new Readability(context, caller, "private");
  for (let { from } = range; from < end;) {
    const { events, next, isAtEnd } = await readLog(context.store, {
      from,
      count: NEWS_BLOCK_COUNT,
      direction: "forward",
      withBodies: false,
      filter,
    });
    if ((await readability.keepReadable(events)).length > 0) return true;
    if (isAtEnd) return false;
    from = next;
  }
  return false;
}
