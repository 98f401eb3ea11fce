/**
 * The stream service on a model store, and short ways to ask it.
 *
 * @module
 */

import type { ProposedEvent } from "../../lib/model/event.ts";
import { formatEventNumber } from "../../lib/model/event_number.ts";
import type { EventStore } from "../../lib/store/event_store.ts";
import type { ResolvedEvent, StreamPage } from "../../lib/model/feed.ts";
import { type Principal, ROLE_ADMINS } from "../../lib/model/principal.ts";
import type {
  Caller,
  FeedOutcome,
  ReadAllCommand,
  ReadFeedCommand,
  StreamService,
} from "../../lib/streams/outcomes.ts";
import {
  createStreamService,
  type StreamServiceOptions,
} from "../../lib/streams/stream_service.ts";
import {
  aMetadataEvent,
  anEvent,
  createTestClock,
  createTestIds,
  type TestClock,
} from "./events.ts";
import { createModelStore } from "./model_store.ts";

/** Member of `$admins`. */
export const ADMIN: Principal = aUser("admin", [ROLE_ADMINS]);

/** Somebody with a login and groups. */
export function aUser(
  login: string,
  groups: readonly string[] = [],
): Principal {
  return { login, roles: new Set([login, ...groups]), isReadOnly: false };
}

/** A service, what it stands on, and steps to prepare streams with. */
export interface ServiceFixture {
  readonly service: StreamService;
  readonly store: EventStore;
  readonly clock: TestClock;
  /** Appends events of these numbers to a stream. */
  append(streamName: string, numbers: readonly number[]): Promise<void>;
  /** Appends events as they are to a stream. */
  appendEvents(
    streamName: string,
    events: readonly ProposedEvent[],
  ): Promise<void>;
  /** Writes what a stream's metadata says from now on. */
  describe(streamName: string, metadata: unknown): Promise<void>;
  softDelete(streamName: string): Promise<void>;
  hardDelete(streamName: string): Promise<void>;
}

/** Makes a service on an empty model store. */
export function createServiceFixture(
  options: Omit<StreamServiceOptions, "store" | "clock"> = {},
): ServiceFixture {
  const clock = createTestClock();
  const store = createModelStore({ clock, newEventId: createTestIds() });
  const service = createStreamService({ store, clock, ...options });
  let metadataCount = 0;
  const fixture: ServiceFixture = {
    service,
    store,
    clock,
    append: (streamName, numbers) =>
      fixture.appendEvents(
        streamName,
        numbers.map((number) => anEvent(number)),
      ),
    async appendEvents(streamName, events) {
      await store.append({ streamName, expectedVersion: "any", events });
    },
    async describe(streamName, metadata) {
      const event = aMetadataEvent(2 ** 30 + metadataCount++, metadata);
      await fixture.appendEvents("$$" + streamName, [event]);
    },
    async softDelete(streamName) {
      const expectedVersion = "any";
      await store.deleteStream({ streamName, expectedVersion, mode: "soft" });
    },
    async hardDelete(streamName) {
      const expectedVersion = "any";
      await store.deleteStream({ streamName, expectedVersion, mode: "hard" });
    },
  };
  return fixture;
}

/** Reads the head page of "s", unless `changes` say otherwise. */
export function aFeedRead(
  changes: Partial<ReadFeedCommand> = {},
): ReadFeedCommand {
  return {
    streamName: "s",
    range: { kind: "head", count: 20 },
    resolveLinks: true,
    withBodies: true,
    longPollMs: 0,
    ...changes,
  };
}

/** Reads the head page of the whole log, unless `changes` say otherwise. */
export function anAllRead(
  changes: Partial<ReadAllCommand> = {},
): ReadAllCommand {
  return {
    range: { kind: "head", count: 20 },
    withBodies: true,
    longPollMs: 0,
    ...changes,
  };
}

/** A page of a stream; fails on any other outcome. */
export async function readPage(
  { service }: ServiceFixture,
  changes: Partial<ReadFeedCommand> = {},
  caller: Caller = undefined,
): Promise<StreamPage> {
  const outcome = await service.readFeed(caller, aFeedRead(changes));
  return pageOf(outcome);
}

function pageOf(outcome: FeedOutcome): StreamPage {
  if (outcome.kind === "page") return outcome.page;
  throw new Error(`Expected a page: ${outcome.kind}`);
}

/** Every entry of a page, those that follow in parts too. */
export async function entriesOf(
  page: {
    readonly entries: readonly ResolvedEvent[];
    readonly moreEntries?: AsyncIterable<readonly ResolvedEvent[]>;
  },
): Promise<ResolvedEvent[]> {
  const entries = [...page.entries];
  if (page.moreEntries === undefined) return entries;
  for await (const part of page.moreEntries) entries.push(...part);
  return entries;
}

/**
 * Entries as short texts: `1@s`; a link as `1@s>0@t`, with a `?` when its
 * target could not be found.
 */
export function namesOf(entries: readonly ResolvedEvent[]): string[] {
  return entries.map(({ original, link, target }) => {
    const name = nameOf(original);
    if (link === undefined) return name;
    return `${name}>${nameOf(link)}${target === undefined ? "?" : ""}`;
  });
}

function nameOf(
  { eventNumber, streamName }: {
    readonly eventNumber: number;
    readonly streamName: string;
  },
): string {
  return `${formatEventNumber(eventNumber)}@${streamName}`;
}

/** Link events with these data, numbered from `first` on. */
export function linkEvents(
  first: number,
  targets: readonly string[],
): ProposedEvent[] {
  return targets.map((data, index) =>
    anEvent(first + index, { eventType: "$>", isJson: false, data })
  );
}
