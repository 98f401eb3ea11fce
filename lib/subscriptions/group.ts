/**
 * The messages of one group, and what becomes of them. Pure: events, times and
 * answers to writes are handed in; nothing is read, written or waited for.
 *
 * ```
 *              take                    ack, Skip, Stop
 *  buffered ─────────► in flight ────────────────────────► done
 *                       ▲     │ Retry, time-out               ▲
 *                  take │     ▼                               │ the link is durable
 *                     to be retried      Park, retries spent  │
 *                             └───────► parking ──────────────┘
 * ```
 *
 * Invariants: a message is in exactly one of these states, and in flight for
 * one consumer at most; what is not done keeps the checkpoint below it; of one
 * stream, messages are handed out in order of their numbers, those to be
 * retried first.
 *
 * @module
 */

import type { ResolvedEvent } from "../model/feed.ts";
import type { NackAction } from "./contract.ts";
import { type Done, Progress } from "./progress.ts";

/** A message, as it was read. Groups of one source share it. */
export interface SourceMessage {
  /** Where it was read: in the source, or among the parked messages. */
  readonly origin: "source" | "parked";
  /** Number in the stream it was read from; of `$all` the log position. */
  readonly place: number;
  /** Id of the event as it stands where it was read: lower case, hyphens. */
  readonly id: string;
  /** Messages to be retried are handed out in this order. */
  readonly order: number;
  readonly event: ResolvedEvent;
  /** Bytes that it keeps in memory. */
  readonly sizeBytes: number;
}

/** Why a message is parked (spec: subscriptions §6). */
export type ParkReason =
  | { readonly kind: "asked" }
  | { readonly kind: "retriesSpent"; readonly retryCount: number };

/** A message whose link must be written to the parked stream. */
export interface Parking {
  readonly message: SourceMessage;
  readonly reason: ParkReason;
}

/** A message and how often it was handed out before. */
export interface Delivery {
  readonly message: SourceMessage;
  readonly retryCount: number;
}

/** A consumer that is pushed to; readers over plain HTTP are all alike. */
export type ConsumerKey = object | undefined;

interface Held extends Delivery {
  readonly deadlineMs: number;
  readonly takenAtMs: number;
  readonly consumer: ConsumerKey;
}

/** Bounds and rules of one group. */
export interface GroupRules {
  readonly messageTimeoutMs: number;
  readonly maxRetryCount: number;
  readonly bufferSize: number;
  readonly readBatchSize: number;
  /** Messages that are handed out and not done, at most. */
  readonly outstandingMax: number;
  /** Runs of done messages above the first that is not done, at most. */
  readonly doneRangesMax: number;
}

/** What is taken, and for whom. */
export interface TakeOptions {
  /** Milliseconds of a clock that never goes back. */
  readonly nowMs: number;
  readonly consumer?: ConsumerKey;
  /** Bytes after which no further message is taken. Default: no bound. */
  readonly bytesMax?: number;
  /** Messages that the consumer is meant for. Default: all. */
  readonly accepts?: (message: SourceMessage) => boolean;
}

/** Entries that were handed out before the buffer is cut. */
const CUT_COUNT = 64;

/** The messages of one group. */
export class Group {
  readonly #rules: GroupRules;
  /** Messages, and places of those that are done already. */
  #buffer: (SourceMessage | number)[] = [];
  /** Entries of it that were handed out, and are cut off now and then. */
  #takenCount = 0;
  #bufferedCount = 0;
  readonly #retries: Delivery[] = [];
  /** In order of their deadlines, since all have the same time. */
  readonly #inFlight = new Map<number, Held>();
  readonly #keysById = new Map<string, number | number[]>();
  readonly #heldCounts = new Map<object, number>();
  readonly #parkings = new Map<number, Parking>();
  /** Place that the source was looked through up to, beyond the buffer. */
  #passedTo = -1;
  /** Progress through the source. */
  readonly progress: Progress;
  #replay: Progress | undefined;
  /** Whether nothing new is handed out, for a reason of the owner's. */
  isPaused = false;
  #sizeBytes = 0;
  #deliveredTotal = 0;
  #retriedTotal = 0;
  #ackedTotal = 0;
  #parkedTotal = 0;

  constructor(rules: GroupRules, done: Done) {
    this.#rules = rules;
    this.progress = new Progress(done);
  }

  /** Progress through the parked messages that are replayed. */
  get replay(): Progress | undefined {
    return this.#replay;
  }

  /** Messages that were read and not handed out. */
  get bufferedCount(): number {
    return this.#bufferedCount;
  }

  /** Messages that are to be handed out again. */
  get retryCount(): number {
    return this.#retries.length;
  }

  /** Ids in flight: messages with the same one count once, as recorded. */
  get inFlightCount(): number {
    return this.#keysById.size;
  }

  /** Messages that were handed out, or are replayed, and are not done. */
  get outstandingCount(): number {
    return this.progress.outstandingCount +
      (this.#replay?.outstandingCount ?? 0);
  }

  /** How often messages were handed out. */
  get deliveredTotal(): number {
    return this.#deliveredTotal;
  }

  get retriedTotal(): number {
    return this.#retriedTotal;
  }

  /** Messages that were acknowledged or skipped. */
  get ackedTotal(): number {
    return this.#ackedTotal;
  }

  /** Messages whose links are durable. */
  get parkedTotal(): number {
    return this.#parkedTotal;
  }

  /** Bytes of all messages that are not done. */
  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** When the message that is longest in flight was handed out. */
  get oldestTakenAtMs(): number | undefined {
    for (const { takenAtMs } of this.#inFlight.values()) return takenAtMs;
    return undefined;
  }

  /** When the next message runs out of time; undefined: none is in flight. */
  get nextDeadlineMs(): number | undefined {
    for (const { deadlineMs } of this.#inFlight.values()) return deadlineMs;
    return undefined;
  }

  /** How many messages still fit in before no page would. */
  get room(): number {
    return this.#rules.bufferSize - this.#bufferedCount - this.#retries.length;
  }

  /** Whether another page of messages should be read. */
  get wantsMore(): boolean {
    return this.room > this.#rules.readBatchSize;
  }

  /**
   * Whether new messages may be handed out, besides those to be retried. Every
   * second message that is outstanding may yet end a run of done ones.
   */
  get mayBeginMore(): boolean {
    const { outstandingMax, doneRangesMax } = this.#rules;
    const { outstandingCount } = this;
    const rangeCount = this.progress.rangeCount +
      (this.#replay?.rangeCount ?? 0) + outstandingCount / 2;
    return !this.isPaused && outstandingCount < outstandingMax &&
      rangeCount < doneRangesMax;
  }

  /** Whether a call of `take` would return something. */
  get hasWaiting(): boolean {
    return this.#retries.length > 0 ||
      this.#bufferedCount > 0 && this.mayBeginMore;
  }

  /** Whether a consumer that accepts some messages would be handed one. */
  hasWaitingFor(accepts: (message: SourceMessage) => boolean): boolean {
    return this.#retries.some(({ message }) => accepts(message)) ||
      this.mayBeginMore &&
        this.#buffer.some((entry, index) =>
          index >= this.#takenCount && typeof entry !== "number" &&
          accepts(entry)
        );
  }

  /** Whether a consumer still holds a message that was handed to it. */
  isHeldBy(consumer: object, { message, retryCount }: Delivery): boolean {
    const held = this.#inFlight.get(keyOf(message));
    return held?.consumer === consumer && held.retryCount === retryCount;
  }

  /** How many messages are in flight for a consumer that is pushed to. */
  heldCount(consumer: object): number {
    return this.#heldCounts.get(consumer) ?? 0;
  }

  /** Takes in messages of the source, in its order. */
  add(messages: readonly SourceMessage[]): void {
    for (const message of messages) {
      if (this.progress.wasDone(message.place)) {
        this.#addDone(message.place);
        continue;
      }
      this.#sizeBytes += message.sizeBytes;
      this.#bufferedCount++;
      this.#buffer.push(message);
    }
  }

  /**
   * Notes that the source holds nothing more to deliver up to a place.
   *
   * @param place At least that of any message that was added.
   */
  pass(place: number): void {
    this.#passedTo = place;
    if (this.#isBufferEmpty) this.progress.pass(place);
  }

  /**
   * Gives up what was read and not handed out, because it takes memory.
   *
   * @returns Place to read again from; undefined: nothing was given up.
   */
  dropBuffer(): number | undefined {
    const dropped = this.#buffer.slice(this.#takenCount);
    const [first] = dropped;
    if (first === undefined) return undefined;
    for (const entry of dropped) {
      if (typeof entry !== "number") this.#sizeBytes -= entry.sizeBytes;
    }
    this.#clearBuffer();
    this.#bufferedCount = 0;
    this.#passedTo = -1;
    return typeof first === "number" ? first : first.place;
  }

  /** Begins to replay parked messages, or goes on with it after a restart. */
  beginReplay(done: Done): void {
    this.#replay = new Progress(done);
  }

  /**
   * Takes in parked messages to be replayed, in the order of their numbers.
   *
   * @param isGivenUp Whether one of them is not to be handed out any more.
   */
  addReplayed(
    messages: readonly SourceMessage[],
    isGivenUp: (place: number) => boolean,
  ): void {
    const replay = this.#replay;
    if (replay === undefined) return;
    for (const message of messages) {
      const { place } = message;
      const isDone = replay.wasDone(place) || isGivenUp(place);
      replay.begin(place);
      if (isDone) {
        replay.finish(place);
        continue;
      }
      this.#sizeBytes += message.sizeBytes;
      this.#insertRetry({ message, retryCount: 0 });
    }
  }

  /** Ends a replay of which nothing is outstanding. */
  endReplay(): void {
    this.#replay = undefined;
  }

  /** Hands out messages: first those to be retried, then new ones. */
  take(count: number, options: TakeOptions): Delivery[] {
    const { nowMs, consumer } = options;
    const taken = options.accepts === undefined
      ? this.#takeNext(count, options.bytesMax ?? Infinity)
      : this.#takeAccepted(count, options.accepts);
    const deadlineMs = nowMs + this.#rules.messageTimeoutMs;
    for (const { message, retryCount } of taken) {
      this.#hold({
        message,
        retryCount,
        deadlineMs,
        takenAtMs: nowMs,
        consumer,
      });
    }
    if (consumer !== undefined && taken.length > 0) {
      const heldCount = this.heldCount(consumer) + taken.length;
      this.#heldCounts.set(consumer, heldCount);
    }
    this.#deliveredTotal += taken.length;
    return taken;
  }

  /** Whether a message was in flight, and now is done. */
  ack(id: string): boolean {
    const held = this.#release(id);
    if (held === undefined) return false;
    this.#ackedTotal++;
    this.#finish(held.message);
    return true;
  }

  /** Whether a message was in flight, and now is as the consumer wants it. */
  nack(id: string, action: NackAction): boolean {
    const held = this.#release(id);
    if (held === undefined) return false;
    switch (action) {
      case "park":
        this.#park(held.message, { kind: "asked" });
        break;
      case "retry":
        this.#retry(held);
        break;
      case "skip":
      case "stop":
        this.#ackedTotal++;
        this.#finish(held.message);
    }
    return true;
  }

  /** Lets messages be retried that were not answered in time; how many. */
  expire(nowMs: number): number {
    let count = 0;
    for (const [key, held] of this.#inFlight) {
      if (held.deadlineMs > nowMs) break;
      this.#drop(key, held);
      this.#retry(held);
      count++;
    }
    return count;
  }

  /** Gives back what a consumer holds that is gone: nobody failed at it. */
  release(consumer: object): void {
    for (const [key, held] of this.#inFlight) {
      if (held.consumer !== consumer) continue;
      this.#drop(key, held);
      this.#insertRetry(held);
    }
    this.#heldCounts.delete(consumer);
  }

  /** Gives back what was taken and never reached anybody. */
  giveBack(deliveries: readonly Delivery[]): void {
    for (const { message, retryCount } of deliveries) {
      const key = keyOf(message);
      const held = this.#inFlight.get(key);
      if (held?.retryCount !== retryCount) continue;
      this.#drop(key, held);
      this.#insertRetry(held);
    }
  }

  /** Messages whose links are to be written, those that failed included. */
  get parkings(): readonly Parking[] {
    return [...this.#parkings.values()];
  }

  get parkingCount(): number {
    return this.#parkings.size;
  }

  /** Notes that the link of a parked message is durable. */
  finishParking({ message }: Parking): void {
    if (!this.#parkings.delete(keyOf(message))) return;
    this.#parkedTotal++;
    this.#finish(message);
  }

  #addDone(place: number): void {
    if (!this.#isBufferEmpty) {
      // Nothing may be begun before what stands in front of it.
      this.#buffer.push(place);
      return;
    }
    this.progress.begin(place);
    this.progress.finish(place);
  }

  #takeNext(count: number, bytesMax: number): Delivery[] {
    let sizeBytes = 0;
    let retryCount = 0;
    while (retryCount < Math.min(count, this.#retries.length)) {
      sizeBytes += this.#retries[retryCount]?.message.sizeBytes ?? 0;
      retryCount++;
      if (sizeBytes >= bytesMax) break;
    }
    const taken = this.#retries.splice(0, retryCount);
    let index = this.#takenCount;
    while (index < this.#buffer.length) {
      const entry = this.#buffer[index];
      if (typeof entry === "object") {
        const isEnough = taken.length >= count || sizeBytes >= bytesMax ||
          !this.mayBeginMore;
        if (isEnough) break;
        sizeBytes += entry.sizeBytes;
        taken.push({ message: entry, retryCount: 0 });
      }
      this.#begin(entry);
      index++;
    }
    this.#cutBuffer(index);
    return taken;
  }

  /** Takes only some: what is left stays in its place. */
  #takeAccepted(
    count: number,
    accepts: (message: SourceMessage) => boolean,
  ): Delivery[] {
    const taken: Delivery[] = [];
    for (let index = 0; index < this.#retries.length;) {
      const retry = this.#retries[index];
      if (retry === undefined || taken.length >= count) break;
      if (accepts(retry.message)) {
        this.#retries.splice(index, 1);
        taken.push(retry);
      } else index++;
    }
    // Progress knows messages in order: those in front of one that is taken
    // are begun with it, and wait to be handed out like those to be retried.
    let end = this.#takenCount;
    for (let index = end; index < this.#buffer.length; index++) {
      if (taken.length >= count || !this.mayBeginMore) break;
      const entry = this.#buffer[index];
      if (typeof entry !== "object" || !accepts(entry)) continue;
      for (; end <= index; end++) {
        const before = this.#buffer[end];
        this.#begin(before);
        if (end < index && typeof before === "object") {
          this.#insertRetry({ message: before, retryCount: 0 });
        }
      }
      taken.push({ message: entry, retryCount: 0 });
    }
    this.#cutBuffer(end);
    return taken;
  }

  #begin(entry: SourceMessage | number | undefined): void {
    if (entry === undefined) return;
    if (typeof entry === "number") {
      this.progress.begin(entry);
      this.progress.finish(entry);
    } else {
      this.progress.begin(entry.place);
      this.#bufferedCount--;
    }
  }

  get #isBufferEmpty(): boolean {
    return this.#takenCount === this.#buffer.length;
  }

  #clearBuffer(): void {
    this.#buffer = [];
    this.#takenCount = 0;
  }

  /** Gives entries up to an index away; seldom moves those that are left. */
  #cutBuffer(index: number): void {
    if (index === this.#takenCount) return;
    // What is gone must not keep its event in memory.
    this.#buffer.fill(0, this.#takenCount, index);
    this.#takenCount = index;
    if (this.#isBufferEmpty) {
      this.#clearBuffer();
      this.progress.pass(this.#passedTo);
    } else if (index >= CUT_COUNT && index > this.#buffer.length / 2) {
      this.#buffer = this.#buffer.slice(index);
      this.#takenCount = 0;
    }
  }

  #hold(held: Held): void {
    const key = keyOf(held.message);
    const { id } = held.message;
    this.#inFlight.set(key, held);
    const keys = this.#keysById.get(id);
    if (keys === undefined) this.#keysById.set(id, key);
    else if (typeof keys === "number") this.#keysById.set(id, [keys, key]);
    else keys.push(key);
  }

  /** Takes the lowest message with an id out of flight. */
  #release(id: string): Held | undefined {
    const keys = this.#keysById.get(id);
    if (keys === undefined) return undefined;
    const key = typeof keys === "number" ? keys : Math.min(...keys);
    const held = this.#inFlight.get(key);
    if (held !== undefined) this.#drop(key, held);
    return held;
  }

  #drop(key: number, { message, consumer }: Held): void {
    this.#inFlight.delete(key);
    const keys = this.#keysById.get(message.id);
    const left = typeof keys === "object"
      ? keys.filter((other) => other !== key)
      : [];
    if (left.length === 0) this.#keysById.delete(message.id);
    else this.#keysById.set(message.id, left);
    if (consumer === undefined) return;
    this.#heldCounts.set(consumer, this.heldCount(consumer) - 1);
  }

  #retry({ message, retryCount }: Delivery): void {
    const { maxRetryCount } = this.#rules;
    if (retryCount >= maxRetryCount) {
      this.#park(message, { kind: "retriesSpent", retryCount: maxRetryCount });
      return;
    }
    this.#retriedTotal++;
    this.#insertRetry({ message, retryCount: retryCount + 1 });
  }

  #insertRetry({ message, retryCount }: Delivery): void {
    const retries = this.#retries;
    let low = 0;
    let high = retries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const other = retries[middle]?.message;
      if (other !== undefined && isBefore(other, message)) low = middle + 1;
      else high = middle;
    }
    retries.splice(low, 0, { message, retryCount });
  }

  #park(message: SourceMessage, reason: ParkReason): void {
    this.#parkings.set(keyOf(message), { message, reason });
  }

  #finish(message: SourceMessage): void {
    this.#sizeBytes -= message.sizeBytes;
    const progress = message.origin === "source" ? this.progress : this.#replay;
    progress?.finish(message.place);
  }
}

/** Tells messages of one group apart: parked ones are negative. */
function keyOf({ origin, place }: SourceMessage): number {
  return origin === "source" ? place : -1 - place;
}

function isBefore(left: SourceMessage, right: SourceMessage): boolean {
  return left.order !== right.order
    ? left.order < right.order
    : keyOf(left) < keyOf(right);
}
