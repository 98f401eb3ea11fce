/**
 * Persistent subscriptions: groups of consumers that share a stream.
 *
 * @module
 */

import { encodePathSegment } from "../text/path_segment.ts";
import { readEventStream } from "./event_stream.ts";
import {
  decodeEntry,
  type Entry,
  parseDocument,
  type RecordedEvent,
} from "./events.ts";
import type { Transport } from "./transport.ts";

/** A stream, and the name of a group of its consumers. */
export interface GroupId {
  readonly streamName: string;
  readonly groupName: string;
}

/** Settings of a subscription, as `docs/subscriptions.md` lists them. */
export type SubscriptionSettings = Readonly<
  Record<string, string | number | boolean>
>;

/** What becomes of a message that is refused. */
export type NackAction = "retry" | "park" | "skip" | "stop";

/** How to consume. */
export interface ConsumeOptions {
  /** Messages that may be unanswered, 1 to 1,000. Default: 10. */
  readonly bufferSize?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A message: an event that must be answered. */
export interface Message<Types extends object> {
  readonly event: RecordedEvent<Types>;
  /** Says that it is done. Repeating it does no harm. */
  ack(): Promise<void>;
  /** Refuses it. Default: `retry`. */
  nack(action?: NackAction): Promise<void>;
}

/** The persistent subscriptions of a server. */
export class Subscriptions {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * Makes one.
   *
   * @throws {ClientError} `alreadyExists`, among others.
   */
  async create(
    group: GroupId,
    settings: SubscriptionSettings = {},
  ): Promise<void> {
    await this.#command("PUT", pathOf(group), settings);
  }

  /**
   * Replaces all settings.
   *
   * @throws {ClientError} `notFound`, among others.
   */
  async update(
    group: GroupId,
    settings: SubscriptionSettings,
  ): Promise<void> {
    await this.#command("POST", pathOf(group), settings);
  }

  /**
   * Deletes it, and its parked messages.
   *
   * @throws {ClientError} `notFound`, among others.
   */
  async delete(group: GroupId): Promise<void> {
    await this.#command("DELETE", pathOf(group));
  }

  /** Delivers its parked messages again. */
  async replayParked(group: GroupId): Promise<void> {
    await this.#command("POST", `${pathOf(group)}/replayParked`, {});
  }

  /** Its settings, counts and consumers, as the server shows them. */
  async info(group: GroupId): Promise<Entry> {
    return await this.#look(`${pathOf(group)}/info`);
  }

  /** Summaries of all, or of those of a stream. */
  async list(streamName?: string): Promise<readonly Entry[]> {
    const of = streamName === undefined
      ? ""
      : `/${encodePathSegment(streamName)}`;
    const list: unknown = await this.#look(`/subscriptions${of}`);
    return Array.isArray(list) ? list : [];
  }

  /**
   * Takes messages as they are pushed, for ever. A message that is not
   * answered comes again, to this consumer or another; so does everything
   * unanswered when the connection breaks. Work must bear being done twice.
   *
   * @throws {ClientError} `notFound`, among others.
   */
  async *consume<Types extends object>(
    group: GroupId,
    { bufferSize = 10, signal }: ConsumeOptions = {},
  ): AsyncGenerator<Message<Types>, void> {
    const path = pathOf(group);
    const answers = new Answers(this.#transport, path);
    const messages = readEventStream(this.#transport, () => ({
      path,
      query: { buffer: String(bufferSize) },
      headers: { Accept: "text/event-stream" },
    }), signal);
    for await (const { id, data } of messages) {
      if (id === undefined || data === "") continue;
      const event = decodeEntry<Types>(parseDocument(data), id);
      if (event === undefined) {
        // A link to an event that is gone: there is nothing to do.
        await answers.give("ack", id);
        continue;
      }
      yield {
        event,
        ack: () => answers.give("ack", id),
        nack: (action = "retry") => answers.give(action, id),
      };
    }
  }

  async #command(
    method: "PUT" | "POST" | "DELETE",
    path: string,
    settings?: SubscriptionSettings,
  ): Promise<void> {
    await this.#transport.send({
      method,
      path,
      headers: { Accept: "application/json", "Content-Type": JSON_TYPE },
      body: settings === undefined ? undefined : JSON.stringify(settings),
      // A repeated one would find what the first has made, and refuse it.
      isRepeatable: method === "POST",
    });
  }

  async #look(path: string): Promise<Entry> {
    const headers = { Accept: JSON_TYPE };
    return parseDocument((await this.#transport.send({ path, headers })).text);
  }
}

const JSON_TYPE = "application/json";

function pathOf({ streamName, groupName }: GroupId): string {
  return `/subscriptions/${encodePathSegment(streamName)}/${
    encodePathSegment(groupName)
  }`;
}

/** Ids in one address: it must stay below 8 KiB. */
const IDS_MAX = 100;

type AnswerKind = "ack" | NackAction;

/**
 * Answers to messages. Those that are given while others are on their way go
 * out together.
 */
class Answers {
  readonly #transport: Transport;
  readonly #path: string;
  readonly #waiting = new Map<AnswerKind, WaitingAnswer[]>();

  constructor(transport: Transport, path: string) {
    this.#transport = transport;
    this.#path = path;
  }

  /** Settles when the server has it. */
  give(kind: AnswerKind, id: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const waiting = this.#waiting.get(kind);
      if (waiting !== undefined) waiting.push({ id, resolve, reject });
      else this.#send(kind, [{ id, resolve, reject }]);
    });
  }

  /** Sends answers of a kind until none waits. */
  async #send(kind: AnswerKind, waiting: WaitingAnswer[]): Promise<void> {
    this.#waiting.set(kind, waiting);
    while (waiting.length > 0) {
      const batch = waiting.splice(0, IDS_MAX);
      try {
        await this.#post(kind, batch.map(({ id }) => id));
        for (const { resolve } of batch) resolve();
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    this.#waiting.delete(kind);
  }

  async #post(kind: AnswerKind, ids: readonly string[]): Promise<void> {
    await this.#transport.send({
      method: "POST",
      path: `${this.#path}/${kind === "ack" ? "ack" : "nack"}`,
      query: {
        ids: ids.join(","),
        action: kind === "ack" ? undefined : kind,
      },
    });
  }
}

interface WaitingAnswer {
  readonly id: string;
  resolve(): void;
  reject(error: unknown): void;
}
