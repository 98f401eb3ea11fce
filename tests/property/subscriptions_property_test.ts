/**
 * Persistent subscriptions: whatever consumers, operators and crashes do, no
 * message is lost, none is held by two at once, none is parked without a Park
 * or its retries spent, those of one stream come in order, and an answer that
 * is older than `checkPointAfter` is never asked for again. What should be is
 * kept by a model of its own, which knows messages by what it saw alone.
 *
 * @module
 */

import { assert, assertRejects } from "@std/assert";
import { DurableProgress } from "../../lib/subscriptions/durable_progress.ts";
import {
  type Consumer,
  type Message,
  type NackAction,
  parkedStreamOf,
} from "../../lib/subscriptions/contract.ts";
import type { GroupId } from "../../lib/model/subscription_group.ts";
import { Group } from "../../lib/subscriptions/group.ts";
import {
  DEFAULT_SETTINGS,
  type GroupSettings,
} from "../../lib/subscriptions/settings.ts";
import { createTestClock, createTestIds } from "../support/events.ts";
import { createModelStore } from "../support/model_store.ts";
import { type Random, withSeed } from "../support/random.ts";
import { ADMIN } from "../support/stream_service.ts";
import {
  openSubscriptionFixture,
  type SubscriptionFixture,
} from "../support/subscription_service.ts";
import type { EventStore } from "../../lib/store/event_store.ts";

const LIVES = 10;
const STEPS = 150;
/** Time is moved by so much at once; all durations are multiples of it. */
const TICK_MS = 10;
/** How long a write may be on its way, besides the rule. */
const SLACK_MS = 300;

/** A message as the model knows it: of the source, or a parked one. */
interface Known {
  readonly id: string;
  readonly number: number;
  readonly streamName: string;
  readonly isParked: boolean;
  /** Who holds it, and until when. */
  held: { readonly by: object; readonly untilMs: number } | undefined;
  /** Times that somebody failed at it, in this life of the group. */
  failures: number;
  wasHandedOut: boolean;
  /** Who it was handed to first, in this life. */
  firstBy: object | undefined;
  /** When it was done, in the time of all lives. */
  doneAtMs: number | undefined;
}

/** What must hold of one group. */
class Model {
  settings: GroupSettings = DEFAULT_SETTINGS;
  readonly #known = new Map<string, Known>();
  /** Numbers in the source that were ever done for good. */
  readonly settled = new Set<number>();
  /** How often the link of an event may be in the parked stream. */
  readonly parksAllowed = new Map<string, number>();
  nowMs = 0;
  /** Whether messages wait for connections, so that their order shows late. */
  hadConsumers = false;

  find(id: string): Known | undefined {
    return this.#known.get(id);
  }

  heldBy(by?: object): Known[] {
    return [...this.#known.values()].filter(({ held }) =>
      held !== undefined && (by === undefined || held.by === by)
    );
  }

  handOut(message: Message, by: object): void {
    const { original, link } = message.event;
    const isParked = original.streamName.endsWith("-parked");
    const target = link ?? original;
    const known = this.#known.get(message.id) ?? {
      id: message.id,
      number: original.eventNumber,
      streamName: target.streamName,
      isParked,
      held: undefined,
      failures: 0,
      wasHandedOut: false,
      firstBy: undefined,
      doneAtMs: undefined,
    };
    this.#known.set(message.id, known);
    // A consumer is seen to hold a message a little after it does.
    const leftMs = (known.held?.untilMs ?? Infinity) - this.nowMs;
    if (leftMs <= 2 * TICK_MS) this.fail(known);
    const what = `${known.number} of ${original.streamName}`;
    assert(known.held === undefined, `${what} is held by two`);
    assert(known.doneAtMs === undefined, `${what} is done, and comes again`);
    assert(
      message.retryCount === known.failures,
      `${what} comes as retry ${message.retryCount}, not ${known.failures}`,
    );
    if (!isParked && !known.wasHandedOut) {
      known.firstBy = by;
      this.#checkOrder(known);
    }
    known.wasHandedOut = true;
    const untilMs = this.nowMs + this.settings.messageTimeoutMs;
    known.held = { by, untilMs };
  }

  finish(known: Known): void {
    known.held = undefined;
    known.doneAtMs = this.nowMs;
    if (!known.isParked) this.settled.add(known.number);
  }

  park(known: Known): void {
    this.allowPark(known);
    this.finish(known);
  }

  allowPark({ streamName, number, isParked }: Known): void {
    const key = isParked ? "parked again" : `${number} ${streamName}`;
    this.parksAllowed.set(key, (this.parksAllowed.get(key) ?? 0) + 1);
  }

  fail(known: Known): void {
    known.held = undefined;
    if (known.failures >= this.settings.maxRetryCount) this.park(known);
    else known.failures++;
  }

  /** What ran out of time by now. */
  expire(): void {
    for (const known of this.heldBy()) {
      if ((known.held?.untilMs ?? Infinity) <= this.nowMs) this.fail(known);
    }
  }

  release(by: object): void {
    for (const known of this.heldBy(by)) known.held = undefined;
  }

  /** The group starts anew: what was done just now may come again. */
  beginLife(): void {
    this.hadConsumers = false;
    const surelyMs = this.nowMs - this.settings.checkPointAfterMs - SLACK_MS;
    for (const known of this.#known.values()) {
      known.held = undefined;
      known.failures = 0;
      known.wasHandedOut = false;
      known.firstBy = undefined;
      if ((known.doneAtMs ?? -1) > surelyMs) known.doneAtMs = undefined;
    }
  }

  /** The group is made anew: everything comes again. */
  forgetAll(): void {
    this.hadConsumers = false;
    this.#known.clear();
    this.settled.clear();
  }

  /** No later message of its stream was handed out, as far as one can see. */
  #checkOrder({ streamName, number, firstBy }: Known): void {
    for (const other of this.#known.values()) {
      const isSeen = !this.hadConsumers || other.firstBy === firstBy;
      const isLater = !other.isParked && other.streamName === streamName &&
        other.number > number && other.wasHandedOut && isSeen;
      assert(
        !isLater,
        `${number} comes after ${other.number} of ${streamName}`,
      );
    }
  }
}

/** Where the messages come from, and what the group is. */
interface Scene {
  readonly group: GroupId;
  readonly streams: readonly string[];
  readonly resolveLinks: boolean;
}

const SCENES: readonly Scene[] = [
  {
    group: { streamName: "s", groupName: "g" },
    streams: ["s"],
    resolveLinks: false,
  },
  {
    group: { streamName: "$ce-t", groupName: "g" },
    streams: ["t-1", "t-2", "t-3"],
    resolveLinks: true,
  },
];

/** One run: a group, those who use it, and the model of it. */
class Run {
  readonly #random: Random;
  readonly #scene: Scene;
  readonly #model = new Model();
  readonly #consumers = new Map<Consumer, Promise<unknown>>();
  /** What a consumer found. */
  #fault: unknown;
  readonly #gated: (() => void)[] = [];
  #fixture: SubscriptionFixture | undefined;
  #eventCount = 0;

  constructor(random: Random, scene: Scene) {
    this.#random = random;
    this.#scene = scene;
  }

  get fixture(): SubscriptionFixture {
    assert(this.#fixture !== undefined);
    return this.#fixture;
  }

  async live(): Promise<void> {
    const clock = createTestClock();
    const newId = createTestIds();
    const store = createModelStore({ clock, newEventId: newId });
    this.#fixture = await openSubscriptionFixture({
      store: this.#gate(store),
      clock,
      newId,
    });
    await this.#create();
    const actions: readonly (readonly [number, () => Promise<void>])[] = [
      [4, () => this.#append()],
      [6, () => this.#read()],
      [8, () => this.#answer("ack")],
      [4, () => this.#answer(this.#random.pick(["park", "retry", "skip"]))],
      [6, () => this.#pass(this.#random.integer(1, 15))],
      [2, () => this.#connect()],
      [1, () => this.#disconnect()],
      [1, () => this.#beginAnew("crash")],
      [1, () => this.#beginAnew("restart")],
      [1, () => this.#beginAnew("update")],
      [0.3, () => this.#recreate()],
      [1, () => this.#replay()],
      [0.5, () => this.#discard()],
      [1, () => Promise.resolve(this.#jumpClock())],
      [2, () => this.#disturb()],
    ];
    const total = actions.reduce((sum, [weight]) => sum + weight, 0);
    for (let step = 0; step < STEPS; step++) {
      let left = this.#random.integer(0, 999) / 1000 * total;
      const [, action] = actions.find(([weight]) => (left -= weight) < 0) ??
        [0, () => this.#append()];
      await action();
      await this.#pass(1);
      await this.#checkParks();
      if (this.#fault !== undefined) throw this.#fault;
    }
    await this.#drain();
    if (this.#fault !== undefined) throw this.#fault;
    await this.#openGates(this.fixture.service.close());
  }

  /** Own streams are written late at times, as over a slow disk. */
  #gate(store: EventStore): EventStore {
    const append = store.append.bind(store);
    store.append = async (request) => {
      const isLate = request.streamName.includes("$persistentsubscription-") &&
        this.#random.chance(0.2);
      const isAfter = this.#random.chance(0.5);
      const wait = () => new Promise<void>((open) => this.#gated.push(open));
      if (isLate && !isAfter) await wait();
      const result = await append(request);
      if (isLate && isAfter) await wait();
      return result;
    };
    return store;
  }

  async #create(): Promise<void> {
    const settings = this.#randomSettings();
    this.#model.settings = settings;
    await this.#openGates(
      this.fixture.create(settings, this.#scene.group),
    );
  }

  #randomSettings(): GroupSettings {
    const { pick, integer } = this.#random;
    return {
      ...DEFAULT_SETTINGS,
      resolveLinks: this.#scene.resolveLinks,
      messageTimeoutMs: pick([100, 200, 1000]),
      maxRetryCount: pick([1, 2, 10]),
      bufferSize: pick([12, 500]),
      readBatchSize: pick([3, 10]),
      checkPointAfterMs: pick([100, 500]),
      minCheckPointCount: integer(1, 10),
      maxCheckPointCount: pick([5, 500]),
      strategy: pick(["RoundRobin", "DispatchToSingle", "Pinned"] as const),
    };
  }

  async #append(): Promise<void> {
    const count = this.#random.integer(1, 8);
    const numbers = Array.from({ length: count }, () => this.#eventCount++);
    await this.fixture.append(this.#random.pick(this.#scene.streams), numbers);
  }

  async #read(count = this.#random.integer(1, 10)): Promise<void> {
    const { group } = this.#scene;
    const reader = {};
    const command = { group, count, longPollMs: 0 };
    const outcome = await this.#openGates(
      this.fixture.service.read(ADMIN, command),
    );
    assert(outcome.kind === "messages", outcome.kind);
    for (const message of outcome.messages) {
      this.#model.handOut(message, reader);
    }
  }

  async #answer(action: NackAction | "ack", all = false): Promise<void> {
    const { group } = this.#scene;
    const known = this.#model.heldBy().filter(() =>
      all || this.#random.chance(0.6)
    );
    const ids = known.map(({ id }) => id);
    for (const message of known) {
      if (action === "retry") this.#model.fail(message);
      else if (action === "park") this.#model.park(message);
      else this.#model.finish(message);
    }
    const { service } = this.fixture;
    // Not waited for: a link may be on its way for long.
    if (action === "ack") void service.ack(ADMIN, { group, ids });
    else void service.nack(ADMIN, { group, ids, action });
    await this.fixture.timers.pass(0);
  }

  async #pass(ticks: number): Promise<void> {
    for (let tick = 0; tick < ticks; tick++) {
      for (const open of this.#gated.splice(0)) open();
      this.#model.nowMs += TICK_MS;
      this.#model.expire();
      await this.fixture.timers.pass(TICK_MS);
    }
  }

  async #connect(): Promise<void> {
    const { group } = this.#scene;
    const slotCount = this.#random.integer(1, 8);
    const command = { group, slotCount, address: "::1" };
    const outcome = await this.#openGates(
      this.fixture.service.connect(ADMIN, command),
    );
    if (outcome.kind !== "connected") return;
    const { consumer } = outcome;
    this.#model.hadConsumers = true;
    const served = this.#serve(consumer).catch((error) => this.#fault = error);
    this.#consumers.set(consumer, served);
    await this.fixture.timers.pass(0);
  }

  async #serve(consumer: Consumer): Promise<void> {
    for (;;) {
      const news = await consumer.next();
      if (news.kind === "ended") break;
      for (const message of news.messages) {
        this.#model.handOut(message, consumer);
      }
    }
    this.#consumers.delete(consumer);
  }

  async #disconnect(): Promise<void> {
    const [consumer] = this.#consumers.keys();
    if (consumer === undefined) return;
    this.#model.release(consumer);
    consumer.close();
    await this.fixture.timers.pass(0);
    await this.#consumers.get(consumer);
  }

  async #beginAnew(how: "crash" | "restart" | "update"): Promise<void> {
    if (how === "update") {
      const settings = this.#randomSettings();
      this.#model.beginLife();
      const changed = this.fixture.service.update(ADMIN, {
        group: this.#scene.group,
        settings,
      });
      await this.#openGates(changed);
      this.#model.settings = settings;
    } else {
      // Nobody hears any more from what is cut off.
      if (how === "restart") await this.#openGates(Promise.resolve());
      this.#model.beginLife();
      this.#consumers.clear();
      if (how === "crash") this.#gated.length = 0;
      const next = this.fixture[how]();
      await this.#openGates(next);
      this.#fixture = await next;
    }
  }

  /** Lets writes go on until something has come about. */
  async #openGates<T>(promise: Promise<T>): Promise<T> {
    let isSettled = false;
    const settled = () => {
      isSettled = true;
    };
    promise.then(settled, settled);
    do {
      for (const open of this.#gated.splice(0)) open();
      await this.fixture.timers.pass(0);
    } while (!isSettled);
    return await promise;
  }

  async #recreate(): Promise<void> {
    const { service } = this.fixture;
    await this.#openGates(service.delete(ADMIN, this.#scene.group));
    this.#model.forgetAll();
    await this.#create();
  }

  async #replay(all = false): Promise<void> {
    const { group } = this.#scene;
    const stopAt = all ? undefined : this.#random.integer(0, 20);
    const command = { group, stopAt };
    await this.#openGates(this.fixture.service.replayParked(ADMIN, command));
  }

  async #discard(): Promise<void> {
    const { group } = this.#scene;
    const links = (await this.#readParked()).filter(() =>
      this.#random.chance(0.2)
    );
    if (links.length === 0) return;
    const ids = links.map(({ eventId }) => eventId);
    const command = { group, ids };
    await this.#openGates(this.fixture.service.discardParked(ADMIN, command));
  }

  /** Another group of the same source reads on, or begins anew. */
  async #disturb(): Promise<void> {
    const { group: { streamName } } = this.#scene;
    const group = { streamName, groupName: "other" };
    const { service } = this.fixture;
    if (this.#random.chance(0.3)) {
      await this.#openGates(service.delete(ADMIN, group));
      await this.#openGates(
        this.fixture.create(this.#randomSettings(), group),
      );
    }
    const command = { group, count: 20, longPollMs: 0 };
    const outcome = await this.#openGates(service.read(ADMIN, command));
    if (outcome.kind !== "messages") return;
    const ids = outcome.messages.map(({ id }) => id);
    void service.ack(ADMIN, { group, ids });
  }

  #jumpClock(): void {
    this.fixture.clock.advanceMs(this.#random.integer(-3_600_000, 3_600_000));
  }

  async #readParked() {
    const { entries } = await this.fixture.store.readStream({
      streamName: parkedStreamOf(this.#scene.group),
      from: 0,
      count: 4096,
      direction: "forward",
      withBodies: true,
    });
    return entries.flatMap(({ event }) =>
      event.eventType === "$>" ? [event] : []
    );
  }

  /** No link stands there that nobody wanted. */
  async #checkParks(): Promise<void> {
    const links = await this.#readParked();
    let allowed = 0;
    for (const count of this.#model.parksAllowed.values()) allowed += count;
    assert(
      links.length <= allowed,
      `${links.length} messages are parked, ${allowed} may be`,
    );
  }

  /** In the end everything was handed out and answered. */
  async #drain(): Promise<void> {
    for (const consumer of [...this.#consumers.keys()]) {
      this.#model.release(consumer);
      consumer.close();
    }
    for (let idle = 0, round = 0; idle < 3; round++) {
      assert(round < 500, "Messages come again and again");
      await this.#pass(20);
      await this.#read(100);
      idle = this.#model.heldBy().length === 0 ? idle + 1 : 0;
      await this.#answer("ack", true);
      await this.#pass(1);
    }
    const { group } = this.#scene;
    const info = await this.fixture.info(group);
    const { lagEvents, outstandingMessagesCount } = info;
    assert(lagEvents === 0, `${lagEvents} messages were lost`);
    assert(outstandingMessagesCount === 0, "Messages are nowhere");
    for (let number = 0; number < this.#eventCount; number++) {
      assert(this.#model.settled.has(number), `Message ${number} was lost`);
    }
  }
}

for (const scene of SCENES) {
  Deno.test(`a group of ${scene.group.streamName} keeps its promises, whatever happens`, () =>
    withSeed(async (random) => {
      for (let life = 0; life < LIVES; life++) {
        await new Run(random, scene).live();
      }
    }));
}

/** Faults of which each must be found. */
const PLANTED: readonly (readonly [string, RegExp, () => () => void])[] = [
  ["an answer counts before it is durable", /is done, and comes again/, () => {
    const { progressed } = DurableProgress.prototype;
    DurableProgress.prototype.progressed = () => {};
    return () => DurableProgress.prototype.progressed = progressed;
  }],
  ["a message to be retried is given up", /lost/, () => {
    const { nack } = Group.prototype;
    Group.prototype.nack = function (id, action) {
      return action === "retry" ? this.ack(id) : nack.call(this, id, action);
    };
    return () => Group.prototype.nack = nack;
  }],
  [
    "a message is freed while it is handed out",
    /is held by two|comes/,
    () => {
      const { take } = Group.prototype;
      Group.prototype.take = function (count, options) {
        const taken = take.call(this, count, options);
        // Consumers would be given it again and again, without an end.
        if (options.consumer === undefined) this.giveBack(taken.slice(-1));
        return taken;
      };
      return () => Group.prototype.take = take;
    },
  ],
  ["a message is parked and acknowledged", /are parked/, () => {
    const { ack } = Group.prototype;
    Group.prototype.ack = function (id) {
      return this.nack(id, "park");
    };
    return () => Group.prototype.ack = ack;
  }],
];

for (const [fault, shows, plant] of PLANTED) {
  Deno.test(`found out: ${fault}`, () =>
    withSeed(async (random) => {
      const [scene] = SCENES;
      assert(scene !== undefined);
      const restore = plant();
      try {
        const error = await assertRejects(async () => {
          for (let life = 0; life < LIVES; life++) {
            await new Run(random, scene).live();
          }
        }, Error);
        assert(shows.test(error.message), error.message);
      } finally {
        restore();
      }
    }));
}
