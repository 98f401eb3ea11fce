/**
 * Messages of a persistent subscription as server-sent events: each one is its
 * entry as feeds with `embed=body` have it, on one line, with its ack and nack
 * links; its id is what it is acknowledged by.
 *
 * Nothing is asked of the consumer before the connection has taken what it was
 * handed. A client that takes nothing for too long is dropped (`pull_stream.ts`),
 * so that its messages go to others.
 *
 * @module
 */

import { messageIdOf, MessageLines } from "../formats/atom/competing_feed.ts";
import type { Limits } from "../model/limits.ts";
import type { PullSource } from "../model/pull_source.ts";
import type {
  Consumer,
  ConsumerEnd,
  Message,
} from "../subscriptions/contract.ts";
import type { GroupId } from "../model/subscription_group.ts";
import { ByteText } from "../text/byte_text.ts";
import { encodeUtf8 } from "../text/utf8.ts";

/** Room for a message of usual length. */
const FIRST_CAPACITY = 2048;

const OPENING = "retry: 2000\n\n";
const HEARTBEAT = ": heartbeat\n\n";

const REASONS = {
  deleted: "the subscription was deleted",
  updated: "the subscription was changed, connect again",
  unauthorized: "the right to read this was taken away",
  stopping: "the server is stopping",
} satisfies Record<ConsumerEnd, string>;

/** What is pushed to whom. */
export interface PushOptions {
  readonly group: GroupId;
  readonly consumer: Consumer;
  /** `http://host[:port][/prefix]`, no slash at its end. */
  readonly baseUrl: string;
  readonly limits: Limits;
}

type Bytes = Uint8Array<ArrayBuffer>;

/** What a connection is sent. Ending it closes the consumer. */
export class MessagePush implements PullSource {
  readonly #consumer: Consumer;
  readonly #limits: Limits;
  readonly #lines: MessageLines;
  readonly #timer: ReturnType<typeof setInterval>;
  #hasOpened = false;
  #isOver = false;
  /** Whether something was sent since the last beat. */
  #hasSent = false;
  #isBeatDue = false;
  #messages: readonly Message[] = [];
  /** Messages that were sent of those. */
  #sentCount = 0;
  /** What is left of bytes that are sent in pieces. */
  #rest: Bytes | undefined;
  /** Whether the consumer was asked and has not answered. */
  #isAsking = false;
  #end: ConsumerEnd | undefined;
  #failure: { readonly error: unknown } | undefined;
  /** Has `next` look again. */
  #wake = () => {};

  constructor({ group, consumer, baseUrl, limits }: PushOptions) {
    this.#consumer = consumer;
    this.#limits = limits;
    this.#lines = new MessageLines(baseUrl, group);
    this.#timer = setInterval(() => {
      this.#isBeatDue = !this.#hasSent;
      this.#hasSent = false;
      if (this.#isBeatDue) this.#wake();
    }, limits.liveFeedHeartbeatMs);
  }

  async next(): Promise<Bytes | undefined> {
    if (!this.#hasOpened) {
      this.#hasOpened = true;
      return encodeUtf8(OPENING);
    }
    while (!this.#isOver) {
      if (this.#rest !== undefined) return this.#pieceOf(this.#rest);
      if (this.#sentCount < this.#messages.length) {
        return this.#pieceOf(this.#writeMessages());
      }
      if (this.#failure !== undefined) throw this.#failure.error;
      if (this.#end !== undefined) {
        const reason = REASONS[this.#end];
        this.end();
        return encodeUtf8(`: ended, ${reason}\n\n`);
      }
      if (this.#isBeatDue) {
        this.#isBeatDue = false;
        return encodeUtf8(HEARTBEAT);
      }
      const { promise: woken, resolve: wake } = Promise.withResolvers<void>();
      this.#wake = wake;
      if (!this.#isAsking) this.#ask();
      await woken;
    }
    return undefined;
  }

  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearInterval(this.#timer);
    this.#messages = [];
    this.#rest = undefined;
    this.#consumer.close();
    this.#wake();
  }

  #ask(): void {
    this.#isAsking = true;
    this.#consumer.next().then((news) => {
      this.#isAsking = false;
      if (news.kind === "ended") this.#end = news.reason;
      else {
        this.#messages = news.messages;
        this.#sentCount = 0;
      }
      this.#wake();
    }, (error) => {
      this.#failure = { error };
      this.#wake();
    });
  }

  /** Writes about as many messages as are sent at once. */
  #writeMessages(): Bytes {
    const lengthMax = this.#limits.liveFeedChunkLengthMax;
    const out = new ByteText(FIRST_CAPACITY);
    while (
      this.#sentCount < this.#messages.length && out.length < lengthMax
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

  /** The first piece of bytes; the others follow. */
  #pieceOf(bytes: Bytes): Bytes {
    const pieceBytes = this.#limits.liveFeedPieceBytesMax;
    this.#rest = bytes.length > pieceBytes
      ? bytes.subarray(pieceBytes)
      : undefined;
    this.#hasSent = true;
    this.#isBeatDue = false;
    return bytes.subarray(0, pieceBytes);
  }
}
