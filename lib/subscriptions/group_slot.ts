/**
 * A group that is configured, whether it runs by now or not: taking its lease,
 * starting it, trying again when that fails, ending it.
 *
 * @module
 */

import { QuipuError, RunsElsewhere } from "../model/errors.ts";
import { LIMITS } from "../model/limits.ts";
import type { Lease } from "../store/leases.ts";
import type { ConsumerEnd, GroupInfo } from "./contract.ts";
import type { GroupSetup } from "./group_records.ts";
import {
  type GroupRunner,
  openGroupRunner,
  type RunnerParts,
} from "./group_runner.ts";
import type { LeaseKeeper } from "../store/lease_keeper.ts";

/** What a slot works with. */
export interface SlotParts extends Omit<RunnerParts, "lease"> {
  readonly leases: LeaseKeeper;
}

/** How a group ends here. */
export interface SlotEnd {
  readonly reason: ConsumerEnd;
  /** Whether what is done is written down first. */
  readonly flush: boolean;
}

/** One configured group. */
export class GroupSlot {
  readonly #parts: SlotParts;
  #setup: GroupSetup;
  #runner: GroupRunner | undefined;
  #lease: Lease | undefined;
  /** Starts and ends, one after another. */
  #turns: Promise<unknown> = Promise.resolve();
  #isEnded = false;
  #cancelRetry: (() => void) | undefined;

  constructor(setup: GroupSetup, parts: SlotParts) {
    this.#setup = setup;
    this.#parts = parts;
  }

  get setup(): GroupSetup {
    return this.#setup;
  }

  /** The group at work; undefined: it does not run at the moment. */
  get running(): GroupRunner | undefined {
    return this.#runner;
  }

  /**
   * The group at work, once it is.
   *
   * @throws {QuipuError} Why it cannot run here.
   */
  async run(): Promise<GroupRunner> {
    return this.#runner ?? await this.#inTurn(() => this.#start());
  }

  /** Starts the group; what fails is logged and tried again. */
  async start(): Promise<void> {
    try {
      await this.run();
    } catch (error) {
      if (this.#isEnded) return;
      const reason = error instanceof Error ? error.message : String(error);
      const { streamName, groupName } = this.#setup.group;
      this.#parts.logger.warn("subscription.not_started", {
        stream: streamName,
        group: groupName,
        reason,
      });
      this.#cancelRetry = this.#parts.timers.setTimer(
        LIMITS.subscriptionRetryMs,
        () => void this.start(),
      );
    }
  }

  /** Starts the group anew, with other settings. */
  async update(setup: GroupSetup): Promise<void> {
    await this.#inTurn(async () => {
      await this.#stop({ reason: "updated", flush: false });
      this.#setup = setup;
    });
    await this.start();
  }

  /** Ends the group for good. */
  async end(end: SlotEnd): Promise<void> {
    this.#isEnded = true;
    this.#cancelRetry?.();
    await this.#inTurn(() => this.#stop(end));
  }

  /** As a group is shown that does not run. */
  get idleInfo(): GroupInfo {
    return {
      group: this.#setup.group,
      settings: this.#setup.settings,
      status: "NotReady",
      averageItemsPerSecond: 0,
      totalItemsProcessed: 0,
      countSinceLastMeasurement: 0,
      lastProcessedEventNumber: -1,
      lastKnownEventNumber: -1,
      readBufferCount: 0,
      liveBufferCount: 0,
      retryBufferCount: 0,
      totalInFlightMessages: 0,
      connections: [],
      outstandingMessagesCount: 0,
      parkedMessageCount: 0,
      oldestInFlightMs: undefined,
      lagEvents: undefined,
      lagMs: 0,
    };
  }

  async #start(): Promise<GroupRunner> {
    if (this.#runner !== undefined) return this.#runner;
    if (this.#isEnded) {
      throw new QuipuError("storeClosed", "The subscription has ended");
    }
    const { streamName, groupName } = this.#setup.group;
    const leaseName = `subscription ${streamName}::${groupName}`;
    this.#lease ??= await this.#parts.leases.acquire(
      leaseName,
      () => void this.#loseLease(),
    );
    if (this.#lease === undefined) {
      throw new RunsElsewhere(
        "Another server runs this subscription at the moment",
        leaseName,
      );
    }
    const parts = { ...this.#parts, lease: this.#lease };
    this.#runner = await openGroupRunner(this.#setup, parts);
    return this.#runner;
  }

  async #stop({ reason, flush }: SlotEnd): Promise<void> {
    const runner = this.#runner;
    this.#runner = undefined;
    await runner?.end(reason, { flush });
    const lease = this.#lease;
    this.#lease = undefined;
    if (lease !== undefined) await this.#parts.leases.release(lease);
  }

  async #loseLease(): Promise<void> {
    this.#lease = undefined;
    await this.#inTurn(() => this.#stop({ reason: "stopping", flush: false }));
    if (!this.#isEnded) await this.start();
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turns.then(work);
    this.#turns = turn.catch(() => {});
    return turn;
  }
}
