/**
 * Contract of the projections service: what routes ask and what it answers.
 * Refusals that are ordinary answers are values; `QuipuError`s are thrown.
 *
 * @module
 */

import type { Principal } from "../model/principal.ts";
import type { ProjectionCounts } from "../model/projection_counts.ts";
import type {
  EmittedEvent,
  EngineFault,
  ProjectionDefinition,
} from "./engine/messages.ts";
import type { RecordedEvent } from "../model/event.ts";

/** `undefined` for an anonymous caller. */
export type Caller = Principal | undefined;

/** Transient ones are not persisted; one-time ones run to the end once. */
export type ProjectionMode = "Transient" | "OneTime" | "Continuous";

/** Thresholds of a projection (spec: projections §4.4). */
export interface ProjectionConfig {
  readonly emitEnabled: boolean;
  readonly trackEmittedStreams: boolean;
  readonly checkpointAfterMs: number;
  readonly checkpointHandledThreshold: number;
  readonly checkpointUnhandledBytesThreshold: number;
  readonly pendingEventsThreshold: number;
  readonly maxWriteBatchLength: number;
  /** 0: without bound. */
  readonly maxAllowedWritesInFlight: number;
}

/** A projection to be made. */
export interface CreateCommand {
  readonly mode: ProjectionMode;
  /** Undefined: the service makes a random one (not for continuous ones). */
  readonly name: string | undefined;
  /** As given: `JS`, `native:…`. */
  readonly handlerType: string;
  readonly query: string;
  readonly isEnabled: boolean;
  readonly hasCheckpoints: boolean;
  readonly emitEnabled: boolean;
  readonly trackEmittedStreams: boolean;
}

/** Commands without a body. */
export type ProjectionCommand = "enable" | "disable" | "reset" | "abort";

/** A query that replaces the one there is. */
export interface QueryUpdate {
  readonly name: string;
  readonly query: string;
  /** Undefined: stays. */
  readonly handlerType: string | undefined;
  /** Undefined: stays. */
  readonly emitEnabled: boolean | undefined;
}

/** Streams that go with a projection. */
export interface DeleteCommand {
  readonly name: string;
  readonly deletesCheckpointStream: boolean;
  readonly deletesStateStream: boolean;
  readonly deletesEmittedStreams: boolean;
}

/** How a command ended. */
export type CommandOutcome =
  | { readonly kind: "done"; readonly name: string }
  | { readonly kind: "notFound" | "unauthorized" }
  /** The name is in use. */
  | { readonly kind: "conflict"; readonly reason: string }
  /** The command is at fault: what the original answers with 500 or 400. */
  | { readonly kind: "refused"; readonly reason: string };

/**
 * How far a projection has read. A place is an event number of the stream (of
 * a list: its ordinal); -1: nothing yet.
 */
export interface SourcePosition {
  /** Of `$all`: positions of the last event. */
  readonly log?: { readonly commit: number; readonly prepare: number };
  /** Of streams, in the order of the query; with `log`, of types. */
  readonly streams?: readonly (readonly [name: string, place: number])[];
}

/** Statistics of one projection (spec: projections §4.1), and ours. */
export interface ProjectionStatistics {
  readonly name: string;
  readonly mode: ProjectionMode;
  readonly version: number;
  readonly epoch: number;
  readonly status: string;
  readonly stateReason: string;
  /** Undefined where it was never prepared. */
  readonly position: SourcePosition | "completed" | undefined;
  readonly lastCheckpoint: SourcePosition | "completed" | undefined;
  /** Per cent; -1 or -2 where unknown. */
  readonly progress: number;
  readonly checkpointStatus: string;
  readonly coreProcessingTimeMs: number;
  readonly eventsProcessedAfterRestart: number;
  readonly bufferedEvents: number;
  readonly partitionsCached: number;
  readonly readsInProgress: number;
  readonly writesInProgress: number;
  readonly writePendingEventsBeforeCheckpoint: number;
  readonly writePendingEventsAfterCheckpoint: number;
  /** Set only if the query names it or has `outputTo`. */
  readonly resultStreamName: string | undefined;
  /** Events a second, of the last ten seconds. */
  readonly eventsPerSecond: number;
  /** Events of the source that are not taken yet; undefined: not known. */
  readonly lagEvents: number | undefined;
  /** Age of the first event that is not taken; 0: all are. */
  readonly lagMs: number;
  /** Login whose rights it has; undefined: the system's. */
  readonly runAs: string | undefined;
}

/** A state or a result at one moment. */
export interface StateView {
  /** JSON; empty: there is none. */
  readonly text: string;
  /** Undefined: not known, or the query is finished. */
  readonly position: SourcePosition | undefined;
}

/** The query as documents show it (spec: projections §4.3). */
export interface QueryView {
  readonly name: string;
  readonly query: string;
  readonly emitEnabled: boolean;
  readonly definition: ProjectionDefinition | undefined;
  /** Empty if the query cannot be prepared. */
  readonly resultStreamName: string;
}

/** An answer to a read of one projection. */
export type View<T> =
  | { readonly kind: "found"; readonly view: T }
  | { readonly kind: "notFound" | "unauthorized" };

/** A line that a query logged. */
export interface LogLine {
  readonly atMs: number;
  /** `number@stream` of the event, empty outside of handlers. */
  readonly event: string;
  readonly text: string;
}

/** A state that is watched. `next` settles at once the first time. */
export interface StateFeed {
  /**
   * The view when it differs from the last one; undefined: it has ended
   * (deleted, the right is gone, the server stops).
   */
  next(): Promise<StateView | undefined>;
  close(): void;
}

/** What `read-events` asks for (spec: projections §5). */
export interface SourceRead {
  readonly definition: Partial<ProjectionDefinition>;
  readonly position: SourcePosition;
  /** 1 or more. */
  readonly maxEvents: number;
}

/** An event of a source. */
export interface SourceReadEvent {
  readonly streamName: string;
  readonly eventNumber: number;
  readonly eventType: string;
  readonly isJson: boolean;
  readonly data: string;
  /** Empty: none. */
  readonly metadata: string;
  /** Position after the event. */
  readonly position: SourcePosition;
}

export interface SourceReadView {
  readonly position: SourcePosition;
  readonly events: readonly SourceReadEvent[];
}

/** A query to be debugged, and where it begins. */
export interface DebugRequest {
  readonly query: string;
  /** Its events come after it. */
  readonly position: SourcePosition;
  /** 1 or more. */
  readonly maxEvents: number;
  /** States to begin with, as JSON, by partition. */
  readonly states: ReadonlyMap<string, string>;
  /** Of a bi-state query, as JSON. */
  readonly sharedState: string | undefined;
}

/** What a query did with one event. */
export interface DebugStep {
  readonly event: RecordedEvent;
  /** Position after the event. */
  readonly position: SourcePosition;
  /** Null: the event is of none, and was skipped. */
  readonly partition: string | null;
  /** As JSON; undefined: the partition is new. */
  readonly stateBefore: string | undefined;
  /** As JSON; undefined: there is none. */
  readonly state: string | undefined;
  /** As JSON, of a bi-state query. */
  readonly sharedState: string | undefined;
  readonly result: string | undefined;
  /** What it would have written. */
  readonly emitted: readonly EmittedEvent[];
  readonly logs: readonly string[];
  /** Set: the query failed, and this is the last step. */
  readonly fault: EngineFault | undefined;
}

/** How a query went. */
export interface DebugView {
  /** Undefined: it cannot be prepared. */
  readonly definition: ProjectionDefinition | undefined;
  /** To go on from. */
  readonly position: SourcePosition;
  /** Why it went no further, of its definition or of the last step. */
  readonly fault: EngineFault | undefined;
  /** Lines of its definition. */
  readonly logs: readonly string[];
  readonly steps: readonly DebugStep[];
}

/** Which statistics are wanted: one mode, or several. */
export type ModeFilter = "any" | "all-non-transient" | ProjectionMode;

/** Projections. `openProjections` makes it. */
export interface ProjectionService {
  create(caller: Caller, command: CreateCommand): Promise<CommandOutcome>;
  updateQuery(caller: Caller, update: QueryUpdate): Promise<CommandOutcome>;
  /** Members that are left out stay as they are. */
  updateConfig(
    caller: Caller,
    name: string,
    config: Partial<ProjectionConfig>,
  ): Promise<CommandOutcome>;
  command(
    caller: Caller,
    name: string,
    command: ProjectionCommand,
  ): Promise<CommandOutcome>;
  delete(caller: Caller, command: DeleteCommand): Promise<CommandOutcome>;

  /**
   * Where the server is reached that runs a projection, or knows it alone.
   * Undefined: this one does, or none, or it does not say. What others have
   * written of it is taken over before. Rejects as reads do.
   */
  ownerElsewhere(name: string): Promise<string | undefined>;
  /** @param which `own`: those that no other server may run. Default: all. */
  list(filter: ModeFilter, which?: "own"): readonly ProjectionStatistics[];
  statistics(name: string): ProjectionStatistics | undefined;
  query(caller: Caller, name: string): View<QueryView>;
  config(caller: Caller, name: string): View<ProjectionConfig>;
  /** @param partition Empty: of none, or the shared state. */
  state(
    caller: Caller,
    name: string,
    partition: string,
  ): Promise<View<StateView>>;
  result(
    caller: Caller,
    name: string,
    partition: string,
  ): Promise<View<StateView>>;
  /** The last lines, oldest first. */
  log(caller: Caller, name: string): Promise<View<readonly LogLine[]>>;
  watch(
    caller: Caller,
    name: string,
    what: "state" | "result",
    partition: string,
  ): Promise<View<StateFeed>>;

  /** Needs the right to read the sources. */
  readEvents(
    caller: Caller,
    read: SourceRead,
  ): Promise<
    | { readonly kind: "read"; readonly view: SourceReadView }
    | { readonly kind: "unauthorized" }
    | { readonly kind: "refused"; readonly reason: string }
  >;

  /** Needs a login with the right to read the sources. Writes nothing. */
  debug(
    caller: Caller,
    request: DebugRequest,
  ): Promise<
    | { readonly kind: "stepped"; readonly view: DebugView }
    | { readonly kind: "unauthorized" }
    | { readonly kind: "refused"; readonly reason: string }
  >;

  /** Never waits. */
  counts(): readonly ProjectionCounts[];
  /** Ends every feed of states, so that connections can be closed. */
  endWaiting(): void;
  /** Stops every projection with a checkpoint, and waits for it. */
  close(): Promise<void>;
}
