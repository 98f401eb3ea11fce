/**
 * Events of a source from a position on, for whoever writes a query (spec:
 * projections §5, `read-events`).
 *
 * @module
 */

import type { RecordedEvent } from "../model/event.ts";
import { isLink } from "../model/links.ts";
import { systemListOf } from "../model/lists.ts";
import { LIMITS } from "../model/limits.ts";
import { ALL_STREAM } from "../streams/access.ts";
import type { ReadContext } from "../streams/context.ts";
import { readStretch } from "../streams/follow.ts";
import { LinkResolver } from "../streams/resolve_links.ts";
import { decodeUtf8Leniently } from "../text/utf8.ts";
import type {
  Caller,
  SourcePosition,
  SourceRead,
  SourceReadEvent,
  SourceReadView,
} from "./contract.ts";
import type { ProjectionDefinition } from "./engine/messages.ts";
import { deletionOf, sourceEventsOf } from "./source_events.ts";

/** How a read ended. */
export type SourceReadOutcome =
  | { readonly kind: "read"; readonly view: SourceReadView }
  | { readonly kind: "unauthorized" }
  | { readonly kind: "refused"; readonly reason: string };

/** An event of a source. */
export interface FoundEvent {
  readonly event: RecordedEvent;
  /** The link that led to it. */
  readonly link?: RecordedEvent;
  /** After the event. */
  readonly position: SourcePosition;
}

/** How reading for ourselves ended. */
export type FoundEvents =
  | {
    readonly kind: "read";
    readonly position: SourcePosition;
    readonly events: readonly FoundEvent[];
  }
  | { readonly kind: "unauthorized" }
  | { readonly kind: "refused"; readonly reason: string };

/** An event, where it is in the log, and its place in its stream. */
interface PlacedEvent {
  readonly event: RecordedEvent;
  readonly link: RecordedEvent | undefined;
  readonly streamName: string;
  readonly place: number;
  readonly logPosition: number;
}

/** Reads them with the caller's rights. Throws as `EventStore.readStream` does. */
export async function readSource(
  context: ReadContext,
  caller: Caller,
  read: SourceRead,
): Promise<SourceReadOutcome> {
  const found = await findSourceEvents(context, caller, read);
  if (found.kind !== "read") return found;
  const { position, events } = found;
  return { kind: "read", view: { position, events: events.map(shownEvent) } };
}

/** As `readSource`, with the events as the store has them. */
export async function findSourceEvents(
  context: ReadContext,
  caller: Caller,
  { definition: asked, position, maxEvents }: SourceRead,
): Promise<FoundEvents> {
  const definition = {
    categories: [],
    events: [],
    streams: [],
    options: {},
    ...asked,
  };
  const { streams, categories, allStreams, catalogStream } = definition;
  if (catalogStream !== undefined) {
    return refused("Events of a catalogue cannot be read");
  }
  const names = allStreams === true ? [ALL_STREAM] : [
    ...new Set([...streams, ...categories.map((name) => `$ce-${name}`)]),
  ];
  if (names.length === 0) {
    return refused("None of streams and categories are included");
  }
  if (names.length > LIMITS.projectionSourcesReadMax) {
    return refused(
      `More than ${LIMITS.projectionSourcesReadMax} streams are named`,
    );
  }
  const count = Math.min(maxEvents, LIMITS.projectionReadEventsMax);
  const read = { context, caller, definition, position, count };
  return allStreams === true ? await readLog(read) : await readStreams(
    read,
    names,
  );
}

interface Read {
  readonly context: ReadContext;
  readonly caller: Caller;
  readonly definition: ProjectionDefinition;
  readonly position: SourcePosition;
  readonly count: number;
}

function refused(reason: string): FoundEvents {
  return { kind: "refused", reason };
}

async function readLog(
  { context, caller, definition, position, count }: Read,
): Promise<FoundEvents> {
  const { store, access } = context;
  const state = await store.readState(ALL_STREAM);
  const right = await access.readAccess(caller, ALL_STREAM, state);
  if (right === "denied") return { kind: "unauthorized" };
  const { includes } = sourceEventsOf(definition);
  const takes = takesOf(definition);
  const last = position.log?.prepare ?? -1;
  const { events, next, isAtEnd, end } = await store.readAll({
    from: last + 1,
    count,
    direction: "forward",
    withBodies: true,
    accepts: (event) => takes(event) && includes(event),
  });
  const { readability } = new LinkResolver(context, caller, right);
  const found: FoundEvent[] = [];
  for (const event of events) {
    if (!await readability.mayRead(event.streamName)) continue;
    found.push({ event, position: logPositionOf(event.logPosition) });
  }
  // With types the position runs on to the end of what was looked at.
  const reached = isAtEnd ? end : next;
  const lastShown = events.at(-1)?.logPosition ?? last;
  const reader = definition.allEvents === true
    ? lastShown
    : Math.max(lastShown, reached - 1);
  return { kind: "read", position: logPositionOf(reader), events: found };
}

function logPositionOf(position: number): SourcePosition {
  return { log: { commit: position, prepare: position } };
}

async function readStreams(
  read: Read,
  names: readonly string[],
): Promise<FoundEvents> {
  const { context, caller, position } = read;
  const places = new Map(names.map((name) => [name, -1]));
  for (const [name, place] of position.streams ?? []) {
    if (places.has(name)) places.set(name, place);
  }
  const found: PlacedEvent[] = [];
  for (const name of names) {
    const state = await context.store.readState(name);
    const right = await context.access.readAccess(caller, name, state);
    if (right === "denied") return { kind: "unauthorized" };
    const links = new LinkResolver(context, caller, right);
    found.push(
      ...await readOne(read, { name, links, place: places.get(name) ?? -1 }),
    );
  }
  found.sort((one, other) => one.logPosition - other.logPosition);
  const events: FoundEvent[] = [];
  for (const { event, link, streamName, place } of found.slice(0, read.count)) {
    places.set(streamName, place);
    const position = { streams: [...places] };
    events.push({ event, position, ...(link !== undefined && { link }) });
  }
  return { kind: "read", position: { streams: [...places] }, events };
}

/** As many events of one stream as are wanted in all, or up to its end. */
async function readOne(
  { context, definition, count }: Read,
  { name, links, place }: {
    readonly name: string;
    readonly links: LinkResolver;
    readonly place: number;
  },
): Promise<PlacedEvent[]> {
  const takes = takesOf(definition);
  const found: PlacedEvent[] = [];
  let next = place + 1;
  for (let scanned = 0; scanned < LIMITS.filterScanMax;) {
    const stretch = await readStretch(
      context,
      { streamName: name },
      { place: next, count, withBodies: true },
    );
    for (const { place, entry } of stretch.entries) {
      const resolved = await links.show(entry, {
        list: systemListOf(name),
        streamName: name,
        resolveLinks: true,
        withBodies: true,
      });
      // A link to what is not there is skipped.
      if (resolved === undefined) continue;
      const { original, link, target } = resolved;
      const event = link === undefined ? original : target;
      const isTaken = event !== undefined && takes(event) &&
        !(link === undefined && isLink(event));
      if (!isTaken) continue;
      const { logPosition } = entry.event;
      found.push({
        event,
        link: link === undefined ? undefined : original,
        streamName: name,
        place,
        logPosition,
      });
    }
    if (stretch.isAtEnd || found.length >= count) break;
    scanned += Math.max(1, stretch.next - next);
    next = stretch.next;
  }
  return found.slice(0, count);
}

/** Whether handlers take an event, or are told that its stream was deleted. */
function takesOf(
  definition: ProjectionDefinition,
): (event: RecordedEvent) => boolean {
  const { takesType } = sourceEventsOf(definition);
  const { handlesDeletedNotifications } = definition.options;
  return (event) =>
    takesType(event.eventType) ||
    handlesDeletedNotifications === true && deletionOf(event) !== undefined;
}

function shownEvent({ event, position }: FoundEvent): SourceReadEvent {
  return {
    streamName: event.streamName,
    eventNumber: event.eventNumber,
    eventType: event.eventType,
    isJson: event.isJson,
    data: decodeUtf8Leniently(event.data),
    metadata: decodeUtf8Leniently(event.metadata),
    position,
  };
}
