/**
 * The run of one projection:
 *
 *   source ─→ batch ─→ engine ─→ states ─┬─→ checkpoint, once the rest is written
 *                            └─→ effects ┘
 *
 * Invariants:
 * - What an event emitted is written before a checkpoint covers the event.
 * - A fault leaves state, position and checkpoint at the event before.
 *
 * @module
 */

import type { Timers } from "../../model/clock.ts";
import { invariant } from "../../model/errors.ts";
import type { Limits } from "../../model/limits.ts";
import type { LogLine, SourcePosition, StateView } from "../contract.ts";
import { ProjectionEngine } from "../engine/engine.ts";
import type { ProjectionDefinition } from "../engine/messages.ts";
import type {
  ProjectionRun,
  RunPhase,
  RunSettings,
  RunStatus,
} from "../run.ts";
import { type Checkpoint, Checkpoints } from "./checkpoints.ts";
import { Effects } from "./effects.ts";
import { EmitWriter } from "./emit_writer.ts";
import {
  MergedSource,
  SourceDeniedError,
  type TakenEvent,
} from "./merged_source.ts";
import { Partitions } from "./partitions.ts";
import { Cursor, planOf, type SourcePlan } from "./positions.ts";
import { partitionKindOf, Processor } from "./processor.ts";
import { RunEndedError, RunFault } from "./run_fault.ts";
import { RunStore } from "./run_store.ts";
import type { SharedSources } from "./shared_sources.ts";

/** What runs work with. */
export interface RunParts {
  readonly sources: SharedSources;
  readonly timers: Timers;
  readonly limits: Limits;
  /** Microseconds since 1970. */
  readonly nowUs: () => number;
  /** A new random UUID, lower case with hyphens. */
  readonly newId: () => string;
  /** Starts an engine's worker; by default the one of this program. */
  readonly startWorker?: (() => Worker) | undefined;
}

/** What is known once the query was defined. */
interface Prepared {
  readonly definition: ProjectionDefinition;
  readonly plan: SourcePlan;
  readonly partitions: Partitions;
  readonly source: MergedSource;
  readonly cursor: Cursor;
  readonly writer: EmitWriter;
  readonly processor: Processor;
  /** As of the last checkpoint. */
  readonly atCheckpoint: { handledCount: number; unhandledBytes: number };
}

/** Begins a run; what fails is in its status. */
export function startRun(
  settings: RunSettings,
  parts: RunParts,
): ProjectionRun {
  const run = new Run(settings, parts);
  run.start();
  return run;
}

class Run implements ProjectionRun {
  readonly #settings: RunSettings;
  readonly #parts: RunParts;
  readonly #store: RunStore;
  readonly #checkpoints: Checkpoints;
  readonly #prepared = Promise.withResolvers<void>();
  readonly #restored = Promise.withResolvers<void>();
  readonly #ended = Promise.withResolvers<void>();
  readonly #stopping = Promise.withResolvers<void>();
  #engine: ProjectionEngine | undefined;
  #all: Prepared | undefined;
  #definition: ProjectionDefinition | undefined;
  #partitions: Partitions | undefined;
  #cursor: Cursor | undefined;
  /** As the checkpoint has it. */
  #sharedState: string | undefined;
  #phase: RunPhase = "starting";
  #reason = "";
  #isUnprepared = false;
  #isStopping = false;
  #endsWithCheckpoint = false;
  #failure: unknown;
  #lastCheckpoint: SourcePosition | "completed" | undefined;
  #checkpointStatus = "";
  #hasMoved = false;
  #bufferedCount = 0;
  #progress = -1;
  #log: LogLine[] = [];
  onChange: (() => void) | undefined;

  constructor(settings: RunSettings, parts: RunParts) {
    this.#settings = settings;
    this.#parts = parts;
    const { lease, runAs, name, number, epoch, version } = settings;
    const { sources: { context }, timers, limits, newId } = parts;
    this.#store = new RunStore({ context, lease, runAs, timers, limits });
    this.#checkpoints = new Checkpoints({
      store: this.#store,
      projection: name,
      mark: { number, epoch, version },
      newId,
    });
    this.#definition = settings.definition;
  }

  get prepared(): Promise<void> {
    return this.#prepared.promise;
  }

  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  get log(): readonly LogLine[] {
    return this.#log;
  }

  get status(): RunStatus {
    const { writer, processor } = this.#all ?? {};
    return {
      phase: this.#phase,
      reason: this.#reason,
      isUnprepared: this.#isUnprepared,
      definition: this.#definition,
      position: this.#cursor?.position,
      lastCheckpoint: this.#lastCheckpoint,
      progress: this.#progress,
      checkpointStatus: this.#checkpointStatus,
      coreProcessingTimeMs: Math.floor(processor?.coreProcessingTimeMs ?? 0),
      eventsProcessed: processor?.handledCount ?? 0,
      bufferedEvents: this.#bufferedCount,
      partitionsCached: this.#partitions?.cachedCount ?? 0,
      readsInProgress: this.#store.readsInProgress,
      writesInProgress: this.#store.writesInProgress,
      pendingWrites: writer?.pendingCount ?? 0,
      eventsPerSecond: 0,
      lagEvents: undefined,
      lagMs: 0,
    };
  }

  start(): void {
    void this.#live();
  }

  async state(partition: string): Promise<StateView> {
    return await this.#view(partition, "state");
  }

  async result(partition: string): Promise<StateView> {
    return await this.#view(partition, "result");
  }

  async stop(
    { withCheckpoint }: { readonly withCheckpoint: boolean },
  ): Promise<void> {
    this.#endsWithCheckpoint = withCheckpoint;
    this.#isStopping = true;
    if (this.#phase === "starting" || this.#phase === "running") {
      this.#enter("stopping");
    }
    this.#stopping.resolve();
    await this.ended;
  }

  dispose(): void {
    this.#engine?.[Symbol.dispose]();
    this.#engine = undefined;
  }

  async #view(
    partition: string,
    what: "state" | "result",
  ): Promise<StateView> {
    await this.#restored.promise;
    const position = this.#cursor?.position;
    const shared = this.#all?.processor.sharedState ?? this.#sharedState;
    if (partition === "" && shared !== undefined) {
      return { text: shared, position };
    }
    const texts = await this.#partitions?.read(partition);
    const text = texts?.[what] ?? "";
    const isEmpty = what === "result" && text === "null" &&
      this.#definition?.options.producesResults === true;
    return { text: isEmpty ? "" : text, position };
  }

  async #live(): Promise<void> {
    try {
      const all = await this.#prepare();
      this.#restored.resolve();
      if (all !== undefined) {
        this.#all = all;
        if (!this.#isStopping) this.#enter("running");
        await this.#loop(all);
        if (this.#endsWithCheckpoint) await this.#checkpoint(all);
      }
      await this.#finish("stopped");
    } catch (error) {
      await this.#fail(error);
    }
  }

  /** Undefined: nothing is to be run. */
  async #prepare(): Promise<Prepared | undefined> {
    const settings = this.#settings;
    const definition = await this.#define();
    if (definition === undefined) return undefined;
    this.#definition = definition;
    const plan = planOf(definition);
    await this.#store.catchUp();
    const root = settings.hasCheckpoints
      ? await this.#checkpoints.readRoot()
      : undefined;
    const cursor = new Cursor(plan, root?.position);
    this.#cursor = cursor;
    this.#lastCheckpoint = cursor.position;
    this.#partitions = this.#openPartitions(definition, root);
    this.#prepared.resolve();
    if (!settings.runs) return undefined;
    const { sources } = this.#parts;
    const source = await MergedSource.open(
      { sources, plan, runAs: settings.runAs },
      cursor,
    );
    const writer = this.#openWriter(plan);
    const partitions = this.#partitions;
    return {
      definition,
      plan,
      partitions,
      source,
      cursor,
      writer,
      processor: this.#openProcessor({ definition, plan, writer, cursor }),
      atCheckpoint: { handledCount: 0, unhandledBytes: 0 },
    };
  }

  #openProcessor(
    { definition, plan, writer, cursor }: Pick<
      Prepared,
      "definition" | "plan" | "writer" | "cursor"
    >,
  ): Processor {
    const { name, number, epoch, version, config } = this.#settings;
    const { limits, timers } = this.#parts;
    const engine = this.#engine;
    const partitions = this.#partitions;
    invariant(engine !== undefined && partitions !== undefined, "It runs");
    const effects = new Effects({
      projection: name,
      definition,
      mark: { number, epoch, version },
      writer,
      writesOrder: config.emitEnabled && plan.kind === "streams" &&
        plan.streams.length > 1,
    });
    return new Processor({
      projection: name,
      definition,
      plan,
      engine,
      partitions,
      cursor,
      writer,
      effects,
      limits,
      timers,
      pendingWritesMax: Math.max(1, config.pendingEventsThreshold),
      sharedState: this.#sharedState,
      onLog: (event, lines) => this.#addLog(event, lines),
    });
  }

  /** Undefined: nothing is known of the query, and it is not to run. */
  async #define(): Promise<ProjectionDefinition | undefined> {
    const { query, config, mode, runs, definition } = this.#settings;
    if (!runs) return definition;
    const { limits, timers, startWorker } = this.#parts;
    const canEmit = config.emitEnabled && mode !== "Transient";
    this.#engine = new ProjectionEngine(
      { query, canEmit, limits },
      startWorker === undefined ? { timers } : { timers, startWorker },
    );
    const answer = await this.#engine.define();
    this.#addLog("", answer.logs);
    if ("definition" in answer) return answer.definition;
    this.#isUnprepared = true;
    throw new RunFault(answer.fault.text);
  }

  #openPartitions(
    definition: ProjectionDefinition,
    root: Checkpoint | undefined,
  ): Partitions {
    const { hasCheckpoints } = this.#settings;
    const { limits } = this.#parts;
    const isPartitioned = partitionKindOf(definition) !== "none";
    const isBiState = definition.options.isBiState === true;
    const partitions = new Partitions({
      limits,
      checkpoints: hasCheckpoints && isPartitioned
        ? this.#checkpoints
        : undefined,
      root: root?.position,
      isBiState,
      onDropped: (names) => this.#engine?.forget(names),
    });
    const texts = [...root?.texts ?? []];
    if (isBiState) this.#sharedState = texts.shift();
    const [state, result = state] = texts;
    const hasState = root !== undefined && !isPartitioned &&
      state !== undefined && result !== undefined;
    if (hasState) partitions.restore("", { state, result }, root.position);
    return partitions;
  }

  #openWriter(plan: SourcePlan): EmitWriter {
    const { config, number, epoch, version } = this.#settings;
    const { limits } = this.#parts;
    return new EmitWriter({
      store: this.#store,
      plan,
      mark: { number, epoch, version },
      maxBatchLength: Math.max(1, config.maxWriteBatchLength),
      maxWritesInFlight: config.maxAllowedWritesInFlight,
      streamsMax: limits.projectionEmitStreamsMax,
      onFirstWrite: () => Promise.resolve(),
      onFailure: (error) => {
        this.#failure ??= error;
        this.#stopping.resolve();
      },
    });
  }

  async #loop(all: Prepared): Promise<void> {
    const { source } = all;
    let ahead: ReturnType<MergedSource["next"]> | undefined;
    while (!this.#isStopping) {
      const { events, isAtEnd } = await (ahead ?? source.next());
      ahead = undefined;
      this.#requireNoFailure();
      if (events.length === 0) {
        if (!isAtEnd) continue;
        await this.#rest(all);
        continue;
      }
      if (!isAtEnd) {
        ahead = source.next();
        // It is asked for below, unless the run ends first.
        ahead.catch(() => {});
      }
      await this.#take(all, events);
    }
  }

  /** Everything is taken: waits for more. */
  async #rest({ source }: Prepared): Promise<void> {
    this.#progress = 100;
    await Promise.race([source.news(), this.#stopping.promise]);
    this.#requireNoFailure();
  }

  async #take(
    all: Prepared,
    events: readonly TakenEvent[],
  ): Promise<void> {
    for (let from = 0; from < events.length && !this.#isStopping;) {
      const batch = all.processor.cut(events, from, this.#untilCheckpoint(all));
      from += batch.taken.length;
      this.#bufferedCount = events.length - from;
      await all.processor.process(batch);
      this.#hasMoved = true;
      this.#requireNoFailure();
      this.onChange?.();
      await this.#considerCheckpoint(all);
    }
    this.#bufferedCount = 0;
  }

  /** Events that may be taken before a checkpoint is due. */
  #untilCheckpoint({ processor, atCheckpoint }: Prepared): number {
    const { hasCheckpoints, config } = this.#settings;
    const threshold = config.checkpointHandledThreshold;
    if (!hasCheckpoints || threshold <= 0) return Infinity;
    const since = processor.handledCount - atCheckpoint.handledCount;
    return Math.max(1, threshold - since);
  }

  async #considerCheckpoint(all: Prepared): Promise<void> {
    const { config, hasCheckpoints } = this.#settings;
    if (!hasCheckpoints) return;
    const { processor, atCheckpoint, partitions } = all;
    const handled = processor.handledCount - atCheckpoint.handledCount;
    const bytes = processor.unhandledBytes - atCheckpoint.unhandledBytes;
    const isDue = config.checkpointHandledThreshold > 0 &&
        handled >= config.checkpointHandledThreshold ||
      config.checkpointUnhandledBytesThreshold > 0 &&
        bytes >= config.checkpointUnhandledBytesThreshold ||
      partitions.isFull;
    if (isDue) await this.#checkpoint(all);
  }

  /** Writes a checkpoint of everything up to here, if anything is new. */
  async #checkpoint(
    { cursor, partitions, writer, definition, processor, atCheckpoint }:
      Prepared,
  ): Promise<void> {
    if (!this.#settings.hasCheckpoints || !this.#hasMoved) return;
    this.#checkpointStatus = "Requested";
    await writer.settled();
    this.#requireNoFailure();
    const { position } = cursor;
    const isPartitioned = partitionKindOf(definition) !== "none";
    this.#checkpointStatus = `Writing (${partitions.dirtyCount})`;
    if (isPartitioned) await partitions.writeDirty();
    const own = isPartitioned ? undefined : await partitions.read("");
    const texts: string[] = [];
    if (processor.sharedState !== undefined) texts.push(processor.sharedState);
    if (own !== undefined) texts.push(own.state, own.result);
    await this.#checkpoints.writeRoot({ position, texts });
    partitions.wroteRoot(position);
    this.#lastCheckpoint = position;
    atCheckpoint.handledCount = processor.handledCount;
    atCheckpoint.unhandledBytes = processor.unhandledBytes;
    this.#hasMoved = false;
    this.#checkpointStatus = "";
  }

  #requireNoFailure(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  async #finish(phase: RunPhase): Promise<void> {
    this.#store.end();
    await this.#all?.writer.abandon();
    this.#all?.source[Symbol.dispose]();
    this.dispose();
    this.#enter(phase);
    this.#prepared.resolve();
    this.#restored.resolve();
    this.#ended.resolve();
  }

  async #fail(error: unknown): Promise<void> {
    const all = this.#all;
    this.#reason = error instanceof Error ? error.message : String(error);
    const isOver = error instanceof RunEndedError;
    const isFault = error instanceof RunFault ||
      error instanceof SourceDeniedError;
    // The state is that of the event before.
    if (all !== undefined && isFault && this.#failure === undefined) {
      await this.#checkpoint(all).catch(() => {});
    }
    if (isOver) this.#reason = "";
    await this.#finish(isOver ? "stopped" : "faulted");
  }

  #enter(phase: RunPhase): void {
    this.#phase = phase;
    this.onChange?.();
  }

  #addLog(event: string, lines: readonly string[]): void {
    if (lines.length === 0) return;
    const atMs = Math.floor(this.#parts.nowUs() / 1000);
    const { projectionLogKeptMax } = this.#parts.limits;
    for (const text of lines) this.#log.push({ atMs, event, text });
    if (this.#log.length > projectionLogKeptMax) {
      this.#log = this.#log.slice(-projectionLogKeptMax);
    }
  }
}
