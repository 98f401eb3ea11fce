/**
 * What readers see of a store, as lines: of each event that no rule hides, where
 * it is in the log and in every list.
 *
 * @module
 */

import type { Clock } from "../../lib/model/clock.ts";
import type { RecordedEvent } from "../../lib/model/event.ts";
import { TOMBSTONE_EVENT_NUMBER } from "../../lib/model/event_number.ts";
import type { EventStore, ListEntry } from "../../lib/store/event_store.ts";
import { firstVisibleNumber } from "../../lib/model/stream_metadata.ts";
import { isSystemStream } from "../../lib/model/stream_names.ts";
import { lineOf, listsIn, readLog } from "../faults/contents.ts";

/** What is visible, and what is there all the same. */
export interface View {
  /** Lines of visible events, of the log and of each list. */
  readonly lines: readonly string[];
  /** How many events are hidden and there. */
  readonly hiddenCount: number;
  /** Names of all lists. */
  readonly names: readonly string[];
}

/**
 * Looks at everything.
 *
 * @param names Lists that there were before, if they are known.
 */
export async function viewOf(
  store: EventStore,
  clock: Clock,
  names?: readonly string[],
): Promise<View> {
  const log = await readLog(store);
  const lists = names ?? [...listsIn(log).keys()].sort();
  const lines: string[] = [];
  const seen = new Set<number>();
  let hiddenCount = 0;
  for (const event of log) {
    if (await isVisible(store, clock, event)) {
      seen.add(event.logPosition);
      lines.push(lineOf(event));
    } else hiddenCount++;
  }
  for (const name of lists) {
    const state = await store.readState(name);
    // Of what is deleted for ever only who may see that matters.
    const { acl } = state.metadata;
    const shownState = state.isTombstoned
      ? { ...state, metadata: { acl } }
      : state;
    lines.push(`list ${name} ${JSON.stringify(shownState)}`);
    const forward = await readWhole(store, name, state.head, 1);
    const backward = await readWhole(store, name, state.head, -1);
    const shown = forward.filter(({ event }) => seen.has(event.logPosition));
    lines.push(
      ...shown.map(({ ordinal, event }) => `${ordinal} ${lineOf(event)}`),
    );
    const ordinals = forward.map(({ ordinal }) => ordinal);
    const reversed = backward.map(({ ordinal }) => ordinal).reverse();
    if (ordinals.join() !== reversed.join()) {
      throw new Error(`${name}: forward ${ordinals}, backward ${reversed}`);
    }
    for (const { ordinal, event } of forward) {
      const one = await store.readEvent(name, ordinal);
      if (one === undefined || lineOf(one.event) !== lineOf(event)) {
        throw new Error(`${ordinal} of ${name} is another alone`);
      }
    }
  }
  return { lines, hiddenCount, names: lists };
}

/** Whether readers see an event in its stream; a tombstone counts as seen. */
export async function isVisible(
  store: EventStore,
  clock: Clock,
  { streamName, eventNumber, createdAtUs }: RecordedEvent,
): Promise<boolean> {
  if (eventNumber >= TOMBSTONE_EVENT_NUMBER) return true;
  const { isTombstoned, metadata, head } = await store.readState(streamName);
  if (isTombstoned) return false;
  // What speaks for a stream is needed, seen or not.
  if (isSystemStream(streamName) && eventNumber === head) return true;
  const { maxAgeSeconds } = metadata;
  const sinceUs = maxAgeSeconds === undefined
    ? -Infinity
    : clock.nowUs() - Number(maxAgeSeconds) * 1_000_000;
  return eventNumber >= firstVisibleNumber(metadata, head) &&
    createdAtUs >= sinceUs;
}

async function readWhole(
  store: EventStore,
  streamName: string,
  head: number,
  step: 1 | -1,
): Promise<ListEntry[]> {
  const entries: ListEntry[] = [];
  let from = step > 0 ? 0 : head;
  while (from >= 0 && from <= head) {
    const page = await store.readStream({
      streamName,
      from,
      count: 7,
      direction: step > 0 ? "forward" : "backward",
      withBodies: true,
    });
    entries.push(...page.entries);
    from = page.continueFrom ?? from + 7 * step;
  }
  return entries;
}
