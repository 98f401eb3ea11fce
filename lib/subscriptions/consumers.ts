/**
 * Consumers that messages of one group are pushed to, and which of them gets
 * the next one (spec: subscriptions §7). A message that a consumer is given
 * waits for it here until its connection asks; it is in flight all the while.
 *
 * @module
 */

import { LIMITS } from "../model/limits.ts";
import type { ConnectionInfo, ConsumerEnd } from "./contract.ts";
import type { Delivery, Group, SourceMessage } from "./group.ts";
import { DeliveryRate } from "./delivery_rate.ts";
import type { ConsumerStrategy } from "./settings.ts";

/** Who a consumer is. */
export interface ConsumerIdentity {
  readonly address: string;
  readonly username: string;
  /** Messages that it holds at most, 1 or more. */
  readonly slotCount: number;
}

/** One consumer. */
export class PushConsumer {
  readonly identity: ConsumerIdentity;
  readonly rate: DeliveryRate;
  readonly #queue: Delivery[] = [];
  #end: ConsumerEnd | undefined;
  #news: PromiseWithResolvers<void> | undefined;

  constructor(identity: ConsumerIdentity, nowMs: number) {
    this.identity = identity;
    this.rate = new DeliveryRate(nowMs);
  }

  /** Why it is handed nothing more; undefined: it is. */
  get end(): ConsumerEnd | undefined {
    return this.#end;
  }

  /** Gives it messages, which it holds from now on. */
  give(deliveries: readonly Delivery[]): void {
    for (const delivery of deliveries) this.#queue.push(delivery);
    this.rate.add(deliveries.length);
    this.wake();
  }

  /** Has it handed nothing more. */
  finish(reason: ConsumerEnd): void {
    this.#end ??= reason;
    this.wake();
  }

  /** Settles when it has been given messages, or has ended. */
  async waitForNews(): Promise<void> {
    if (this.#queue.length > 0 || this.#end !== undefined) return;
    this.#news ??= Promise.withResolvers();
    await this.#news.promise;
  }

  wake(): void {
    this.#news?.resolve();
    this.#news = undefined;
  }

  /**
   * Takes what it was given, about `LIMITS.pageBytesMax` at most.
   *
   * @param isHeld Whether it still holds a message: one that ran out of time
   * while it waited here is somebody else's.
   */
  takeGiven(isHeld: (delivery: Delivery) => boolean): Delivery[] {
    const taken: Delivery[] = [];
    let sizeBytes = 0;
    let count = 0;
    for (const delivery of this.#queue) {
      if (sizeBytes >= LIMITS.pageBytesMax) break;
      count++;
      if (!isHeld(delivery)) continue;
      sizeBytes += delivery.message.sizeBytes;
      taken.push(delivery);
    }
    this.#queue.splice(0, count);
    return taken;
  }
}

/** The consumers of one group. */
export class ConsumerBoard {
  readonly #group: Group;
  readonly #strategy: ConsumerStrategy;
  /** In the order in which they are served. */
  readonly #consumers: PushConsumer[] = [];
  #pins = new PinnedBuckets();

  constructor(group: Group, strategy: ConsumerStrategy) {
    this.#group = group;
    this.#strategy = strategy;
  }

  get count(): number {
    return this.#consumers.length;
  }

  /** Adds a consumer; it is given messages from the next `dispatch` on. */
  add(consumer: PushConsumer): void {
    this.#consumers.push(consumer);
    this.#pins.spread(this.#consumers);
  }

  /** Takes a consumer off; what it holds goes back. */
  remove(consumer: PushConsumer): void {
    const index = this.#consumers.indexOf(consumer);
    if (index < 0) return;
    this.#consumers.splice(index, 1);
    this.#pins.spread(this.#consumers);
    this.#group.release(consumer);
  }

  /** Ends them all. */
  finishAll(reason: ConsumerEnd): void {
    for (const consumer of this.#consumers) consumer.finish(reason);
  }

  /** Hands out what waits to those that have slots free. */
  dispatch(nowMs: number): void {
    if (this.#consumers.length === 0) return;
    switch (this.#strategy) {
      case "RoundRobin":
        return this.#dispatchInTurn(nowMs);
      case "DispatchToSingle":
        return this.#dispatchToOne(nowMs);
      case "Pinned":
        return this.#dispatchPinned(nowMs);
    }
  }

  /** Whether somebody could be handed more. */
  get hasFreeSlots(): boolean {
    return this.#consumers.some((consumer) => this.#freeSlots(consumer) > 0);
  }

  describe(nowMs: number): ConnectionInfo[] {
    return this.#consumers.map((consumer) => {
      const { identity, rate } = consumer;
      const measured = rate.measure(nowMs);
      return {
        from: identity.address,
        username: identity.username,
        averageItemsPerSecond: measured.perSecond,
        totalItemsProcessed: rate.total,
        countSinceLastMeasurement: measured.count,
        availableSlots: this.#freeSlots(consumer),
        inFlightMessages: this.#group.heldCount(consumer),
      };
    });
  }

  #freeSlots(consumer: PushConsumer): number {
    return consumer.identity.slotCount - this.#group.heldCount(consumer);
  }

  /** One message each, round after round, beginning after the last one. */
  #dispatchInTurn(nowMs: number): void {
    const given = new Map<PushConsumer, Delivery[]>();
    let idleCount = 0;
    while (idleCount < this.#consumers.length && this.#group.hasWaiting) {
      const consumer = this.#rotate();
      if (this.#freeSlots(consumer) <= 0) {
        idleCount++;
        continue;
      }
      idleCount = 0;
      const taken = this.#group.take(1, { nowMs, consumer });
      const all = given.get(consumer);
      if (all === undefined) given.set(consumer, taken);
      else all.push(...taken);
    }
    for (const [consumer, deliveries] of given) consumer.give(deliveries);
  }

  /** As many as the first has slots for, then on to the next. */
  #dispatchToOne(nowMs: number): void {
    for (let left = this.#consumers.length; left > 0; left--) {
      const [consumer] = this.#consumers;
      if (consumer === undefined || !this.#group.hasWaiting) return;
      const freeSlots = this.#freeSlots(consumer);
      if (freeSlots > 0) {
        consumer.give(this.#group.take(freeSlots, { nowMs, consumer }));
      }
      if (this.#freeSlots(consumer) > 0) return;
      this.#rotate();
    }
  }

  #dispatchPinned(nowMs: number): void {
    for (const consumer of this.#consumers) {
      const freeSlots = this.#freeSlots(consumer);
      if (freeSlots <= 0) continue;
      const accepts = (message: SourceMessage) =>
        this.#pins.ownerOf(message) === consumer;
      if (!this.#group.hasWaitingFor(accepts)) continue;
      const options = { nowMs, consumer, accepts };
      consumer.give(this.#group.take(freeSlots, options));
    }
  }

  /** The first goes to the end. */
  #rotate(): PushConsumer {
    const consumer = this.#consumers.shift();
    if (consumer === undefined) throw new RangeError("Nobody to rotate");
    this.#consumers.push(consumer);
    return consumer;
  }
}

/** As many as the original has. */
const BUCKET_COUNT = 1024;

/** Which consumer gets the messages of which streams. */
class PinnedBuckets {
  readonly #owners = new Array<PushConsumer | undefined>(BUCKET_COUNT);

  /** The consumer that a message is meant for. */
  ownerOf({ event }: SourceMessage): PushConsumer | undefined {
    const { streamName } = event.link ?? event.original;
    return this.#owners[hashOf(streamName) % BUCKET_COUNT];
  }

  /** Gives each consumer its share; no bucket moves that need not. */
  spread(consumers: readonly PushConsumer[]): void {
    const counts = new Map(consumers.map((consumer) => [consumer, 0]));
    const share = Math.ceil(BUCKET_COUNT / Math.max(1, consumers.length));
    const free: number[] = [];
    for (let bucket = 0; bucket < BUCKET_COUNT; bucket++) {
      const owner = this.#owners[bucket];
      const count = owner && counts.get(owner);
      if (owner !== undefined && count !== undefined && count < share) {
        counts.set(owner, count + 1);
        continue;
      }
      this.#owners[bucket] = undefined;
      free.push(bucket);
    }
    for (const [consumer, count] of counts) {
      for (const bucket of free.splice(0, share - count)) {
        this.#owners[bucket] = consumer;
      }
    }
  }
}

/** FNV-1a, 32 bits. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return hash >>> 0;
}
