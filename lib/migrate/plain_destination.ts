/**
 * An Event Store as the destination: the way back. It takes events as any
 * client sends them, so ids and order are kept, numbers where a stream is
 * whole, and times are new.
 *
 * @module
 */

import { ClientError } from "../client/errors.ts";
import type { Transport } from "../client/transport.ts";
import { TOMBSTONE_EVENT_NUMBER } from "../model/event_number.ts";
import { isMetastream } from "../model/stream_names.ts";
import type { NumberedEvent } from "../store/transfer.ts";
import { encodePathSegment } from "../text/path_segment.ts";
import { decodeUtf8IfValid } from "../text/utf8.ts";
import { type Destination, RefusedEvent } from "./destination.ts";
import { ALL_START, type EventSource, keyOf } from "./source.ts";

/** Events of one request, and characters of them unless one has more. */
const BATCH_EVENTS_MAX = 500;
const BATCH_LENGTH_MAX = 2 * 1024 * 1024;

/** A request that writes events that follow each other in a stream. */
interface Append {
  readonly events: readonly NumberedEvent[];
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array<ArrayBuffer>;
}

/** An Event Store, and a reader of it for the proof. */
export class PlainDestination implements Destination {
  /** Events whose metadata cannot be sent with their data. */
  lostMetadataCount = 0;
  readonly #transport: Transport;
  readonly #source: EventSource;
  readonly #signal: AbortSignal;
  /** Streams whose numbers differ, so that ids alone tell what is there. */
  readonly #shifted = new Set<string>();
  /** The newest that it had before: what a run that was stopped had sent. */
  #newest: ReadonlySet<string> | undefined;

  constructor(
    options: {
      readonly transport: Transport;
      readonly source: EventSource;
      readonly signal: AbortSignal;
    },
  ) {
    this.#transport = options.transport;
    this.#source = options.source;
    this.#signal = options.signal;
  }

  /** Its interface names no store: the first event of all stands for it. */
  async readStoreId(): Promise<string> {
    for await (const { events } of this.#source.read(ALL_START)) {
      const [first] = events;
      if (first !== undefined) return first.event.eventId;
    }
    return "";
  }

  /** Numbers of streams whose first events are gone at the source change. */
  get shiftedCount(): number {
    return this.#shifted.size;
  }

  async write(
    batch: readonly NumberedEvent[],
  ): ReturnType<Destination["write"]> {
    this.#newest ??= await this.#source.readNewest();
    const newest = this.#newest;
    const events = batch.filter((event) => !newest.has(keyOf(event)));
    for (let at = 0; at < events.length;) {
      const first = events[at];
      if (first === undefined) break;
      if (first.eventNumber >= TOMBSTONE_EVENT_NUMBER) {
        await this.#deleteForEver(first.streamName);
        at++;
        continue;
      }
      const append = this.#single(first) ?? batchAt(events, at);
      await this.#append(append);
      at += append.events.length;
    }
    const knownCount = batch.length - events.length;
    return { importedCount: events.length, knownCount };
  }

  async *read(): AsyncGenerator<NumberedEvent> {
    for await (const { events } of this.#source.read(ALL_START)) yield* events;
  }

  /** What an array of events cannot say; undefined: it can. */
  #single(numbered: NumberedEvent): Append | undefined {
    const { eventId, eventType, isJson, data, metadata } = numbered.event;
    const hasMetadata = metadata.length > 0;
    const isText = textOf(data) !== undefined;
    const isSaid = isJson
      ? isObject(data) || hasMetadata && isText && isObject(metadata)
      : isText;
    if (isSaid) return undefined;
    if (hasMetadata) this.lostMetadataCount++;
    return {
      events: [numbered],
      headers: {
        "ES-EventId": eventId,
        "ES-EventType": eventType,
        "Content-Type": isJson ? "application/json" : ANY_BYTES,
      },
      body: typeof data === "string" ? data : new Uint8Array(data),
    };
  }

  async #append(append: Append): Promise<void> {
    const [first] = append.events;
    if (first === undefined) return;
    const { streamName, eventNumber } = first;
    // The server writes to metastreams, too.
    const isAny = isMetastream(streamName) || this.#shifted.has(streamName);
    try {
      await this.#transport.send({
        method: "POST",
        path: `/streams/${encodePathSegment(streamName)}`,
        headers: {
          ...append.headers,
          "ES-ExpectedVersion": isAny ? "-2" : String(eventNumber - 1),
        },
        body: append.body,
        signal: this.#signal,
      });
    } catch (error) {
      // Sent before: its tombstone was, too.
      if (isDeleted(error)) return;
      const current = error instanceof ClientError &&
          error.code === "wrongExpectedVersion"
        ? error.currentVersion ?? -1
        : undefined;
      if (isAny || current === undefined || current >= eventNumber - 1) {
        throw refused(error, first);
      }
      this.#shifted.add(streamName);
      await this.#append(append);
    }
  }

  async #deleteForEver(streamName: string): Promise<void> {
    try {
      await this.#transport.send({
        method: "DELETE",
        path: `/streams/${encodePathSegment(streamName)}`,
        headers: { "ES-HardDelete": "True" },
        signal: this.#signal,
      });
    } catch (error) {
      if (!isDeleted(error)) throw error;
    }
  }
}

const ANY_BYTES = "application/octet-stream";
const EVENTS_JSON = "application/vnd.eventstore.events+json";

function isDeleted(error: unknown): boolean {
  return error instanceof ClientError && error.code === "deleted";
}

function refused(error: unknown, { streamName, eventNumber }: NumberedEvent) {
  if (!(error instanceof ClientError) || error.code === "aborted") return error;
  return new RefusedEvent(
    `The destination refuses event ${eventNumber} of ` +
      `${JSON.stringify(streamName)}: ${error.message}`,
    { cause: error },
  );
}

/** Events from there on that one array can say. */
function batchAt(events: readonly NumberedEvent[], from: number): Append {
  const batch: NumberedEvent[] = [];
  const parts: string[] = [];
  let length = 0;
  for (let at = from; batch.length < BATCH_EVENTS_MAX; at++) {
    const next = events[at];
    if (next === undefined || next.streamName !== events[from]?.streamName) {
      break;
    }
    if (next.eventNumber >= TOMBSTONE_EVENT_NUMBER) break;
    const part = partOf(next);
    const isFirst = at === from;
    if (part === undefined || !isFirst && length > BATCH_LENGTH_MAX) break;
    batch.push(next);
    parts.push(part);
    length += part.length;
  }
  return {
    events: batch,
    headers: { "Content-Type": EVENTS_JSON },
    body: `[${parts.join(",")}]`,
  };
}

/** An event in an array; undefined: it must be sent by itself. */
function partOf({ event }: NumberedEvent): string | undefined {
  const { eventId, eventType, isJson } = event;
  const data = textOf(event.data);
  const metadata = textOf(event.metadata);
  if (data === undefined || metadata === undefined) return undefined;
  const isJsonSaid = isObject(data) || isObject(metadata);
  if (isJson && !isJsonSaid) return undefined;
  const value = (text: string) =>
    isJson && isObject(text) ? text : JSON.stringify(text);
  return `{"eventId":"${eventId}","eventType":${JSON.stringify(eventType)},` +
    `"data":${value(data)}` +
    (metadata === "" ? "" : `,"metadata":${value(metadata)}`) + "}";
}

function textOf(data: string | Uint8Array): string | undefined {
  return typeof data === "string" ? data : decodeUtf8IfValid(data);
}

function isObject(data: string | Uint8Array): boolean {
  const text = textOf(data);
  if (text === undefined || !/^\s*\{/.test(text)) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
