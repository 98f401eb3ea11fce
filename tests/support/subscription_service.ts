/**
 * The service of persistent subscriptions on a model store, and short ways to
 * ask it.
 *
 * @module
 */

import type { ProposedEvent } from "../../lib/model/event.ts";
import { formatEventNumber } from "../../lib/model/event_number.ts";
import { SILENT_LOGGER } from "../../lib/model/logger.ts";
import type { EventStore } from "../../lib/store/event_store.ts";
import type { Lease, Leases } from "../../lib/store/leases.ts";
import type {
  Caller,
  CommandOutcome,
  GroupInfo,
  Message,
  NackAction,
  SubscriptionService,
} from "../../lib/subscriptions/contract.ts";
import type { GroupId } from "../../lib/model/subscription_group.ts";
import {
  openSubscriptions,
  type SubscriptionOptions,
} from "../../lib/subscriptions/service.ts";
import {
  DEFAULT_SETTINGS,
  type RequestedSettings,
} from "../../lib/subscriptions/settings.ts";
import { decodeUtf8 } from "../../lib/text/utf8.ts";
import {
  anEvent,
  createTestClock,
  createTestIds,
  type TestClock,
} from "./events.ts";
import { createManualTimers, type ManualTimers } from "./manual_timers.ts";
import { createModelStore } from "./model_store.ts";
import { ADMIN } from "./stream_service.ts";

/** The group that these tests are about. */
export const GROUP: GroupId = { streamName: "s", groupName: "g" };

/** A service, what it stands on, and steps to take with it. */
export interface SubscriptionFixture {
  readonly service: SubscriptionService;
  readonly store: EventStore;
  readonly clock: TestClock;
  readonly timers: ManualTimers;
  append(streamName: string, numbers: readonly number[]): Promise<void>;
  appendEvents(
    streamName: string,
    events: readonly ProposedEvent[],
  ): Promise<void>;
  /** Creates a group with these settings, the others by default. */
  create(
    settings?: Partial<RequestedSettings>,
    group?: GroupId,
  ): Promise<CommandOutcome>;
  update(settings?: Partial<RequestedSettings>): Promise<CommandOutcome>;
  /** Messages as short texts: see `shownMessage`. */
  read(count: number, caller?: Caller, group?: GroupId): Promise<string[]>;
  readMessages(count: number): Promise<readonly Message[]>;
  ack(numbers: readonly number[]): Promise<void>;
  nack(numbers: readonly number[], action: NackAction): Promise<void>;
  info(group?: GroupId): Promise<GroupInfo>;
  /** What the events of a stream hold, each as text. */
  dataOf(streamName: string): Promise<string[]>;
  /** Ends the service as a crash does, and opens another on the same store. */
  crash(): Promise<SubscriptionFixture>;
  /** Ends it in order, and opens another. */
  restart(): Promise<SubscriptionFixture>;
}

/** Makes a service on a store, by default an empty model store. */
export async function openSubscriptionFixture(
  options: Partial<SubscriptionOptions> & {
    readonly clock?: TestClock;
    readonly timers?: ManualTimers;
  } = {},
): Promise<SubscriptionFixture> {
  const clock = options.clock ?? createTestClock();
  const newId = options.newId ?? createTestIds();
  const store = options.store ?? createModelStore({ clock, newEventId: newId });
  const timers = options.timers ?? createManualTimers();
  const parts = { ...options, store, clock, newId, timers };
  // What a crash cuts off reaches the store no more, and holds nothing.
  let isCutOff = false;
  const held = new Set<Lease>();
  const leases: Leases = {
    async acquire(name, holdMs) {
      const lease = await store.leases.acquire(name, holdMs);
      if (lease !== undefined) held.add(lease);
      return lease;
    },
    renew: (lease, holdMs) => store.leases.renew(lease, holdMs),
    release: (lease) => store.leases.release(lease),
  };
  const reached: EventStore = new Proxy(store, {
    get(target, name) {
      if (name === "leases") return leases;
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== "function") return value;
      if (isCutOff && (name === "append" || name === "deleteStream")) {
        return () => new Promise(() => {});
      }
      return value.bind(target);
    },
  });
  const service = await openSubscriptions({
    logger: SILENT_LOGGER,
    ...parts,
    store: reached,
  });
  const idsOf = (numbers: readonly number[]) =>
    numbers.map((number) => anEvent(number).eventId);
  const fixture: SubscriptionFixture = {
    service,
    store,
    clock,
    timers,
    append: (streamName, numbers) =>
      fixture.appendEvents(
        streamName,
        numbers.map((number) => anEvent(number)),
      ),
    async appendEvents(streamName, events) {
      await store.append({ streamName, expectedVersion: "any", events });
      await timers.pass(0);
    },
    async create(settings = {}, group = GROUP) {
      const outcome = await service.create(ADMIN, {
        group,
        settings: { ...DEFAULT_SETTINGS, ...settings },
      });
      await timers.pass(0);
      return outcome;
    },
    async update(settings = {}) {
      const outcome = await service.update(ADMIN, {
        group: GROUP,
        settings: { ...DEFAULT_SETTINGS, ...settings },
      });
      await timers.pass(0);
      return outcome;
    },
    async read(count, caller = ADMIN, group = GROUP) {
      const command = { group, count, longPollMs: 0 };
      const outcome = await service.read(caller, command);
      return outcome.kind === "messages"
        ? outcome.messages.map(shownMessage)
        : [outcome.kind];
    },
    async readMessages(count) {
      const command = { group: GROUP, count, longPollMs: 0 };
      const outcome = await service.read(ADMIN, command);
      if (outcome.kind === "messages") return outcome.messages;
      throw new Error(`Expected messages: ${outcome.kind}`);
    },
    async ack(numbers) {
      await service.ack(ADMIN, { group: GROUP, ids: idsOf(numbers) });
      await timers.pass(0);
    },
    async nack(numbers, action) {
      const command = { group: GROUP, ids: idsOf(numbers), action };
      await service.nack(ADMIN, command);
      await timers.pass(0);
    },
    async info(group = GROUP) {
      const info = await service.info(group);
      if (info === undefined) throw new Error("There is no such group");
      return info;
    },
    async dataOf(streamName) {
      const { entries } = await store.readStream({
        streamName,
        from: 0,
        count: 1000,
        direction: "forward",
        withBodies: true,
      });
      return entries.map(({ event }) => decodeUtf8(event.data));
    },
    async crash() {
      isCutOff = true;
      for (const lease of held) await store.leases.release(lease);
      service.endWaiting();
      void service.close();
      await timers.pass(0);
      return await openSubscriptionFixture({
        ...parts,
        store,
        timers: createManualTimers(),
      });
    },
    async restart() {
      await service.close();
      return await openSubscriptionFixture({
        ...parts,
        timers: createManualTimers(),
      });
    },
  };
  await timers.pass(0);
  return fixture;
}

/**
 * A message as a short text: `1@s`, with a `*` for each time that it was handed
 * out before; a link as `1@l>0@s`, with a `?` when its target is not there.
 */
export function shownMessage({ event, retryCount }: Message): string {
  const { original, link, target } = event;
  const name = (of: { streamName: string; eventNumber: number }) =>
    `${formatEventNumber(of.eventNumber)}@${of.streamName}`;
  const shown = link === undefined
    ? name(original)
    : `${name(original)}>${name(link)}${target === undefined ? "?" : ""}`;
  return shown + "*".repeat(retryCount);
}
