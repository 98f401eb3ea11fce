/**
 * Server-sent events as a browser's `EventSource` reads them.
 *
 * @module
 */

/** A message, or a comment. */
export interface SentEvent {
  /** `message` unless it says otherwise; `comment` for a comment. */
  readonly type: string;
  /** Id of the last message that had one. */
  readonly lastEventId: string;
  readonly data: string;
}

/** Reads messages from a body. */
export class EventSourceReader implements AsyncDisposable {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #decoder = new TextDecoder();
  #text = "";
  #lastEventId: string;

  /** @param lastEventId The id that the request has sent. */
  constructor(body: ReadableStream<Uint8Array> | null, lastEventId = "") {
    if (body === null) throw new Error("The answer has no body");
    this.#reader = body.getReader();
    this.#lastEventId = lastEventId;
  }

  /** Id to resume from. */
  get lastEventId(): string {
    return this.#lastEventId;
  }

  /** The next message or comment; undefined at the end. */
  async nextAny(): Promise<SentEvent | undefined> {
    for (;;) {
      const block = await this.#nextBlock();
      if (block === undefined) return undefined;
      const sent = this.#parse(block);
      if (sent !== undefined) return sent;
    }
  }

  /** The next message. */
  async next(): Promise<SentEvent | undefined> {
    for (;;) {
      const sent = await this.nextAny();
      if (sent?.type !== "comment") return sent;
    }
  }

  /** Ends the connection. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#reader.cancel().catch(() => {});
  }

  /** Lines up to an empty one. What is cut off at the end counts for nothing. */
  async #nextBlock(): Promise<string | undefined> {
    for (;;) {
      const end = this.#text.indexOf("\n\n");
      if (end >= 0) {
        const block = this.#text.slice(0, end);
        this.#text = this.#text.slice(end + 2);
        return block;
      }
      const { value, done } = await this.#reader.read();
      if (done) return undefined;
      this.#text += this.#decoder.decode(value, { stream: true });
    }
  }

  #parse(block: string): SentEvent | undefined {
    let type = "message";
    const data: string[] = [];
    for (const line of block.split("\n")) {
      if (line.startsWith(":")) {
        const comment = line.slice(1).trim();
        return {
          type: "comment",
          lastEventId: this.#lastEventId,
          data: comment,
        };
      }
      const [, field, value = ""] = /^([^:]*)(?:: ?(.*))?$/.exec(line) ?? [];
      if (field === "event") type = value;
      else if (field === "data") data.push(value);
      else if (field === "id") this.#lastEventId = value;
    }
    return data.length === 0
      ? undefined
      : { type, lastEventId: this.#lastEventId, data: data.join("\n") };
  }
}
