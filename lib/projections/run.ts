/**
 * Contract between the service, which knows what projections there are, and
 * the run of one of them, which takes events from the store, hands them to
 * the engine, writes what is emitted and keeps checkpoints.
 *
 * @module
 */

import type { Lease } from "../store/leases.ts";
import type {
  LogLine,
  ProjectionConfig,
  ProjectionMode,
  SourcePosition,
  StateView,
} from "./contract.ts";
import type { Principal } from "../model/principal.ts";
import type { ProjectionEngine } from "./engine/engine.ts";
import type { ProjectionDefinition } from "./engine/messages.ts";

/** A projection as it is started. */
export interface RunSettings {
  readonly name: string;
  readonly mode: ProjectionMode;
  readonly handlerType: string;
  readonly query: string;
  /** Whether the query sees ids of events, as no user's does. Default: no. */
  readonly showsEventIds?: boolean;
  readonly config: ProjectionConfig;
  /** Whether it keeps checkpoints: continuous ones, one-time ones that ask. */
  readonly hasCheckpoints: boolean;
  /** Number of the `$ProjectionCreated` event; -1 for transient ones. */
  readonly number: number;
  readonly epoch: number;
  readonly version: number;
  /** Whose rights it reads and writes with. */
  readonly runAs: Principal;
  /** What the query described when it was stored; undefined: not known. */
  readonly definition: ProjectionDefinition | undefined;
  /** An engine that has run the query already; the run disposes of it. */
  readonly engine?: DefinedEngine;
  /**
   * Whether events are processed. If not, only the checkpoint is read, so that
   * a stopped projection shows its state and position: no engine is started
   * and nothing is written.
   */
  readonly runs: boolean;
  /**
   * Under which it writes; its token is checked by the store. Undefined where
   * nothing is written.
   */
  readonly lease: Lease | undefined;
}

/** An engine that has run a query, and the lines that this logged. */
export interface DefinedEngine {
  readonly query: DefinedQuery;
  readonly engine: ProjectionEngine;
  readonly logs: readonly string[];
}

/** A query as an engine is given it. */
export interface DefinedQuery {
  readonly handlerType: string;
  readonly query: string;
  readonly mode: ProjectionMode;
  readonly canEmit: boolean;
}

/** Starts runs; made once a server, so that runs share what they read. */
export interface ProjectionRuns {
  /** Begins a run; what fails is in its status. */
  start(settings: RunSettings): ProjectionRun;
  /** Gives back what runs share. They must have ended. */
  close(): Promise<void>;
}

/** Where a run stands. */
export type RunPhase =
  /** The query is being prepared and checkpoints are read. */
  | "starting"
  | "running"
  | "stopping"
  | "stopped"
  /** A one-time or transient query has come to its end. */
  | "completed"
  | "faulted";

/** What a run shows of itself at any time. */
export interface RunStatus {
  readonly phase: RunPhase;
  /** Why it is faulted, word for word as `stateReason`; else empty. */
  readonly reason: string;
  /** Whether the fault is that the query could not be prepared. */
  readonly isUnprepared: boolean;
  /** Undefined until the query was prepared. */
  readonly definition: ProjectionDefinition | undefined;
  readonly position: SourcePosition | "completed" | undefined;
  readonly lastCheckpoint: SourcePosition | "completed" | undefined;
  readonly progress: number;
  readonly checkpointStatus: string;
  readonly coreProcessingTimeMs: number;
  readonly eventsProcessed: number;
  readonly bufferedEvents: number;
  readonly partitionsCached: number;
  /** Memory of its engine and of states; undefined: not known. */
  readonly memoryBytes?: number;
  readonly readsInProgress: number;
  readonly writesInProgress: number;
  readonly pendingWrites: number;
  readonly eventsPerSecond: number;
  readonly lagEvents: number | undefined;
  readonly lagMs: number;
}

/** A run of a projection: from its start to its stop or fault. */
export interface ProjectionRun {
  readonly status: RunStatus;
  /** Settles once the query was prepared or refused; never rejects. */
  readonly prepared: Promise<void>;
  /** Settles when it is stopped, completed or faulted; never rejects. */
  readonly ended: Promise<void>;
  /** Readable after its end too, until `dispose`. */
  state(partition: string): Promise<StateView>;
  result(partition: string): Promise<StateView>;
  /** Called after each change of states or phase; must not throw. */
  onChange: (() => void) | undefined;
  readonly log: readonly LogLine[];
  /** Ends it. Waits for what was handed to the store. */
  stop(how: { readonly withCheckpoint: boolean }): Promise<void>;
  /** Gives back its engine and memory; it must have ended. */
  dispose(): void;
}
