/**
 * Following links (spec: streams §5.4, §6.2): which event each entry of a page
 * stands for, and whether the reader may see it.
 *
 * Reading a page has two steps. `planEntries` finds every link's target, checks
 * the reader's rights on it and leaves out what the reader may not see: what
 * the page shows is known before it begins. `resolveEntries` then reads the
 * targets, as many as memory allows.
 *
 * @module
 */

import type { RecordedEvent } from "../model/event.ts";
import type { ListEntry, StreamState } from "../store/event_store.ts";
import type { LinkTarget, ResolvedEvent } from "../model/feed.ts";
import { LIMITS } from "../model/limits.ts";
import { LINK_TYPE, parseLink } from "../model/links.ts";
import type { ListRef } from "../model/lists.ts";
import { ALL_STREAM, type ReadAccess } from "./access.ts";
import type { ReadContext } from "./context.ts";
import type { Caller } from "./outcomes.ts";
import { systemListOf } from "../model/lists.ts";
import { Readability } from "./access.ts";
import {
  copiedLinkOf,
  isCopiedLink,
  type SystemEvent,
  systemEventOf,
} from "./system_streams.ts";
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
  /** Name that the list is read by; `$all` for the whole log. */
  readonly streamName: string;
  readonly resolveLinks: boolean;
  /** Whether the entries were read with their bodies. */
  readonly withBodies: boolean;
}

/** The visible range of a stream; undefined: it is gone. */
type LinkedStream = (VisibleRange & { readonly head: number }) | undefined;

/** Whether the entries can be shown without looking for links. */
export function needsPlan(
  entries: readonly ListEntry[],
  { list, streamName, resolveLinks }: PlanOptions,
): boolean {
  if (list !== undefined || streamName === ALL_STREAM) return true;
  return resolveLinks &&
    entries.some(({ event }) => event.eventType === LINK_TYPE);
}

/** Shows an event as it stands in its stream. */
export function unresolved(original: RecordedEvent): ResolvedEvent {
  return { original, link: undefined, target: undefined };
}

/** Follows the links of one page for one reader. */
export class LinkResolver {
  readonly #context: ReadContext;
  /** Decisions for the page's first part hold for the others. */
  readonly readability: Readability;
  readonly #streams = new Map<string, LinkedStream>();
  #showsAll = true;

  /** @param access What the reader may see of what the page is read from. */
  constructor(context: ReadContext, caller: Caller, access: ReadAccess) {
    this.#context = context;
    this.readability = new Readability(context, caller, access);
  }

  /** Whether no entry was left out so far. */
  get showsAll(): boolean {
    return this.#showsAll;
  }

  /** Whether everybody may see the page, every entry and target so far. */
  get isPublic(): boolean {
    return this.readability.isPublic;
  }

  /**
   * Finds the links of entries, and leaves out those that the reader may not
   * see: of `$all` and of a system list, and links whose target they may not
   * read. Links in `$all` are shown as they are.
   */
  async planEntries(
    entries: readonly ListEntry[],
    options: PlanOptions,
  ): Promise<PlannedEntry[]> {
    const planned: PlannedEntry[] = [];
    for (const entry of entries) {
      // Mostly there is nothing to wait for.
      const plan = this.#peekPlan(entry, options) ??
        await this.#plan(entry, options);
      if (plan === undefined) this.#showsAll = false;
      else planned.push(plan);
    }
    return planned;
  }

  /** One entry, followed; undefined: the reader may not see it. */
  async show(
    entry: ListEntry,
    options: PlanOptions,
  ): Promise<ResolvedEvent | undefined> {
    const [planned] = await this.planEntries([entry], options);
    if (planned === undefined) return undefined;
    const target = await this.findTarget(planned, options.withBodies);
    return { original: planned.original, link: planned.link, target };
  }

  /** As `show`, if that is known without waiting and the target is there. */
  peekShow(entry: ListEntry, options: PlanOptions): ResolvedEvent | undefined {
    const planned = this.#peekPlan(entry, options);
    if (planned === undefined) return undefined;
    const { original, link, target } = planned;
    if (link === undefined) return unresolved(original);
    if (target === undefined) return undefined;
    const visible = this.#peekStream(link.streamName);
    return visible !== undefined && isVisible(visible, target)
      ? planned
      : undefined;
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
    const { streamName, eventNumber } = link;
    const visible = this.#streams.has(streamName)
      ? this.#streams.get(streamName)
      : await this.#loadStream(streamName);
    if (visible === undefined) return undefined;
    if (eventNumber < visible.first || eventNumber > visible.head) {
      return undefined;
    }
    const found = target ?? await this.#readLinked(link, withBodies);
    return found !== undefined && found.createdAtUs >= visible.sinceUs
      ? found
      : undefined;
  }

  /** Microseconds since 1970 that an entry dates its page with, if it does. */
  async dateOf(entry: PlannedEntry | undefined): Promise<number | undefined> {
    if (entry?.link === undefined) return entry?.original.createdAtUs;
    return (await this.findTarget(entry, false))?.createdAtUs;
  }

  /** As `#plan`, if that is known without waiting and the entry is shown. */
  #peekPlan(
    entry: ListEntry,
    { list, streamName, resolveLinks, withBodies }: PlanOptions,
  ): PlannedEntry | undefined {
    if (streamName === ALL_STREAM) {
      return this.readability.peek(entry.event.streamName) === true
        ? unresolved(entry.event)
        : undefined;
    }
    if (list === undefined || isCopiedLink(list, entry)) return undefined;
    const made = systemEventOf(entry, {
      list,
      listName: streamName,
      withBodies,
    });
    const { event, link, target, aboutStreams } = made;
    // All that these point at are ordinary streams, and among those named.
    const maySee = aboutStreams.every((name) => this.readability.peek(name));
    if (!maySee) return undefined;
    return { original: event, link: resolveLinks ? link : undefined, target };
  }

  /** Undefined: the reader may not see the entry. */
  async #plan(
    entry: ListEntry,
    options: PlanOptions,
  ): Promise<PlannedEntry | undefined> {
    const { list, streamName, resolveLinks, withBodies } = options;
    if (list !== undefined) {
      const shown = await this.#showSystemEntry(entry, {
        list,
        listName: streamName,
        withBodies,
      });
      return shown && {
        original: shown.event,
        link: resolveLinks ? shown.link : undefined,
        target: shown.target,
      };
    }
    const { event } = entry;
    if (streamName === ALL_STREAM) {
      const mayRead = await this.readability.mayRead(event.streamName);
      return mayRead ? unresolved(event) : undefined;
    }
    const link = resolveLinks && event.eventType === LINK_TYPE
      ? parseLink(await this.#dataOf(event, withBodies))
      : undefined;
    if (link !== undefined && !await this.#maySeeTarget(link)) return undefined;
    return { original: event, link, target: undefined };
  }

  /** The event of a system list, if the reader may see all that it is about. */
  async #showSystemEntry(
    entry: ListEntry,
    options: MadeOptions,
  ): Promise<SystemEvent | undefined> {
    // The entry itself is judged before anything else is read.
    if (!await this.#maySee([entry.event.streamName])) return undefined;
    if (isCopiedLink(options.list, entry) && options.isNested !== true) {
      const data = await this.#dataOf(entry.event, options.withBodies);
      const near = parseLink(data);
      if (near !== undefined && !await this.#maySeeTarget(near)) {
        return undefined;
      }
    }
    const made = await this.#makeSystemEvent(entry, options);
    if (!await this.#maySee(made.aboutStreams)) return undefined;
    const maySeeTarget = made.link === undefined || made.target !== undefined ||
      options.isNested === true || await this.#maySeeTarget(made.link);
    return maySeeTarget ? made : undefined;
  }

  async #makeSystemEvent(
    entry: ListEntry,
    options: MadeOptions,
  ): Promise<SystemEvent> {
    const { list, withBodies, isNested } = options;
    if (!isCopiedLink(list, entry)) return systemEventOf(entry, options);
    const data = await this.#dataOf(entry.event, withBodies);
    const link = isNested === true ? undefined : parseLink(data);
    const linked = link && await this.#readLinked(link, withBodies);
    const source = { ...entry, event: withData(entry.event, data) };
    return copiedLinkOf(source, linked, options);
  }

  async #maySee(streamNames: readonly string[]): Promise<boolean> {
    for (const name of streamNames) {
      const may = this.readability.peek(name) ??
        await this.readability.mayRead(name);
      if (!may) return false;
    }
    return true;
  }

  /**
   * Whether the reader may see what a link leads to: the stream, and where that
   * is a system list, all that its entry is about.
   */
  async #maySeeTarget(link: LinkTarget): Promise<boolean> {
    const { streamName } = link;
    if (!await this.#maySee([streamName])) return false;
    const list = systemListOf(streamName);
    if (list === undefined) return true;
    const entry = await this.#readEntry(link, false);
    if (entry === undefined) return true;
    const options = { list, listName: streamName, withBodies: false };
    const shown = await this.#showSystemEntry(entry, {
      ...options,
      isNested: true,
    });
    return shown !== undefined;
  }

  /** Data of a link event, which is needed even if no bodies were read. */
  async #dataOf(
    event: RecordedEvent,
    isRead: boolean,
  ): Promise<Uint8Array> {
    if (isRead) return event.data;
    const { streamName, eventNumber } = event;
    const entry = await this.#context.store.readEvent(streamName, eventNumber);
    return entry?.event.data ?? event.data;
  }

  async #loadStream(streamName: string): Promise<LinkedStream> {
    const state = await this.#context.store.readState(streamName);
    return this.#learnStream(streamName, state);
  }

  /** As `#loadStream`, if that is known without waiting. */
  #peekStream(streamName: string): LinkedStream {
    const known = this.#streams.get(streamName);
    if (known !== undefined) return known;
    const state = this.#context.store.local?.peekState(streamName);
    return state && this.#learnStream(streamName, state);
  }

  #learnStream(streamName: string, state: StreamState): LinkedStream {
    const { clock } = this.#context;
    const linked = presenceOf(streamName, state) === "present"
      ? { ...visibleRangeOf(state, clock), head: state.head }
      : undefined;
    this.#streams.set(streamName, linked);
    return linked;
  }

  /** The target of a link, hidden or not; of a system list, the made event. */
  async #readLinked(
    link: LinkTarget,
    withBodies: boolean,
  ): Promise<RecordedEvent | undefined> {
    const { streamName } = link;
    const list = systemListOf(streamName);
    const entry = await this.#readEntry(link, withBodies);
    if (entry === undefined || list === undefined) return entry?.event;
    const options = { list, listName: streamName, withBodies, isNested: true };
    return (await this.#makeSystemEvent(entry, options)).event;
  }

  async #readEntry(
    { streamName, eventNumber }: LinkTarget,
    withBodies: boolean,
  ): Promise<ListEntry | undefined> {
    const { entries } = await this.#context.store.readStream({
      streamName,
      from: eventNumber,
      count: 1,
      direction: "forward",
      withBodies,
    });
    return entries[0];
  }
}

/** Whether readers of its stream see an event. */
function isVisible(
  { first, head, sinceUs }: NonNullable<LinkedStream>,
  { eventNumber, createdAtUs }: RecordedEvent,
): boolean {
  return eventNumber >= first && eventNumber <= head && createdAtUs >= sinceUs;
}

interface MadeOptions {
  readonly list: ListRef;
  readonly listName: string;
  readonly withBodies: boolean;
  /**
   * Whether the event is asked for because of a link to it: then it is made of
   * its entry alone. A list may link to itself.
   */
  readonly isNested?: boolean;
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
