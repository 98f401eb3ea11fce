/**
 * Following links (spec: streams §5.4, §6.2): which event each entry of a page
 * stands for, and whether the reader may see it.
 *
 * Reading a page has two steps. `planEntries` finds every link's target and
 * checks the reader's rights on it: no page is begun that would have to be
 * refused. `resolveEntries` then reads the targets, as many as memory allows.
 *
 * @module
 */

import type { RecordedEvent } from "../model/event.ts";
import type { ListEntry } from "../model/event_store.ts";
import type { LinkTarget, ResolvedEvent } from "../model/feed.ts";
import { LIMITS } from "../model/limits.ts";
import type { ListRef } from "../model/lists.ts";
import type { ReadAccess } from "./access.ts";
import type { StreamContext } from "./context.ts";
import { LINK_TYPE, parseLink } from "./links.ts";
import type { Caller } from "./outcomes.ts";
import { systemEventOf } from "./system_streams.ts";
import { presenceOf, type VisibleRange, visibleRangeOf } from "./visibility.ts";

/** An entry whose link is known, but not yet followed. */
export interface PlannedEntry {
  readonly original: RecordedEvent;
  readonly link: LinkTarget | undefined;
  /** The target, where it was read together with the original. */
  readonly target: RecordedEvent | undefined;
}

/** How the entries of a page are planned. */
export interface PlanOptions {
  /** The system list that the entries come from; undefined for a stream. */
  readonly list: ListRef | undefined;
  /** Name that the list is read by. */
  readonly streamName: string;
  readonly resolveLinks: boolean;
  /** Whether the entries were read with their bodies. */
  readonly withBodies: boolean;
}

interface LinkedStream {
  readonly access: ReadAccess;
  /** What is visible of the stream; undefined: nothing, it is gone. */
  readonly visible: (VisibleRange & { readonly head: number }) | undefined;
}

/** Whether the entries can be shown without looking for links. */
export function needsPlan(
  entries: readonly ListEntry[],
  { list, resolveLinks }: PlanOptions,
): boolean {
  if (list !== undefined) return true;
  return resolveLinks &&
    entries.some(({ event }) => event.eventType === LINK_TYPE);
}

/** Shows an event as it stands in its stream. */
export function unresolved(original: RecordedEvent): ResolvedEvent {
  return { original, link: undefined, target: undefined };
}

/** Follows the links of one page for one reader. */
export class LinkResolver {
  readonly #context: StreamContext;
  readonly #caller: Caller;
  /** What was decided for the page's first part holds for the others. */
  readonly #streams = new Map<string, LinkedStream>();
  #showsAll = true;
  #isPublic = true;

  constructor(context: StreamContext, caller: Caller) {
    this.#context = context;
    this.#caller = caller;
  }

  /** Whether no entry was left out so far. */
  get showsAll(): boolean {
    return this.#showsAll;
  }

  /** Whether everybody may see every target so far. */
  get isPublic(): boolean {
    return this.#isPublic;
  }

  /**
   * Finds the links of entries and checks the reader's rights. Entries of a
   * system list that the reader may not see are left out.
   *
   * @returns `undefined` if the reader may not see the target of a link that
   * somebody has written: the whole page is refused.
   */
  async planEntries(
    entries: readonly ListEntry[],
    options: PlanOptions,
  ): Promise<PlannedEntry[] | undefined> {
    const { list, resolveLinks } = options;
    const planned: PlannedEntry[] = [];
    for (const entry of entries) {
      if (list !== undefined) {
        const made = await this.#planSystemEntry(list, entry, options);
        if (made === undefined) this.#showsAll = false;
        else planned.push(made);
        continue;
      }
      const { event } = entry;
      const link = resolveLinks && event.eventType === LINK_TYPE
        ? parseLink(await this.#dataOf(event, options))
        : undefined;
      if (link !== undefined) {
        const { streamName } = link;
        const linked = this.#streams.get(streamName) ??
          await this.#loadStream(streamName);
        if (!this.#maySee(linked)) return undefined;
      }
      planned.push({ original: event, link, target: undefined });
    }
    return planned;
  }

  /**
   * Reads the targets of planned entries, from one index on, until
   * `LIMITS.pageBytesMax` of bodies are gathered.
   *
   * @returns The entries, and the index to go on from.
   */
  async resolveEntries(
    planned: readonly PlannedEntry[],
    fromIndex: number,
    withBodies: boolean,
  ): Promise<{ entries: ResolvedEvent[]; nextIndex: number }> {
    const entries: ResolvedEvent[] = [];
    let gatheredBytes = 0;
    let index = fromIndex;
    for (; index < planned.length; index++) {
      if (gatheredBytes >= LIMITS.pageBytesMax) break;
      const entry = planned[index];
      if (entry === undefined) break;
      const target = await this.findTarget(entry, withBodies);
      if (target !== undefined) {
        gatheredBytes += target.data.length + target.metadata.length;
      }
      entries.push({ original: entry.original, link: entry.link, target });
    }
    return { entries, nextIndex: index };
  }

  /** Target of an entry's link; undefined when it has none or it is broken. */
  async findTarget(
    { link, target }: PlannedEntry,
    withBodies: boolean,
  ): Promise<RecordedEvent | undefined> {
    if (link === undefined) return undefined;
    const { visible } = this.#streams.get(link.streamName) ??
      await this.#loadStream(link.streamName);
    if (visible === undefined) return undefined;
    const { eventNumber } = link;
    if (eventNumber < visible.first || eventNumber > visible.head) {
      return undefined;
    }
    const found = target ?? await this.#read(link, withBodies);
    return found !== undefined && found.createdAtUs >= visible.sinceUs
      ? found
      : undefined;
  }

  /** Microseconds since 1970 that an entry dates its page with, if it does. */
  async dateOf(entry: PlannedEntry | undefined): Promise<number | undefined> {
    if (entry?.link === undefined) return entry?.original.createdAtUs;
    return (await this.findTarget(entry, false))?.createdAtUs;
  }

  async #planSystemEntry(
    list: ListRef,
    entry: ListEntry,
    options: PlanOptions,
  ): Promise<PlannedEntry | undefined> {
    const { streamName, resolveLinks, withBodies } = options;
    const isLink = entry.event.eventType === LINK_TYPE;
    const source = isLink && list.kind === "category"
      ? {
        ordinal: entry.ordinal,
        event: withData(
          entry.event,
          await this.#dataOf(entry.event, options),
        ),
      }
      : entry;
    const made = systemEventOf(list, streamName, source, withBodies);
    const linked = this.#streams.get(made.aboutStream) ??
      await this.#loadStream(made.aboutStream);
    if (!this.#maySee(linked)) return undefined;
    return {
      original: made.event,
      link: resolveLinks ? made.link : undefined,
      target: made.target,
    };
  }

  /** Data of a link event, which is needed even if no bodies were read. */
  async #dataOf(
    event: RecordedEvent,
    { withBodies }: PlanOptions,
  ): Promise<Uint8Array> {
    if (withBodies) return event.data;
    const { streamName, eventNumber } = event;
    const entry = await this.#context.store.readEvent(streamName, eventNumber);
    return entry?.event.data ?? event.data;
  }

  #maySee({ access }: LinkedStream): boolean {
    if (access !== "public") this.#isPublic = false;
    return access !== "denied";
  }

  async #loadStream(streamName: string): Promise<LinkedStream> {
    const { store, access, clock } = this.#context;
    const state = await store.readState(streamName);
    const linked: LinkedStream = {
      access: await access.readAccess(this.#caller, streamName, state),
      visible: presenceOf(state) === "present"
        ? { ...visibleRangeOf(state, clock), head: state.head }
        : undefined,
    };
    this.#streams.set(streamName, linked);
    return linked;
  }

  async #read(
    { streamName, eventNumber }: LinkTarget,
    withBodies: boolean,
  ): Promise<RecordedEvent | undefined> {
    const { entries } = await this.#context.store.readStream({
      streamName,
      from: eventNumber,
      count: 1,
      direction: "forward",
      withBodies,
    });
    return entries[0]?.event;
  }
}

/** Member by member: a store's events may decode theirs when they are read. */
function withData(event: RecordedEvent, data: Uint8Array): RecordedEvent {
  return {
    streamName: event.streamName,
    eventNumber: event.eventNumber,
    eventId: event.eventId,
    eventType: event.eventType,
    isJson: event.isJson,
    data,
    metadata: event.metadata,
    createdAtUs: event.createdAtUs,
    logPosition: event.logPosition,
  };
}
