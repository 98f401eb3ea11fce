/**
 * Messages of a persistent subscription as server-sent events: each one is its
 * entry as feeds with `embed=body` have it, on one line, with its ack and nack
 * links; its id is what it is acknowledged by.
 *
 * A client that takes nothing for too long is dropped, so that its messages go
 * to others.
 *
 * @module
 */

import { messageIdOf, MessageLines } from "../formats/atom/competing_feed.ts";
import type { Limits } from "../model/limits.ts";
import type {
  Consumer,
  ConsumerEnd,
  Message,
} from "../subscriptions/contract.ts";
import type { GroupId } from "../model/subscription_group.ts";
import { ByteText } from "../text/byte_text.ts";
import { encodeUtf8 } from "../text/utf8.ts";
import { EventPush, type PushedBytes, type PushMaker } from "./event_push.ts";

/** Room for a message of usual length. */
const FIRST_CAPACITY = 2048;

const REASONS = {
  deleted: "the subscription was deleted",
  updated: "the subscription was changed, connect again",
  unauthorized: "the right to read this was taken away",
  stopping: "the server is stopping",
} satisfies Record<ConsumerEnd, string>;

/** A push to a consumer. */
export interface PushOptions {
  readonly group: GroupId;
  readonly consumer: Consumer;
  /** `http://host[:port][/prefix]`, no slash at its end. */
  readonly baseUrl: string;
  readonly limits: Limits;
}

/** The bytes for a connection. Ending it closes the consumer. */
export class MessagePush extends EventPush {
  constructor(options: PushOptions) {
    super(new MessageMaker(options), options.limits);
  }
}

class MessageMaker implements PushMaker {
  readonly #consumer: Consumer;
  readonly #lengthMax: number;
  readonly #lines: MessageLines;
  #messages: readonly Message[] = [];
  /** Messages that were sent of those. */
  #sentCount = 0;
  #hasEnded = false;

  constructor({ group, consumer, baseUrl, limits }: PushOptions) {
    this.#consumer = consumer;
    this.#lengthMax = limits.liveFeedChunkLengthMax;
    this.#lines = new MessageLines(baseUrl, group);
  }

  async next(): Promise<PushedBytes | undefined> {
    if (this.#hasEnded) return undefined;
    while (this.#sentCount >= this.#messages.length) {
      const news = await this.#consumer.next();
      if (news.kind === "ended") {
        this.#hasEnded = true;
        return encodeUtf8(`: ended, ${REASONS[news.reason]}\n\n`);
      }
      this.#messages = news.messages;
      this.#sentCount = 0;
    }
    return this.#writeMessages();
  }

  close(): void {
    this.#messages = [];
    this.#consumer.close();
  }

  /** Writes about as many messages as are sent at once. */
  #writeMessages(): PushedBytes {
    const out = new ByteText(FIRST_CAPACITY);
    while (
      this.#sentCount < this.#messages.length && out.length < this.#lengthMax
    ) {
      const message = this.#messages[this.#sentCount++];
      if (message === undefined) continue;
      const { event } = message;
      out.pushAscii("id: ");
      out.pushAscii(messageIdOf(event));
      out.pushAscii("\ndata: ");
      this.#lines.write(out, event);
      out.pushAscii("\n\n");
    }
    return out.take(0);
  }
}
