/**
 * A consumer with its connection: what it is pushed, and that it may still see
 * it.
 *
 * @module
 */

import { type ConsumerIdentity, PushConsumer } from "./consumers.ts";
import type { Caller, Consumer, ConsumerNews, Message } from "./contract.ts";
import type { Delivery } from "./group.ts";
import type { GroupRunner } from "./group_runner.ts";

/** What a consumer is made of. */
export interface ConnectedConsumerOptions {
  readonly caller: Caller;
  readonly runner: GroupRunner;
  readonly identity: ConsumerIdentity;
  readonly nowMs: number;
  /** Whether it may read the source at this moment. */
  readonly mayRead: () => Promise<boolean>;
  /** Messages as it may see them. */
  readonly show: (
    deliveries: readonly Delivery[],
  ) => Promise<readonly Message[]>;
  /** Called once, when it has ended for whatever reason. */
  readonly onClose: () => void;
}

/** A consumer of a group; it is pushed to from the beginning. */
export class ConnectedConsumer implements Consumer {
  readonly #options: ConnectedConsumerOptions;
  readonly #push: PushConsumer;
  #isClosed = false;

  constructor(options: ConnectedConsumerOptions) {
    this.#options = options;
    this.#push = new PushConsumer(options.identity, options.nowMs);
    options.runner.addConsumer(this.#push);
  }

  get caller(): Caller {
    return this.#options.caller;
  }

  async next(): Promise<ConsumerNews> {
    for (;;) {
      await this.#push.waitForNews();
      if (this.#push.end === undefined && !await this.#options.mayRead()) {
        this.#push.finish("unauthorized");
      }
      const { end } = this.#push;
      if (end !== undefined) {
        this.close();
        return { kind: "ended", reason: end };
      }
      const deliveries = this.#options.runner.takeGiven(this.#push);
      if (deliveries.length === 0) continue;
      const messages = await this.#options.show(deliveries);
      // What it holds went to others if it has ended meanwhile.
      if (this.#push.end === undefined) return { kind: "messages", messages };
    }
  }

  /** Has it look whether it may still read. */
  recheck(): void {
    this.#push.wake();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#push.finish("stopping");
    this.#options.runner.removeConsumer(this.#push);
    this.#options.onClose();
  }
}
