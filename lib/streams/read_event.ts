/**
 * Reading a single event (spec: streams §6).
 *
 * @module
 */

import type { ListEntry, StreamState } from "../store/event_store.ts";
import type { CachePolicy, ResolvedEvent } from "../model/feed.ts";
import { systemListOf } from "../model/lists.ts";
import {
  isMetastream,
  isSystemStream,
  originalOfMetastream,
} from "../model/stream_names.ts";
import type { ReadAccess } from "./access.ts";
import type { StreamContext } from "./context.ts";
import { isLink, LINK_TYPE } from "../model/links.ts";
import { madeMetadataOf } from "./system_streams.ts";
import type {
  Caller,
  EventOutcome,
  NotFound,
  ReadEventCommand,
  Unauthorized,
  Validator,
} from "./outcomes.ts";
import { versionOfEvent } from "./caching.ts";
import { validatorOf } from "./caching.ts";
import { LinkResolver, unresolved } from "./resolve_links.ts";
import { presenceOf, visibleRangeOf } from "./visibility.ts";

const NOT_FOUND: NotFound = { kind: "notFound" };
const UNAUTHORIZED: Unauthorized = { kind: "unauthorized" };

/**
 * Reads one event of a stream or a system list. A link that is to be followed
 * and leads nowhere is not found.
 *
 * @returns The outcome itself if the store and the rights are known without
 * waiting: promises cost as much as looking the event up.
 * @throws {QuipuError} As `EventStore.readEvent` does.
 */
export function readEvent(
  context: StreamContext,
  caller: Caller,
  command: ReadEventCommand,
): EventOutcome | Promise<EventOutcome> {
  const { store, access: rights } = context;
  const { streamName } = command;
  const state = store.local?.peekState(streamName);
  const access = state && rights.peekReadAccess(caller, streamName, state);
  return state === undefined || access === undefined
    ? readLater(context, caller, command)
    : readAs(context, caller, { command, state, access });
}

/** A read of a stream of which is known what the caller may see. */
interface PermittedRead {
  readonly command: ReadEventCommand;
  readonly state: StreamState;
  readonly access: ReadAccess;
}

async function readLater(
  context: StreamContext,
  caller: Caller,
  command: ReadEventCommand,
): Promise<EventOutcome> {
  const { streamName } = command;
  const state = await context.store.readState(streamName);
  const access = await context.access.readAccess(caller, streamName, state);
  return readAs(context, caller, { command, state, access });
}

function readAs(
  context: StreamContext,
  caller: Caller,
  read: PermittedRead,
): EventOutcome | Promise<EventOutcome> {
  const { command: { streamName, eventNumber }, state, access } = read;
  const { store, clock } = context;
  if (access === "denied") return UNAUTHORIZED;
  const presence = presenceOf(streamName, state);
  if (presence === "deleted") return { kind: "deleted" };
  if (presence === "missing") return notFound(context, read);
  const number = eventNumber === "head" ? state.head : eventNumber;
  const visible = visibleRangeOf(state, clock);
  if (number > state.head || number < visible.first) {
    return notFound(context, read);
  }
  const show = (entry: ListEntry | undefined) =>
    entry === undefined || entry.event.createdAtUs < visible.sinceUs
      ? notFound(context, read)
      : outcomeOf(context, caller, { ...read, entry });
  const entry = store.local?.peekEvent(streamName, number);
  return entry === undefined
    ? store.readEvent(streamName, number).then(show)
    : show(entry === "missing" ? undefined : entry);
}

function notFound(
  context: StreamContext,
  read: PermittedRead,
): EventOutcome | Promise<EventOutcome> {
  return isMetastream(read.command.streamName)
    ? missingMetadata(context, read)
    : NOT_FOUND;
}

/** Of a stream that is there, metadata that is not is no error. */
async function missingMetadata(
  context: StreamContext,
  read: PermittedRead,
): Promise<EventOutcome> {
  const { command, state, access } = read;
  const { streamName, eventNumber } = command;
  const cache: CachePolicy = {
    kind: "head",
    maxAgeSeconds: state.metadata.cacheControlSeconds,
    isPublic: access === "public",
  };
  const made = await madeMetadataOf(context, streamName, state);
  const isMade = eventNumber === "head" || eventNumber === made?.ordinal;
  if (made !== undefined && isMade) {
    const shown = { event: unresolved(made.event), isPublic: true };
    const outcome = found({ ...read, entry: made }, shown, undefined);
    // A stream that was written takes its place.
    return { ...outcome, cache };
  }
  const described = originalOfMetastream(streamName);
  const { head } = await context.store.readState(described);
  return head < 0 ? NOT_FOUND : { kind: "noMetadata", cache };
}

function outcomeOf(
  context: StreamContext,
  caller: Caller,
  read: PermittedRead & { readonly entry: ListEntry },
): EventOutcome | Promise<EventOutcome> {
  const { command, entry } = read;
  const needsMore = isSystemStream(command.streamName) ||
    entry.event.eventType === LINK_TYPE;
  if (needsMore) return followed(context, caller, read);
  const shown = { event: unresolved(entry.event), isPublic: true };
  const isImmutable = command.eventNumber !== "head";
  return found(read, shown, validatorOf(read.state, read.access, isImmutable));
}

async function followed(
  context: StreamContext,
  caller: Caller,
  read: PermittedRead & { readonly entry: ListEntry },
): Promise<EventOutcome> {
  const shown = await follow(context, caller, read);
  return "kind" in shown ? shown : found(read, shown, undefined);
}

/** The outcome for an event that is there. */
function found(
  { command, state, access, entry }: PermittedRead & {
    readonly entry: ListEntry;
  },
  shown: { readonly event: ResolvedEvent; readonly isPublic: boolean },
  validator: Validator | undefined,
): Extract<EventOutcome, { readonly kind: "event" }> {
  const isHead = command.eventNumber === "head";
  return {
    kind: "event",
    event: shown.event,
    version: isHead ? versionOfEvent(entry.ordinal, shown.event) : undefined,
    isLink: isLink(shown.event.original),
    cache: {
      kind: isHead ? "head" : "immutable",
      maxAgeSeconds: state.metadata.cacheControlSeconds,
      isPublic: access === "public" && shown.isPublic,
      isMixed: access === "public" && !shown.isPublic,
    },
    validator,
  };
}

async function follow(
  context: StreamContext,
  caller: Caller,
  { entry, command, access }: PermittedRead & { readonly entry: ListEntry },
): Promise<
  NotFound | Unauthorized | { event: ResolvedEvent; isPublic: boolean }
> {
  const { streamName, resolveLinks } = command;
  const resolver = new LinkResolver(context, caller, access);
  const event = await resolver.show(entry, {
    list: systemListOf(streamName),
    streamName,
    resolveLinks,
    withBodies: true,
  });
  if (event === undefined) return UNAUTHORIZED;
  const isBroken = resolveLinks && event.original.eventType === LINK_TYPE &&
    event.target === undefined;
  return isBroken ? NOT_FOUND : { event, isPublic: resolver.isPublic };
}
