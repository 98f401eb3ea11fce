/**
 * Assembling a page of anything: which of its entries the reader may see, what
 * their links lead to, when it was updated, how it may be kept, and the rest of
 * one that is larger than memory is to hold.
 *
 * `read_feed.ts` and `read_all.ts` say which entries a page has, in a stream, a
 * list or the whole log, through a filter or as of some time.
 *
 * @module
 */

import type { Int64 } from "../model/event_number.ts";
import type { CachePolicy, ResolvedEvent } from "../model/feed.ts";
import { isLink } from "../model/links.ts";
import { systemListOf } from "../model/lists.ts";
import type { ListEntry } from "../store/event_store.ts";
import type { ReadAccess } from "./access.ts";
import { cacheOfPage, type ShownEntry, shownEntryOf } from "./caching.ts";
import type { ReadContext } from "./context.ts";
import type { Caller, FeedReadOptions } from "./outcomes.ts";
import {
  LinkResolver,
  needsPlan,
  type PlannedEntry,
  type PlanOptions,
  unresolved,
} from "./resolve_links.ts";

/** Entries before links are followed and rights are looked at. */
export interface PageContents {
  /** Every entry, newest first; without bodies where there are `parts`. */
  readonly all: readonly ListEntry[];
  /**
   * The same entries with their bodies, as many at a time as memory may hold;
   * undefined: `all` have them.
   */
  readonly parts:
    | AsyncGenerator<readonly ListEntry[], void>
    | undefined;
  /** Whether later events change nothing of what is shown. */
  readonly isImmutable: boolean;
}

/** For whom a page is, and what it is a page of. */
export interface PageView
  extends Pick<FeedReadOptions, "withBodies" | "asOfUs"> {
  readonly caller: Caller;
  /** The reader's access to the stream itself. */
  readonly access: ReadAccess;
  /** A stream, a system list or `$all`. */
  readonly streamName: string;
  readonly resolveLinks: boolean;
  /** Whether its oldest entry dates the page, instead of its newest one. */
  readonly isDatedByOldest: boolean;
  /** The stream's `$cacheControl`. */
  readonly maxAgeSeconds: Int64 | undefined;
}

/** A page as its reader sees it. */
export interface ShownPage {
  readonly entries: readonly ResolvedEvent[];
  readonly moreEntries?: AsyncIterable<readonly ResolvedEvent[]>;
  readonly updatedUs: number | undefined;
  /** Every entry that is shown, perhaps without bodies, before it is followed. */
  readonly planned: readonly PlannedEntry[];
  /** Whether no entry was left out because this reader may not read it. */
  readonly showsAll: boolean;
  /** Whether the entries are shown as they stand, to everybody alike. */
  readonly isPlain: boolean;
  /** Whether it may change, so that its version is told. */
  readonly hasVersion: boolean;
  readonly hasLinks: boolean;
  readonly cache: CachePolicy;
  /** How each entry is shown. */
  describe(): Promise<ShownEntry[]>;
}

/**
 * Shows a page to a reader.
 *
 * @throws {QuipuError} As `EventStore.readStream` does.
 */
export async function showPage(
  context: ReadContext,
  view: PageView,
  { all, parts, isImmutable }: PageContents,
): Promise<ShownPage> {
  const { caller, access, streamName, resolveLinks, withBodies } = view;
  const options: PlanOptions = {
    list: systemListOf(streamName),
    streamName,
    resolveLinks,
    withBodies,
  };
  const resolver = needsPlan(all, options)
    ? new LinkResolver(context, caller, access)
    : undefined;
  const planned = resolver === undefined
    ? all.map(shownAsItStands)
    : await resolver.planEntries(all, {
      ...options,
      withBodies: withBodies && parts === undefined,
    });
  const dating = view.isDatedByOldest ? planned.at(-1) : planned[0];
  const updatedUs = resolver === undefined
    ? dating?.original.createdAtUs
    : await resolver.dateOf(dating);
  const showing = { resolver, options };
  const begun = parts === undefined
    ? planned
    : await planPart(showing, (await parts.next()).value ?? []);
  const { entries, nextIndex } = resolver === undefined
    ? { entries: begun, nextIndex: begun.length }
    : await resolver.resolveEntries(begun, 0, withBodies);
  const isWhole = parts === undefined && nextIndex === begun.length;
  const showsAll = resolver?.showsAll ?? true;
  return {
    entries,
    ...(!isWhole && {
      moreEntries: showRest(showing, { begun, nextIndex, parts }),
    }),
    updatedUs,
    planned,
    showsAll,
    isPlain: resolver === undefined,
    hasVersion: view.asOfUs === undefined && !(isImmutable && showsAll),
    hasLinks: planned.some(({ original }) => isLink(original)),
    cache: cacheOfPage(context.clock, {
      asOfUs: view.asOfUs,
      isImmutable,
      maxAgeSeconds: view.maxAgeSeconds,
      access,
      isPublic: resolver?.isPublic ?? access === "public",
      showsAll,
    }),
    async describe() {
      if (resolver === undefined) return planned.map(shownEntryOf);
      const shown = entries.map(shownEntryOf);
      // The rest of a page that is too large to be held whole.
      for (const entry of planned.slice(shown.length)) {
        const target = await resolver.findTarget(entry, false);
        shown.push(shownEntryOf({ ...entry, target }));
      }
      return shown;
    },
  };
}

function shownAsItStands({ event }: ListEntry): ResolvedEvent {
  return unresolved(event);
}

/** How entries are shown; without a resolver as they stand. */
interface Showing {
  readonly resolver: LinkResolver | undefined;
  readonly options: PlanOptions;
}

async function planPart(
  { resolver, options }: Showing,
  part: readonly ListEntry[],
): Promise<readonly PlannedEntry[]> {
  return resolver === undefined
    ? part.map(shownAsItStands)
    : await resolver.planEntries(part, options);
}

async function* showRest(
  showing: Showing,
  { begun, nextIndex, parts }: {
    /** The first part, and how far it was shown. */
    readonly begun: readonly PlannedEntry[];
    readonly nextIndex: number;
    readonly parts: PageContents["parts"];
  },
): AsyncGenerator<readonly ResolvedEvent[]> {
  yield* showPart(showing, begun, nextIndex);
  if (parts === undefined) return;
  for await (const part of parts) {
    yield* showPart(showing, await planPart(showing, part), 0);
  }
}

async function* showPart(
  { resolver, options }: Showing,
  part: readonly PlannedEntry[],
  fromIndex: number,
): AsyncGenerator<readonly ResolvedEvent[]> {
  if (resolver === undefined) {
    if (fromIndex < part.length) yield part;
    return;
  }
  for (let index = fromIndex; index < part.length;) {
    const { entries, nextIndex } = await resolver.resolveEntries(
      part,
      index,
      options.withBodies,
    );
    yield entries;
    index = nextIndex;
  }
}
