/**
 * Which events of a feed a reader asked for. An addition to the original's
 * interface.
 *
 * @module
 */

import { LIMITS } from "./limits.ts";
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

/** A filter as a client writes it. */
export interface FilterTexts {
  /** A type, or its beginning and a `*`. */
  readonly type: string | undefined;
  /** A stream, or its beginning and a `*`. */
  readonly stream: string | undefined;
  /** Whether events of the system's streams pass; undefined: it depends. */
  readonly withSystem: boolean | undefined;
}

/** The member of a filter that is no name, nor the beginning of one. */
export type UnreadablePattern = "unreadableType" | "unreadableStream";

/**
 * Reads a filter. A filter by a type of one's own leaves out the system's
 * streams unless it says otherwise: nobody who asks for it means them.
 *
 * @returns Undefined: nothing is left out.
 */
export function filterOf(
  { type, stream, withSystem }: FilterTexts,
): EventFilter | undefined | UnreadablePattern {
  const eventType = patternOf(type);
  if (eventType === "unreadable") return "unreadableType";
  const streamName = patternOf(stream);
  if (streamName === "unreadable") return "unreadableStream";
  const excludesSystem = withSystem === undefined
    ? eventType !== undefined && !isSystemStream(eventType.text) &&
      streamName === undefined
    : !withSystem;
  if (eventType === undefined && streamName === undefined && !excludesSystem) {
    return undefined;
  }
  return { eventType, streamName, excludesSystem };
}

function patternOf(
  text: string | undefined,
): NamePattern | undefined | "unreadable" {
  if (text === undefined) return undefined;
  const isPrefix = text.endsWith("*");
  const name = isPrefix ? text.slice(0, -1) : text;
  const isReadable = name !== "" &&
    name.length <= LIMITS.storedStreamNameBytesMax;
  return isReadable ? { text: name, isPrefix } : "unreadable";
}

/** A filter as a client would write it. */
export function filterTextsOf(
  { eventType, streamName, excludesSystem }: EventFilter,
): FilterTexts & { readonly withSystem: boolean } {
  return {
    type: eventType && textOfPattern(eventType),
    stream: streamName && textOfPattern(streamName),
    withSystem: !excludesSystem,
  };
}

function textOfPattern({ text, isPrefix }: NamePattern): string {
  return isPrefix ? text + "*" : text;
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
