/**
 * Holding reads until there is something new (spec: streams §5.8). An event
 * that the reader may not see does not end the wait: the reader would learn
 * when it was written.
 *
 * @module
 */

import { systemListOf } from "../model/lists.ts";
import type { StreamContext } from "./context.ts";
import { type PlacedEntry, readStretch } from "./follow.ts";
import type { Caller, FeedReadOptions } from "./outcomes.ts";
import { LinkResolver } from "./resolve_links.ts";

/** Events that are looked at together while a read is held. */
const BLOCK_COUNT = 256;

/** A read that may be held. */
export interface HeldRead extends Omit<FeedReadOptions, "withBodies"> {
  /** A stream, a system list or `$all`. */
  readonly streamName: string;
  readonly resolveLinks: boolean;
  /** Place that is read from. */
  readonly from: number;
  /** Place after all that is there: an event from here on ends the wait. */
  readonly end: number;
}

/**
 * Holds a read that would find nothing new.
 *
 * @returns `outdated`: the caller's login holds no more, and nothing may be
 * answered.
 * @throws {QuipuError} As `EventStore.readStream` does.
 */
export async function holdIfNothingNew(
  context: StreamContext,
  caller: Caller,
  read: HeldRead,
): Promise<"notHeld" | "held" | "outdated"> {
  const { from, end, filter, asOfUs } = read;
  if (asOfUs !== undefined || from < end && filter === undefined) {
    return "notHeld";
  }
  if (from < end) {
    const { entries, isAtEnd } = await readStretch(context, read, {
      place: from,
      count: 1,
      withBodies: false,
    });
    // There may be more to look through than one read does.
    if (entries.length > 0 || !isAtEnd) return "notHeld";
  }
  await holdForNews(context, caller, read);
  return caller === undefined || context.isCurrent(caller)
    ? "held"
    : "outdated";
}

/**
 * Waits until there is an event that the reader may see, the stream is deleted,
 * the reader has lost the right to read it, the time is over, the signal comes
 * or the server stops.
 */
async function holdForNews(
  context: StreamContext,
  caller: Caller,
  read: HeldRead,
): Promise<void> {
  const { followers } = context;
  const { streamName, end: place, longPollMs } = read;
  const login = caller?.login;
  using follower = followers.open({ streamName, place, login });
  let isOver = false;
  const finish = () => {
    isOver = true;
    follower.wake();
  };
  const timer = setTimeout(finish, longPollMs);
  const signal = read.signal?.();
  signal?.addEventListener("abort", finish);
  try {
    while (!isOver && !followers.isEnded && signal?.aborted !== true) {
      const { entries, isDeleted } = await follower.advance((from) =>
        readStretch(context, read, {
          place: from,
          count: BLOCK_COUNT,
          withBodies: false,
        })
      );
      const isNews = isDeleted ||
        await showsAny(context, caller, read, entries);
      if (isNews || !await mayStillRead(context, caller, streamName)) break;
      await follower.news();
    }
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", finish);
  }
}

/** Whether the reader may see one of the entries at least. */
async function showsAny(
  context: StreamContext,
  caller: Caller,
  { streamName, resolveLinks }: HeldRead,
  entries: readonly PlacedEntry[],
): Promise<boolean> {
  // Rights may have changed since the last look.
  const resolver = new LinkResolver(context, caller, "private");
  const list = systemListOf(streamName);
  const options = { list, streamName, resolveLinks, withBodies: false };
  for (const { entry } of entries) {
    const shown = await resolver.planEntries([entry], options);
    if (shown.length > 0) return true;
  }
  return false;
}

async function mayStillRead(
  { store, access, isCurrent }: StreamContext,
  caller: Caller,
  streamName: string,
): Promise<boolean> {
  if (caller !== undefined && !isCurrent(caller)) return false;
  const state = await store.readState(streamName);
  return await access.readAccess(caller, streamName, state) !== "denied";
}
