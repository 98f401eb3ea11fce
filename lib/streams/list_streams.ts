/**
 * Lists of streams for people: by name, by category, by type of event, and
 * those that were written last. Never all of a large store: a page at a time.
 *
 * @module
 */

import { isSystemStream } from "../model/stream_names.ts";
import type { ReadContext } from "./context.ts";
import type {
  Caller,
  ListedStream,
  ListStreamsCommand,
  StreamList,
} from "./outcomes.ts";
import { presenceOf } from "./visibility.ts";

/** How the lists of the system are called. */
const LIST_PREFIX = { streams: "", categories: "$ce-", types: "$et-" } as const;

/** Comes after every name that begins with `$`. */
const AFTER_SYSTEM = "$\u{10ffff}";

/**
 * How often the store is asked for more names, where the caller may not see
 * those that it has: each time it looks at all of its names.
 */
const ROUNDS_MAX = 4;

/**
 * Lists streams by their names, in the order of their UTF-8 bytes, less those
 * that the caller may not read.
 *
 * @throws {QuipuError} As `EventStore.listNames` does.
 */
export async function listStreams(
  context: ReadContext,
  caller: Caller,
  { by, prefix, after, limit }: ListStreamsCommand,
): Promise<StreamList> {
  const { store } = context;
  const skipsSystem = by === "streams" && !prefix.startsWith("$");
  const streams: ListedStream[] = [];
  let last = after;
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const names = await store.listNames(by, {
      prefix,
      after: last,
      limit: limit + 1,
    });
    const system = skipsSystem ? names.findIndex(isSystemStream) : -1;
    const shown = system < 0 ? names : names.slice(0, system);
    const found = await Promise.all(
      shown.map((name) => findListed(context, caller, LIST_PREFIX[by] + name)),
    );
    for (const [index, name] of shown.entries()) {
      if (streams.length === limit) return { streams, next: last };
      last = name;
      const listed = found[index];
      if (listed !== undefined) streams.push({ ...listed, name });
    }
    if (system >= 0) last = AFTER_SYSTEM;
    else if (names.length <= limit) return { streams, next: undefined };
  }
  return { streams, next: last };
}

/**
 * Lists the streams that were written last, newest first, less those of the
 * system and those that the caller may not read. Looks at the last
 * `LIMITS.filterScanMax` events at most.
 */
export async function listRecentStreams(
  context: ReadContext,
  caller: Caller,
  limit: number,
): Promise<readonly ListedStream[]> {
  const seen = new Set<string>();
  const { events } = await context.store.readAll({
    from: "end",
    count: limit,
    direction: "backward",
    withBodies: false,
    accepts({ streamName }) {
      if (isSystemStream(streamName) || seen.has(streamName)) return false;
      seen.add(streamName);
      return true;
    },
  });
  const listed = await Promise.all(
    events.map(({ streamName }) => findListed(context, caller, streamName)),
  );
  return listed.filter((found) => found !== undefined);
}

async function findListed(
  { store, access }: ReadContext,
  caller: Caller,
  streamName: string,
): Promise<ListedStream | undefined> {
  const state = await store.readState(streamName);
  if (presenceOf(streamName, state) !== "present") return undefined;
  const right = await access.readAccess(caller, streamName, state);
  if (right === "denied") return undefined;
  const { head } = state;
  const entry = await store.readEvent(streamName, head);
  const lastAtUs = entry?.event.createdAtUs;
  return { name: streamName, streamName, head, lastAtUs };
}
