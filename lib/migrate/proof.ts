/**
 * The proof: both sides are read anew, and each stream's events are counted and
 * hashed in order, with their numbers, ids, types, data and metadata. Times are
 * compared apart: a log's times never decrease, so where the clock of the
 * source went back, or the destination held later events, they differ.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { TOMBSTONE_EVENT_NUMBER } from "../model/event_number.ts";
import { isMetastream } from "../model/stream_names.ts";
import type { NumberedEvent } from "../store/transfer.ts";
import { decodeUtf8, encodeUtf8 } from "../text/utf8.ts";
import { isTaken } from "./taken_streams.ts";

/** What is known of a stream on one side. */
export interface StreamDigest {
  count: number;
  /** Numbers of its first and last event; -1 for none. */
  first: number;
  head: number;
  isTombstoned: boolean;
  /** Of all events, each with those before it. */
  checksum: string;
  /** Of their times. */
  timeSum: number;
}

/** How data is compared. */
export interface DigestOptions {
  /**
   * Whether an Event Store that was sent these events has the same: JSON may
   * have other blanks, streams may begin with another number, and of metadata
   * the newest counts. Default: no.
   */
  readonly isLoose?: boolean;
}

/** A stream whose sides differ. */
export interface ProofDifference {
  readonly streamName: string;
  /** In words, without a final period. */
  readonly what: string;
}

/** What comparing both sides came to. */
export interface ProofReport {
  readonly isProven: boolean;
  readonly streamCount: number;
  readonly eventCount: number;
  /** Of all streams in the order of their names: the same on both sides. */
  readonly checksum: string;
  readonly differenceCount: number;
  /** The first of them. */
  readonly differences: readonly ProofDifference[];
  /** Streams that only the destination has; they prove nothing. */
  readonly extraStreamCount: number;
  /** Streams whose events have other times. */
  readonly otherTimesCount: number;
}

/** Differences that are named. */
const DIFFERENCES_MAX = 100;

/** Counts and hashes the streams of one side. */
export class StreamDigests {
  readonly streams = new Map<string, StreamDigest>();
  eventCount = 0;
  readonly #options: DigestOptions;

  constructor(options: DigestOptions = {}) {
    this.#options = options;
  }

  /** Numbers of the first and the last event, as they are compared. */
  rangeOf({ first, head }: StreamDigest): { first: number; head: number } {
    return this.#options.isLoose === true
      ? { first: 0, head: head - first }
      : { first, head };
  }

  /** Takes the next event; those of streams that are not taken count not. */
  add({ streamName, eventNumber, createdAtUs, event }: NumberedEvent): void {
    if (!isTaken(streamName)) return;
    this.eventCount++;
    const digest = this.#digestOf(streamName);
    digest.count++;
    // Ids and times of tombstones are made by each server.
    if (eventNumber >= TOMBSTONE_EVENT_NUMBER) {
      digest.isTombstoned = true;
      return;
    }
    const { eventId, eventType, isJson, metadata } = event;
    const { isLoose = false } = this.#options;
    if (digest.first < 0) digest.first = eventNumber;
    digest.head = eventNumber;
    if (isLoose && isMetastream(streamName)) this.#forget(digest);
    const data = bytesOf(isJson ? this.#jsonOf(event.data) : event.data);
    const metadataBytes = bytesOf(this.#jsonOf(metadata));
    const number = isLoose ? eventNumber - digest.first : eventNumber;
    const fields = [digest.checksum, number, eventId, eventType, isJson];
    digest.checksum = createHash("sha256")
      .update(JSON.stringify([...fields, data.length]))
      .update(data).update(metadataBytes)
      .digest("base64url");
    digest.timeSum = (Math.imul(digest.timeSum, 31) +
      createdAtUs % 2 ** 32) >>> 0;
  }

  /** Leaves the event that comes as the only one. */
  #forget(digest: StreamDigest): void {
    digest.first = digest.head;
    digest.count = 1;
    digest.checksum = "";
  }

  #digestOf(streamName: string): StreamDigest {
    let digest = this.streams.get(streamName);
    if (digest === undefined) {
      digest = {
        count: 0,
        first: -1,
        head: -1,
        isTombstoned: false,
        checksum: "",
        timeSum: 0,
      };
      this.streams.set(streamName, digest);
    }
    return digest;
  }

  #jsonOf(data: string | Uint8Array): string | Uint8Array {
    if (this.#options.isLoose !== true || data.length === 0) return data;
    try {
      const text = typeof data === "string" ? data : decodeUtf8(data);
      return JSON.stringify(JSON.parse(text));
    } catch {
      return data;
    }
  }
}

function bytesOf(data: string | Uint8Array): Uint8Array {
  return typeof data === "string" ? encodeUtf8(data) : data;
}

/** Compares both sides stream by stream. */
export function compareDigests(
  source: StreamDigests,
  destination: StreamDigests,
): ProofReport {
  const differences: ProofDifference[] = [];
  let differenceCount = 0;
  let otherTimesCount = 0;
  const whole = createHash("sha256");
  for (const [streamName, wanted] of [...source.streams].sort(byName)) {
    const got = destination.streams.get(streamName);
    const what = differenceOf(
      { ...wanted, ...source.rangeOf(wanted) },
      got && { ...got, ...destination.rangeOf(got) },
    );
    if (what !== undefined) {
      differenceCount++;
      if (differences.length < DIFFERENCES_MAX) {
        differences.push({ streamName, what });
      }
    }
    if (got !== undefined && got.timeSum !== wanted.timeSum) otherTimesCount++;
    whole.update(JSON.stringify([streamName, wanted.checksum]));
  }
  const extraStreamCount = [...destination.streams.keys()]
    .filter((name) => !source.streams.has(name)).length;
  return {
    isProven: differenceCount === 0,
    streamCount: source.streams.size,
    eventCount: source.eventCount,
    checksum: whole.digest("hex"),
    differenceCount,
    differences,
    extraStreamCount,
    otherTimesCount,
  };
}

function byName([one]: [string, unknown], [other]: [string, unknown]): number {
  return one < other ? -1 : 1;
}

function differenceOf(
  wanted: StreamDigest,
  got: StreamDigest | undefined,
): string | undefined {
  if (got === undefined) return "it is not at the destination";
  if (wanted.isTombstoned !== got.isTombstoned) {
    return wanted.isTombstoned
      ? "it is deleted for ever at the source alone"
      : "it is deleted for ever at the destination alone";
  }
  if (wanted.head !== got.head) {
    return `its last event is number ${wanted.head} at the source, and ` +
      `${got.head} at the destination`;
  }
  if (wanted.first !== got.first) {
    return `its first event is number ${wanted.first} at the source, and ` +
      `${got.first} at the destination`;
  }
  if (wanted.count !== got.count) {
    return `it has ${wanted.count} events at the source, and ${got.count} at ` +
      "the destination";
  }
  return wanted.checksum === got.checksum
    ? undefined
    : "the events of both sides differ";
}
