/**
 * Everything that can be read of a store, and what the log alone says that it
 * must be.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import type { RecordedEvent } from "../../lib/model/event.ts";
import { TOMBSTONE_EVENT_NUMBER } from "../../lib/model/event_number.ts";
import type { EventStore, ReadResult } from "../../lib/store/event_store.ts";
import { membershipsOf } from "../../lib/model/lists.ts";
import { decodeStreamMetadata } from "../../lib/model/stream_metadata.ts";
import { isMetastream, metastreamOf } from "../../lib/model/stream_names.ts";

const DECODER = new TextDecoder();

/** An event in one line, and where it is. */
export function lineOf(event: RecordedEvent): string {
  const { streamName, eventNumber, eventId, eventType } = event;
  return `${event.logPosition} ${eventNumber}@${streamName} ${eventId} ` +
    `${eventType} ${event.isJson} ${event.createdAtUs} ` +
    `${DECODER.decode(event.data)} ${DECODER.decode(event.metadata)}`;
}

/** All events in the order of the log, read forward and, for comparison, back. */
export async function readLog(store: EventStore): Promise<RecordedEvent[]> {
  const forward: RecordedEvent[] = [];
  for (let from = 0, isAtEnd = false; !isAtEnd;) {
    const page = await store.readAll({
      from,
      count: 500,
      direction: "forward",
      withBodies: true,
    });
    forward.push(...page.events);
    assert(page.next > from || page.isAtEnd, "A page makes progress");
    from = page.next;
    isAtEnd = page.isAtEnd;
  }
  const backward: RecordedEvent[] = [];
  for (let from: number | "end" = "end", isAtEnd = false; !isAtEnd;) {
    const page = await store.readAll({
      from,
      count: 500,
      direction: "backward",
      withBodies: true,
    });
    backward.push(...page.events);
    from = page.next;
    isAtEnd = page.isAtEnd;
  }
  assertEquals(backward.reverse().map(lineOf), forward.map(lineOf));
  return forward;
}

/** What the log says that each list holds, by the name it is read by. */
export function listsIn(
  log: readonly RecordedEvent[],
): Map<string, RecordedEvent[]> {
  const lists = new Map<string, RecordedEvent[]>();
  const enter = (name: string, event: RecordedEvent): void => {
    const list = lists.get(name);
    if (list === undefined) lists.set(name, [event]);
    else list.push(event);
  };
  for (const event of log) {
    const { streamName, eventNumber } = event;
    if (eventNumber < TOMBSTONE_EVENT_NUMBER) enter(streamName, event);
    const memberships = membershipsOf(
      event,
      isMetastream(streamName) ? decodeStreamMetadata(event) : undefined,
    );
    const { category, eventType, categoryOfStream } = memberships;
    if (category !== undefined) enter(`$ce-${category}`, event);
    if (eventType !== undefined) enter(`$et-${eventType}`, event);
    if (memberships.isInStreams) enter("$streams", event);
    if (categoryOfStream !== undefined) {
      enter(`$category-${categoryOfStream}`, event);
    }
  }
  return lists;
}

/** Checks that each list holds what the log says, at the same ordinals. */
export async function checkLists(
  store: EventStore,
  log: readonly RecordedEvent[],
): Promise<void> {
  const lists = listsIn(log);
  const tombstoned = new Set(
    log.filter(({ eventNumber }) => eventNumber >= TOMBSTONE_EVENT_NUMBER)
      .map(({ streamName }) => streamName),
  );
  for (const [name, events] of lists) {
    const expected = events.map((event, ordinal) =>
      `${ordinal} ${lineOf(event)}`
    );
    const forward = await readList(store, name, "forward");
    assertEquals(forward, expected, `${name} is as the log says`);
    const backward = await readList(store, name, "backward");
    assertEquals(backward.reverse(), expected, `${name} read backward`);
    const state = await store.readState(name);
    assertEquals(state.head, events.length - 1, `head of ${name}`);
    if (name.startsWith("$") && !name.startsWith("$$")) continue;
    const newest = lists.get(metastreamOf(name))?.at(-1);
    assertEquals(state.metadataNumber, newest?.eventNumber ?? -1, name);
    if (newest !== undefined) {
      assertEquals(state.metadata, decodeStreamMetadata(newest), name);
    }
  }
  for (const name of new Set([...lists.keys(), ...tombstoned])) {
    const { isTombstoned } = await store.readState(name);
    const isExpected = tombstoned.has(name) ||
      (isMetastream(name) && tombstoned.has(name.slice(2)));
    assertEquals(isTombstoned, isExpected, `tombstone of ${name}`);
  }
}

async function readList(
  store: EventStore,
  streamName: string,
  direction: "forward" | "backward",
): Promise<string[]> {
  const { head } = await store.readState(streamName);
  const lines: string[] = [];
  const step = direction === "forward" ? 1 : -1;
  let from = direction === "forward" ? 0 : Math.max(0, head);
  while (from >= 0 && from <= head) {
    // Short pages, so that they begin and end anywhere in segments.
    const page: ReadResult = await store.readStream({
      streamName,
      from,
      count: 7,
      direction,
      withBodies: true,
    });
    for (const { ordinal, event } of page.entries) {
      lines.push(`${ordinal} ${lineOf(event)}`);
    }
    from = page.continueFrom ?? from + 7 * step;
  }
  return lines;
}

/** Lines of the log and of each list, by name. */
export async function answersOf(
  store: EventStore,
): Promise<Map<string, readonly string[]>> {
  const log = await readLog(store);
  const answers = new Map<string, readonly string[]>();
  answers.set(WHOLE_LOG, log.map(lineOf));
  for (const name of listsIn(log).keys()) {
    answers.set(name, await linesOfList(store, name));
  }
  return answers;
}

const WHOLE_LOG = "";

async function linesOfList(
  store: EventStore,
  name: string,
): Promise<string[]> {
  const state = JSON.stringify(await store.readState(name));
  return [state, ...await readList(store, name, "forward")];
}

/**
 * Asks for everything again: each answer is the same or a refusal that says
 * that something is damaged.
 *
 * @returns How many answers were refused.
 */
export async function countRefused(
  store: EventStore,
  answers: ReadonlyMap<string, readonly string[]>,
): Promise<number> {
  let count = 0;
  for (const [name, lines] of answers) {
    let found: readonly string[];
    try {
      found = name === WHOLE_LOG
        ? (await readLog(store)).map(lineOf)
        : await linesOfList(store, name);
    } catch (error) {
      assert(isDamageError(error), String(error));
      count++;
      continue;
    }
    const at = lines.findIndex((line, index) => line !== found[index]);
    assert(
      at < 0 && found.length === lines.length,
      `${name} says ${found[at]} instead of ${lines[at]}`,
    );
  }
  return count;
}

/** Whether an error says that something is damaged. */
export function isDamageError(error: unknown): boolean {
  return error instanceof Error && "code" in error &&
    (error.code === "corruptRecord" || error.code === "damaged" ||
      error.code === "foreignFormat");
}

/**
 * Everything that can be read, as lines: two stores with the same lines answer
 * the same.
 */
export async function linesOf(store: EventStore): Promise<string[]> {
  const log = await readLog(store);
  const lines = log.map(lineOf);
  for (const name of [...listsIn(log).keys()].sort()) {
    lines.push(`list ${name}`, JSON.stringify(await store.readState(name)));
    lines.push(...await readList(store, name, "forward"));
  }
  return lines;
}
