/**
 * Folds events of an export through a projection, without a server: nothing is
 * written, and what the projection would emit is kept to be looked at.
 *
 * Two readings of the events are made when links must be followed or a
 * catalogue names the streams: the first finds out what the second needs.
 *
 * @module
 */

import type { Limits } from "../model/limits.ts";
import { isMetastream } from "../model/stream_names.ts";
import type { ProjectionEngine } from "./engine/engine.ts";
import type {
  EmittedEvent,
  EngineFault,
  EventEffects,
  PartitionState,
  ProcessAnswer,
  ProjectionDefinition,
  ProjectionEvent,
  RestoredState,
} from "./engine/messages.ts";
import {
  type FoundEvent,
  type LocatedEvent,
  nameOf,
  surveyEvents,
} from "./fold_survey.ts";
import { ReorderBuffer } from "./reorder_buffer.ts";
import {
  deletionOf,
  projectionEventOf,
  type SourceEvents,
  sourceEventsOf,
} from "./source_events.ts";

/** The query failed while it took an event. */
export class FoldError extends Error {
  override readonly name = "FoldError";
  readonly fault: EngineFault;
  /** Undefined when no one event can be blamed. */
  readonly at: LocatedEvent | undefined;

  constructor(fault: EngineFault, at: LocatedEvent | undefined) {
    super(fault.text);
    this.fault = fault;
    this.at = at;
  }
}

/** State and result of a partition, as JSON. */
export interface PartitionStates {
  readonly state: string;
  readonly result: string;
}

/** What a fold came to. */
export interface FoldReport {
  /** Events that handlers took. */
  readonly eventCount: number;
  /** By partition; the empty name where there are none. */
  readonly partitions: ReadonlyMap<string, PartitionStates>;
  /** As JSON, of a bi-state projection. */
  readonly sharedState: string | undefined;
  readonly emitted: readonly CausedEvent[];
  /** The last lines. */
  readonly logs: readonly string[];
}

/** An emitted event, and `number@stream` of the event that caused it. */
export interface CausedEvent extends EmittedEvent {
  readonly causedBy: string;
}

/** What a fold works with. */
export interface FoldParts {
  readonly engine: ProjectionEngine;
  readonly definition: ProjectionDefinition;
  readonly limits: Limits;
  /** Reads all events from the first one on, as often as it is called. */
  readEvents(): AsyncIterable<LocatedEvent>;
}

/**
 * Folds all events.
 *
 * @throws {FoldError} When the query fails, or emits more than is kept.
 */
export async function foldEvents(parts: FoldParts): Promise<FoldReport> {
  const { definition } = parts;
  const catalog = definition.catalogStream === undefined
    ? undefined
    : await readCatalog(parts, definition.catalogStream);
  const sources = sourceEventsOf(definition, catalog);
  const survey = await surveyEvents(parts.readEvents, sources);
  const fold = new Fold(parts, sources);
  const { reorderEvents, processingLag = 0 } = definition.options;
  const reordered = reorderEvents === true
    ? new ReorderBuffer<FoundEvent>(processingLag)
    : undefined;
  for await (const located of parts.readEvents()) {
    const found = sources.includes(located.event)
      ? survey.find(located)
      : undefined;
    if (found === undefined) continue;
    if (reordered === undefined) await fold.add(found);
    else {for (const due of reorder(parts, reordered, found)) {
        await fold.add(due);
      }}
  }
  for (const last of reordered?.release(Infinity) ?? []) await fold.add(last);
  return await fold.finish();
}

function reorder(
  { limits }: FoldParts,
  buffer: ReorderBuffer<FoundEvent>,
  found: FoundEvent,
): readonly FoundEvent[] {
  const { located } = found;
  const due = buffer.add(located.event.createdAtUs / 1000, found);
  if (buffer.size <= limits.foldReorderedMax) return due;
  throw new FoldError({
    text: `More than ${limits.foldReorderedMax} events are within the ` +
      "processing lag",
    line: 0,
  }, located);
}

/** Streams that a catalogue names; `$all`: the first event of each stream. */
async function readCatalog(
  { engine, limits, readEvents }: FoldParts,
  catalogStream: string,
): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  const batch = new EventBatch(limits);
  const ask = async () => {
    const { events, located } = batch.take();
    const { streamNames, fault } = await engine.catalog(events);
    for (const name of streamNames) if (name !== null) found.add(name);
    if (fault !== undefined) {
      throw new FoldError(fault, located[streamNames.length]);
    }
  };
  const sources = sourceEventsOf({
    categories: [],
    events: [],
    streams: [catalogStream === "$all" ? "$streams" : catalogStream],
    options: {},
  });
  for await (const located of readEvents()) {
    const { event } = located;
    const isAsked = sources.includes(event) &&
      !(catalogStream === "$all" && isMetastream(event.streamName));
    if (!isAsked) continue;
    batch.add(projectionEventOf(event), located);
    if (batch.isFull) await ask();
  }
  if (!batch.isEmpty) await ask();
  return found;
}

/** Events that are handed to the engine at once. */
class EventBatch {
  readonly #limits: Limits;
  #events: ProjectionEvent[] = [];
  #located: LocatedEvent[] = [];
  #length = 0;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  get isEmpty(): boolean {
    return this.#events.length === 0;
  }

  get isFull(): boolean {
    return this.#events.length >= this.#limits.projectionBatchEventsMax ||
      this.#length >= this.#limits.projectionBatchLengthMax;
  }

  add(event: ProjectionEvent, located: LocatedEvent): void {
    this.#events.push(event);
    this.#located.push(located);
    this.#length += event.data.length + event.metadata.length;
  }

  /** What came together; it is empty afterwards. */
  take(): {
    readonly events: readonly ProjectionEvent[];
    readonly located: readonly LocatedEvent[];
  } {
    const taken = { events: this.#events, located: this.#located };
    this.#events = [];
    this.#located = [];
    this.#length = 0;
    return taken;
  }
}

class Fold {
  readonly #engine: FoldParts["engine"];
  readonly #definition: ProjectionDefinition;
  readonly #limits: Limits;
  readonly #sources: SourceEvents;
  readonly #batch: EventBatch;
  readonly #partitions = new Map<string, PartitionStates>();
  #statesLength = 0;
  /** Partitions whose states the engine holds, in the order of their use. */
  readonly #held = new Set<string>();
  readonly #emitted: CausedEvent[] = [];
  #emittedLength = 0;
  #sharedState: string | undefined;
  #logs: string[] = [];
  #eventCount = 0;

  constructor(
    { engine, definition, limits }: FoldParts,
    sources: SourceEvents,
  ) {
    this.#engine = engine;
    this.#definition = definition;
    this.#limits = limits;
    this.#sources = sources;
    this.#batch = new EventBatch(limits);
  }

  async add({ located, link }: FoundEvent): Promise<void> {
    const { event } = located;
    const deleted = deletionOf(event);
    const { handlesDeletedNotifications } = this.#definition.options;
    const isTaken = deleted === undefined
      ? this.#sources.takesType(event.eventType)
      : handlesDeletedNotifications === true;
    if (!isTaken) return;
    this.#batch.add({
      ...projectionEventOf(event, link?.metadata),
      ...(deleted !== undefined && { deleted }),
    }, located);
    if (this.#batch.isFull) await this.#process();
  }

  async finish(): Promise<FoldReport> {
    if (!this.#batch.isEmpty) await this.#process();
    return {
      eventCount: this.#eventCount,
      partitions: this.#partitions,
      sharedState: this.#sharedState,
      emitted: this.#emitted,
      logs: this.#logs,
    };
  }

  async #process(): Promise<void> {
    const { events, located } = this.#batch.take();
    const partitions = await this.#partitionsOf(events);
    const restored = this.#hold(partitions);
    let answer = await this.#engine.process(events, restored);
    while (true) {
      this.#take(answer, located);
      const { takenCount, isDone, fault } = answer;
      if (fault !== undefined) throw new FoldError(fault, located[takenCount]);
      if (isDone) break;
      answer = await this.#engine.processRest();
    }
    for (const name of partitions) if (name !== null) this.#eventCount++;
    this.#letGo();
  }

  async #partitionsOf(
    events: readonly ProjectionEvent[],
  ): Promise<readonly (string | null)[]> {
    const { byStream, byCustomPartitions } = this.#definition;
    if (byStream === true) return events.map(({ partition }) => partition);
    if (byCustomPartitions !== true) return events.map(() => "");
    const { partitions } = await this.#engine.partitionsOf(events);
    return partitions;
  }

  /** States of the partitions that the engine let go of, to go on from. */
  #hold(partitions: readonly (string | null)[]): readonly RestoredState[] {
    const restored: RestoredState[] = [];
    for (const partition of partitions) {
      if (partition === null) continue;
      const isHeld = this.#held.delete(partition);
      this.#held.add(partition);
      const states = this.#partitions.get(partition);
      if (isHeld || states === undefined) continue;
      restored.push({ partition, state: states.state });
    }
    return restored;
  }

  #letGo(): void {
    const excess = this.#held.size - this.#limits.projectionPartitionsLiveMax;
    if (excess <= 0) return;
    const oldest = [...this.#held.values().take(excess)];
    for (const partition of oldest) this.#held.delete(partition);
    this.#engine.forget(oldest);
  }

  #take(
    { takenCount, states, sharedState, effects }: ProcessAnswer,
    located: readonly LocatedEvent[],
  ): void {
    for (const state of states) this.#keep(state);
    this.#sharedState = sharedState ?? this.#sharedState;
    for (const one of effects) this.#takeEffects(one, located[one.index]);
    const { projectionStatesLengthMax } = this.#limits;
    if (this.#statesLength <= projectionStatesLengthMax) return;
    throw new FoldError({
      text: "The states of its partitions are longer than " +
        `${projectionStatesLengthMax} characters`,
      line: 0,
    }, located[takenCount - 1]);
  }

  #keep({ partition, state, result }: PartitionState): void {
    const former = this.#partitions.get(partition);
    this.#statesLength += state.length -
      (former?.state.length ?? -partition.length);
    this.#partitions.set(partition, { state, result });
  }

  #takeEffects(
    { emitted, logs }: EventEffects,
    located: LocatedEvent | undefined,
  ): void {
    const { foldLogLinesMax, foldEmittedLengthMax } = this.#limits;
    if (logs.length > 0) {
      this.#logs = [...this.#logs, ...logs].slice(-foldLogLinesMax);
    }
    for (const one of emitted) {
      const causedBy = located === undefined ? "" : nameOf(located.event);
      this.#emitted.push({ ...one, causedBy });
      this.#emittedLength += one.streamName.length + one.eventType.length +
        (one.data?.length ?? 0) + (one.metadata?.length ?? 0);
    }
    if (this.#emittedLength <= foldEmittedLengthMax) return;
    throw new FoldError({
      text: `It emits more than ${foldEmittedLengthMax} characters in all`,
      line: 0,
    }, located);
  }
}
