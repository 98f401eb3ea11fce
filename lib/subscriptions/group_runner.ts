/**
 * A group at work: reads its source ahead, hands messages out, parks them,
 * writes down how far it has come.
 *
 * ```
 *            join                        what is due: time-outs, checkpoints
 *   behind ────────► live                              │ DueTimes
 *      ▲                │ buffer full, or given up     ▼
 *      └────────────────┘        source ──► Group ──► readers, consumers
 *                                parked ──►   │
 *                                             ▼ checkpoint, acked, parked
 * ```
 *
 * Deciding is the `Group`'s; here is what has to be waited for. Each kind of
 * write is under way once at most, and what failed is tried again.
 *
 * @module
 */

import { QuipuError } from "../model/errors.ts";
import { LIMITS, type Limits } from "../model/limits.ts";
import type { Logger } from "../model/logger.ts";
import type { ReadContext } from "../streams/context.ts";
import { ConsumerBoard, type PushConsumer } from "./consumers.ts";
import type { ConsumerEnd, GroupInfo, NackAction } from "./contract.ts";
import type { GroupCounts } from "../model/subscription_group.ts";
import { DeliveryRate } from "./delivery_rate.ts";
import type { Timers } from "../model/clock.ts";
import { type DueTimes, isDue, type Waiting } from "./due_times.ts";
import { DurableProgress } from "./durable_progress.ts";
import { type Delivery, Group, type Parking } from "./group.ts";
import { GroupLog } from "./group_log.ts";
import {
  GroupRecords,
  type GroupSetup,
  type LoadedState,
  type ReplayState,
} from "./group_records.ts";
import { HeldReads } from "./held_reads.ts";
import type { MemoryBudget, MemoryHolder } from "./memory_budget.ts";
import type { OwnStreams } from "../streams/own_streams.ts";
import { ParkedMessages } from "./parked.ts";
import { ParkingWork } from "./parking_work.ts";
import type { SourcePage } from "./page_cache.ts";
import type { LiveReader, Source, Sources } from "./source.ts";

/** Bounds that an operator may change. */
export type SubscriptionLimits = Pick<
  Limits,
  | "subscriptionGroupsMax"
  | "subscriptionOutstandingMax"
  | "subscriptionBufferMax"
  | "subscriptionBytesMax"
  | "subscriptionHeldReadsMax"
>;

/** What every group works with. */
export interface RunnerParts extends OwnStreams {
  readonly context: ReadContext;
  readonly logger: Logger;
  readonly timers: Timers;
  readonly due: DueTimes;
  readonly budget: MemoryBudget;
  readonly sources: Sources;
  readonly limits: SubscriptionLimits;
}

/** Reads where a group goes on, and starts it. Throws as a read does. */
export async function openGroupRunner(
  setup: GroupSetup,
  parts: RunnerParts,
): Promise<GroupRunner> {
  const records = new GroupRecords(parts, setup);
  const loaded = await records.load();
  const source = parts.sources.open({
    streamName: setup.group.streamName,
    resolveLinks: setup.settings.resolveLinks,
    filter: setup.settings.filter,
  });
  try {
    const endAtStart = await source.readEnd();
    const runner = new GroupRunner(setup, parts, {
      records,
      loaded,
      source,
      endAtStart,
    });
    await runner.begin(loaded.replay);
    return runner;
  } catch (error) {
    parts.sources.close(source);
    throw error;
  }
}

/** One group at work; `openGroupRunner` makes it. */
export class GroupRunner implements LiveReader, Waiting, MemoryHolder {
  readonly setup: GroupSetup;
  askedAtMs: number;
  readonly #parts: RunnerParts;
  readonly #durable: DurableProgress;
  readonly #parking: ParkingWork;
  readonly #source: Source;
  readonly #parked: ParkedMessages;
  readonly #group: Group;
  readonly #consumers: ConsumerBoard;
  readonly #heldReads: HeldReads;
  readonly #rate: DeliveryRate;
  readonly #bufferSize: number;
  readonly #log: GroupLog;
  #isEnded = false;

  // Reading.
  #nextPlace: number;
  #isLive = false;
  /** Whether nobody asks: what was given up is read again on demand only. */
  #isDormant = false;
  #filling: Promise<void> | undefined;
  #fillRetryAtMs: number | undefined;
  #lastRead = -1;
  #liveCount = 0;
  readonly #endAtStart: number;

  constructor(
    setup: GroupSetup,
    parts: RunnerParts,
    { records, loaded, source, endAtStart }: {
      readonly records: GroupRecords;
      readonly loaded: LoadedState;
      readonly source: Source;
      readonly endAtStart: number;
    },
  ) {
    const { settings, group } = setup;
    const { limits, timers } = parts;
    const nowMs = timers.nowMs();
    this.setup = setup;
    this.#parts = parts;
    this.#log = new GroupLog(group, parts);
    this.#source = source;
    this.#endAtStart = endAtStart;
    this.#parked = new ParkedMessages(group, parts);
    this.#bufferSize = Math.min(
      settings.bufferSize,
      limits.subscriptionBufferMax,
    );
    this.#group = new Group({
      messageTimeoutMs: settings.messageTimeoutMs,
      maxRetryCount: settings.maxRetryCount,
      bufferSize: this.#bufferSize,
      readBatchSize: this.#readCount,
      outstandingMax: limits.subscriptionOutstandingMax,
      doneRangesMax: LIMITS.subscriptionDoneRangesMax,
    }, loaded);
    this.#consumers = new ConsumerBoard(this.#group, settings.strategy);
    this.#heldReads = new HeldReads(timers);
    const own = {
      group: this.#group,
      timers,
      onFailure: (event: string, error: unknown) =>
        this.#log.failure(event, error),
      wake: (atMs: number) => this.#wake(atMs),
    };
    this.#parking = new ParkingWork({
      ...own,
      parked: this.#parked,
      onParked: (parkings) => this.#onParked(parkings),
    });
    this.#durable = new DurableProgress({
      ...own,
      settings,
      records,
      checkpoint: loaded.checkpoint,
      hasReplay: loaded.replay !== undefined,
      countsMessages: source.isAll,
      replayEnd: () => this.#parking.replayEnd,
    });
    this.#rate = new DeliveryRate(nowMs);
    this.#nextPlace = loaded.donePlace + 1;
    this.askedAtMs = nowMs;
  }

  /** Goes on with a replay that was cut off, and reads a first page. */
  async begin(replay: ReplayState | undefined): Promise<void> {
    if (replay !== undefined) await this.#parking.resume(replay);
    void this.#fill();
  }

  /**
   * Hands out messages to a reader that is alone with what it takes.
   *
   * @param longPoll Waits for a first message. Undefined: doesn't.
   * @throws {QuipuError} `queueFull` if there is no memory to read any.
   */
  async read(
    count: number,
    longPoll?: { readonly timeoutMs: number; readonly signal: AbortSignal },
  ): Promise<readonly Delivery[]> {
    const taken = this.#take(count);
    if (taken.length > 0 || this.#isEnded) return taken;
    await (this.#isLive ? this.#source.catchUp() : this.#fill());
    const takenThen = this.#take(count);
    if (takenThen.length > 0 || this.#isEnded) return takenThen;
    this.#checkMemory();
    if (longPoll === undefined) return [];
    return await this.#heldReads.hold(count, longPoll);
  }

  /** Takes back what a read was handed that may not have it. */
  giveBack(deliveries: readonly Delivery[]): void {
    this.#group.giveBack(deliveries);
    this.#changed();
  }

  ack(ids: readonly string[]): void {
    let hasAny = false;
    for (const id of ids) hasAny = this.#group.ack(id) || hasAny;
    if (!hasAny) return;
    this.#progressed();
    this.#answered();
  }

  /** Resolves once messages that are parked by it are, or could not be. */
  async nack(ids: readonly string[], action: NackAction): Promise<void> {
    let hasAny = false;
    for (const id of ids) hasAny = this.#group.nack(id, action) || hasAny;
    if (!hasAny) return;
    if (action === "skip" || action === "stop") this.#progressed();
    this.#answered();
    await this.#parking.park();
  }

  get consumerCount(): number {
    return this.#consumers.count;
  }

  addConsumer(consumer: PushConsumer): void {
    this.#consumers.add(consumer);
    this.#wakeUp();
    void this.#source.catchUp();
    this.#changed();
  }

  removeConsumer(consumer: PushConsumer): void {
    this.#consumers.remove(consumer);
    this.#changed();
  }

  /** What a consumer was given and still holds; room for more is made use of. */
  takeGiven(consumer: PushConsumer): Delivery[] {
    this.#wakeUp();
    return consumer.takeGiven((delivery) =>
      this.#group.isHeldBy(consumer, delivery)
    );
  }

  /**
   * Hands out parked messages again, as far as `stopAt`.
   *
   * @throws {QuipuError} As an append does.
   */
  async replayParked(stopAt: number | undefined): Promise<void> {
    await this.#parking.replay(stopAt, this.#durable);
    void this.#fill();
  }

  /** Gives parked messages up. Throws as an append does. */
  async discardParked(ids: ReadonlySet<string>): Promise<void> {
    await this.#parking.discard(ids);
  }

  async info(): Promise<GroupInfo> {
    await this.#source.catchUp();
    const nowMs = this.#parts.timers.nowMs();
    const group = this.#group;
    const measured = this.#rate.measure(nowMs);
    const { value } = group.progress;
    const end = await this.#source.readEnd();
    const oldest = group.oldestTakenAtMs;
    return {
      group: this.setup.group,
      settings: this.setup.settings,
      status: this.#status,
      averageItemsPerSecond: measured.perSecond,
      totalItemsProcessed: group.deliveredTotal,
      countSinceLastMeasurement: measured.count,
      lastProcessedEventNumber: this.#durable.writtenCheckpoint,
      lastKnownEventNumber: this.#lastKnown(end),
      readBufferCount: group.bufferedCount,
      liveBufferCount: Math.min(
        this.#liveCount,
        this.setup.settings.liveBufferSize,
      ),
      retryBufferCount: group.retryCount,
      totalInFlightMessages: group.inFlightCount,
      connections: this.#consumers.describe(nowMs),
      outstandingMessagesCount: group.outstandingCount,
      parkedMessageCount: await this.#parked.count(),
      oldestInFlightMs: oldest === undefined ? undefined : nowMs - oldest,
      lagEvents: this.#source.isAll ? undefined : lagOf(end, value),
      lagMs: await this.#source.ageAfter(value),
    };
  }

  get counts(): GroupCounts {
    const group = this.#group;
    const end = this.#source.isAll ? undefined : this.#source.peekEnd();
    return {
      group: this.setup.group,
      waitingCount: group.bufferedCount + group.retryCount,
      inFlightCount: group.inFlightCount,
      parkedCount: this.#parked.knownCount,
      consumerCount: this.#consumers.count,
      deliveredTotal: group.deliveredTotal,
      retriedTotal: group.retriedTotal,
      ackedTotal: group.ackedTotal,
      parkedTotal: group.parkedTotal,
      lagEvents: end === undefined
        ? undefined
        : lagOf(end, group.progress.value),
    };
  }

  /**
   * Ends the group here. Nothing is handed out any more.
   *
   * @param flush Whether what is done is written down first.
   */
  async end(
    reason: ConsumerEnd,
    { flush }: { readonly flush: boolean },
  ): Promise<void> {
    this.#isEnded = true;
    this.#source.leave(this);
    this.#parts.due.forget(this);
    this.#parts.budget.forget(this);
    this.#consumers.finishAll(reason);
    this.#heldReads.endAll();
    await this.#filling;
    await this.#parking.end();
    await this.#durable.end({ flush });
    this.#parts.sources.close(this.#source);
  }

  /** Ends what waits, so that connections can be closed; the group goes on. */
  endWaiting(): void {
    this.#consumers.finishAll("stopping");
    this.#heldReads.endAll();
  }

  get isAskedFor(): boolean {
    return this.#heldReads.count > 0 || this.#consumers.hasFreeSlots;
  }

  get nextPlace(): number {
    return this.#nextPlace;
  }

  takeLive(page: SourcePage): void {
    const fresh = page.messages.filter(({ place }) => place >= this.#nextPlace);
    this.#liveCount += fresh.length;
    this.#lastRead = fresh.at(-1)?.place ?? this.#lastRead;
    const room = this.#parts.budget.hasRoom(this)
      ? this.#bufferSize - this.#group.bufferedCount
      : 0;
    const first = fresh[room];
    if (first === undefined) {
      this.#group.add(fresh);
      this.#moveTo(Math.max(this.#nextPlace, page.next));
    } else {
      this.#group.add(fresh.slice(0, room));
      this.#moveTo(first.place);
      this.#isLive = false;
      this.#source.leave(this);
      this.#log.infoOnce("subscription.fell_behind");
    }
    this.#changed();
  }

  fallBehind(): void {
    this.#isLive = false;
    void this.#fill();
  }

  get heldBytes(): number {
    return this.#group.sizeBytes;
  }

  giveUpBuffer(): void {
    const place = this.#group.dropBuffer();
    if (place === undefined) return;
    this.#nextPlace = place;
    this.#isLive = false;
    this.#isDormant = true;
    this.#source.leave(this);
  }

  get #readCount(): number {
    const { readBatchSize } = this.setup.settings;
    return Math.min(readBatchSize, LIMITS.pageEventsMax, this.#bufferSize - 1);
  }

  /** Somebody asks: what was given up is wanted again. */
  #wakeUp(): void {
    this.askedAtMs = this.#parts.timers.nowMs();
    if (!this.#isDormant) return;
    this.#isDormant = false;
    void this.#fill();
  }

  /** Reads pages while there is room; resolves when it has. */
  #fill(): Promise<void> {
    this.#filling ??= this.#readPages().finally(() =>
      this.#filling = undefined
    );
    return this.#filling;
  }

  async #readPages(): Promise<void> {
    try {
      while (this.#wantsPage) {
        if (this.#parking.isReplaying) {
          await this.#parking.readPage(this.#readCount);
        } else await this.#readSourcePage();
        this.#changed();
      }
    } catch (error) {
      this.#log.failure("subscription.read_failed", error);
      this.#fillRetryAtMs = this.#retryAt();
    }
  }

  get #wantsPage(): boolean {
    const isWanted = this.#parking.isReplaying ||
      !this.#isLive && !this.#isDormant;
    return isWanted && !this.#isEnded && this.#fillRetryAtMs === undefined &&
      this.#group.wantsMore && this.#parts.budget.hasRoom(this);
  }

  async #readSourcePage(): Promise<void> {
    const place = this.#nextPlace;
    const page = await this.#source.read(place, this.#readCount);
    // What was read before may have been given up meanwhile.
    if (this.#isEnded || this.#nextPlace !== place) return;
    this.#group.add(page.messages);
    this.#lastRead = page.messages.at(-1)?.place ?? this.#lastRead;
    this.#moveTo(page.isDeleted ? Infinity : page.next);
    if (page.isDeleted) this.#isLive = true;
    else if (page.isAtEnd) this.#isLive = this.#source.join(this);
  }

  #moveTo(place: number): void {
    this.#nextPlace = place;
    if (!this.#source.leavesOut || place === Infinity) return;
    this.#group.pass(place - 1);
    this.#durable.passed();
  }

  #checkMemory(): void {
    const isStarved = this.#group.bufferedCount === 0 && !this.#isLive &&
      !this.#parts.budget.hasRoom(this);
    if (!isStarved) return;
    throw new QuipuError(
      "queueFull",
      "Too many messages are held for subscriptions, try again later",
    );
  }

  #take(count: number): Delivery[] {
    if (this.#isEnded) return [];
    this.#wakeUp();
    const taken = this.#group.take(count, {
      nowMs: this.#parts.timers.nowMs(),
      bytesMax: LIMITS.pageBytesMax,
    });
    this.#rate.add(taken.length);
    if (taken.length > 0) this.#schedule();
    return taken;
  }

  /** Hands out what waits, once something has changed. */
  #changed(): void {
    if (this.#isEnded) return;
    const group = this.#group;
    const before = group.deliveredTotal;
    const nowMs = this.#parts.timers.nowMs();
    this.#heldReads.serve(
      () => group.hasWaiting,
      (count) => group.take(count, { nowMs, bytesMax: LIMITS.pageBytesMax }),
    );
    this.#consumers.dispatch(nowMs);
    this.#rate.add(group.deliveredTotal - before);
    this.#parts.budget.update(this);
    this.#schedule();
    if (this.isAskedFor && !group.hasWaiting && !this.#isLive) {
      void this.#fill();
    }
  }

  #answered(): void {
    void this.#parking.park();
    void this.#fill();
    this.#changed();
  }

  #onParked(parkings: readonly Parking[]): void {
    const spent = parkings.filter(({ reason }) =>
      reason.kind === "retriesSpent"
    );
    this.#log.info("subscription.messages_parked", {
      count: parkings.length,
      retriesSpentCount: spent.length,
    });
    this.#progressed();
    this.#changed();
  }

  /** Something is done that was not. */
  #progressed(): void {
    this.#parking.endReplayIfDone();
    this.#durable.progressed();
  }

  runDue(nowMs: number): number | undefined {
    if (this.#group.expire(nowMs) > 0) {
      void this.#parking.park();
      void this.#fill();
      this.#changed();
    }
    this.#durable.runDue(nowMs);
    this.#parking.runDue(nowMs);
    if (isDue(this.#fillRetryAtMs, nowMs)) {
      this.#fillRetryAtMs = undefined;
      void this.#fill();
    }
    return this.#nextDueMs;
  }

  get #nextDueMs(): number | undefined {
    const times = [
      this.#group.nextDeadlineMs,
      this.#durable.nextDueMs,
      this.#parking.nextDueMs,
      this.#fillRetryAtMs,
    ].filter((time) => time !== undefined);
    return times.length === 0 ? undefined : Math.min(...times);
  }

  #schedule(): void {
    const next = this.#nextDueMs;
    if (next !== undefined) this.#wake(next);
  }

  #wake(atMs: number): void {
    if (!this.#isEnded) this.#parts.due.wake(this, atMs);
  }

  #retryAt(): number {
    const atMs = this.#parts.timers.nowMs() + LIMITS.subscriptionRetryMs;
    this.#wake(atMs);
    return atMs;
  }

  get #status(): string {
    const flags = [
      ...(this.#parking.isReplaying ? ["ReplayingParkedMessages"] : []),
      this.#isLive ? "Live" : "Behind",
    ];
    return flags.join(", ");
  }

  /** The highest number that was read, or committed since the start. */
  #lastKnown(end: number): number {
    const hasNews = end > this.#endAtStart &&
      end > this.setup.settings.startFrom;
    return Math.max(this.#lastRead, hasNews ? end - 1 : -1);
  }
}

/** Events after a place; none after the end of a deleted stream. */
function lagOf(end: number, place: number): number {
  return Math.max(0, end - 1 - place);
}
