/**
 * A group of appends as the arguments of `append_v1`: names once each, and
 * columns of numbers that refer to them.
 *
 * @module
 */

import type { ProposedEvent } from "../../lib/model/event.ts";
import {
  type Int64,
  TOMBSTONE_EVENT_NUMBER,
} from "../../lib/model/event_number.ts";
import { membershipsOf } from "../../lib/model/lists.ts";
import {
  decodeStreamMetadata,
  METADATA_EVENT_TYPE,
} from "../../lib/model/stream_metadata.ts";
import { describedStream, isMetastream } from "../../lib/model/stream_names.ts";
import type { CommitHint } from "../../lib/store/event_store.ts";
import type { Lease } from "../../lib/store/leases.ts";
import { encodeUtf8, encodeUtf8Into } from "../../lib/text/utf8.ts";
import { arrayText, bytesArgument, bytesArrayText } from "./driver.ts";
import { NAME_KINDS } from "./names.ts";
import { int64Text } from "./numbers.ts";

/** What must hold of a stream so that its unit is written. */
export interface StreamCondition {
  readonly streamName: string;
  /** Number of its last event; undefined: any. */
  readonly head?: number | undefined;
  /**
   * Number of the last event of its metastream; undefined: any that does not
   * say that the stream is deleted.
   */
  readonly metadataNumber?: number | undefined;
  /** Whether it, or its metastream, must have an event. */
  readonly mustExist?: boolean;
  /** Number of the first event to write; undefined: the one after the head. */
  readonly first?: number;
}

/** What is written besides an event itself. */
export interface EventPlace {
  /** Whether it is the tombstone of its stream. */
  readonly isTombstone?: boolean;
  /** Whether it is a link that no category lists. */
  readonly isBrokenLink?: boolean;
  /** Microseconds since 1970; never less than those of the events before it. */
  readonly createdAtUs: number;
}

/** An event that was written, and where. */
export interface WrittenEvent extends CommitHint {
  readonly id: string;
}

type Column = (number | bigint | boolean | string | undefined)[];

const FLAG_JSON = 1;

export class Batch {
  readonly #nameIndexes = new Map<string, number>();
  readonly #nameKinds: number[] = [];
  readonly #names: Uint8Array[] = [];
  readonly #leases: [Column, Uint8Array[], Column] = [[], [], []];
  readonly #streams = columns(9);
  readonly #streamNames: string[] = [];
  readonly #ids = columns(2);
  readonly #events = columns(12);
  readonly #eventTypes: string[] = [];
  #bodies = new Uint8Array(16 * 1024);
  #bodyBytes = 0;
  unitCount = 0;

  /** Events so far. */
  get eventCount(): number {
    return this.#events[0]?.length ?? 0;
  }

  get streamCount(): number {
    return this.#streams[0]?.length ?? 0;
  }

  /**
   * The events that were written, numbered as `append_v1` does.
   *
   * @param answer What it answered: units that were met, heads of the streams
   * before, first position.
   */
  writtenEvents({ met, heads, base }: {
    readonly met: readonly unknown[];
    readonly heads: readonly number[];
    readonly base: number;
  }): WrittenEvent[] {
    const [streams = [], tombstones = [], ids = []] = this.#events;
    const [units = [], , , , , , firsts = []] = this.#streams;
    const counts = new Map<string, number>();
    const written: WrittenEvent[] = [];
    for (const [index, eventType] of this.#eventTypes.entries()) {
      const stream = Number(streams[index]) - 1;
      const streamName = this.#streamNames[stream];
      const head = heads[stream];
      if (streamName === undefined || head === undefined) continue;
      if (met[Number(units[stream]) - 1] !== true) continue;
      const count = counts.get(streamName) ?? 0;
      counts.set(streamName, count + 1);
      written.push({
        id: String(ids[index]),
        streamName,
        eventType,
        eventNumber: tombstones[index] === undefined
          ? Number(firsts[stream] ?? head + 1) + count
          : TOMBSTONE_EVENT_NUMBER,
        logPosition: base + written.length,
      });
    }
    return written;
  }

  /** Bytes of bodies so far. */
  get bodyBytes(): number {
    return this.#bodyBytes;
  }

  /** Begins a unit, which is written whole or not at all; returns its number. */
  beginUnit(): number {
    return ++this.unitCount;
  }

  /** Has the unit need a lease. */
  needLease({ name, token }: Lease): void {
    const [units, names, tokens] = this.#leases;
    units.push(this.unitCount);
    names.push(encodeUtf8(name));
    tokens.push(token);
  }

  /** Adds a stream to the unit; returns the index that its events refer to. */
  addStream(condition: StreamCondition): number {
    const { streamName, head, metadataNumber, mustExist, first } = condition;
    const described = describedStream(streamName);
    const { categoryOfStream, isInStreams } = membershipsOf(
      { streamName, eventType: "", eventNumber: 0 },
    );
    this.#streamNames.push(streamName);
    pushTo(this.#streams, [
      this.unitCount,
      this.#name("stream", described),
      isMetastream(streamName),
      head,
      metadataNumber,
      mustExist === true,
      first,
      isInStreams,
      categoryOfStream && this.#name("category", categoryOfStream),
    ]);
    return this.streamCount;
  }

  /** Has the unit need that the stream has no event with the id. */
  addUnknownId(stream: number, eventId: string): void {
    pushTo(this.#ids, [stream, eventId]);
  }

  /** Adds an event to a stream of the unit. */
  addEvent(
    stream: number,
    streamName: string,
    event: ProposedEvent,
    { isTombstone, isBrokenLink, createdAtUs }: EventPlace,
  ): void {
    const isMeta = isMetastream(streamName);
    const metadata = isMeta ? decodeStreamMetadata(event) : undefined;
    const { eventType } = event;
    const memberships = membershipsOf({
      streamName,
      eventType,
      eventNumber: isTombstone ? TOMBSTONE_EVENT_NUMBER : 1,
    }, metadata);
    const category = isBrokenLink ? undefined : memberships.category;
    const offset = this.#bodyBytes;
    const dataBytes = this.#putBody(event.data);
    const truncateBefore: Int64 | undefined =
      eventType === METADATA_EVENT_TYPE || isMeta
        ? metadata?.truncateBefore
        : undefined;
    this.#eventTypes.push(eventType);
    pushTo(this.#events, [
      stream,
      isTombstone ? int64Text(TOMBSTONE_EVENT_NUMBER) : undefined,
      event.eventId,
      this.#name("eventType", eventType),
      category === undefined ? undefined : this.#name("category", category),
      memberships.eventType === undefined
        ? undefined
        : this.#name("eventType", memberships.eventType),
      createdAtUs,
      truncateBefore === undefined ? undefined : int64Text(truncateBefore),
      event.isJson ? FLAG_JSON : 0,
      offset,
      dataBytes,
      this.#putBody(event.metadata),
    ]);
  }

  /**
   * The arguments of `append_v1`.
   *
   * @param channel Where the commit is told; undefined: nowhere.
   */
  toArguments(channel: string | undefined): unknown[] {
    const [leaseUnits, leaseNames, leaseTokens] = this.#leases;
    return [
      arrayText(this.#nameKinds),
      bytesArrayText(this.#names),
      arrayText(leaseUnits),
      bytesArrayText(leaseNames),
      arrayText(leaseTokens),
      ...this.#streams.map(arrayText),
      ...this.#ids.map(arrayText),
      ...this.#events.map(arrayText),
      bytesArgument(this.#bodies.subarray(0, this.#bodyBytes)),
      this.unitCount,
      channel ?? null,
    ];
  }

  /** Index of a name, from 1. */
  #name(kind: keyof typeof NAME_KINDS, name: string): number {
    const code = NAME_KINDS[kind];
    const key = `${code}${name}`;
    const known = this.#nameIndexes.get(key);
    if (known !== undefined) return known;
    this.#nameKinds.push(code);
    this.#names.push(encodeUtf8(name));
    this.#nameIndexes.set(key, this.#names.length);
    return this.#names.length;
  }

  #putBody(body: string | Uint8Array): number {
    const bytesMax = typeof body === "string" ? 3 * body.length : body.length;
    if (this.#bodyBytes + bytesMax > this.#bodies.length) {
      const grown = new Uint8Array(
        Math.max(2 * this.#bodies.length, this.#bodyBytes + bytesMax),
      );
      grown.set(this.#bodies.subarray(0, this.#bodyBytes));
      this.#bodies = grown;
    }
    let bytes: number;
    if (typeof body === "string") {
      const free = this.#bodies.subarray(this.#bodyBytes);
      bytes = encodeUtf8Into(body, free);
    } else {
      this.#bodies.set(body, this.#bodyBytes);
      bytes = body.length;
    }
    this.#bodyBytes += bytes;
    return bytes;
  }
}

function columns(count: number): Column[] {
  return Array.from({ length: count }, () => []);
}

function pushTo(columns: Column[], values: Column): void {
  for (let index = 0; index < columns.length; index++) {
    columns[index]?.push(values[index]);
  }
}
