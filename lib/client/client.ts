/**
 * The client: what a program does with the streams of a server.
 *
 * @module
 */

import { encodePathSegment } from "../text/path_segment.ts";
import {
  appendAllEvents,
  type AppendAllOptions,
  appendEvents,
  type AppendOptions,
  type AppendResult,
  type ExpectedVersion,
  versionHeader,
} from "./appending.ts";
import { ClientError } from "./errors.ts";
import {
  type AnyTypes,
  type Entry,
  type EventPlace,
  type NewEvent,
  parseDocument,
  type RecordedEvent,
} from "./events.ts";
import { Feed, type FollowOptions } from "./following.ts";
import { readFeed, type ReadOptions } from "./reading.ts";
import { Projections } from "./projections.ts";
import {
  type ConsumeOptions,
  type GroupId,
  type Message,
  Subscriptions,
} from "./subscriptions.ts";
import { type ClientOptions, Transport } from "./transport.ts";
import { Users } from "./users.ts";

/** Metadata of a stream, and its version: what a change of it may expect. */
export interface StreamMetadata {
  /** Empty if none was ever written. */
  readonly metadata: Readonly<Record<string, unknown>>;
  /** Its JSON, so that no digit is lost. */
  readonly text: string;
  readonly version: ExpectedVersion;
}

/** A stream in a list. */
export interface ListedStream {
  readonly streamName: string;
  readonly lastEventNumber: number;
  /** ISO 8601; undefined if the last event is gone. */
  readonly lastCreatedAt: string | undefined;
}

/** How to delete a stream. */
export interface DeleteOptions extends AppendOptions {
  /** Whether it is deleted for good: never to be written again. */
  readonly isHard?: boolean | undefined;
}

/**
 * Asks one server, or one of several, with one login. Every method throws
 * `ClientError` alone, and may be called side by side with others.
 *
 * `Types` maps event types to their data.
 */
export class Client<Types extends object = AnyTypes> {
  readonly #transport: Transport;
  readonly subscriptions: Subscriptions;
  readonly projections: Projections;
  readonly users: Users;

  /** @throws {ClientError} `invalid`, if a URL is none. */
  constructor(options: ClientOptions) {
    this.#transport = new Transport(options);
    this.subscriptions = new Subscriptions(this.#transport);
    this.projections = new Projections(this.#transport);
    this.users = new Users(this.#transport);
  }

  /** Base URL of the server that is asked now. */
  get url(): string {
    return this.#transport.url;
  }

  /**
   * Appends events: all of them or none. Without an answer the same request is
   * sent again; events that were written are recognised by their ids.
   *
   * @throws {ClientError} `wrongExpectedVersion`, `deleted`, `tooLarge`, …
   */
  append(
    streamName: string,
    events: NewEvent<Types> | readonly NewEvent<Types>[],
    options: AppendOptions = {},
  ): Promise<AppendResult> {
    const list = isList(events) ? events : [events];
    return appendEvents(this.#transport, streamName, list, options);
  }

  /**
   * Appends many events in batches, one request after the other. The events
   * alone decide where a batch ends: the same events with the same ids, sent
   * again, are recognised.
   *
   * @returns How many there were.
   * @throws {ClientError} As `append` does; earlier batches stay.
   */
  appendAll(
    streamName: string,
    events: Iterable<NewEvent<Types>> | AsyncIterable<NewEvent<Types>>,
    options: AppendAllOptions = {},
  ): Promise<number> {
    return appendAllEvents(this.#transport, streamName, events, options);
  }

  /**
   * Reads the events of a stream, of a list such as `$ce-order`, or of `$all`.
   * One page is in memory at a time.
   *
   * @throws {ClientError} `notFound`, `deleted`, …
   */
  read(
    streamName: string,
    options: ReadOptions = {},
  ): AsyncGenerator<RecordedEvent<Types>, void> {
    return readFeed(this.#transport, streamName, options);
  }

  /**
   * Reads the bytes of an event's data, whatever they are.
   *
   * @throws {ClientError} `notFound`, `deleted`, …
   */
  async readBytes(
    { streamName, eventNumber }: EventPlace,
    signal?: AbortSignal,
  ): Promise<Uint8Array<ArrayBuffer>> {
    const { bytes } = await this.#transport.send({
      path: `${pathOf(streamName)}/${eventNumber}`,
      headers: { Accept: "application/octet-stream" },
      signal,
    });
    return bytes;
  }

  /**
   * Follows a stream, a list or `$all`: the events that are there, and then
   * each new one. A stream that does not exist yet is waited for.
   */
  follow(streamName: string, options: FollowOptions = {}): Feed<Types> {
    return new Feed<Types>(this.#transport, streamName, options);
  }

  /** Takes messages of a persistent subscription; see `Subscriptions.consume`. */
  consume(
    group: GroupId,
    options: ConsumeOptions = {},
  ): AsyncGenerator<Message<Types>, void> {
    return this.subscriptions.consume<Types>(group, options);
  }

  /** Reads the metadata of a stream, which need not exist. */
  async readMetadata(streamName: string): Promise<StreamMetadata> {
    try {
      const { text, headers } = await this.#transport.send({
        path: `${pathOf(streamName)}/metadata`,
        headers: { Accept: "application/json" },
      });
      const number = /^"(\d+);/.exec(headers.get("ETag") ?? "")?.[1];
      return {
        metadata: parseDocument(text),
        text,
        version: number === undefined ? "noStream" : Number(number),
      };
    } catch (error) {
      const isNone = error instanceof ClientError && error.code === "notFound";
      if (!isNone) throw error;
      return { metadata: {}, text: "{}", version: "noStream" };
    }
  }

  /**
   * Replaces the metadata of a stream.
   *
   * @throws {ClientError} `wrongExpectedVersion`, `unauthorized`, …
   */
  async writeMetadata(
    streamName: string,
    metadata: Readonly<Record<string, unknown>>,
    { expectedVersion = "any", signal }: AppendOptions = {},
  ): Promise<void> {
    await this.#transport.send({
      method: "POST",
      path: `${pathOf(streamName)}/metadata`,
      headers: {
        "Content-Type": "application/json",
        "ES-EventId": crypto.randomUUID(),
        "ES-ExpectedVersion": versionHeader(expectedVersion),
      },
      body: JSON.stringify(metadata),
      signal,
    });
  }

  /**
   * Deletes a stream. Without `isHard` it may be written again, and its numbers
   * go on. A soft delete is repeated without an answer only if it expects a
   * number: it could hide events that were appended in between.
   *
   * @throws {ClientError} `wrongExpectedVersion`, `deleted`, …
   */
  async delete(
    streamName: string,
    { expectedVersion = "any", isHard = false, signal }: DeleteOptions = {},
  ): Promise<void> {
    try {
      await this.#transport.send({
        method: "DELETE",
        path: pathOf(streamName),
        headers: {
          "ES-ExpectedVersion": versionHeader(expectedVersion),
          "ES-HardDelete": isHard ? "true" : undefined,
        },
        isRepeatable: isHard || typeof expectedVersion === "number",
        signal,
      });
    } catch (error) {
      // Done by the try before, whose answer was lost.
      const isDone = error instanceof ClientError && error.isRepeated &&
        isHard && error.code === "deleted";
      if (!isDone) throw error;
    }
  }

  /**
   * Lists the streams that the caller may read, by name. Quipu alone has this.
   *
   * @param prefix What the names begin with; streams of the system are listed
   * only if it begins with `$`.
   */
  async *listStreams(
    prefix = "",
    signal?: AbortSignal,
  ): AsyncGenerator<ListedStream, void> {
    let after: string | undefined;
    do {
      const { text } = await this.#transport.send({
        path: "/web/stream-list",
        query: { prefix, after },
        headers: { Accept: "application/json" },
        signal,
      });
      const { streams, next } = parseDocument(text);
      if (!Array.isArray(streams)) {
        throw new ClientError("unexpected", "The server answers with no list");
      }
      yield* streams;
      after = typeof next === "string" ? next : undefined;
    } while (after !== undefined);
  }

  /**
   * A JSON document of the server, such as `/info` or `/stats`.
   *
   * @param path With a slash at its start, escaped.
   */
  async look(path: string): Promise<Entry> {
    const headers = { Accept: "application/json" };
    return parseDocument((await this.#transport.send({ path, headers })).text);
  }
}

function isList<Types extends object>(
  events: NewEvent<Types> | readonly NewEvent<Types>[],
): events is readonly NewEvent<Types>[] {
  return Array.isArray(events);
}

function pathOf(streamName: string): string {
  return `/streams/${encodePathSegment(streamName)}`;
}
