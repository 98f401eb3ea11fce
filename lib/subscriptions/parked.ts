/**
 * The parked messages of a group: links in a stream of their own (spec:
 * subscriptions §6). Those below the stream's `$tb` were replayed. A marker
 * among them gives some up for good: they are neither counted nor replayed.
 *
 * @module
 */

import type { Clock } from "../model/clock.ts";
import type { ProposedEvent, RecordedEvent } from "../model/event.ts";
import { formatEventNumber } from "../model/event_number.ts";
import type { LinkTarget, ResolvedEvent } from "../model/feed.ts";
import { LINK_TYPE } from "../model/links.ts";
import { SYSTEM_PRINCIPAL } from "../model/principal.ts";
import { ALL_STREAM } from "../streams/access.ts";
import type { ReadContext } from "../streams/context.ts";
import { LinkResolver } from "../streams/resolve_links.ts";
import { formatIsoTime } from "../text/iso_time.ts";
import { parkedStreamOf } from "./contract.ts";
import type { GroupId } from "../model/subscription_group.ts";
import type { Parking, ParkReason, SourceMessage } from "./group.ts";
import {
  ADMINS_ACL,
  appendOwn,
  describeOwn,
  firstKeptNumber,
  jsonOf,
  objectOf,
  ownEvent,
  type OwnStreams,
} from "../streams/own_streams.ts";
import { messageOf } from "./source.ts";

/** Type of the marker. */
export const DISCARDED_TYPE = "ParkedMessagesDiscarded";

/** What the parked messages of a group work with. */
export interface ParkedParts extends OwnStreams {
  readonly context: ReadContext;
}

/** Numbers in the parked stream, `from` to `end` without it. */
export interface ParkedRange {
  readonly from: number;
  readonly end: number;
}

/** Entries that are read together. */
const BLOCK_COUNT = 256;

/** The parked messages of one group. */
export class ParkedMessages {
  readonly #parts: ParkedParts;
  readonly #group: GroupId;
  readonly #streamName: string;
  /** What was counted: parked messages from one number up to another. */
  #counted = { from: 0, to: 0, count: 0 };

  constructor(group: GroupId, parts: ParkedParts) {
    this.#group = group;
    this.#parts = parts;
    this.#streamName = parkedStreamOf(group);
  }

  /** How many there were when they were counted last. */
  get knownCount(): number {
    return this.#counted.count;
  }

  /** Links messages. Throws as `appendOwn` does. */
  async park(parkings: readonly Parking[]): Promise<void> {
    const { clock } = this.#parts.context;
    const events = parkings.map((parking) => this.#linkOf(parking, clock));
    await appendOwn(this.#parts, this.#streamName, events);
  }

  /** Counts the messages that are parked and were not given up. */
  async count(): Promise<number> {
    const { from, end } = await this.#range();
    const known = this.#counted;
    const isKnown = known.from === from && known.to <= end;
    let count = isKnown ? known.count : 0;
    for await (const event of this.#read(isKnown ? known.to : from, end)) {
      if (event.eventType === LINK_TYPE) count++;
      for (const number of await this.#discardedBy(event)) {
        if (number >= from) count--;
      }
    }
    this.#counted = { from, to: end, count };
    return count;
  }

  /**
   * What a replay would hand out.
   *
   * @param stopAt Number to stop before.
   * @returns Undefined: nothing.
   */
  async replayable(
    stopAt: number | undefined,
  ): Promise<ParkedRange | undefined> {
    const { from, end } = await this.#range();
    const last = Math.min(stopAt ?? end, end);
    return last > from ? { from, end: last } : undefined;
  }

  /** Notes that what is below a number is replayed. Throws as `appendOwn`. */
  async giveUpBelow(number: number): Promise<void> {
    const { from } = await this.#range();
    if (from >= number) return;
    const metadata = { $tb: number, $acl: ADMINS_ACL };
    await describeOwn(this.#parts, this.#streamName, metadata);
  }

  /** Numbers of a range that were given up, by markers wherever they stand. */
  async discardedIn({ from }: ParkedRange): Promise<Set<number>> {
    const { head } = await this.#parts.store.readState(this.#streamName);
    const numbers = new Set<number>();
    for await (const event of this.#read(from, head + 1)) {
      for (const number of await this.#discardedBy(event)) numbers.add(number);
    }
    return numbers;
  }

  /** Gives messages up by their ids; those that are not parked are ignored. */
  async discard(ids: ReadonlySet<string>): Promise<void> {
    const range = await this.#range();
    const discarded = await this.discardedIn(range);
    const numbers: number[] = [];
    for await (const event of this.#read(range.from, range.end)) {
      const { eventNumber, eventId, eventType } = event;
      const isMeant = eventType === LINK_TYPE && ids.has(eventId) &&
        !discarded.has(eventNumber);
      if (isMeant) numbers.push(eventNumber);
    }
    if (numbers.length === 0) return;
    const marker = ownEvent(this.#parts.newId, DISCARDED_TYPE, { numbers });
    await appendOwn(this.#parts, this.#streamName, [marker]);
  }

  /**
   * Reads parked messages to be handed out again, their links followed.
   *
   * @returns The messages and the number to go on from.
   */
  async readMessages(
    { from, end }: ParkedRange,
    count: number,
  ): Promise<{ messages: readonly SourceMessage[]; next: number }> {
    const { context } = this.#parts;
    const wanted = Math.min(count, end - from);
    const { entries, continueFrom } = await context.store.readStream({
      streamName: this.#streamName,
      from,
      count: wanted,
      direction: "forward",
      withBodies: true,
    });
    const resolver = new LinkResolver(context, SYSTEM_PRINCIPAL, "private");
    const links = entries.filter(({ event }) => event.eventType === LINK_TYPE);
    const planned = await resolver.planEntries(links, {
      list: undefined,
      streamName: this.#streamName,
      resolveLinks: true,
      withBodies: true,
    });
    const isOfAll = this.#group.streamName === ALL_STREAM;
    const messages: SourceMessage[] = [];
    for (const entry of planned) {
      const target = await resolver.findTarget(entry, true);
      const { original, link } = entry;
      const place = original.eventNumber;
      const order = isOfAll
        ? target?.logPosition ?? 0
        : link?.eventNumber ?? place;
      const event = { original, link, target };
      messages.push(messageOf("parked", { place, order, event }));
    }
    const near = entries.length > 0
      ? undefined
      : await context.store.findNearest(this.#streamName, from, "forward");
    const next = entries.length > 0
      ? continueFrom ?? from + wanted
      : Math.max(near ?? end, from + wanted);
    return { messages, next: Math.min(next, end) };
  }

  /** Numbers of the stream that were not replayed. */
  async #range(): Promise<ParkedRange> {
    const { store } = this.#parts;
    const state = await store.readState(this.#streamName);
    const end = state.isTombstoned ? 0 : state.head + 1;
    return { from: Math.min(firstKeptNumber(state), end), end };
  }

  /** Events of a range, without their bodies. */
  async *#read(from: number, end: number): AsyncGenerator<RecordedEvent> {
    const { store } = this.#parts;
    for (let next = from; next < end;) {
      const count = Math.min(BLOCK_COUNT, end - next);
      const { entries } = await store.readStream({
        streamName: this.#streamName,
        from: next,
        count,
        direction: "forward",
        withBodies: false,
      });
      for (const { event } of entries) yield event;
      next += count;
      if (entries.length > 0 || next >= end) continue;
      next = await store.findNearest(this.#streamName, next, "forward") ??
        end;
    }
  }

  /** Numbers that an event gives up: none, unless it is a marker. */
  async #discardedBy(event: RecordedEvent): Promise<readonly number[]> {
    if (event.eventType !== DISCARDED_TYPE) return [];
    const { store } = this.#parts;
    const whole = await store.readEvent(this.#streamName, event.eventNumber);
    return whole === undefined ? [] : numbersGivenUpBy(whole.event);
  }

  #linkOf({ message, reason }: Parking, clock: Clock): ProposedEvent {
    const { streamName, eventNumber } = parkedTargetOf(message);
    const subscriptionEventNumber = message.event.original.eventNumber;
    return {
      eventId: this.#parts.newId(),
      eventType: LINK_TYPE,
      isJson: false,
      data: `${formatEventNumber(eventNumber)}@${streamName}`,
      metadata: metadataText({
        added: formatIsoTime(clock.nowUs()),
        reason: reasonText(reason),
        subscriptionEventNumber,
      }),
    };
  }
}

function numbersGivenUpBy(marker: RecordedEvent): readonly number[] {
  const numbers = objectOf(jsonOf(marker))?.numbers;
  return Array.isArray(numbers)
    ? numbers.filter((number) => Number.isSafeInteger(number))
    : [];
}

/**
 * Of the newest events of a group's parked stream, with their bodies, those that
 * are messages still: without markers and without what these give up.
 */
export function stillParkedOf(
  events: readonly ResolvedEvent[],
): readonly ResolvedEvent[] {
  const isMarker = ({ original }: ResolvedEvent) =>
    original.eventType === DISCARDED_TYPE;
  // A marker is younger than what it gives up.
  const givenUp = new Set(
    events.filter(isMarker).flatMap(({ original }) =>
      numbersGivenUpBy(original)
    ),
  );
  return events.filter((event) =>
    !isMarker(event) && !givenUp.has(event.original.eventNumber)
  );
}

/** What the link of a parked message points at: never at another link of it. */
function parkedTargetOf({ event }: SourceMessage): LinkTarget {
  return event.link ?? event.original;
}

function reasonText(reason: ParkReason): string {
  return reason.kind === "asked"
    ? "Client explicitly NAK'ed message.\nNacked from HTTP"
    : `Reached retry count of ${reason.retryCount}`;
}

/**
 * Laid out as the original stores it, which its readers see; a number of 0 is
 * left out.
 */
function metadataText(
  { added, reason, subscriptionEventNumber }: {
    readonly added: string;
    readonly reason: string;
    readonly subscriptionEventNumber: number;
  },
): string {
  const text = JSON.stringify({ added, reason }, null, 2);
  if (subscriptionEventNumber === 0) return text;
  const number = formatEventNumber(subscriptionEventNumber);
  return `${text.slice(0, -2)},\n  "subscriptionEventNumber": ${number}\n}`;
}
