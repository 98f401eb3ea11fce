/**
 * Which events of a feed a reader asked for. An addition to the original's
 * interface.
 *
 * @module
 */

import { isSystemList } from "./lists.ts";
import { categoryOf, isSystemStream } from "./stream_names.ts";

/** A name, or how it begins. */
export interface NamePattern {
  /** Not empty. */
  readonly text: string;
  readonly isPrefix: boolean;
}

/** Leaves out events; what it does not name it does not look at. */
export interface EventFilter {
  readonly eventType: NamePattern | undefined;
  readonly streamName: NamePattern | undefined;
  /** Whether events of streams that begin with `$` are left out. */
  readonly excludesSystem: boolean;
}

/** Whether a filter lets an event pass. */
export function passesFilter(
  { eventType, streamName, excludesSystem }: EventFilter,
  event: { readonly streamName: string; readonly eventType: string },
): boolean {
  if (excludesSystem && isSystemStream(event.streamName)) return false;
  if (eventType !== undefined && !fits(eventType, event.eventType)) {
    return false;
  }
  return streamName === undefined || fits(streamName, event.streamName);
}

function fits({ text, isPrefix }: NamePattern, name: string): boolean {
  return isPrefix ? name.startsWith(text) : name === text;
}

/** A list that holds every event that a filter lets pass, perhaps with others. */
export interface FilterLists {
  /**
   * The one stream asked for; its tombstone, which has no number, stands in
   * the other lists only.
   */
  readonly stream: string | undefined;
  /** A system list. */
  readonly list: string | undefined;
}

/** Finds lists that save looking at the whole log for what a filter names. */
export function listsOfFilter(filter: EventFilter): FilterLists {
  const { eventType, streamName } = filter;
  const isOneStream = streamName !== undefined && !streamName.isPrefix &&
    !isSystemList(streamName.text);
  return {
    stream: isOneStream ? streamName.text : undefined,
    list: listOfType(filter, eventType) ?? listOfCategory(streamName),
  };
}

/** Streams of the system, and system types, stand in no list of a type. */
function listOfType(
  { streamName, excludesSystem }: EventFilter,
  eventType: NamePattern | undefined,
): string | undefined {
  if (eventType === undefined || eventType.isPrefix) return undefined;
  const isOrdinary = excludesSystem ||
    streamName !== undefined && !isSystemStream(streamName.text);
  return isOrdinary && !isSystemStream(eventType.text)
    ? "$et-" + eventType.text
    : undefined;
}

function listOfCategory(
  streamName: NamePattern | undefined,
): string | undefined {
  if (streamName === undefined || isSystemStream(streamName.text)) {
    return undefined;
  }
  // A prefix without its separator begins names of other categories too.
  const category = categoryOf(streamName.text);
  return category === undefined ? undefined : "$ce-" + category;
}
