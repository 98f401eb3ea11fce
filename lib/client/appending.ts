/**
 * Appending: one request for each batch, repeated with the same ids until it
 * is answered, so that no event is lost or written twice.
 *
 * @module
 */

import { encodePathSegment } from "../text/path_segment.ts";
import { ClientError } from "./errors.ts";
import type { NewEvent } from "./events.ts";
import { byteString, type ClientRequest, type Transport } from "./transport.ts";

/** Version that a stream must have: the number of its last event. */
export type ExpectedVersion = number | "any" | "noStream" | "streamExists";

const VERSION_WORDS = { any: -2, noStream: -1, streamExists: -4 } as const;

/** Value of the header for it. */
export function versionHeader(version: ExpectedVersion): string {
  return String(
    typeof version === "number" ? version : VERSION_WORDS[version],
  );
}

/** How to append. */
export interface AppendOptions {
  /** Default: `any`. */
  readonly expectedVersion?: ExpectedVersion | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What was appended. */
export interface AppendResult {
  /** Number of the first event. */
  readonly firstEventNumber: number;
  /** Number of the last event. */
  readonly lastEventNumber: number;
}

/** How to append many events. */
export interface AppendAllOptions extends AppendOptions {
  /** Events of one request, 1 or more. Default: 500. */
  readonly batchEvents?: number;
  /** Characters of data from which on a request is sent. Default: 1,000,000. */
  readonly batchLength?: number;
  /**
   * Milliseconds without a further event after which a request is sent. Then
   * the pace of the events, too, decides where a batch ends. Default: none.
   */
  readonly flushMs?: number | undefined;
  /** Is told after each batch how many events were appended so far. */
  readonly onBatch?: (appendedCount: number, result: AppendResult) => void;
}

/** See `Client.append`. */
export async function appendEvents<Types extends object>(
  transport: Transport,
  streamName: string,
  events: readonly NewEvent<Types>[],
  { expectedVersion = "any", signal }: AppendOptions,
): Promise<AppendResult> {
  const { headers } = await transport.send({
    method: "POST",
    path: `/streams/${encodePathSegment(streamName)}`,
    signal,
    ...bodyOf(events, versionHeader(expectedVersion)),
  });
  const number = /\/(\d+)$/.exec(headers.get("Location") ?? "")?.[1];
  if (number === undefined) {
    throw new ClientError("unexpected", "The answer names no event");
  }
  const first = Number(number);
  return {
    firstEventNumber: first,
    lastEventNumber: first + events.length - 1,
  };
}

/** Made once, so that each try sends the same ids. */
function bodyOf<Types extends object>(
  events: readonly NewEvent<Types>[],
  version: string,
): Pick<ClientRequest, "headers" | "body"> {
  const [first] = events;
  if (first === undefined) {
    throw new ClientError("invalid", "There is no event to append");
  }
  const headers = { "ES-ExpectedVersion": version };
  if (!events.some(({ data }) => data instanceof Uint8Array)) {
    return {
      headers: {
        ...headers,
        "Content-Type": "application/vnd.eventstore.events+json",
      },
      body: JSON.stringify(
        events.map(({ eventId, eventType, data, metadata }) => ({
          eventId: eventId ?? crypto.randomUUID(),
          eventType,
          data,
          metadata,
        })),
      ),
    };
  }
  const { data, metadata, eventType, eventId } = first;
  if (
    events.length > 1 || metadata !== undefined || !(data instanceof Uint8Array)
  ) {
    throw new ClientError(
      "invalid",
      "An event with bytes is appended alone, and without metadata",
    );
  }
  return {
    headers: {
      ...headers,
      "Content-Type": "application/octet-stream",
      "ES-EventId": eventId ?? crypto.randomUUID(),
      "ES-EventType": byteString(eventType),
    },
    body: data,
  };
}

/** See `Client.appendAll`. */
export async function appendAllEvents<Types extends object>(
  transport: Transport,
  streamName: string,
  events: Iterable<NewEvent<Types>> | AsyncIterable<NewEvent<Types>>,
  options: AppendAllOptions,
): Promise<number> {
  const { signal, onBatch } = options;
  let { expectedVersion = "any" } = options;
  let count = 0;
  for await (const batch of batchesOf(events, options)) {
    const result = await appendEvents(transport, streamName, batch, {
      expectedVersion,
      signal,
    });
    count += batch.length;
    // Each batch follows the one before it.
    if (expectedVersion !== "any" && expectedVersion !== "streamExists") {
      expectedVersion = result.lastEventNumber;
    }
    onBatch?.(count, result);
  }
  return count;
}

/** Cuts events into batches, unless `flushMs` says else by the events alone. */
async function* batchesOf<Types extends object>(
  events: Iterable<NewEvent<Types>> | AsyncIterable<NewEvent<Types>>,
  options: AppendAllOptions,
): AsyncGenerator<readonly NewEvent<Types>[], void> {
  const { batchEvents = 500, batchLength = 1_000_000, flushMs } = options;
  let batch: NewEvent<Types>[] = [];
  let length = 0;
  const cut = () => {
    const whole = batch;
    batch = [];
    length = 0;
    return whole;
  };
  for await (const event of withPauses(events, flushMs)) {
    if (event === undefined) {
      if (batch.length > 0) yield cut();
      continue;
    }
    const isBinary = event.data instanceof Uint8Array;
    if (isBinary && batch.length > 0) yield cut();
    batch.push(event);
    length += lengthOf(event);
    if (isBinary || batch.length >= batchEvents || length >= batchLength) {
      yield cut();
    }
  }
  if (batch.length > 0) yield cut();
}

/** The items, and undefined whenever the next one takes longer than that. */
async function* withPauses<Item>(
  items: Iterable<Item> | AsyncIterable<Item>,
  pauseMs: number | undefined,
): AsyncGenerator<Item | undefined, void> {
  if (pauseMs === undefined) {
    yield* items;
    return;
  }
  const source = (async function* () {
    yield* items;
  })();
  for (;;) {
    const next = source.next();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const paused = new Promise<undefined>((resolve) => {
      timer = setTimeout(() => resolve(undefined), pauseMs);
    });
    const first = await Promise.race([next, paused]);
    clearTimeout(timer);
    if (first === undefined) yield undefined;
    const result = first ?? await next;
    if (result.done) return;
    yield result.value;
  }
}

/** About as many characters as it has in a request. */
function lengthOf(
  { data, metadata }: { readonly data: unknown; readonly metadata?: unknown },
): number {
  if (data instanceof Uint8Array) return data.length;
  return JSON.stringify([data, metadata]).length;
}
