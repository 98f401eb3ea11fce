/**
 * The store: the port `EventStore` over segments, index and catalog.
 *
 * @module
 */

import type { Clock } from "../../lib/model/clock.ts";
import { QuipuError } from "../../lib/model/errors.ts";
import {
  deleteRefusalOf,
  type NameLimits,
  refusalOf,
} from "../../lib/store/append_refusal.ts";
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
import type { StoreFigures } from "../../lib/store/maintenance.ts";
import { LocalLeases } from "../../lib/store/leases.ts";
import { LIMITS } from "../../lib/model/limits.ts";
import type { Logger } from "../../lib/model/logger.ts";
import type { Catalog } from "../commit/catalog.ts";
import type { StorePlatform } from "../commit/platform.ts";
import type { Sealer } from "../index/sealer.ts";
import type { SegmentPins } from "../log/segment_pins.ts";
import { NO_LIST } from "../index/list_directory.ts";
import { listNames } from "../index/list_names.ts";
import type { StoreIndex } from "../index/store_index.ts";
import type { KnownDamage } from "./known_damage.ts";
import type { RecordReader } from "../log/record_reader.ts";
import type { OpenFiles, Segment } from "../log/segment.ts";
import { findPosition, type LogView, readAll } from "./read_all.ts";
import type { StreamStates } from "../write/stream_states.ts";
import type { Publisher } from "../write/publisher.ts";
import type {
  ImportRunRequest,
  ImportRunResult,
} from "../../lib/store/import_run.ts";
import type { Writer } from "../write/writer.ts";

interface StoreParts {
  readonly platform: StorePlatform;
  readonly directory: string;
  /** Directory of its segments. */
  readonly logDirectory: string;
  /** Oldest first; a scavenged one takes its old one's place. */
  readonly segments: Segment[];
  readonly index: StoreIndex;
  readonly reader: RecordReader;
  readonly states: StreamStates;
  readonly writer: Writer;
  readonly files: OpenFiles;
  readonly publisher: Publisher;
  readonly names: NameLimits;
  readonly damage: KnownDamage;
  /** Empty for a store that was never written. */
  readonly storeId: () => string;
  /** Files that somebody reads from one end to the other. */
  readonly pins: SegmentPins;
  readonly sealer: Sealer;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Whether it was opened for reading alone. */
  readonly isReadOnly: boolean;
  /** Undefined while the store has none. */
  readonly catalog: () => Catalog | undefined;
  /** Waits for work in the background and lets go of catalog and directory. */
  readonly release: () => Promise<void>;
}

/** Of these files everything is known without waiting. */
interface FileReads extends LocalReads {
  peekState(streamName: string): StreamState;
  peekEvent(streamName: string, eventNumber: number): ListEntry | "missing";
  peekEnd(): LogEnd;
}

export class FileStore implements EventStore {
  readonly promises: StorePromises = {
    positions: "offsets",
    ordinals: "gapless",
  };
  readonly limits: StoreLimits;
  readonly leases: LocalLeases;
  readonly local: FileReads;
  readonly #parts: StoreParts;
  /** Background work on the store, which ends before it closes. */
  readonly #beside: (() => Promise<void>)[] = [];
  #closing: Promise<void> | undefined;

  constructor(parts: StoreParts) {
    this.#parts = parts;
    this.limits = {
      batchEventsMax: LIMITS.batchEventsMax,
      eventBytesMax: LIMITS.eventBytesMax,
      streamNameBytesMax: parts.names.streamNameBytesMax,
      eventTypeBytesMax: parts.names.eventTypeBytesMax,
    };
    this.leases = new LocalLeases(parts.clock.nowUs());
    this.local = {
      peekState: (streamName) => this.#parts.states.visible(streamName),
      peekEvent: (streamName, eventNumber) =>
        this.#eventAt(streamName, eventNumber) ?? "missing",
      peekEnd: () => this.#logEnd(),
    };
  }

  /** The parts of the store, for its maintenance. */
  get parts(): StoreParts {
    return this.#parts;
  }

  /** Has something end when the store is closed, before its parts do. */
  endsWith(end: () => Promise<void>): void {
    this.#beside.push(end);
  }

  append(request: AppendRequest): Promise<AppendResult> {
    const { lease } = request;
    const refusal = lease !== undefined && !this.leases.isHeld(lease)
      ? new QuipuError("leaseLost", `The lease of "${lease.name}" is lost`)
      : refusalOf(request.streamName, request.events, this);
    return refusal === undefined
      ? this.#parts.writer.append(request)
      : Promise.reject(refusal);
  }

  deleteStream(request: DeleteRequest): Promise<DeleteResult> {
    const refusal = deleteRefusalOf(request, this);
    return refusal === undefined
      ? this.#parts.writer.deleteStream(request)
      : Promise.reject(refusal);
  }

  /** Bounds of new names. */
  get names(): NameLimits {
    return this.#parts.names;
  }

  /** Whether a stream, or a type in some stream that lists show, is known. */
  isKnown(kind: "stream" | "eventType", name: string): boolean {
    return this.#parts.index.lists.find(kind, name) !== NO_LIST;
  }

  /** Id of the store; empty for one that was never written. */
  get storeId(): string {
    return this.#parts.storeId();
  }

  /**
   * Writes a run with the numbers and times that it has: an import.
   *
   * @param request With events that `refusalOf` lets pass.
   * @throws {QuipuError} As `append` does.
   */
  importRun(request: ImportRunRequest): Promise<ImportRunResult> {
    return this.#parts.writer.intake.importRun(request);
  }

  /** Settles when no segment is being sealed; undefined when none is. */
  get sealing(): Promise<void> | undefined {
    return this.#parts.index.sealing;
  }

  // Reads are synchronous inside: an async function turns what they throw into
  // a rejection.
  // deno-lint-ignore require-await
  async readState(streamName: string): Promise<StreamState> {
    return this.#parts.states.visible(streamName);
  }

  // deno-lint-ignore require-await
  async readEvent(
    streamName: string,
    eventNumber: number,
  ): Promise<ListEntry | undefined> {
    return this.#eventAt(streamName, eventNumber);
  }

  #eventAt(streamName: string, eventNumber: number): ListEntry | undefined {
    const { index, reader } = this.#parts;
    const listId = index.lists.findStream(streamName);
    if (listId === NO_LIST || eventNumber > index.lists.headOf(listId)) {
      return undefined;
    }
    const place = index.locate(listId, eventNumber);
    if (place === undefined) return undefined;
    const event = reader.read(place.segment, place.position, {
      withBodies: true,
      streamName: index.lists.kindOf(listId) === "stream"
        ? streamName
        : undefined,
    });
    return { ordinal: eventNumber, event };
  }

  // deno-lint-ignore require-await
  async readStream(request: ReadRequest): Promise<ReadResult> {
    const { index, reader } = this.#parts;
    const { streamName, from, count, direction, withBodies } = request;
    const listId = index.lists.findStream(streamName);
    const head = listId === NO_LIST ? -1 : index.lists.headOf(listId);
    const isForward = direction === "forward";
    const low = isForward ? from : Math.max(0, from - count + 1);
    const high = Math.min(head, isForward ? from + count - 1 : from);
    const entries: ListEntry[] = [];
    let continueFrom: number | undefined;
    if (low > high) return { entries, continueFrom };
    const isStream = index.lists.kindOf(listId) === "stream";
    const step = isForward ? 1 : -1;
    let bytes = 0;
    const runs = index.positions(listId, {
      from: isForward ? low : high,
      count: high - low + 1,
      direction,
    });
    const options = {
      withBodies,
      streamName: isStream ? streamName : undefined,
    };
    for (const run of runs) {
      reader.readMany(
        run.segment,
        run.positions,
        options,
        (event, at) => {
          const ordinal = run.ordinal + step * at;
          if (bytes >= LIMITS.pageBytesMax) {
            continueFrom = ordinal;
            return false;
          }
          if (withBodies) bytes += event.bodyBytes;
          entries.push({ ordinal, event });
          return true;
        },
      );
      if (continueFrom !== undefined) break;
    }
    return { entries, continueFrom };
  }

  // deno-lint-ignore require-await
  async findNearest(
    streamName: string,
    from: number,
    direction: "forward" | "backward",
  ): Promise<number | undefined> {
    const { lists } = this.#parts.index;
    const listId = lists.findStream(streamName);
    if (listId === NO_LIST) return undefined;
    const step = direction === "forward" ? 1 : -1;
    const near = this.#parts.index.leftNear(listId, from, step);
    return near !== undefined && near <= lists.headOf(listId)
      ? near
      : undefined;
  }

  // deno-lint-ignore require-await
  async readEnd(): Promise<LogEnd> {
    return this.#logEnd();
  }

  listNames(
    kind: "streams" | "categories" | "types",
    request: NamesRequest,
  ): Promise<readonly string[]> {
    return listNames(this.#parts.index.lists, kind, request);
  }

  // deno-lint-ignore require-await
  async readAll(request: ReadAllRequest): Promise<ReadAllResult> {
    return readAll(this.#view(), request);
  }

  // deno-lint-ignore require-await
  async findPosition(createdAtUs: number): Promise<number> {
    return findPosition(this.#view(), createdAtUs);
  }

  watch(
    listener: (hints: readonly CommitHint[]) => void,
    isOf?: (streamName: string) => boolean,
  ): () => void {
    return this.#parts.publisher.watch(listener, isOf);
  }

  #logEnd(): LogEnd {
    const { publisher, segments } = this.#parts;
    return {
      end: publisher.end,
      lastPosition: publisher.lastPosition,
      wasRewritten: segments.some(({ scavenged }) => scavenged !== undefined),
    };
  }

  status(): StoreStatus {
    const { writer, index, names } = this.#parts;
    return {
      readOnlyReason: writer.failure?.message,
      queue: writer.intake.queue.status,
      names: {
        bytes: index.lists.namesBytes,
        bytesMax: names.namesBytesMax,
      },
      damage: this.#parts.damage.status,
    };
  }

  /** See `StoreMaintenance.figures`. */
  figures(): StoreFigures {
    const { segments, index, reader, files } = this.#parts;
    return {
      segmentCount: segments.length,
      streamCount: index.lists.streamCount,
      openFileCount: files.count,
      caches: {
        records: reader.cacheStatus,
        indexBlocks: index.sealed.cacheStatus,
      },
    };
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(): Promise<void> {
    const { writer, files, release } = this.#parts;
    await writer.close();
    for (const end of this.#beside) await end();
    await release();
    files.close();
  }

  #view(): LogView {
    const { segments, index, reader, publisher } = this.#parts;
    return {
      segments,
      index,
      reader,
      end: publisher.end,
      scanMax: LIMITS.filterScanMax,
      bytesMax: LIMITS.pageBytesMax,
    };
  }
}
