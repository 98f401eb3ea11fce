/**
 * The store: the port `EventStore` over tables that others keep safe.
 *
 * @module
 */

import type { Clock, Timers } from "../../lib/model/clock.ts";
import { QuipuError } from "../../lib/model/errors.ts";
import { LIMITS } from "../../lib/model/limits.ts";
import type { Logger } from "../../lib/model/logger.ts";
import {
  deleteRefusalOf,
  type NameLimits,
  type NewNames,
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
import type {
  ImportRunRequest,
  ImportRunResult,
} from "../../lib/store/import_run.ts";
import type { Leases } from "../../lib/store/leases.ts";
import type { StoreMaintenance } from "../../lib/store/maintenance.ts";
import type { StoreObserver } from "../../lib/store/store_observer.ts";
import { Barrier, type Consistency } from "./barrier.ts";
import { closedError, type Database } from "./database.ts";
import type { HistoryCheck } from "./history_check.ts";
import { PostgresLeases } from "./leases.ts";
import { PostgresMembers } from "./members.ts";
import { PendingQueue } from "./pending.ts";
import {
  findNearest,
  findPosition,
  listNames,
  readAll,
  readEnd,
  readStream,
  StateReader,
} from "./reads.ts";
import { POSTGRES_LIMITS } from "./limits.ts";
import { StateCache } from "./state_cache.ts";
import { Tail } from "./tail.ts";
import { Writer } from "./writer.ts";

export interface PostgresStoreOptions {
  readonly database: Database;
  readonly storeId: string;
  readonly maintenance: StoreMaintenance;
  /** Id of this server. */
  readonly serverId: string;
  /** Where others reach it; undefined: nowhere. */
  readonly advertisedUrl: string | undefined;
  /** Version of the program. */
  readonly version: string;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly logger: Logger;
  readonly observer: StoreObserver;
  readonly newEventId: () => string;
  readonly queue: { readonly eventsMax: number; readonly bytesMax: number };
  readonly names: NameLimits;
  readonly consistency: Consistency;
  readonly history: HistoryCheck;
  /** Channel of NOTIFY; undefined: the poll is enough. */
  readonly channel: string | undefined;
  /** Whether the server is to write nothing. */
  readonly isReadOnly: boolean;
  /** Position that the log ended at when the store was opened. */
  readonly end: number;
}

export class PostgresStore implements EventStore {
  readonly storeId: string;
  readonly limits: StoreLimits;
  readonly promises: StorePromises = {
    positions: "opaque",
    ordinals: "gapless",
  };
  /** What is known without waiting, as of the last barrier. */
  readonly local: LocalReads = {
    peekState: (streamName) => this.#known.find(streamName),
    peekEvent: () => undefined,
    peekEnd: () => undefined,
  };
  readonly maintenance: StoreMaintenance;
  readonly leases: Leases;
  readonly members: PostgresMembers;
  readonly #options: PostgresStoreOptions;
  readonly #database: Database;
  readonly #queue: PendingQueue;
  readonly #writer: Writer;
  readonly #tail: Tail;
  readonly #barrier: Barrier;
  readonly #states: StateReader;
  readonly #known = new StateCache(POSTGRES_LIMITS.statesLengthMax);
  /** Names that are longer than new ones may be, and there all the same. */
  readonly #names: NewNames;
  #readOnlyReason: string | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: PostgresStoreOptions) {
    const { database, timers, logger, channel } = options;
    this.#options = options;
    this.storeId = options.storeId;
    this.maintenance = options.maintenance;
    this.limits = {
      batchEventsMax: LIMITS.batchEventsMax,
      eventBytesMax: LIMITS.eventBytesMax,
      streamNameBytesMax: options.names.streamNameBytesMax,
      eventTypeBytesMax: options.names.eventTypeBytesMax,
    };
    this.#database = database;
    this.leases = new PostgresLeases(database, options.serverId);
    this.members = new PostgresMembers(options);
    this.#queue = new PendingQueue(options.queue);
    this.#tail = new Tail({
      database,
      timers,
      logger,
      channel,
      next: options.end,
      onRead: (last) => options.history.note(last),
      onEvents: (events) => this.#known.take(events),
    });
    this.#writer = new Writer({
      ...options,
      queue: this.#queue,
      refusal: () =>
        this.#readOnlyReason === undefined
          ? undefined
          : new QuipuError("storeReadOnly", this.#readOnlyReason),
      onCommit: (written) => {
        const last = written.at(-1);
        if (last === undefined) return;
        options.history.note({ position: last.logPosition, id: last.id });
        this.#known.take(written);
        this.#tail.takeOwn(written);
      },
    });
    this.#barrier = new Barrier({
      tail: this.#tail,
      timers,
      consistency: options.consistency,
    });
    this.#states = new StateReader(database, this.#known);
    if (options.isReadOnly) {
      this.#readOnlyReason = "The server was started to read only";
    }
    this.#names = { names: options.names, isKnown: () => false };
  }

  /** Has the store write nothing more, because of what it says. */
  becomeReadOnly(reason: string): void {
    this.#readOnlyReason = reason;
  }

  /** Forgets what it knows of streams: another primary has taken over. */
  forgetStates(): void {
    this.#known.clear();
  }

  async append(request: AppendRequest): Promise<AppendResult> {
    const refusal = refusalOf(request.streamName, request.events, this.#names);
    if (refusal !== undefined && !await this.#isKnown(refusal, request)) {
      throw refusal;
    }
    return await new Promise((resolve, reject) => {
      this.#writer.ask({ kind: "append", request, resolve }, reject);
    });
  }

  async deleteStream(request: DeleteRequest): Promise<DeleteResult> {
    const refusal = deleteRefusalOf(request, this.#names);
    if (refusal !== undefined && !await this.#isKnown(refusal, request)) {
      throw refusal;
    }
    const eventId = this.#options.newEventId();
    return await new Promise((resolve, reject) => {
      this.#writer.ask({ kind: "delete", request, eventId, resolve }, reject);
    });
  }

  /** See `ImportingStore`: events that `refusalOf` lets pass. */
  importRun({ session, events }: ImportRunRequest): Promise<ImportRunResult> {
    if (session.isBroken) return Promise.resolve({ kind: "broken" });
    return new Promise((resolve, reject) => {
      this.#writer.ask({
        kind: "import",
        events,
        resolve(result) {
          if (result.kind !== "imported") session.isBroken = true;
          resolve(result);
        },
      }, reject);
    });
  }

  /**
   * Whether a name that is too long for a new one is there already, so that
   * what was refused for it alone may be done.
   */
  async #isKnown(
    refusal: QuipuError,
    request: AppendRequest | DeleteRequest,
  ): Promise<boolean> {
    if (refusal.code !== "nameTooLong") return false;
    const { streamName } = request;
    const { head, metadataNumber } = await this.readState(streamName);
    if (head < 0 && metadataNumber < 0) return false;
    const known: NewNames = {
      names: this.#options.names,
      isKnown: (kind) => kind === "stream",
    };
    const left = "mode" in request
      ? deleteRefusalOf(request, known)
      : refusalOf(streamName, request.events, known);
    if (left !== undefined) throw left;
    return true;
  }

  async readState(streamName: string): Promise<StreamState> {
    return await this.#states.read(streamName);
  }

  async readEvent(
    streamName: string,
    eventNumber: number,
  ): Promise<ListEntry | undefined> {
    const { entries } = await this.readStream({
      streamName,
      from: eventNumber,
      count: 1,
      direction: "forward",
      withBodies: true,
    });
    return entries[0];
  }

  async readStream(request: ReadRequest): Promise<ReadResult> {
    return await readStream(this.#database, request);
  }

  async findNearest(
    streamName: string,
    from: number,
    direction: "forward" | "backward",
  ): Promise<number | undefined> {
    return await findNearest(this.#database, streamName, { from, direction });
  }

  async readEnd(): Promise<LogEnd> {
    return await readEnd(this.#database);
  }

  async listNames(
    kind: "streams" | "categories" | "types",
    request: NamesRequest,
  ): Promise<readonly string[]> {
    return await listNames(this.#database, kind, request);
  }

  async readAll(request: ReadAllRequest): Promise<ReadAllResult> {
    return await readAll(this.#database, request);
  }

  async findPosition(createdAtUs: number): Promise<number> {
    return await findPosition(this.#database, createdAtUs);
  }

  watch(
    listener: (hints: readonly CommitHint[]) => void,
    isOf: (streamName: string) => boolean = () => true,
  ): () => void {
    return this.#tail.watch(listener, isOf);
  }

  async barrier(): Promise<void> {
    if (this.#closing !== undefined) throw closedError();
    await this.#barrier.pass();
  }

  status(): StoreStatus {
    return {
      readOnlyReason: this.#readOnlyReason ?? this.#database.failure,
      queue: this.#queue.status,
      connection: {
        isReachable: this.#database.failure === undefined,
        failoverCount: this.#database.failoverCount,
        barrierMs: this.#barrier.durationMs,
        tailAgeMs: this.#tail.ageMs,
        memberCount: this.members.list().length,
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
    await this.#writer.close();
    await this.members.close();
    this.#database.close();
    await this.#tail.close();
  }
}
