/**
 * What a fold must know of an export before it can take the first event: the
 * events that links stand for, and how many events each stream still shows.
 *
 * @module
 */

import { isLink, parseLink } from "../model/links.ts";
import {
  decodeStreamMetadata,
  firstVisibleNumber,
  isSoftDeleted,
  type StreamMetadata,
} from "../model/stream_metadata.ts";
import { describedStream, isMetastream } from "../model/stream_names.ts";
import { encodeUtf8 } from "../text/utf8.ts";
import type { SourceEvents, StoredEvent } from "./source_events.ts";

/** An event, and the line of the export that it came from. */
export interface LocatedEvent {
  /** From 1 on; 0: it is of no export. */
  readonly line: number;
  readonly event: StoredEvent;
}

/** An event of a source, and the link that led to it, if one did. */
export interface FoundEvent {
  readonly located: LocatedEvent;
  readonly link?: StoredEvent;
}

/** What was found out. */
export interface FoldSurvey {
  /**
   * The event that handlers see for an event of a source: of a link, its
   * target. Undefined: none, as it was truncated or is not there.
   */
  find(located: LocatedEvent): FoundEvent | undefined;
}

/** `fromAll()` sees what is in the log, and follows no links. */
const NOTHING_HIDDEN: FoldSurvey = { find: (located) => ({ located }) };

/**
 * Reads all events once, and once more if there are links.
 *
 * Deleted streams keep their events here, so that `$deleted` comes after them
 * as it does in a projection that runs while they are deleted. `$maxAge` hides
 * nothing: what a fold comes to must not depend on the day.
 */
export async function surveyEvents(
  readEvents: () => AsyncIterable<LocatedEvent>,
  sources: SourceEvents,
): Promise<FoldSurvey> {
  if (!sources.resolvesLinks) return NOTHING_HIDDEN;
  const wanted = new Set<string>();
  const metadata = new Map<string, StreamMetadata>();
  const heads = new Map<string, number>();
  for await (const { event } of readEvents()) {
    const { streamName, eventNumber } = event;
    if (isMetastream(streamName)) {
      metadata.set(
        describedStream(streamName),
        decodeStreamMetadata(event),
      );
    } else heads.set(streamName, eventNumber);
    const key = isLink(event) && sources.includes(event)
      ? targetKeyOf(event)
      : undefined;
    if (key !== undefined) wanted.add(key);
  }
  const isVisible = ({ streamName, eventNumber }: StoredEvent) => {
    const known = metadata.get(streamName);
    if (known === undefined || isSoftDeleted(known)) return true;
    const head = heads.get(streamName) ?? -1;
    return eventNumber >= firstVisibleNumber(known, head);
  };
  const targets = await readTargets(readEvents, wanted);
  return {
    find(located) {
      const { event } = located;
      if (!isVisible(event)) return undefined;
      if (!isLink(event)) return { located };
      const key = targetKeyOf(event);
      const target = key === undefined ? undefined : targets.get(key);
      return target !== undefined && isVisible(target.event)
        ? { located: { ...target, line: located.line }, link: event }
        : undefined;
    },
  };
}

/** Events by `number@stream`. */
async function readTargets(
  readEvents: () => AsyncIterable<LocatedEvent>,
  wanted: ReadonlySet<string>,
): Promise<ReadonlyMap<string, LocatedEvent>> {
  const found = new Map<string, LocatedEvent>();
  if (wanted.size === 0) return found;
  for await (const located of readEvents()) {
    const name = nameOf(located.event);
    if (wanted.has(name)) found.set(name, located);
  }
  return found;
}

function targetKeyOf({ data }: StoredEvent): string | undefined {
  const target = parseLink(typeof data === "string" ? encodeUtf8(data) : data);
  return target && `${target.eventNumber}@${target.streamName}`;
}

/** `number@stream`. */
export function nameOf(event: StoredEvent): string {
  return `${event.eventNumber}@${event.streamName}`;
}
