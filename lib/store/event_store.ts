/**
 * The port of the store: what services need of it, without a word on files.
 *
 * Every implementation guarantees: an append is visible whole or not at
 * all; a call is answered only once what it wrote is permanent; the order of
 * positions is the order of commits; numbers in a stream have no gaps; what
 * was answered stays true after a restart.
 *
 * @module
 */

import type { ProposedEvent, RecordedEvent } from "../model/event.ts";
import type { ExpectedVersion } from "../model/expected_version.ts";
import type { Limits } from "../model/limits.ts";
import type { StreamMetadata } from "../model/stream_metadata.ts";
import type { ImportingStore } from "./import_run.ts";
import type { Lease, Leases } from "./leases.ts";
import type { StoreMaintenance } from "./maintenance.ts";
import type { StoreMembers } from "./members.ts";

/** The state of a stream at one moment. */
export interface StreamState {
  /** Number of the last event ever written, -1 for none. */
  readonly head: number;
  readonly isTombstoned: boolean;
  /** The stream's metadata, defaults included. */
  readonly metadata: StreamMetadata;
  /** Number of the metastream's last event, -1 for none. */
  readonly metadataNumber: number;
}

export interface AppendRequest {
  /** Not a system list. A metastream (`$$…`) is written like any stream. */
  readonly streamName: string;
  readonly expectedVersion: ExpectedVersion;
  /** At least one. */
  readonly events: readonly ProposedEvent[];
  /**
   * For a metastream: whether the metadata must truncate at least as much as
   * the present one does. The store writes the present `$tb` in where it is
   * lower or missing, in the step that decides on the append.
   */
  readonly keepsTruncation?: boolean;
  /** Refuses the append with `leaseLost` unless this lease is still held. */
  readonly lease?: Lease;
}

export type AppendResult =
  | {
    /** Written now, or found as written before. */
    readonly kind: "appended" | "duplicate";
    /** Number of the request's first event. */
    readonly firstEventNumber: number;
  }
  | { readonly kind: "conflict"; readonly head: number }
  | { readonly kind: "deleted" };

export interface DeleteRequest {
  readonly streamName: string;
  readonly expectedVersion: ExpectedVersion;
  /** Soft: truncated to its end, may be reopened. Hard: a tombstone for ever. */
  readonly mode: "soft" | "hard";
}

export type DeleteResult =
  | { readonly kind: "done" }
  | { readonly kind: "conflict"; readonly head: number }
  | { readonly kind: "deleted" };

/** A run of consecutive numbers of a stream, towards its end or its start. */
export interface ReadRequest {
  readonly streamName: string;
  /** Number to begin with, 0 or more. */
  readonly from: number;
  /** How many numbers to look at, 1 to `LIMITS.pageEventsMax`. */
  readonly count: number;
  readonly direction: "forward" | "backward";
  /** Whether data and metadata are wanted; without them they read as empty. */
  readonly withBodies: boolean;
}

/** One event of a list. For an ordinary stream `ordinal` is the event number. */
export interface ListEntry {
  readonly ordinal: number;
  readonly event: RecordedEvent;
}

export interface ReadResult {
  /** In reading direction. Numbers that were scavenged are missing. */
  readonly entries: readonly ListEntry[];
  /**
   * Number to continue from when the read stopped early, having gathered
   * `LIMITS.pageBytesMax` of bodies; otherwise undefined.
   */
  readonly continueFrom: number | undefined;
}

/** A read of the whole log. */
export interface ReadAllRequest {
  /**
   * Forward: records at this position or after it. Backward: records before
   * it; `"end"` starts at the end.
   */
  readonly from: number | "end";
  /** How many events to return, 1 to `LIMITS.pageEventsMax`. */
  readonly count: number;
  readonly direction: "forward" | "backward";
  readonly withBodies: boolean;
  /** Leaves out events; at most `LIMITS.filterScanMax` are looked at. */
  readonly accepts?: (event: RecordedEvent) => boolean;
}

export interface ReadAllResult {
  /** In reading direction. */
  readonly events: readonly RecordedEvent[];
  /** Position to continue from in the same direction. */
  readonly next: number;
  /** Whether nothing is left in that direction. */
  readonly isAtEnd: boolean;
  /** Position just after the last record that readers may trust. */
  readonly end: number;
}

/** Events of one stream and one type that have become visible. */
export interface CommitHint {
  readonly streamName: string;
  readonly eventType: string;
  /** Number and position of the first of them. */
  readonly eventNumber: number;
  readonly logPosition: number;
}

/** Where the log ends. */
export interface LogEnd {
  /** Position after the last record that readers may trust. */
  readonly end: number;
  /** Position of that record; -1 for an empty store. */
  readonly lastPosition: number;
  /** Whether records were ever taken out of the log, so that it has gaps. */
  readonly wasRewritten: boolean;
}

/** Which names are listed; see `EventStore.listNames`. */
export interface NamesRequest {
  /** Default: all. */
  readonly prefix?: string;
  /** The last name that is known already; it and those before it are left out. */
  readonly after?: string;
  /** Names at most, 1 to `LIMITS.listedNamesMax`. */
  readonly limit: number;
}

/** Bounds of one append, and of the names that it makes. */
export type StoreLimits = Pick<
  Limits,
  | "batchEventsMax"
  | "eventBytesMax"
  | "streamNameBytesMax"
  | "eventTypeBytesMax"
>;

/** The meaning of numbers in this store, beyond their order. */
export interface StorePromises {
  /** Whether positions are bytes of a log, so that differences are sizes. */
  readonly positions: "offsets" | "opaque";
  /** Whether the numbers of system lists count up without gaps, scavenges aside. */
  readonly ordinals: "gapless" | "opaque";
}

/**
 * Reads of a store that knows much without waiting, for the hot path: promises
 * cost as much as looking an event up. Each answers as the method of the port
 * that has `read` in its name for `peek`, or undefined when it cannot without
 * waiting: then that one is to be asked.
 *
 * @throws {QuipuError} What that method would be rejected with.
 */
export interface LocalReads {
  peekState(streamName: string): StreamState | undefined;
  peekEvent(
    streamName: string,
    eventNumber: number,
  ): ListEntry | "missing" | undefined;
  peekEnd(): LogEnd | undefined;
}

/** How the store is doing. */
export interface StoreStatus {
  /** Why nothing can be written; undefined when it can. */
  readonly readOnlyReason: string | undefined;
  /** The queue of the writer; undefined without one. */
  readonly queue?: QueueStatus;
  /** Memory that names take, and how much they may; undefined: no bound. */
  readonly names?: { readonly bytes: number; readonly bytesMax: number };
  /** Damage that is known; undefined: none is. */
  readonly damage?: DamageStatus | undefined;
  /** The way to a store that is elsewhere; undefined: it is here. */
  readonly connection?: ConnectionStatus;
}

/** The way to a store that is elsewhere. */
export interface ConnectionStatus {
  readonly isReachable: boolean;
  /** How often another server of it took over, or the same one anew. */
  readonly failoverCount: number;
  /** Time that the last barrier took. */
  readonly barrierMs: number;
  /** Time since watchers last knew everything that was written. */
  readonly tailAgeMs: number;
  /** Servers of ours that live, this one included. */
  readonly memberCount: number;
}

/** Damage that a store knows of. At least one of the counts is not 0. */
export interface DamageStatus {
  /** Damage that the last completed verification found, or opening did. */
  readonly damageCount: number;
  /** Derived files that it found broken: nothing is lost, but they need repair. */
  readonly brokenCount: number;
  /**
   * Records that reads could not read since it began, at most
   * `LIMITS.findingsMax`.
   */
  readonly unreadableCount: number;
}

/** Appends that wait for their commit group. */
export interface QueueStatus {
  readonly requests: number;
  readonly events: number;
  readonly eventsMax: number;
  /** Bytes that they take at most. */
  readonly bytes: number;
  readonly bytesMax: number;
}

export interface EventStore
  extends AsyncDisposable, Partial<Omit<ImportingStore, "readEnd">> {
  /** Stays with the events for good; empty for a store that was never written. */
  readonly storeId: string;
  readonly limits: StoreLimits;
  readonly promises: StorePromises;
  readonly leases: Leases;

  /** Undefined: no other server has the store open. */
  readonly members?: StoreMembers;

  /** Undefined: every read must be awaited. */
  readonly local?: LocalReads;

  /** Undefined: somebody else keeps this store well. */
  readonly maintenance?: StoreMaintenance;

  /**
   * Settles when reads, `local` and watchers know all that was acknowledged
   * anywhere before the call. A store without this method always does.
   */
  barrier?(): Promise<void>;

  /**
   * Appends a batch of events, all or nothing.
   *
   * @throws {QuipuError} `queueFull`, `storeClosed`, `storeReadOnly`,
   * `storeFull`, `eventTooLarge`, `batchTooLarge`, `reservedStream`,
   * `nameTooLong`, `namesFull`, `leaseLost`;
   * `invalidRequest` also when `keepsTruncation` cannot be heeded.
   */
  append(request: AppendRequest): Promise<AppendResult>;

  /** Deletes a stream. Throws as `append` does. */
  deleteStream(request: DeleteRequest): Promise<DeleteResult>;

  /** State of a stream, or of a system list. */
  readState(streamName: string): Promise<StreamState>;

  /** One event by its number; undefined when there is none. */
  readEvent(
    streamName: string,
    eventNumber: number,
  ): Promise<ListEntry | undefined>;

  /**
   * Events of a stream or system list. Knows nothing of truncation, age or
   * access: `lib/streams` does.
   *
   * @throws {QuipuError} `corruptRecord` if what it reads is damaged.
   */
  readStream(request: ReadRequest): Promise<ReadResult>;

  /**
   * Number of a list's nearest event that was not scavenged, from one number on
   * in the direction; undefined when there is none.
   *
   * @throws {QuipuError} As `readStream` does.
   */
  findNearest(
    streamName: string,
    from: number,
    direction: "forward" | "backward",
  ): Promise<number | undefined>;

  /** Where the log ends at this moment. */
  readEnd(): Promise<LogEnd>;

  /**
   * Names of streams that have events, metastreams among them, and of
   * categories and event types whose lists (`$ce-…`, `$et-…`) have entries: in
   * the order of their UTF-8 bytes. The caller leaves out what its client may
   * not see.
   */
  listNames(
    kind: "streams" | "categories" | "types",
    request: NamesRequest,
  ): Promise<readonly string[]>;

  /** Events of the whole log. Throws as `readStream` does. */
  readAll(request: ReadAllRequest): Promise<ReadAllResult>;

  /** Position of the first record that is at least that young; the end if none. */
  findPosition(createdAtUs: number): Promise<number>;

  /**
   * Calls the listener when events become visible, from any writer. Each
   * stream is named with each type that was written to it, after that can be
   * read. Nothing else holds: a call may come late, or once for several
   * commits, and in any order. To miss nothing, watch first, then read.
   *
   * @param isOf Streams that it need not hear of others than. A listener that
   * stays for good costs the less.
   * @returns A function that ends it.
   */
  watch(
    listener: (hints: readonly CommitHint[]) => void,
    isOf?: (streamName: string) => boolean,
  ): () => void;

  /** How the store is doing, as far as this process knows. */
  status(): StoreStatus;

  /** Finishes what was asked, refuses what comes, closes. May be called twice. */
  close(): Promise<void>;
}

/** A store that has all that this port leaves open, as one of files does. */
export interface MaintainedStore extends EventStore {
  readonly local: LocalReads;
  readonly maintenance: Required<StoreMaintenance>;
}
