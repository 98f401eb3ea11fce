/**
 * Remembers what a store was asked, what it answered and what it showed, and
 * checks what is left of it. The eight invariants:
 *
 * 1. acknowledged is readable: what was answered is there, where it was said to be
 * 2. once: no event is there twice, unless the first was deleted or truncated
 * 3. in order: positions rise, and what was asked after an answer comes after it
 * 4. gapless: the numbers of a stream are 0, 1, 2, …
 * 5. whole batches: of a batch all events are there, one after the other, or none
 * 6. nothing invented: each event was asked for, and says what it was asked to
 * 7. nothing moves: what was once shown has the same position and number
 * 8. the index says what the log says
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import type { RecordedEvent } from "../../lib/model/event.ts";
import { TOMBSTONE_EVENT_NUMBER } from "../../lib/model/event_number.ts";
import { QuipuError } from "../../lib/model/errors.ts";
import type { EventStore } from "../../lib/store/event_store.ts";
import { decodeStreamMetadata } from "../../lib/model/stream_metadata.ts";
import {
  isMetastream,
  metastreamOf,
  originalOfMetastream,
} from "../../lib/model/stream_names.ts";
import type { WriteStep } from "../support/store_twins.ts";
import { checkLists, readLog } from "./contents.ts";

/** A step that a store was asked for. */
interface Asked {
  readonly step: WriteStep;
  /** Moment at which it was asked. */
  readonly askedAt: number;
  /** Moment at which it was answered; undefined: refused or never. */
  answeredAt: number | undefined;
  /** Number of the first event, as answered. */
  firstEventNumber: number | undefined;
}

export class Witness {
  readonly #asked: Asked[] = [];
  /** Position of each event that was shown, by number and stream. */
  readonly #shown = new Map<string, number>();
  #now = 0;
  /** How many steps were answered. */
  answeredCount = 0;
  refusedCount = 0;

  /** A witness that knows the same, and what it learns it keeps to itself. */
  copy(): Witness {
    const copy = new Witness();
    copy.#asked.push(...this.#asked.map((asked) => ({ ...asked })));
    for (const [name, position] of this.#shown) copy.#shown.set(name, position);
    copy.#now = this.#now;
    return copy;
  }

  /** Asks for a step; `mayCount` says whether an answer still is one. */
  async ask(
    store: EventStore,
    step: WriteStep,
    mayCount: () => boolean,
  ): Promise<void> {
    const asked: Asked = {
      step,
      askedAt: this.#now++,
      answeredAt: undefined,
      firstEventNumber: undefined,
    };
    this.#asked.push(asked);
    try {
      const result = step.kind === "append"
        ? await store.append(step.request)
        : await store.deleteStream(step.request);
      if (!mayCount()) return;
      if (result.kind === "conflict" || result.kind === "deleted") return;
      asked.answeredAt = this.#now++;
      this.answeredCount++;
      if ("firstEventNumber" in result) {
        asked.firstEventNumber = result.firstEventNumber;
      }
    } catch (error) {
      // A patched copy of the store has error classes of its own.
      if (!(error instanceof QuipuError || hasCode(error))) throw error;
      this.refusedCount++;
    }
  }

  /** Notes what the store shows as it commits. */
  watch(store: EventStore, mayCount: () => boolean): void {
    store.watch((events) => {
      if (!mayCount()) return;
      for (const { streamName, eventNumber, logPosition } of events) {
        this.#show({ streamName, eventNumber, logPosition });
      }
    });
  }

  #show(
    event: { streamName: string; eventNumber: number; logPosition: number },
  ): void {
    const name = `${event.eventNumber}@${event.streamName}`;
    const shownAt = this.#shown.get(name);
    assertEquals(event.logPosition, shownAt ?? event.logPosition, name);
    this.#shown.set(name, event.logPosition);
  }

  /** Checks all invariants. What is there now has been shown. */
  async check(store: EventStore): Promise<void> {
    const log = await readLog(store);
    this.#checkOrder(log);
    const ids = this.#checkAsked(log);
    for (const asked of this.#asked) this.#checkAnswered(asked, ids, log);
    this.#checkAnswersInOrder(ids);
    for (const [name, logPosition] of this.#shown) {
      assert(
        log.some((event) =>
          `${event.eventNumber}@${event.streamName}` === name &&
          event.logPosition === logPosition
        ),
        `7: ${name} was shown at ${logPosition} and is there`,
      );
    }
    await checkLists(store, log);
    for (const event of log) this.#show(event);
  }

  #checkOrder(log: readonly RecordedEvent[]): void {
    let before = -1;
    const nexts = new Map<string, number>();
    const numbers = new Map<string, number>();
    const truncated = new Map<string, number | bigint>();
    for (const event of log) {
      const { streamName, eventNumber, eventId, logPosition } = event;
      assert(logPosition > before, "3: positions rise");
      before = logPosition;
      if (isMetastream(streamName)) {
        truncated.set(
          originalOfMetastream(streamName),
          decodeStreamMetadata(event).truncateBefore ?? 0,
        );
      }
      const name = `${eventId}@${streamName}`;
      const earlier = numbers.get(name);
      // An event that was deleted may be asked for again, and is another one.
      assert(
        earlier === undefined || earlier < (truncated.get(streamName) ?? 0),
        `2: ${name} is there once`,
      );
      numbers.set(name, eventNumber);
      if (eventNumber >= TOMBSTONE_EVENT_NUMBER) continue;
      assertEquals(
        eventNumber,
        nexts.get(streamName) ?? 0,
        `4: ${streamName} has no gaps`,
      );
      nexts.set(streamName, eventNumber + 1);
    }
  }

  /** Invariants 5 and 6; tells where in the log the asked events are. */
  #checkAsked(log: readonly RecordedEvent[]): ReadonlyMap<string, number[]> {
    const indexes = new Map<string, number[]>();
    for (const [index, { streamName, eventId }] of log.entries()) {
      const name = `${eventId}@${streamName}`;
      indexes.set(name, [...indexes.get(name) ?? [], index]);
    }
    const known = new Set<number>();
    for (const { step } of this.#asked) {
      if (step.kind !== "append") continue;
      const { streamName, events } = step.request;
      const at = events.map(({ eventId }) =>
        indexes.get(`${eventId}@${streamName}`) ?? []
      );
      for (const [index, event] of events.entries()) {
        assertEquals(
          at[index],
          at[0]?.map((first) => first + index),
          "5: batches are whole",
        );
        for (const place of at[index] ?? []) {
          const found = log[place];
          assert(found !== undefined);
          assertEquals(
            [found.eventType, new TextDecoder().decode(found.data)],
            [event.eventType, event.data],
            "6: an event says what it was asked to",
          );
          known.add(place);
        }
      }
    }
    for (const [index, event] of log.entries()) {
      if (!known.has(index)) this.#checkMadeByStore(event);
    }
    return indexes;
  }

  /** The store itself writes what deletes streams and what reopens them. */
  #checkMadeByStore(event: RecordedEvent): void {
    const { streamName, eventNumber } = event;
    const isTombstone = eventNumber >= TOMBSTONE_EVENT_NUMBER;
    const isAskedFor = this.#asked.some(({ step }) =>
      isTombstone
        ? step.kind === "delete" && step.request.mode === "hard" &&
          step.request.streamName === streamName
        : event.eventType === "$metadata" &&
          (metastreamOf(step.request.streamName) === streamName ||
            step.request.streamName === streamName)
    );
    assert(isAskedFor, `6: ${eventNumber}@${streamName} was asked for`);
  }

  /** Invariant 1. */
  #checkAnswered(
    asked: Asked,
    indexes: ReadonlyMap<string, readonly number[]>,
    log: readonly RecordedEvent[],
  ): void {
    const { step, answeredAt, firstEventNumber } = asked;
    if (answeredAt === undefined) return;
    const { streamName } = step.request;
    if (step.kind === "delete") {
      const isThere = log.some((event) =>
        step.request.mode === "hard"
          ? event.streamName === streamName &&
            event.eventNumber >= TOMBSTONE_EVENT_NUMBER
          : event.streamName === metastreamOf(streamName)
      );
      assert(isThere, `1: ${streamName} was deleted`);
      return;
    }
    for (const [index, { eventId }] of step.request.events.entries()) {
      const at = indexes.get(`${eventId}@${streamName}`) ?? [];
      assert(at.length > 0, `1: ${eventId} in ${streamName} was answered`);
      const number = (firstEventNumber ?? 0) + index;
      assert(
        at.some((place) => log[place]?.eventNumber === number),
        `1: ${eventId} in ${streamName} has number ${number}, as answered`,
      );
    }
  }

  /** Invariant 3, as clients can tell. */
  #checkAnswersInOrder(indexes: ReadonlyMap<string, readonly number[]>): void {
    const spans = new Map<string, { from: number; to: number; at: number }>();
    for (const { step, askedAt, answeredAt } of this.#asked) {
      if (step.kind !== "append") continue;
      const { streamName, events } = step.request;
      const name = `${events[0]?.eventId}@${streamName}`;
      const at = indexes.get(name)?.[0];
      if (at === undefined) continue;
      // Asked for again and again: it was done between the first request and
      // the first answer.
      const span = spans.get(name) ?? { from: askedAt, to: Infinity, at };
      span.to = Math.min(span.to, answeredAt ?? Infinity);
      spans.set(name, span);
    }
    const placed = [...spans.values()];
    placed.sort((one, other) => one.at - other.at);
    let latestAskedAt = -1;
    for (const { from, to } of placed) {
      assert(to > latestAskedAt, "3: what was answered before comes before");
      latestAskedAt = Math.max(latestAskedAt, from);
    }
  }
}

function hasCode(error: unknown): boolean {
  return error instanceof Error && "code" in error &&
    error.name === "QuipuError";
}
