/**
 * Messages of a persistent subscription as server-sent events: each one is its
 * entry as feeds with `embed=body` have it, on one line, with its ack and nack
 * links; its id is what it is acknowledged by.
 *
 * Nothing is asked of the consumer before the connection has taken what it was
 * handed. A client that takes nothing for too long is dropped, so that its
 * messages go to others.
 *
 * @module
 */

import { messageIdOf, MessageLines } from "../formats/atom/competing_feed.ts";
import { QuipuError } from "../model/errors.ts";
import type { Limits } from "../model/limits.ts";
import type {
  Consumer,
  ConsumerEnd,
  ConsumerNews,
  GroupId,
  Message,
} from "../subscriptions/contract.ts";
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

/** Makes the body. Cancelling it closes the consumer. */
export function pushMessages(options: PushOptions): ReadableStream<Bytes> {
  return new MessagePush(options).body;
}

class MessagePush {
  readonly body: ReadableStream<Bytes>;
  readonly #consumer: Consumer;
  readonly #limits: Limits;
  readonly #lines: MessageLines;
  readonly #timer: ReturnType<typeof setInterval>;
  #controller: ReadableStreamDefaultController<Bytes> | undefined;
  /** Whether the connection has taken everything, and waits. */
  #isPulled = false;
  #isAsking = false;
  #isOver = false;
  #hasOpened = false;
  /** Whether something was sent since the last beat. */
  #hasSent = false;
  #stalledMs = 0;
  #messages: readonly Message[] = [];
  /** Messages that were sent of those. */
  #sentCount = 0;
  /** What is left of bytes that are sent in pieces. */
  #rest: Bytes | undefined;
  #end: ConsumerEnd | undefined;

  constructor({ group, consumer, baseUrl, limits }: PushOptions) {
    this.#consumer = consumer;
    this.#limits = limits;
    this.#lines = new MessageLines(baseUrl, group);
    this.#timer = setInterval(() => this.#beat(), limits.liveFeedHeartbeatMs);
    this.body = new ReadableStream<Bytes>({
      start: (controller) => {
        this.#controller = controller;
      },
      pull: () => {
        this.#isPulled = true;
        this.#stalledMs = 0;
        this.#advance();
      },
      cancel: () => this.#leave(),
    }, { highWaterMark: 0 });
  }

  /** Does the next thing there is to do for a connection that waits. */
  #advance(): void {
    if (this.#isOver || !this.#isPulled) return;
    if (this.#rest !== undefined) return this.#send(this.#rest);
    if (!this.#hasOpened) {
      this.#hasOpened = true;
      return this.#send(encodeUtf8(OPENING));
    }
    if (this.#sentCount < this.#messages.length) return this.#sendMessages();
    if (this.#end !== undefined) return this.#close(this.#end);
    if (this.#isAsking) return;
    this.#isAsking = true;
    this.#consumer.next().then(
      (news) => this.#take(news),
      (error) => this.#fail(error),
    );
  }

  #take(news: ConsumerNews): void {
    this.#isAsking = false;
    if (news.kind === "ended") this.#end = news.reason;
    else {
      this.#messages = news.messages;
      this.#sentCount = 0;
    }
    this.#advance();
  }

  /** Sends about as many messages as are sent at once. */
  #sendMessages(): void {
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
    this.#send(out.take(0));
  }

  #send(bytes: Bytes): void {
    const pieceBytes = this.#limits.liveFeedPieceBytesMax;
    this.#rest = bytes.length > pieceBytes
      ? bytes.subarray(pieceBytes)
      : undefined;
    this.#hasSent = true;
    // Enqueuing may pull at once.
    this.#isPulled = false;
    this.#controller?.enqueue(bytes.subarray(0, pieceBytes));
  }

  /** Says that the connection is alive, and sees whether the client is. */
  #beat(): void {
    if (!this.#isPulled) {
      this.#stalledMs += this.#limits.liveFeedHeartbeatMs;
      if (this.#stalledMs >= this.#limits.liveFeedStallMs) {
        this.#fail(
          new QuipuError("clientTooSlow", "The client reads too slowly"),
        );
      }
      return;
    }
    if (!this.#hasSent) this.#send(encodeUtf8(HEARTBEAT));
    this.#hasSent = false;
  }

  #close(reason: ConsumerEnd): void {
    this.#leave();
    this.#controller?.enqueue(encodeUtf8(`: ended, ${REASONS[reason]}\n\n`));
    this.#controller?.close();
  }

  #fail(error: unknown): void {
    if (this.#isOver) return;
    this.#leave();
    this.#controller?.error(error);
  }

  #leave(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearInterval(this.#timer);
    this.#messages = [];
    this.#rest = undefined;
    this.#consumer.close();
  }
}
