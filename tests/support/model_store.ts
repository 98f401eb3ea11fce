/**
 * The store's port as plain arrays and maps: so simple that it is right at a
 * glance, and therefore what every other store is compared with. It keeps
 * nothing and spares nothing.
 *
 * @module
 */

import type { Clock } from "../../lib/model/clock.ts";
import { brokenLinksOf } from "../../lib/store/broken_links.ts";
import {
  type DecidableStream,
  decideAppend,
  decideDelete,
} from "../../lib/model/decide_append.ts";
import { QuipuError } from "../../lib/model/errors.ts";
import type { ProposedEvent, RecordedEvent } from "../../lib/model/event.ts";
import {
  NO_EVENT_NUMBER,
  TOMBSTONE_EVENT_NUMBER,
  TRUNCATE_ALL,
} from "../../lib/model/event_number.ts";
import type {
  AppendRequest,
  AppendResult,
  CommitHint,
  DeleteRequest,
  DeleteResult,
  EventStore,
  ListEntry,
  LocalReads,
  LogEnd,
  NamesRequest,
  ReadAllRequest,
  ReadAllResult,
  ReadRequest,
  ReadResult,
  StoreLimits,
  StorePromises,
  StoreStatus,
  StreamState,
} from "../../lib/store/event_store.ts";
import { type Lease, LocalLeases } from "../../lib/store/leases.ts";
import { LIMITS } from "../../lib/model/limits.ts";
import { isSystemList, membershipsOf } from "../../lib/model/lists.ts";
import {
  decodeStreamMetadata,
  defaultMetadataOf,
  isSoftDeleted,
  METADATA_EVENT_TYPE,
  type StreamMetadata,
  withTruncateBefore,
} from "../../lib/model/stream_metadata.ts";
import {
  keepTruncation,
  NOT_TRUNCATING_MESSAGE,
  softDeleteDataAfter,
} from "../../lib/model/metadata_writes.ts";
import {
  isMetastream,
  metastreamOf,
  originalOfMetastream,
} from "../../lib/model/stream_names.ts";

import { testUuid } from "./events.ts";

const NO_BYTES = new Uint8Array(0);
const UTF8 = new TextEncoder();
/** What a record takes in the log besides its bodies; any size would do. */
const RECORD_HEADER_BYTES = 100;

/** Before the first opaque position. */
const OPAQUE_START = 2 ** 40 + 17;

/** What the model store needs from outside. */
export interface ModelStoreOptions {
  readonly clock: Clock;
  /** Ids of the events that the store itself writes. */
  readonly newEventId: () => string;
  /** Default: offsets. Opaque ones begin anywhere and have gaps of any length. */
  readonly positions?: StorePromises["positions"];
}

/** Makes an empty store that lives in memory. */
export function createModelStore(options: ModelStoreOptions): EventStore {
  return new ModelStore(options);
}

class ModelStore implements EventStore {
  readonly storeId = testUuid(0);
  readonly limits: StoreLimits = LIMITS;
  readonly promises: StorePromises;
  readonly leases: LocalLeases;
  readonly local: LocalReads = {
    peekState: (streamName) => this.#stateOf(streamName),
    peekEvent: (streamName, eventNumber) =>
      this.#eventAt(streamName, eventNumber) ?? "missing",
    peekEnd: () => this.#logEnd(),
  };
  readonly #clock: Clock;
  readonly #newEventId: () => string;
  readonly #log: RecordedEvent[] = [];
  /** Streams and system lists by the name they are read by. */
  readonly #lists = new Map<string, RecordedEvent[]>();
  readonly #tombstoned = new Set<string>();
  readonly #listeners = new Set<(events: readonly CommitHint[]) => void>();
  #end = 0;
  #lastTimeUs = 0;
  #isClosed = false;

  constructor({ clock, newEventId, positions = "offsets" }: ModelStoreOptions) {
    this.promises = { positions, ordinals: "gapless" };
    this.#clock = clock;
    this.#newEventId = newEventId;
    this.leases = new LocalLeases(clock.nowUs());
  }

  // deno-lint-ignore require-await
  async append(request: AppendRequest): Promise<AppendResult> {
    this.#refuseWhenClosed();
    this.#refuseWithoutLease(request.lease);
    refuseReserved(request.streamName);
    refuseTooLarge(request.events);
    const { streamName, expectedVersion } = request;
    const stream = this.#decidable(streamName);
    const eventIds = request.events.map((event) => event.eventId);
    const decision = decideAppend(stream, expectedVersion, eventIds);
    if (decision.kind === "duplicate") {
      return { kind: "duplicate", firstEventNumber: decision.first };
    }
    if (decision.kind !== "append") return decision;
    const described = isMetastream(streamName)
      ? originalOfMetastream(streamName)
      : undefined;
    const reopensDescribed = described !== undefined &&
      isSoftDeleted(this.#metadataOf(described));
    const events = described !== undefined && request.keepsTruncation
      ? this.#truncating(described, request.events)
      : request.events;
    const brokenLinks = brokenLinksOf(events, {
      stateOf: (name) => this.#stateOf(name),
      timeOf: (link) =>
        this.#lists.get(link.streamName)?.[link.eventNumber]?.createdAtUs,
      isOfBatch: (link) =>
        link.streamName === streamName && link.eventNumber >= decision.first &&
        link.eventNumber < decision.first + events.length,
      nowUs: () => this.#clock.nowUs(),
    });
    const written = events.map((event, index) =>
      this.#write(streamName, event, brokenLinks?.has(index) === true)
    );
    if (stream.truncateBefore >= TRUNCATE_ALL) {
      written.push(...this.#writeReopening(streamName, stream.head + 1));
    } else if (reopensDescribed) {
      const first = this.#headOf(described) + 1;
      written.push(...this.#writeReopening(described, first));
    }
    this.#announce(written);
    return { kind: "appended", firstEventNumber: decision.first };
  }

  // deno-lint-ignore require-await
  async deleteStream(request: DeleteRequest): Promise<DeleteResult> {
    this.#refuseWhenClosed();
    const { streamName, expectedVersion, mode } = request;
    if (mode === "hard") refuseReserved(streamName);
    const stream = this.#decidable(streamName);
    const decision = decideDelete(stream, expectedVersion);
    if (decision.kind !== "delete") return decision;
    const written = mode === "hard"
      ? this.#writeTombstone(streamName)
      : this.#writeMetadata(
        streamName,
        softDeleteDataAfter(
          this.#lists.get(metastreamOf(streamName))?.at(-1),
          { ...stream, streamName },
        ),
      );
    this.#announce([written]);
    return { kind: "done" };
  }

  // deno-lint-ignore require-await
  async readState(streamName: string): Promise<StreamState> {
    return this.#stateOf(streamName);
  }

  #stateOf(streamName: string): StreamState {
    this.#refuseWhenClosed();
    return {
      head: this.#headOf(streamName),
      isTombstoned: this.#isTombstoned(streamName),
      metadata: this.#metadataOf(streamName),
      metadataNumber: this.#headOf(metastreamOf(streamName)),
    };
  }

  // deno-lint-ignore require-await
  async readEvent(
    streamName: string,
    eventNumber: number,
  ): Promise<ListEntry | undefined> {
    return this.#eventAt(streamName, eventNumber);
  }

  #eventAt(streamName: string, eventNumber: number): ListEntry | undefined {
    this.#refuseWhenClosed();
    const event = this.#lists.get(streamName)?.[eventNumber];
    return event && { ordinal: eventNumber, event };
  }

  // deno-lint-ignore require-await
  async readEnd(): Promise<LogEnd> {
    return this.#logEnd();
  }

  #logEnd(): LogEnd {
    this.#refuseWhenClosed();
    return {
      end: this.#end,
      lastPosition: this.#log.at(-1)?.logPosition ?? -1,
      wasRewritten: false,
    };
  }

  // deno-lint-ignore require-await
  async listNames(
    kind: "streams" | "categories" | "types",
    { prefix = "", after = "", limit }: NamesRequest,
  ): Promise<readonly string[]> {
    this.#refuseWhenClosed();
    if (!(limit >= 1 && limit <= LIMITS.listedNamesMax)) {
      throw new QuipuError("invalidRequest", `Cannot list ${limit} names`);
    }
    const listPrefix = { streams: "", categories: "$ce-", types: "$et-" }[kind];
    return [...this.#lists.keys()]
      .filter((name) => name.startsWith(listPrefix))
      .filter((name) => kind !== "streams" || !isSystemList(name))
      .map((name) => name.slice(listPrefix.length))
      .filter((name) => name.startsWith(prefix))
      .filter((name) => compareUtf8(name, after) > 0)
      .sort(compareUtf8)
      .slice(0, limit);
  }

  // deno-lint-ignore require-await
  async readStream(request: ReadRequest): Promise<ReadResult> {
    this.#refuseWhenClosed();
    const list = this.#lists.get(request.streamName) ?? [];
    const step = request.direction === "forward" ? 1 : -1;
    const entries: ListEntry[] = [];
    let gatheredBytes = 0;
    for (let index = 0; index < request.count; index++) {
      const ordinal = request.from + index * step;
      const event = list[ordinal];
      if (event === undefined) continue;
      if (gatheredBytes >= LIMITS.pageBytesMax) {
        return { entries, continueFrom: ordinal };
      }
      if (request.withBodies) gatheredBytes += bodyBytes(event);
      entries.push({ ordinal, event: copyOf(event, request.withBodies) });
    }
    return { entries, continueFrom: undefined };
  }

  // deno-lint-ignore require-await
  async findNearest(
    streamName: string,
    from: number,
    direction: "forward" | "backward",
  ): Promise<number | undefined> {
    const head = this.#headOf(streamName);
    const nearest = direction === "forward"
      ? Math.max(0, from)
      : Math.min(head, from);
    return nearest < 0 || nearest > head ? undefined : nearest;
  }

  // deno-lint-ignore require-await
  async readAll(request: ReadAllRequest): Promise<ReadAllResult> {
    this.#refuseWhenClosed();
    const { direction, withBodies, accepts } = request;
    const isForward = direction === "forward";
    const from = request.from === "end" ? this.#end : request.from;
    const candidates = isForward
      ? this.#log.filter((event) => event.logPosition >= from)
      : this.#log.filter((event) => event.logPosition < from).reverse();
    const events: RecordedEvent[] = [];
    let lookedAt = 0;
    let gatheredBytes = 0;
    for (const event of candidates) {
      const isFull = events.length >= request.count ||
        lookedAt >= LIMITS.filterScanMax ||
        gatheredBytes >= LIMITS.pageBytesMax;
      if (isFull) break;
      lookedAt++;
      if (accepts !== undefined && !accepts(event)) continue;
      if (withBodies) gatheredBytes += bodyBytes(event);
      events.push(copyOf(event, withBodies));
    }
    const isAtEnd = lookedAt === candidates.length;
    const following = candidates[lookedAt]?.logPosition;
    const lastLookedAt = candidates[lookedAt - 1]?.logPosition;
    const next = isForward
      ? following ?? Math.max(from, this.#end)
      : lastLookedAt ?? Math.min(from, this.#end);
    return { events, next, isAtEnd, end: this.#end };
  }

  // deno-lint-ignore require-await
  async findPosition(createdAtUs: number): Promise<number> {
    this.#refuseWhenClosed();
    const event = this.#log.find((event) => event.createdAtUs >= createdAtUs);
    return event?.logPosition ?? this.#end;
  }

  watch(
    listener: (hints: readonly CommitHint[]) => void,
    isOf: (streamName: string) => boolean = () => true,
  ): () => void {
    const tell = (events: readonly CommitHint[]) => {
      const hints = events.filter(({ streamName }) => isOf(streamName));
      if (hints.length > 0) listener(hints);
    };
    this.#listeners.add(tell);
    return () => this.#listeners.delete(tell);
  }

  status(): StoreStatus {
    return { readOnlyReason: undefined };
  }

  // deno-lint-ignore require-await
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#listeners.clear();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #refuseWhenClosed(): void {
    if (this.#isClosed) {
      throw new QuipuError("storeClosed", "The store is closed");
    }
  }

  #refuseWithoutLease(lease: Lease | undefined): void {
    if (lease === undefined || this.leases.isHeld(lease)) return;
    throw new QuipuError("leaseLost", `The lease of "${lease.name}" is lost`);
  }

  #headOf(streamName: string): number {
    return (this.#lists.get(streamName)?.length ?? 0) + NO_EVENT_NUMBER;
  }

  /** A metastream goes with its stream. */
  #isTombstoned(streamName: string): boolean {
    return this.#tombstoned.has(streamName) || isMetastream(streamName) &&
        this.#isTombstoned(originalOfMetastream(streamName));
  }

  #metadataOf(streamName: string): StreamMetadata {
    const written = isMetastream(streamName)
      ? undefined
      : this.#lists.get(metastreamOf(streamName))?.at(-1);
    return written === undefined
      ? defaultMetadataOf(streamName)
      : decodeStreamMetadata(written);
  }

  #decidable(streamName: string): DecidableStream {
    const list = this.#lists.get(streamName) ?? [];
    return {
      head: this.#headOf(streamName),
      isTombstoned: this.#isTombstoned(streamName),
      isSystemList: isSystemList(streamName),
      truncateBefore: this.#metadataOf(streamName).truncateBefore ?? 0,
      hasMetadata: this.#lists.has(metastreamOf(streamName)),
      numberOf(eventId, from) {
        const index = list.findIndex((event) =>
          event.eventId === eventId && event.eventNumber >= from
        );
        return index < 0 ? undefined : index;
      },
      hasIdAt: (eventNumber, eventId) => list[eventNumber]?.eventId === eventId,
    };
  }

  #write(
    streamName: string,
    event: ProposedEvent,
    isBrokenLink = false,
  ): RecordedEvent {
    const eventNumber = this.#headOf(streamName) + 1;
    const recorded = this.#record(streamName, event, eventNumber, isBrokenLink);
    this.#enter(streamName, recorded);
    return recorded;
  }

  #writeMetadata(streamName: string, data: string): RecordedEvent {
    return this.#write(metastreamOf(streamName), {
      eventId: this.#newEventId(),
      eventType: METADATA_EVENT_TYPE,
      isJson: true,
      data,
      metadata: "",
    });
  }

  /**
   * Writes the last metadata again, hiding everything before `first`; nothing
   * where that is no JSON object.
   */
  #writeReopening(streamName: string, first: number): RecordedEvent[] {
    const last = this.#lists.get(metastreamOf(streamName))?.at(-1);
    const data = withTruncateBefore(last?.data ?? "{}", first);
    return data === undefined ? [] : [this.#writeMetadata(streamName, data)];
  }

  #truncating(
    streamName: string,
    events: readonly ProposedEvent[],
  ): readonly ProposedEvent[] {
    const present = this.#metadataOf(streamName).truncateBefore ?? 0;
    const kept = keepTruncation(events, present);
    if (kept === undefined) {
      throw new QuipuError("invalidRequest", NOT_TRUNCATING_MESSAGE);
    }
    return kept;
  }

  /** A tombstone has no place among the numbers of its stream. */
  #writeTombstone(streamName: string): RecordedEvent {
    this.#tombstoned.add(streamName);
    return this.#record(streamName, {
      eventId: this.#newEventId(),
      eventType: "$streamDeleted",
      isJson: false,
      data: "",
      metadata: "",
    }, TOMBSTONE_EVENT_NUMBER);
  }

  #record(
    streamName: string,
    event: ProposedEvent,
    eventNumber: number,
    isBrokenLink = false,
  ): RecordedEvent {
    this.#lastTimeUs = Math.max(this.#lastTimeUs, this.#clock.nowUs());
    const recorded: RecordedEvent = {
      streamName,
      eventNumber,
      eventId: event.eventId,
      eventType: event.eventType,
      isJson: event.isJson,
      data: bytesOf(event.data),
      metadata: bytesOf(event.metadata),
      createdAtUs: this.#lastTimeUs,
      logPosition: this.#nextPosition(),
    };
    this.#log.push(recorded);
    this.#end = this.promises.positions === "opaque"
      ? recorded.logPosition + 1
      : this.#end + RECORD_HEADER_BYTES + bodyBytes(recorded);
    const saying = isMetastream(streamName)
      ? decodeStreamMetadata(recorded)
      : undefined;
    const { category, eventType, isInStreams, categoryOfStream } =
      membershipsOf(recorded, saying);
    if (category !== undefined && !isBrokenLink) {
      this.#enter(`$ce-${category}`, recorded);
    }
    if (eventType !== undefined) this.#enter(`$et-${eventType}`, recorded);
    if (isInStreams) this.#enter("$streams", recorded);
    if (categoryOfStream !== undefined) {
      this.#enter(`$category-${categoryOfStream}`, recorded);
    }
    return recorded;
  }

  #nextPosition(): number {
    if (this.promises.positions === "offsets") return this.#end;
    const before = this.#end === 0 ? OPAQUE_START : this.#end;
    return before + this.#log.length * 7919 % 1000;
  }

  #enter(listName: string, event: RecordedEvent): void {
    const list = this.#lists.get(listName);
    if (list === undefined) this.#lists.set(listName, [event]);
    else list.push(event);
  }

  #announce(events: readonly RecordedEvent[]): void {
    for (const listener of [...this.#listeners]) listener(events);
  }
}

/** By code points: that is the order of UTF-8 bytes. */
function compareUtf8(one: string, other: string): number {
  const [left, right] = [[...one], [...other]];
  const at = left.findIndex((character, index) => character !== right[index]);
  if (at < 0) return left.length - right.length;
  return (left[at]?.codePointAt(0) ?? -1) - (right[at]?.codePointAt(0) ?? -1);
}

function refuseReserved(streamName: string): void {
  if (!isSystemList(streamName)) return;
  throw new QuipuError(
    "reservedStream",
    `Cannot write to ${streamName}: the server makes it from other streams`,
  );
}

function refuseTooLarge(events: readonly ProposedEvent[]): void {
  if (events.length > LIMITS.batchEventsMax) {
    throw new QuipuError(
      "batchTooLarge",
      `Cannot append ${events.length} events at once: the most is ` +
        LIMITS.batchEventsMax,
    );
  }
  for (const event of events) {
    const bytes = bytesOf(event.data).length + bytesOf(event.metadata).length;
    if (bytes > LIMITS.eventBytesMax) {
      throw new QuipuError(
        "eventTooLarge",
        `Cannot append an event of ${bytes} bytes: the most is ` +
          LIMITS.eventBytesMax,
      );
    }
  }
}

function bytesOf(body: string | Uint8Array): Uint8Array {
  return typeof body === "string" ? UTF8.encode(body) : body.slice();
}

function bodyBytes(event: RecordedEvent): number {
  return event.data.length + event.metadata.length;
}

function copyOf(event: RecordedEvent, withBodies: boolean): RecordedEvent {
  return withBodies
    ? { ...event }
    : { ...event, data: NO_BYTES, metadata: NO_BYTES };
}
