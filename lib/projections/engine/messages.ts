/**
 * What a projection's engine and its users say to each other. Between threads
 * a batch of events is one text of JSON, which only the engine parses.
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

/** What became of one event. */
export interface EventOutcome {
  /** Empty where there are none. */
  readonly partition: string;
  /** State of the partition, as JSON. */
  readonly state: string;
  /** Shared state of a bi-state projection, as JSON. */
  readonly sharedState?: string;
  /** Result of the partition, as JSON: the state where nothing transforms it. */
  readonly result: string;
  readonly emitted: readonly EmittedEvent[];
  readonly logs: readonly string[];
}

/** Why a query cannot go on. */
export interface EngineFault {
  /** Word for word as the statistics show it. */
  readonly text: string;
  /** Line of the query, from 1 on; 0: not known. */
  readonly line: number;
}

/** What a query makes, or why it makes nothing. */
export type DefineAnswer = {
  readonly definition: ProjectionDefinition;
  readonly logs: readonly string[];
} | { readonly fault: EngineFault; readonly logs: readonly string[] };

/** What became of the first events of a batch. */
export interface ProcessAnswer {
  /** In the order of the batch; null: the event is of no partition. */
  readonly outcomes: readonly (EventOutcome | null)[];
  /** Whether the whole batch was taken; else it goes on, or ended in a fault. */
  readonly isDone: boolean;
  /** Of the event after the last outcome. The instance is then of no use. */
  readonly fault?: EngineFault;
  /** Lines of the event that failed. */
  readonly logs: readonly string[];
}

/** Streams that the events of a catalogue name, in its order; null: none. */
export interface CatalogAnswer {
  readonly streamNames: readonly (string | null)[];
  /** Of the event after the last name. */
  readonly fault?: EngineFault;
}

/** A state that is handed to an instance before it goes on from there. */
export interface RestoredState {
  /** Null: the shared state. */
  readonly partition: string | null;
  readonly state: string;
}

/** How an engine treats its query. */
export interface EngineSettings {
  readonly query: string;
  readonly canEmit: boolean;
  readonly limits: Limits;
  /** States from which it goes on. */
  readonly restored?: readonly RestoredState[];
}

/** What the main thread asks of an engine's worker, one after the other. */
export type EngineOrder =
  | { readonly type: "define"; readonly settings: EngineSettings }
  /** The text of a batch; empty: goes on with the last one. */
  | { readonly type: "process"; readonly batch: string }
  | { readonly type: "catalog"; readonly batch: string };

/** The answer to an order. */
export type EngineReport =
  | { readonly type: "defined"; readonly answer: DefineAnswer }
  | { readonly type: "processed"; readonly answer: ProcessAnswer }
  | { readonly type: "catalogued"; readonly answer: CatalogAnswer }
  /** The engine itself is broken. */
  | { readonly type: "failed"; readonly reason: string };
