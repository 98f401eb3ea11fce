/**
 * Live feeds: the events that are there, and then each new one, across broken
 * connections and restarts of the server, without a gap and without repeats.
 *
 * @module
 */

import { encodePathSegment } from "../text/path_segment.ts";
import { readEventStream } from "./event_stream.ts";
import { decodeEntry, parseDocument, type RecordedEvent } from "./events.ts";
import { type FeedOptions, filterQuery, linkHeader } from "./reading.ts";
import type { ClientRequest, Transport } from "./transport.ts";

/** How to follow. */
export interface FollowOptions extends FeedOptions {
  /**
   * Where to begin: as in pages, or `head` for new events alone. Default: the
   * first event.
   */
  readonly from?: number | string | Date | undefined;
  /** Begins after that place: `Feed.place` of an earlier feed. */
  readonly after?: string | undefined;
  /** Is told, once for each connection, that all earlier events were taken. */
  readonly onCaughtUp?: ((place: string) => void) | undefined;
}

/** A live feed. It is read once, and ended by `break` or by the signal. */
export class Feed<Types extends object>
  implements AsyncIterable<RecordedEvent<Types>> {
  readonly #transport: Transport;
  readonly #streamName: string;
  readonly #options: FollowOptions;
  #place: string | undefined;

  constructor(
    transport: Transport,
    streamName: string,
    options: FollowOptions,
  ) {
    this.#transport = transport;
    this.#streamName = streamName;
    this.#options = options;
    this.#place = options.after;
  }

  /**
   * Where it is: after the last event that was taken, and after those that a
   * filter has left out since. Undefined before the first.
   */
  get place(): string | undefined {
    return this.#place;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<RecordedEvent<Types>, void> {
    const { signal, onCaughtUp } = this.#options;
    const messages = readEventStream(
      this.#transport,
      () => this.#request(),
      signal,
    );
    for await (const { id, event, data } of messages) {
      if (id === undefined) continue;
      const decoded = event === "message" && data !== ""
        ? decodeEntry<Types>(parseDocument(data), id)
        : undefined;
      // Before it is handed over: who takes it has it.
      this.#place = id;
      if (decoded !== undefined) yield decoded;
      else if (event === "caught-up") onCaughtUp?.(id);
    }
  }

  #request(): ClientRequest {
    const { from, filter } = this.#options;
    return {
      path: `/streams/${encodePathSegment(this.#streamName)}`,
      query: {
        from: from instanceof Date
          ? from.toISOString()
          : from === undefined
          ? undefined
          : String(from),
        ...filterQuery(filter),
      },
      headers: {
        Accept: "text/event-stream",
        "Last-Event-ID": this.#place,
        ...linkHeader(this.#options),
      },
    };
  }
}
