/**
 * The service of persistent subscriptions: which groups there are, who may do
 * what with them, and how many consumers there may be.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import type { Clock, Timers } from "../model/clock.ts";
import { LIMITS } from "../model/limits.ts";
import type { Logger } from "../model/logger.ts";
import type { Principal } from "../model/principal.ts";
import { metastreamOf } from "../model/stream_names.ts";
import type { EventStore } from "../store/event_store.ts";
import { SETTINGS_STREAM, StreamAccess } from "../streams/access.ts";
import { Followers } from "../streams/follow.ts";
import { ConnectedConsumer } from "./connected_consumer.ts";
import {
  type AnswerCommand,
  type AnswerOutcome,
  type Caller,
  checkpointStreamOf,
  type CommandOutcome,
  type CommandResult,
  type ConfigureCommand,
  type ConnectCommand,
  type ConnectOutcome,
  type DiscardCommand,
  type GroupInfo,
  type NackCommand,
  type ReadCommand,
  type ReadOutcome,
  type ReplayCommand,
  type SubscriptionService,
} from "./contract.ts";
import type { GroupCounts, GroupId } from "../model/subscription_group.ts";
import { DueTimes } from "./due_times.ts";
import type { GroupSetup } from "./group_records.ts";
import type { SubscriptionLimits } from "./group_runner.ts";
import type { GroupSlot, SlotParts } from "./group_slot.ts";
import { Groups } from "./groups.ts";
import { LeaseKeeper } from "../store/lease_keeper.ts";
import { MemoryBudget } from "./memory_budget.ts";
import { PageCache } from "./page_cache.ts";
import {
  type GroupSettings,
  type RequestedSettings,
  withKnownStrategy,
} from "./settings.ts";
import { showMessages } from "./shown_messages.ts";
import { Sources } from "./source.ts";

/** What the service needs from outside. */
export interface SubscriptionOptions {
  readonly store: EventStore;
  readonly clock: Clock;
  /** A new random UUID, lower case with hyphens. */
  readonly newId: () => string;
  readonly logger: Logger;
  /** Default: `LIMITS`. */
  readonly limits?: SubscriptionLimits;
  readonly timers: Timers;
  /** Whether a caller's login still holds. Default: always. */
  readonly isCurrent?: (caller: Principal) => boolean;
  /** Has a function called with each login that changes. Default: none does. */
  readonly onLoginChange?: (listener: (login: string) => void) => unknown;
}

/** Reads which groups there are, and begins to start them. */
export async function openSubscriptions(
  options: SubscriptionOptions,
): Promise<SubscriptionService> {
  const service = new Subscriptions(options);
  await service.open();
  return service;
}

class Subscriptions implements SubscriptionService {
  readonly #parts: SlotParts;
  readonly #groups: Groups;
  readonly #limits: SubscriptionLimits;
  readonly #isCurrent: (caller: Principal) => boolean;
  readonly #consumers = new Set<ConnectedConsumer>();
  #heldCount = 0;
  #isStopping = false;

  constructor(options: SubscriptionOptions) {
    const { store, clock, newId, logger, timers } = options;
    const limits = options.limits ?? LIMITS;
    const access = new StreamAccess(store);
    const context = { store, clock, access };
    this.#limits = limits;
    this.#isCurrent = options.isCurrent ?? (() => true);
    this.#parts = {
      store,
      newId,
      context,
      logger,
      timers,
      limits,
      due: new DueTimes(timers),
      budget: new MemoryBudget(limits.subscriptionBytesMax),
      leases: new LeaseKeeper(store.leases, timers),
      sources: new Sources({
        context,
        timers,
        followers: new Followers(store),
        pages: new PageCache(LIMITS.subscriptionPageCacheBytes),
      }),
    };
    this.#groups = new Groups(this.#parts);
    options.onLoginChange?.((login) => {
      for (const consumer of this.#consumers) {
        if (consumer.caller?.login === login) consumer.recheck();
      }
    });
  }

  async open(): Promise<void> {
    await this.#groups.open();
  }

  // ── Groups ───────────────────────────────────────────────────────────────

  async create(
    caller: Caller,
    { group, settings }: ConfigureCommand,
  ): Promise<CommandOutcome> {
    if (!await this.#mayConfigure(caller)) {
      return denied("You do not have permissions to create streams");
    }
    return await this.#groups.change(group, loginOf(caller), async (slot) => {
      if (slot !== undefined) {
        return refused(
          "AlreadyExists",
          `Group '${group.groupName}' already exists.`,
        );
      }
      return this.#nameFaultOf(group) ?? this.#countFault() ??
        await this.#setupOf(group, settings);
    });
  }

  async update(
    caller: Caller,
    { group, settings }: ConfigureCommand,
  ): Promise<CommandOutcome> {
    if (!await this.#mayConfigure(caller)) {
      return denied("You do not have permissions to update the subscription");
    }
    return await this.#groups.change(
      group,
      loginOf(caller),
      async (slot) =>
        slot === undefined
          ? missing(group)
          : await this.#setupOf(group, settings),
    );
  }

  async delete(caller: Caller, group: GroupId): Promise<CommandOutcome> {
    if (!await this.#mayConfigure(caller)) {
      return denied("You do not have permissions to create streams");
    }
    return await this.#groups.change(
      group,
      loginOf(caller),
      (slot) => Promise.resolve(slot === undefined ? missing(group) : "none"),
    );
  }

  async list(): Promise<readonly GroupInfo[]> {
    return await Promise.all(this.#groups.all.map(infoOf));
  }

  async listOf(
    streamName: string,
  ): Promise<readonly GroupInfo[] | undefined> {
    if (!this.#groups.isOrWasSubscribed(streamName)) return undefined;
    return await Promise.all(this.#groups.ofStream(streamName).map(infoOf));
  }

  async info(group: GroupId): Promise<GroupInfo | undefined> {
    const slot = this.#groups.find(group);
    return slot && await infoOf(slot);
  }

  groupNamesOf(streamName: string): readonly string[] {
    return this.#groups.ofStream(streamName).map(({ setup }) =>
      setup.group.groupName
    );
  }

  counts(): readonly GroupCounts[] {
    return this.#groups.all.flatMap(({ running }) =>
      running === undefined ? [] : [running.counts]
    );
  }

  // ── Messages ─────────────────────────────────────────────────────────────

  async read(
    caller: Caller,
    { group, count, longPollMs, signal }: ReadCommand,
  ): Promise<ReadOutcome> {
    const slot = this.#groups.find(group);
    if (slot === undefined) return { kind: "notFound" };
    if (!await this.#mayRead(caller, group)) return { kind: "unauthorized" };
    const runner = await slot.run();
    const mayHold = longPollMs > 0 && !this.#isStopping;
    if (mayHold && this.#heldCount >= this.#limits.subscriptionHeldReadsMax) {
      return { kind: "tooManyHeld" };
    }
    const wanted = Math.min(count, LIMITS.subscriptionReadMax);
    if (!mayHold) {
      const deliveries = await runner.read(wanted);
      return await this.#show(caller, group, deliveries);
    }
    this.#heldCount++;
    try {
      const deliveries = await runner.read(wanted, {
        timeoutMs: longPollMs,
        signal: signal?.() ?? new AbortController().signal,
      });
      if (await this.#mayRead(caller, group)) {
        return await this.#show(caller, group, deliveries);
      }
      runner.giveBack(deliveries);
      return { kind: "unauthorized" };
    } finally {
      this.#heldCount--;
    }
  }

  async ack(
    caller: Caller,
    { group, ids }: AnswerCommand,
  ): Promise<AnswerOutcome> {
    if (!await this.#mayRead(caller, group)) return { kind: "unauthorized" };
    const slot = this.#groups.find(group);
    if (slot !== undefined) (await slot.run()).ack(ids);
    return { kind: "accepted" };
  }

  async nack(
    caller: Caller,
    { group, ids, action }: NackCommand,
  ): Promise<AnswerOutcome> {
    if (!await this.#mayRead(caller, group)) return { kind: "unauthorized" };
    const slot = this.#groups.find(group);
    if (slot !== undefined) await (await slot.run()).nack(ids, action);
    return { kind: "accepted" };
  }

  async connect(
    caller: Caller,
    command: ConnectCommand,
  ): Promise<ConnectOutcome> {
    const { group, address, slotCount } = command;
    const slot = this.#groups.find(group);
    if (slot === undefined) return { kind: "notFound" };
    if (!await this.#mayRead(caller, group)) return { kind: "unauthorized" };
    const runner = await slot.run();
    const reason = this.#tooManyReason(
      slot.setup.settings,
      runner.consumerCount,
    );
    if (reason !== undefined) return { kind: "tooMany", reason };
    const consumer = new ConnectedConsumer({
      caller,
      runner,
      identity: {
        address,
        username: caller?.login ?? "anonymous",
        slotCount: Math.min(
          Math.max(1, slotCount),
          LIMITS.subscriptionSlotsMax,
        ),
      },
      nowMs: this.#parts.timers.nowMs(),
      mayRead: () => this.#mayRead(caller, group),
      show: (deliveries) =>
        showMessages(this.#parts.context, caller, { group, deliveries }),
      onClose: () => this.#consumers.delete(consumer),
    });
    this.#consumers.add(consumer);
    return { kind: "connected", consumer };
  }

  async replayParked(
    caller: Caller,
    { group, stopAt }: ReplayCommand,
  ): Promise<CommandOutcome> {
    return await this.#withParked(caller, group, {
      denial: "You do not have permissions to replay messages",
      run: async (slot) => (await slot.run()).replayParked(stopAt),
    });
  }

  async discardParked(
    caller: Caller,
    { group, ids }: DiscardCommand,
  ): Promise<CommandOutcome> {
    return await this.#withParked(caller, group, {
      denial: "You do not have permissions to discard messages",
      run: async (slot) => (await slot.run()).discardParked(new Set(ids)),
    });
  }

  // ── The end ──────────────────────────────────────────────────────────────

  endWaiting(): void {
    this.#isStopping = true;
    for (const { running } of this.#groups.all) running?.endWaiting();
  }

  async close(): Promise<void> {
    this.endWaiting();
    await this.#groups.close();
  }

  // ── Below ────────────────────────────────────────────────────────────────

  async #mayConfigure(caller: Caller): Promise<boolean> {
    const { store, access } = this.#parts.context;
    const state = await store.readState(SETTINGS_STREAM);
    return await access.mayChange(caller, "write", SETTINGS_STREAM, state);
  }

  async #mayRead(caller: Caller, { streamName }: GroupId): Promise<boolean> {
    if (caller !== undefined && !this.#isCurrent(caller)) return false;
    const { store, access } = this.#parts.context;
    const state = store.local?.peekState(streamName) ??
      await store.readState(streamName);
    const granted = access.peekReadAccess(caller, streamName, state) ??
      await access.readAccess(caller, streamName, state);
    return granted !== "denied";
  }

  async #show(
    caller: Caller,
    group: GroupId,
    deliveries: Parameters<typeof showMessages>[2]["deliveries"],
  ): Promise<ReadOutcome> {
    const { context } = this.#parts;
    const messages = await showMessages(context, caller, { group, deliveries });
    return { kind: "messages", messages };
  }

  #tooManyReason(
    { maxSubscriberCount }: GroupSettings,
    countOfGroup: number,
  ): string | undefined {
    if (this.#isStopping) return "The server is about to stop";
    return maxSubscriberCount !== 0 && countOfGroup >= maxSubscriberCount
      ? `Maximum subscriptions reached: the group takes ` +
        `${Math.max(0, maxSubscriberCount)} consumers`
      : undefined;
  }

  async #withParked(
    caller: Caller,
    group: GroupId,
    { denial, run }: {
      readonly denial: string;
      readonly run: (slot: GroupSlot) => Promise<void>;
    },
  ): Promise<CommandOutcome> {
    if (!await this.#mayConfigure(caller)) return denied(denial);
    const slot = this.#groups.find(group);
    if (slot === undefined) {
      const { streamName, groupName } = group;
      return refused(
        "DoesNotExist",
        `Unable to locate '${streamName}::${groupName}'`,
      );
    }
    await run(slot);
    return SUCCESS;
  }

  async #setupOf(
    group: GroupId,
    requested: RequestedSettings,
  ): Promise<GroupSetup | CommandOutcome> {
    const settings = withKnownStrategy(requested);
    if (settings === undefined) {
      const { strategy } = requested;
      return refused("Fail", `Consumer strategy ${strategy} does not exist.`);
    }
    if (settings.startFrom >= 0) return { group, settings, startAfter: -1 };
    const { streamName } = group;
    const { resolveLinks, filter } = settings;
    const source = this.#parts.sources.open({
      streamName,
      resolveLinks,
      filter,
    });
    try {
      const startAfter = await source.readEnd() - 1;
      return { group, settings, startAfter };
    } finally {
      this.#parts.sources.close(source);
    }
  }

  /** The names of its streams must be names of streams, with their metadata. */
  #nameFaultOf(group: GroupId): CommandOutcome | undefined {
    const { streamNameBytesMax } = this.#parts.store.limits;
    const longest = metastreamOf(checkpointStreamOf(group));
    const excess = Buffer.byteLength(longest) - streamNameBytesMax;
    return excess <= 0 ? undefined : refused(
      "Fail",
      `The names of stream and group are ${excess} bytes too long together`,
    );
  }

  #countFault(): CommandOutcome | undefined {
    const { subscriptionGroupsMax } = this.#limits;
    return this.#groups.count < subscriptionGroupsMax ? undefined : refused(
      "Fail",
      `There are as many groups as there may be: ${subscriptionGroupsMax}`,
    );
  }
}

const SUCCESS: CommandOutcome = { result: "Success", reason: "" };

function refused(result: CommandResult, reason: string): CommandOutcome {
  return { result, reason };
}

function denied(reason: string): CommandOutcome {
  return refused("AccessDenied", reason);
}

function missing({ groupName }: GroupId): CommandOutcome {
  return refused("DoesNotExist", `Group '${groupName}' does not exist.`);
}

async function infoOf(slot: GroupSlot): Promise<GroupInfo> {
  return await slot.running?.info() ?? slot.idleInfo;
}

function loginOf(caller: Caller): string {
  return caller?.login ?? "";
}
