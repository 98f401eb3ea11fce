/**
 * What a projection's engine and its users say to each other.
 *
 * The main thread owns the states. The engine holds those that it was handed
 * or that it made itself, until it is told to forget them; whatever it does
 * not hold and is not handed is the state of a new partition.
 *
 * @module
 */

import type { Limits } from "../../model/limits.ts";

/** Where a projection reads from and what it does: what its query describes. */
export interface ProjectionDefinition {
  readonly allEvents?: true;
  readonly allStreams?: true;
  readonly byStream?: true;
  readonly byCustomPartitions?: true;
  readonly categories: readonly string[];
  /** Types that have handlers; all of them where `allEvents` is set. */
  readonly events: readonly string[];
  readonly streams: readonly string[];
  readonly catalogStream?: string;
  readonly options: ProjectionOptions;
}

/** Options of a definition, as far as they are set. */
export interface ProjectionOptions {
  readonly resultStreamName?: string;
  readonly partitionResultStreamNamePattern?: string;
  readonly reorderEvents?: true;
  readonly processingLag?: number;
  readonly isBiState?: true;
  readonly definesStateTransform?: true;
  readonly definesCatalogTransform?: true;
  readonly producesResults?: true;
  readonly definesFold?: true;
  readonly handlesDeletedNotifications?: true;
  readonly includeLinks?: true;
  readonly disableParallelism?: true;
}

/** An event as a projection takes it: of a link, what it points at. */
export interface ProjectionEvent {
  readonly streamName: string;
  readonly eventNumber: number;
  readonly eventType: string;
  /** Seeds what the query's handlers draw by chance. */
  readonly eventId: string;
  /** Milliseconds since 1970: the time that the handlers see. */
  readonly createdAtMs: number;
  readonly isJson: boolean;
  readonly data: string;
  /** Empty: none. */
  readonly metadata: string;
  /** Metadata of the link that led here. */
  readonly linkMetadata?: string;
  /** Source stream, whose partition it is of with `foreachStream()`. */
  readonly partition: string;
  /** The source stream was deleted, instead of an event. */
  readonly deleted?: { readonly isSoft: boolean };
}

/** An event that a handler asked for. */
export interface EmittedEvent {
  readonly streamName: string;
  readonly eventType: string;
  readonly isJson: boolean;
  /** Undefined: none. */
  readonly data?: string;
  /** The caller's own metadata: an object, as JSON. */
  readonly metadata?: string;
}

/** State and result of a partition after the last event that it took. */
export interface PartitionState {
  /** Empty where there are none. */
  readonly partition: string;
  /** As JSON. */
  readonly state: string;
  /** As JSON: the state where nothing transforms it. */
  readonly result: string;
}

/** What an event did besides changing states. */
export interface EventEffects {
  /** Of the event in its batch. */
  readonly index: number;
  /** Result of its partition, as JSON, where the query produces results. */
  readonly result?: string;
  readonly emitted: readonly EmittedEvent[];
  readonly logs: readonly string[];
}

/** Why a query cannot go on. */
export interface EngineFault {
  /** Word for word as the statistics show it. */
  readonly text: string;
  /** Line of the query, from 1 on; 0: not known. */
  readonly line: number;
  /** An event that cannot be written, and not the failure of a handler. */
  readonly isOfEmit?: true;
}

/** What a query makes, or why it makes nothing. */
export type DefineAnswer = {
  readonly definition: ProjectionDefinition;
  readonly logs: readonly string[];
} | { readonly fault: EngineFault; readonly logs: readonly string[] };

/** What the next events of a batch came to. */
export interface ProcessAnswer {
  /** Events of the batch that are taken by now, counted from its start. */
  readonly takenCount: number;
  /** Whether the whole batch is taken; else it goes on, or ended in a fault. */
  readonly isDone: boolean;
  /** Last states of the partitions that took events since the last answer. */
  readonly states: readonly PartitionState[];
  /** Shared state of a bi-state projection, as JSON, if it took events. */
  readonly sharedState?: string;
  /** Of the events that had any, in the order of the batch. */
  readonly effects: readonly EventEffects[];
  /** Of the event after those taken. The engine is then of no use. */
  readonly fault?: EngineFault;
  /** Lines of the event that failed. */
  readonly logs: readonly string[];
  /** What its JavaScript engine has taken of the memory so far; 0: not known. */
  readonly memoryBytes: number;
}

/** Partitions that the query gives events; null: none, the event is skipped. */
export interface PartitionsAnswer {
  readonly partitions: readonly (string | null)[];
  /** Of the event after the last partition; `process` ends with it, too. */
  readonly fault?: EngineFault;
}

/** Streams that the events of a catalogue name, in its order; null: none. */
export interface CatalogAnswer {
  readonly streamNames: readonly (string | null)[];
  /** Of the event after the last name. */
  readonly fault?: EngineFault;
}

/** A state that an engine does not hold. */
export interface RestoredState {
  /** Null: the shared state. */
  readonly partition: string | null;
  /** As JSON. */
  readonly state: string;
}

/** How an engine treats its query. */
export interface EngineSettings {
  readonly query: string;
  readonly canEmit: boolean;
  /** Whether events have an `eventId`: for our own queries. */
  readonly showsEventIds?: boolean;
  readonly limits: Limits;
}

/** Events as they cross to the engine; `packed_events.ts` writes them. */
export interface PackedEvents {
  /**
   * A list, as JSON: whether `texts` is JSON, then nine members an event: name
   * of the stream, its partition (0: the name), event number, type, time,
   * flags, and lengths of data, metadata and metadata of the link.
   */
  readonly heads: string;
  /** Of each event its id, data, metadata and metadata of the link. */
  readonly texts: string;
}

/** What the main thread asks of an engine's worker, one after the other. */
export type EngineOrder =
  | { readonly type: "define"; readonly settings: EngineSettings }
  | { readonly type: "partition"; readonly batch: PackedEvents }
  | {
    readonly type: "process";
    /** Undefined: the last one goes on, or the one just partitioned. */
    readonly batch: PackedEvents | undefined;
    readonly restored: readonly RestoredState[];
    /** Partitions whose states are of no more use. */
    readonly forgotten: readonly string[];
  }
  | { readonly type: "catalog"; readonly batch: PackedEvents };

/** The answer to an order. */
export type EngineReport =
  | { readonly type: "defined"; readonly answer: DefineAnswer }
  | { readonly type: "partitioned"; readonly answer: PartitionsAnswer }
  | { readonly type: "processed"; readonly answer: ProcessAnswer }
  | { readonly type: "catalogued"; readonly answer: CatalogAnswer }
  /** The engine itself is broken. */
  | { readonly type: "failed"; readonly reason: string };
