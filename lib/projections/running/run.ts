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

import { invariant, QuipuError } from "../../model/errors.ts";
import type { LogLine, SourcePosition, StateView } from "../contract.ts";
import { ProjectionEngine } from "../engine/engine.ts";
import type { ProjectionDefinition } from "../engine/messages.ts";
import type {
  ProjectionRun,
  RunPhase,
  RunSettings,
  RunStatus,
} from "../run.ts";
import { CheckpointSchedule } from "./checkpoint_schedule.ts";
import { Checkpoints } from "./checkpoints.ts";
import { readCatalog } from "./catalog.ts";
import { Effects, partitionsStreamOf } from "./effects.ts";
import { EmitJournal } from "./emit_journal.ts";
import { EmitWriter } from "./emit_writer.ts";
import {
  MergedSource,
  type MergedSourceOptions,
  SourceDeniedError,
  type TakenEvent,
} from "./merged_source.ts";
import { OwnStreams } from "./own_streams.ts";
import { Pace } from "./pace.ts";
import {
  openPartitions,
  partitionKindOf,
  type Partitions,
} from "./partitions.ts";
import {
  Cursor,
  membersOf,
  planOf,
  type SourcePlan,
  type WriterMark,
} from "./positions.ts";
import { Processor } from "./processor.ts";
import { writeQueryResults } from "./query_results.ts";
import { RunEndedError, RunFault } from "./run_fault.ts";
import { RunLog } from "./run_log.ts";
import type { Prepared, RunParts } from "./run_parts.ts";
import { RunStore } from "./run_store.ts";
import { StreamTracker } from "./stream_tracker.ts";
import type { TurnTaker } from "./turns.ts";

/** Begins a run; what fails is in its status. */
export function startRun(
  settings: RunSettings,
  parts: RunParts,
): ProjectionRun {
  const run = new Run(settings, parts);
  void run.live();
  return run;
}

class Run implements ProjectionRun {
  readonly #settings: RunSettings;
  readonly #parts: RunParts;
  readonly #mark: WriterMark;
  readonly #store: RunStore;
  readonly #ownStreams: OwnStreams;
  readonly #checkpoints: Checkpoints;
  readonly #schedule: CheckpointSchedule;
  readonly #turn: TurnTaker;
  readonly #prepared = Promise.withResolvers<void>();
  readonly #restored = Promise.withResolvers<void>();
  readonly #ended = Promise.withResolvers<void>();
  readonly prepared = this.#prepared.promise;
  readonly ended = this.#ended.promise;
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
  #isCompleted = false;
  #isStopping = false;
  #endsWithCheckpoint = false;
  #failure: unknown;
  #lastCheckpoint: SourcePosition | "completed" | undefined;
  #checkpointStatus = "";
  #bufferedCount = 0;
  readonly #pace = new Pace();
  /** When the first event was written that is not taken; undefined: all are. */
  #oldestAtMs: number | undefined;
  #progress = -1;
  readonly #log: RunLog;
  onChange: (() => void) | undefined;

  constructor(settings: RunSettings, parts: RunParts) {
    this.#settings = settings;
    this.#parts = parts;
    const { lease, runAs, name, number, epoch, version } = settings;
    this.#mark = { number, epoch, version };
    const { sources: { context }, timers, limits, newId, turns } = parts;
    this.#turn = turns.join();
    this.#store = new RunStore({
      context,
      lease,
      runAs,
      timers,
      limits,
      onWritten: (count) => turns.wrote(count),
    });
    this.#ownStreams = new OwnStreams({
      store: this.#store,
      projection: name,
      mark: this.#mark,
      newId,
    });
    this.#checkpoints = new Checkpoints(this.#ownStreams);
    this.#log = new RunLog(limits.projectionLogKeptMax, parts.nowUs);
    this.#schedule = new CheckpointSchedule(
      settings.config,
      () => timers.nowMs(),
    );
    this.#definition = settings.definition;
  }

  get log(): readonly LogLine[] {
    return this.#log.lines;
  }

  get status(): RunStatus {
    const { writer, processor } = this.#all ?? {};
    const nowMs = Math.floor(this.#parts.nowUs() / 1000);
    return {
      phase: this.#phase,
      reason: this.#reason,
      isUnprepared: this.#isUnprepared,
      definition: this.#definition,
      position: this.#isCompleted ? "completed" : this.#position,
      lastCheckpoint: this.#isCompleted ? "completed" : this.#lastCheckpoint,
      progress: this.#progress,
      checkpointStatus: this.#checkpointStatus,
      coreProcessingTimeMs: Math.floor(processor?.coreProcessingTimeMs ?? 0),
      // As the original: of a query, that it was run.
      eventsProcessed: this.#isCompleted ? 1 : processor?.handledCount ?? 0,
      bufferedEvents: this.#bufferedCount,
      memoryBytes: (this.#engine?.memoryBytes ?? 0) +
        (this.#partitions?.memoryBytes ?? 0),
      partitionsCached: this.#partitions?.cachedCount ?? 0,
      readsInProgress: this.#store.readsInProgress,
      writesInProgress: this.#store.writesInProgress,
      pendingWrites: writer?.pendingCount ?? 0,
      eventsPerSecond: this.#pace.rateAt(this.#parts.timers.nowMs()),
      lagEvents: this.#lagEvents,
      lagMs: Math.max(0, nowMs - (this.#oldestAtMs ?? nowMs)),
    };
  }

  get #position(): SourcePosition | undefined {
    return this.#all?.processor.position ?? this.#cursor?.position;
  }

  get #lagEvents(): number | undefined {
    const { source, cursor } = this.#all ?? {};
    const isOver = this.#isCompleted || source === undefined ||
      cursor === undefined;
    return isOver ? undefined : source.peekLag(cursor);
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
    this.#turn.leave();
    this.#all?.source.wake();
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
    const position = this.#isCompleted ? undefined : this.#position;
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

  /** All of its life; what fails is in its status. */
  async live(): Promise<void> {
    try {
      const all = await this.#prepare();
      this.#restored.resolve();
      if (all !== undefined) {
        this.#all = all;
        if (!this.#isStopping) this.#enter("running");
        const isCompleted = await this.#loop(all);
        this.#turn.leave();
        if (isCompleted) await this.#complete(all);
        else if (this.#endsWithCheckpoint) await this.#checkpoint(all);
        else await this.#markEmitted(all);
      }
      await this.#finish(this.#isCompleted ? "completed" : "stopped");
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
    await this.#store.catchUp();
    const until = await this.#findEnd();
    const catalog = await this.#readCatalog(definition, until);
    const plan = planOf(definition, catalog);
    const root = settings.hasCheckpoints
      ? await this.#checkpoints.readRoot()
      : undefined;
    const cursor = new Cursor(plan, root?.position);
    this.#cursor = cursor;
    this.#lastCheckpoint = cursor.position;
    const { limits } = this.#parts;
    const { partitions, sharedState } = openPartitions(definition, root, {
      limits,
      checkpoints: settings.hasCheckpoints ? this.#checkpoints : undefined,
      onDropped: (names) => this.#engine?.forget(names),
    });
    this.#partitions = partitions;
    this.#sharedState = sharedState;
    this.#prepared.resolve();
    if (!settings.runs) return undefined;
    const source = await MergedSource.open({
      ...this.#reading(until),
      plan,
      isOneByOne: definition.catalogStream !== undefined,
    }, cursor);
    const journal = await EmitJournal.open(
      { streams: this.#ownStreams, plan, limits },
      root?.position ?? cursor.position,
    );
    const writer = this.#openWriter(plan, journal);
    return {
      definition,
      plan,
      partitions,
      source,
      cursor,
      journal,
      writer,
      processor: this.#openProcessor({ definition, plan, writer, cursor }),
      until,
    };
  }

  #openProcessor(
    { definition, plan, writer, cursor }: Pick<
      Prepared,
      "definition" | "plan" | "writer" | "cursor"
    >,
  ): Processor {
    const { name, mode, config } = this.#settings;
    const { limits, timers } = this.#parts;
    const engine = this.#engine;
    const partitions = this.#partitions;
    invariant(engine !== undefined && partitions !== undefined, "It runs");
    const effects = new Effects({
      projection: name,
      definition,
      mark: this.#mark,
      writer,
      writesOrder: config.emitEnabled && plan.kind === "streams" &&
        plan.streams.length > 1,
      writesResults: mode === "Continuous",
      writesPartitions: this.#writesPartitions(definition),
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
      onLog: (event, lines) => this.#log.add(event, lines),
    });
  }

  #reading(until: number | undefined): Omit<MergedSourceOptions, "plan"> {
    const { sources } = this.#parts;
    const { runAs } = this.#settings;
    const retry = <T>(call: () => Promise<T>) => this.#store.retry(call);
    return { sources, runAs, retry, ...(until !== undefined && { until }) };
  }

  /** Where the log ends for a query; undefined: it goes on with what comes. */
  async #findEnd(): Promise<number | undefined> {
    const { mode, runs } = this.#settings;
    if (mode === "Continuous" || !runs) return undefined;
    const { store } = this.#parts.sources.context;
    return (await store.readEnd()).end;
  }

  async #readCatalog(
    { catalogStream }: ProjectionDefinition,
    until: number | undefined,
  ): Promise<readonly string[]> {
    const engine = this.#engine;
    if (catalogStream === undefined || engine === undefined) return [];
    if (until === undefined) {
      this.#isUnprepared = true;
      throw new RunFault(
        "catalogStream is not supported in the projections mode",
      );
    }
    const { limits } = this.#parts;
    const parts = { ...this.#reading(until), until, engine, limits };
    return await readCatalog(parts, catalogStream);
  }

  /** Undefined: nothing is known of the query, and it is not to run. */
  async #define(): Promise<ProjectionDefinition | undefined> {
    const { query, showsEventIds = false, config, mode } = this.#settings;
    const { runs, definition, engine: defined } = this.#settings;
    if (!runs) return definition;
    const { limits, timers, startWorker } = this.#parts;
    if (defined !== undefined && definition !== undefined) {
      this.#engine = defined.engine;
      this.#log.add("", defined.logs);
      return definition;
    }
    const canEmit = config.emitEnabled && mode !== "Transient";
    this.#engine = new ProjectionEngine(
      { query, showsEventIds, canEmit, limits },
      startWorker === undefined ? { timers } : { timers, startWorker },
    );
    const answer = await this.#engine.define();
    this.#log.add("", answer.logs);
    if ("definition" in answer) return answer.definition;
    this.#isUnprepared = true;
    throw new RunFault(answer.fault.text);
  }

  #openWriter(
    plan: SourcePlan,
    journal: EmitJournal,
  ): EmitWriter {
    const { name, config, number } = this.#settings;
    const { limits } = this.#parts;
    return new EmitWriter({
      store: this.#store,
      plan,
      mark: this.#mark,
      journal,
      maxBatchLength: Math.max(1, config.maxWriteBatchLength),
      maxWritesInFlight: config.maxAllowedWritesInFlight,
      streamsMax: limits.projectionEmitStreamsMax,
      tracker: config.emitEnabled && config.trackEmittedStreams
        ? new StreamTracker({ store: this.#store, projection: name, number })
        : undefined,
      onFailure: (error) => {
        this.#failure ??= error;
        this.#all?.source.wake();
      },
    });
  }

  /** Whether it has come to the end of a query. */
  async #loop(all: Prepared): Promise<boolean> {
    const { source, cursor } = all;
    const isQuery = this.#settings.mode !== "Continuous";
    let ahead: ReturnType<MergedSource["next"]> | undefined;
    while (await this.#isNext()) {
      const { events, isAtEnd } = await (ahead ?? source.next());
      ahead = undefined;
      this.#requireNoFailure();
      if (events.length === 0) {
        if (!isAtEnd) continue;
        if (isQuery) return true;
        await this.#rest(all);
        continue;
      }
      if (!isAtEnd) {
        ahead = source.next();
        // It is asked for below, unless the run ends first.
        ahead.catch(() => {});
      }
      await this.#take(all, events);
      this.#progress = await source.progressOf(cursor);
    }
    return false;
  }

  /** Waits for a turn; false: the run is to stop instead. */
  async #isNext(): Promise<boolean> {
    await this.#turn.take();
    return !this.#isStopping;
  }

  /** Whether a query has more partitions than memory holds, perhaps. */
  #writesPartitions(definition: ProjectionDefinition): boolean {
    const { mode, hasCheckpoints } = this.#settings;
    return mode === "OneTime" && hasCheckpoints &&
      partitionKindOf(definition) !== "none";
  }

  /** Writes what a query has come to. */
  async #complete(all: Prepared): Promise<void> {
    const { definition, partitions, writer, until = 0 } = all;
    const { name, mode } = this.#settings;
    await this.#checkpoint(all);
    await this.#settle(writer);
    if (definition.options.definesFold === true) {
      const names = this.#writesPartitions(definition)
        ? await this.#ownStreams.readTexts(partitionsStreamOf(name))
        : undefined;
      await writeQueryResults({
        store: this.#store,
        projection: name,
        mark: this.#mark,
        definition,
        isTransient: mode === "Transient",
        until,
        newId: this.#parts.newId,
      }, partitions.results(names));
    }
    this.#progress = 100;
    this.#isCompleted = true;
  }

  /** Everything is taken: waits for more. */
  async #rest({ source }: Prepared): Promise<void> {
    this.#progress = 100;
    this.#turn.give();
    // A stop may have woken the source before it was read for the last time.
    if (this.#isStopping) return;
    await source.news();
    this.#requireNoFailure();
  }

  async #take(
    all: Prepared,
    events: readonly TakenEvent[],
  ): Promise<void> {
    for (let from = 0; from < events.length && !this.#isStopping;) {
      if (from > 0 && !await this.#isNext()) break;
      const most = this.#settings.hasCheckpoints
        ? this.#schedule.untilNext(all.processor)
        : Infinity;
      const batch = all.processor.cut(events, from, most);
      from += batch.taken.length;
      this.#bufferedCount = events.length - from;
      this.#oldestAtMs = batch.taken[0]?.event.createdAtMs;
      await all.processor.process(batch);
      this.#pace.add(batch.taken.length, this.#parts.timers.nowMs());
      this.#requireNoFailure();
      this.onChange?.();
      await this.#considerCheckpoint(all);
    }
    this.#bufferedCount = 0;
    this.#oldestAtMs = undefined;
  }

  async #considerCheckpoint(all: Prepared): Promise<void> {
    if (!this.#settings.hasCheckpoints) return;
    const { processor, partitions, journal } = all;
    if (journal.isFull) await this.#markEmitted(all);
    if (this.#schedule.isPassing(processor)) processor.passUnhandled();
    const isDue = partitions.isFull ||
      this.#schedule.isDue(processor, partitions.dirtyCount);
    if (!isDue) return;
    this.#turn.give();
    await this.#checkpoint(all);
  }

  /** Whether a checkpoint at a position says more than the last one. */
  #isNew(position: SourcePosition): boolean {
    const last = this.#lastCheckpoint;
    return this.#settings.hasCheckpoints && last !== "completed" &&
      membersOf(last ?? {}) !== membersOf(position);
  }

  /** Writes down that all is emitted up to here, though nothing else is kept. */
  async #markEmitted({ processor, writer, journal }: Prepared): Promise<void> {
    if (journal.isEmpty) return;
    const { position } = processor;
    await this.#settle(writer);
    await journal.emittedTo(position);
  }

  /** Writes a checkpoint of everything up to here, if anything is new. */
  async #checkpoint(all: Prepared): Promise<void> {
    const { partitions, writer, definition, processor, journal } = all;
    const { position } = processor;
    if (!this.#isNew(position)) return;
    this.#checkpointStatus = "Requested";
    this.#schedule.began();
    await this.#settle(writer);
    const isPartitioned = partitionKindOf(definition) !== "none";
    this.#checkpointStatus = `Writing (${partitions.dirtyCount})`;
    if (isPartitioned || journal.isOpen) await this.#markEmitted(all);
    if (isPartitioned) await partitions.writeDirty();
    const own = isPartitioned ? undefined : await partitions.read("");
    const texts: string[] = [];
    if (processor.sharedState !== undefined) texts.push(processor.sharedState);
    if (own !== undefined) texts.push(own.state, own.result);
    await this.#checkpoints.writeRoot({ position, texts });
    partitions.wroteRoot(position);
    journal.covered(position);
    this.#lastCheckpoint = position;
    this.#schedule.ended(processor);
    this.#checkpointStatus = "";
  }

  async #settle(writer: EmitWriter): Promise<void> {
    await writer.settled();
    this.#requireNoFailure();
  }

  #requireNoFailure(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  async #finish(phase: RunPhase): Promise<void> {
    this.#turn.leave();
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
    const isOver = error instanceof RunEndedError ||
      error instanceof QuipuError && error.code === "storeClosed";
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
}
