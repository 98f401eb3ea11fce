/**
 * Reading a single event (spec: streams §6).
 *
 * @module
 */

import type { ListEntry, StreamState } from "../model/event_store.ts";
import type { ResolvedEvent } from "../model/feed.ts";
import { listOfStream } from "../model/lists.ts";
import { isSystemStream } from "../model/stream_names.ts";
import type { StreamContext } from "./context.ts";
import { LINK_TYPE } from "./links.ts";
import type {
  Caller,
  EventOutcome,
  NotFound,
  ReadEventCommand,
  Unauthorized,
} from "./outcomes.ts";
import { basisOf } from "./read_basis.ts";
import { LinkResolver, unresolved } from "./resolve_links.ts";
import { presenceOf, visibleRangeOf } from "./visibility.ts";

const NOT_FOUND: NotFound = { kind: "notFound" };
const UNAUTHORIZED: Unauthorized = { kind: "unauthorized" };

/**
 * Reads one event of a stream or a system list. A link that is to be followed
 * and leads nowhere is not found.
 *
 * @throws {QuipuError} As `EventStore.readEvent` does.
 */
export async function readEvent(
  context: StreamContext,
  caller: Caller,
  command: ReadEventCommand,
): Promise<EventOutcome> {
  const { streamName, eventNumber } = command;
  const { store, access: rights } = context;
  const state = store.peekState?.(streamName) ??
    await store.readState(streamName);
  const access = rights.peekReadAccess(caller, streamName, state) ??
    await rights.readAccess(caller, streamName, state);
  if (access === "denied") return UNAUTHORIZED;
  const presence = presenceOf(state);
  if (presence === "deleted") return { kind: "deleted" };
  if (presence === "missing") return NOT_FOUND;
  const isHead = eventNumber === "head";
  const number = isHead ? state.head : eventNumber;
  const entry = await readVisible(context, streamName, { state, number });
  if (entry === undefined) return NOT_FOUND;
  const needsMore = isSystemStream(streamName) ||
    entry.event.eventType === LINK_TYPE;
  const shown = needsMore
    ? await follow(context, caller, { entry, command })
    : { event: unresolved(entry.event), isPublic: true };
  if ("kind" in shown) return shown;
  return {
    kind: "event",
    event: shown.event,
    etagNumber: isHead ? number : undefined,
    cache: {
      kind: isHead ? "head" : "immutable",
      maxAgeSeconds: state.metadata.cacheControlSeconds,
      isPublic: access === "public" && shown.isPublic,
    },
    basis: needsMore ? undefined : basisOf(state, access, !isHead),
  };
}

async function readVisible(
  { store, clock }: StreamContext,
  streamName: string,
  { state, number }: { readonly state: StreamState; readonly number: number },
): Promise<ListEntry | undefined> {
  const visible = visibleRangeOf(state, clock);
  if (number > state.head || number < visible.first) return undefined;
  const entry = await store.readEvent(streamName, number);
  if (entry === undefined || entry.event.createdAtUs < visible.sinceUs) {
    return undefined;
  }
  return entry;
}

async function follow(
  context: StreamContext,
  caller: Caller,
  { entry, command }: {
    readonly entry: ListEntry;
    readonly command: ReadEventCommand;
  },
): Promise<
  NotFound | Unauthorized | { event: ResolvedEvent; isPublic: boolean }
> {
  const { streamName, resolveLinks } = command;
  const list = listOfStream(streamName);
  const resolver = new LinkResolver(context, caller);
  const planned = await resolver.planEntries([entry], {
    list: list.kind === "stream" ? undefined : list,
    streamName,
    resolveLinks,
    withBodies: true,
  });
  const [only] = planned ?? [];
  if (only === undefined) return UNAUTHORIZED;
  const { original, link } = only;
  const target = await resolver.findTarget(only, true);
  const isBroken = resolveLinks && original.eventType === LINK_TYPE &&
    target === undefined;
  if (isBroken) return NOT_FOUND;
  return { event: { original, link, target }, isPublic: resolver.isPublic };
}
