/**
 * Reads what comes next in a live feed and writes it as one piece of text, as
 * much as a client takes at once.
 *
 * @module
 */

import type { ListEntry } from "../store/event_store.ts";
import type { ResolvedEvent } from "../model/feed.ts";
import { LIMITS } from "../model/limits.ts";
import type { ListRef } from "../model/lists.ts";
import { ByteText } from "../text/byte_text.ts";
import { ALL_STREAM } from "./access.ts";
import type { StreamContext } from "./context.ts";
import { LINK_TYPE } from "../model/links.ts";
import { readStretch, type Stretch } from "./follow.ts";
import type { LiveFeedCommand } from "./live_contract.ts";
import type { Caller } from "./outcomes.ts";
import { systemListOf } from "./page_request.ts";
import { LinkResolver, unresolved } from "./resolve_links.ts";

/** What a live feed shows, whoever reads it. */
export interface LiveSource extends
  Pick<
    LiveFeedCommand,
    "streamName" | "resolveLinks" | "filter" | "format"
  > {
  readonly list: ListRef | undefined;
  /** The same for sources that show the same in the same format. */
  readonly key: string;
}

/** A stretch of a live feed. */
export type LiveChunk =
  | {
    readonly kind: "events";
    /** Undefined when there is nothing to show. Must not be changed. */
    readonly bytes: Uint8Array<ArrayBuffer> | undefined;
    readonly eventCount: number;
    /** Place to go on from. */
    readonly next: number;
    /** Whether nothing is left for now. */
    readonly isAtEnd: boolean;
    /** Whether every reader gets to see the same. */
    readonly isForAll: boolean;
  }
  | {
    readonly kind: "ended";
    readonly reason: "deleted" | "unauthorized";
    readonly isForAll: boolean;
  };

/** Where to read, and for whom. */
export interface LiveRead {
  readonly caller: Caller;
  /** Place of the first event wanted: an event number or a log position. */
  readonly place: number;
  /** Events to read at most, 1 or more. */
  readonly count: number;
}

/** What the source of a command is. */
export function liveSourceOf(command: LiveFeedCommand): LiveSource {
  const { streamName, filter, format } = command;
  const resolveLinks = command.resolveLinks && streamName !== ALL_STREAM;
  return {
    streamName,
    resolveLinks,
    filter,
    format,
    list: systemListOf(streamName),
    key: JSON.stringify([streamName, resolveLinks, filter, format.key]),
  };
}

/**
 * Reads a stretch. The reader's right to read the stream itself was checked.
 *
 * @throws {QuipuError} As `EventStore.readStream` does.
 */
export async function readLiveChunk(
  context: StreamContext,
  source: LiveSource,
  read: LiveRead,
): Promise<LiveChunk> {
  const { place, count } = read;
  const stretch = await readStretch(context, source, {
    place,
    count,
    withBodies: true,
  });
  return stretch.isDeleted
    ? { kind: "ended", reason: "deleted", isForAll: true }
    : await writeChunk(context, { source, read, stretch });
}

/** Room for a stretch, and for the event that makes it too long. */
const CHUNK_CAPACITY = LIMITS.liveFeedChunkLengthMax + 8 * 1024;

async function writeChunk(
  context: StreamContext,
  { source, read, stretch }: {
    readonly source: LiveSource;
    readonly read: LiveRead;
    readonly stretch: Stretch;
  },
): Promise<LiveChunk> {
  const { format } = source;
  const resolver = new LinkResolver(context, read.caller, "public");
  const out = new ByteText(CHUNK_CAPACITY);
  let eventCount = 0;
  let { next, isAtEnd } = stretch;
  for (const { place, entry } of stretch.entries) {
    // Mostly there is nothing to wait for.
    const shown = isPlain(source, entry)
      ? unresolved(entry.event)
      : await resolve(resolver, source, entry);
    if (shown === undefined) continue;
    const { length } = out;
    format.event(out, shown, place);
    if (length > 0 && out.length > LIMITS.liveFeedChunkLengthMax) {
      out.length = length;
      next = place;
      isAtEnd = false;
      break;
    }
    eventCount++;
  }
  return {
    kind: "events",
    bytes: out.length === 0 ? undefined : out.take(0),
    eventCount,
    next,
    isAtEnd,
    isForAll: resolver.isPublic && resolver.showsAll,
  };
}

/** Whether an entry is shown as it stands there. */
function isPlain(
  { list, resolveLinks, streamName }: LiveSource,
  { event }: ListEntry,
): boolean {
  return list === undefined && streamName !== ALL_STREAM &&
    !(resolveLinks && event.eventType === LINK_TYPE);
}

/** Follows an entry's link, if any; undefined: the reader may not see it. */
async function resolve(
  resolver: LinkResolver,
  { list, streamName, resolveLinks }: LiveSource,
  entry: ListEntry,
): Promise<ResolvedEvent | undefined> {
  const options = { list, streamName, resolveLinks, withBodies: true };
  const [first] = await resolver.planEntries([entry], options);
  if (first === undefined) return undefined;
  const target = await resolver.findTarget(first, true);
  return { original: first.original, link: first.link, target };
}
