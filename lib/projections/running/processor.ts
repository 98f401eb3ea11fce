/**
 * Events through the engine: partitions and their states before, states and
 * effects after.
 *
 * @module
 */

import type { Timers } from "../../model/clock.ts";
import { formatEventNumber } from "../../model/event_number.ts";
import type { Limits } from "../../model/limits.ts";
import { LINK_TYPE } from "../../model/links.ts";
import type { SourcePosition } from "../contract.ts";
import type { ProjectionEngine } from "../engine/engine.ts";
import type {
  EngineFault,
  ProcessAnswer,
  ProjectionDefinition,
  ProjectionEvent,
  RestoredState,
} from "../engine/messages.ts";
import type { Effects } from "./effects.ts";
import type { Cause } from "./emissions.ts";
import type { EmitWriter } from "./emit_writer.ts";
import type { TakenEvent } from "./merged_source.ts";
import {
  type PartitionKind,
  partitionKindOf,
  type Partitions,
} from "./partitions.ts";
import { Cursor, positionTextOf, type SourcePlan } from "./positions.ts";
import { RunFault } from "./run_fault.ts";

/** Everything needed to process events. */
export interface ProcessorParts {
  readonly projection: string;
  readonly definition: ProjectionDefinition;
  readonly plan: SourcePlan;
  readonly engine: ProjectionEngine;
  readonly partitions: Partitions;
  /** It goes on with each event. */
  readonly cursor: Cursor;
  readonly writer: EmitWriter;
  readonly effects: Effects;
  readonly limits: Limits;
  readonly timers: Timers;
  /** Events that may wait to be written. */
  readonly pendingWritesMax: number;
  /** The shared state of a bi-state projection, as JSON. */
  readonly sharedState: string | undefined;
  /** Told what the query logged, and with which event. */
  readonly onLog: (event: string, lines: readonly string[]) => void;
}

/** Events handed to the engine together. */
export interface Batch {
  /** All that are passed, those without a handler too. */
  readonly taken: readonly TakenEvent[];
  /** Indexes, in `taken`, of those that the engine gets. */
  readonly handled: number[];
  readonly events: ProjectionEvent[];
}

/** Events for the engine, and the partitions that they belong to. */
interface KeptBatch {
  readonly batch: Batch;
  readonly names: readonly (string | null)[];
}

/** Events of the first batch. */
const FIRST_BATCH_COUNT = 25;
/** A batch that takes longer is followed by a smaller one: others wait. */
const BATCH_MS_MAX = 20;

const FAULT_HANDLER =
  "EventStore.Projections.Core.Services.v8.DefaultV8ProjectionStateHandler";

/** Processes the events of one run, in order. One call at a time. */
export class Processor {
  readonly #parts: ProcessorParts;
  readonly #kind: PartitionKind;
  #position: SourcePosition;
  #sharedState: string | undefined;
  #isSharedHeld = false;
  #handledCount = 0;
  #unhandledBytes = 0;
  #coreProcessingTimeMs = 0;
  /** Events that are handed on together, by the time that they take. */
  #batchCount = FIRST_BATCH_COUNT;

  constructor(parts: ProcessorParts) {
    this.#parts = parts;
    this.#kind = partitionKindOf(parts.definition);
    this.#sharedState = parts.sharedState;
    this.#position = parts.cursor.position;
  }

  /** Behind the last event that handlers took. */
  get position(): SourcePosition {
    return this.#position;
  }

  /** Of a bi-state projection, as JSON. */
  get sharedState(): string | undefined {
    return this.#sharedState;
  }

  /** Events that handlers have taken. */
  get handledCount(): number {
    return this.#handledCount;
  }

  /** Bytes of events that no handler takes. */
  get unhandledBytes(): number {
    return this.#unhandledBytes;
  }

  get coreProcessingTimeMs(): number {
    return this.#coreProcessingTimeMs;
  }

  /** Everything up to the cursor counts as taken. */
  passUnhandled(): void {
    this.#position = this.#parts.cursor.position;
  }

  /**
   * As many events as may be handed to the engine at once.
   *
   * @param most At most so many that handlers take, 1 or more.
   */
  cut(events: readonly TakenEvent[], from: number, most: number): Batch {
    const { definition, limits } = this.#parts;
    const { projectionBatchEventsMax, projectionBatchLengthMax } = limits;
    const count = Math.min(this.#batchCount, projectionBatchEventsMax, most);
    const batch: Batch = { taken: [], handled: [], events: [] };
    const taken: TakenEvent[] = [];
    let length = 0;
    for (let at = from; at < events.length; at++) {
      const next = events[at];
      if (next === undefined) break;
      taken.push(next);
      const { event } = next;
      if (!takes(definition, event)) {
        this.#unhandledBytes += event.data.length + event.metadata.length;
        continue;
      }
      batch.handled.push(taken.length - 1);
      batch.events.push(event);
      length += event.data.length + event.metadata.length;
      const isFull = batch.events.length >= count ||
        length >= projectionBatchLengthMax;
      if (isFull) break;
    }
    return { ...batch, taken };
  }

  /**
   * Takes a batch, and hands what it emits to the writer.
   *
   * @throws {RunFault} If an event fails; those before it are taken.
   */
  async process(batch: Batch): Promise<void> {
    if (batch.events.length > 0) await this.#runHandlers(batch);
    for (const at of batch.taken) this.#parts.cursor.take(at);
  }

  async #runHandlers(batch: Batch): Promise<void> {
    const { partitions, writer, engine } = this.#parts;
    const names = await this.#partitionsOf(batch);
    const distinct = new Set(names);
    distinct.delete(null);
    const wanted = distinct as ReadonlySet<string>;
    await partitions.load(wanted);
    const kept = this.#withoutCovered(batch, names);
    if (kept.batch.events.length === 0) return;
    const { timers } = this.#parts;
    let startMs = timers.nowMs();
    let answer = await engine.process(kept.batch.events, [
      ...this.#handShared(),
      ...partitions.hand(wanted),
    ]);
    let tookMs = 0;
    let from = 0;
    while (true) {
      tookMs += timers.nowMs() - startMs;
      this.#apply(kept, { answer, from });
      from = answer.takenCount;
      writer.flush();
      await this.#waitForWrites(writer);
      if (answer.fault !== undefined) this.#fault(kept.batch, answer);
      if (answer.isDone) break;
      startMs = timers.nowMs();
      answer = await engine.processRest();
    }
    this.#coreProcessingTimeMs += tookMs;
    this.#adaptBatches(kept.batch.events.length, tookMs);
    partitions.trim();
  }

  /** Large batches cost less; but one must not take long, nor time out. */
  #adaptBatches(count: number, tookMs: number): void {
    if (tookMs > BATCH_MS_MAX) {
      this.#batchCount = Math.max(1, count >> 1);
    } else if (count >= this.#batchCount && tookMs < BATCH_MS_MAX / 2) {
      const { projectionBatchEventsMax } = this.#parts.limits;
      this.#batchCount = Math.min(2 * count, projectionBatchEventsMax);
    }
  }

  /** Partitions of a batch's events; null: the event is skipped. */
  async #partitionsOf(
    { events }: Batch,
  ): Promise<readonly (string | null)[]> {
    switch (this.#kind) {
      case "none":
        return events.map(() => "");
      case "stream":
        return events.map(({ partition }) => partition);
      case "custom": {
        // `process` ends with the fault, too.
        return (await this.#parts.engine.partitionsOf(events)).partitions;
      }
    }
  }

  /** Leaves out events that partitions took before a crash. */
  #withoutCovered(
    batch: Batch,
    names: readonly (string | null)[],
  ): KeptBatch {
    const { partitions, plan } = this.#parts;
    const isCovered = (index: number) => {
      const name = names[index];
      const at = batch.taken[batch.handled[index] ?? 0];
      return name !== undefined && name !== null && at !== undefined &&
        partitions.covers(name, plan, at);
    };
    if (!batch.events.some((_, index) => isCovered(index))) {
      return { batch, names };
    }
    const kept = batch.events.flatMap((_, index) =>
      isCovered(index) ? [] : [index]
    );
    return {
      names: kept.map((index) => names[index] ?? null),
      batch: {
        taken: batch.taken,
        handled: kept.map((index) => batch.handled[index] ?? 0),
        events: kept.flatMap((index) => batch.events[index] ?? []),
      },
    };
  }

  #handShared(): readonly RestoredState[] {
    if (this.#isSharedHeld) return [];
    this.#isSharedHeld = true;
    const state = this.#sharedState;
    return state === undefined ? [] : [{ partition: null, state }];
  }

  /** Goes on to where an answer has come. */
  #apply(
    { batch, names }: KeptBatch,
    { answer, from }: { readonly answer: ProcessAnswer; readonly from: number },
  ): void {
    const { cursor, partitions, effects, onLog } = this.#parts;
    const { taken, handled } = batch;
    const results = new Map<string, string>();
    const positions = new Map<string, SourcePosition>();
    let passed = from === 0 ? 0 : (handled[from - 1] ?? 0) + 1;
    let nextEffect = 0;
    const last = names.findLastIndex((name, index) =>
      name !== null && index < answer.takenCount
    );
    for (let index = from; index < answer.takenCount; index++) {
      const end = handled[index] ?? 0;
      for (; passed <= end; passed++) {
        const at = taken[passed];
        if (at !== undefined) cursor.take(at);
      }
      const name = names[index] ?? null;
      const at = taken[end];
      if (name === null || at === undefined) continue;
      this.#handledCount++;
      if (index === last) this.#position = cursor.position;
      const isPartitioned = name !== "";
      const isNew = effects.writesPartitions && !positions.has(name) &&
        !partitions.has(name);
      if (isPartitioned) positions.set(name, cursor.position);
      const effect = answer.effects[nextEffect];
      const hasEffect = effect?.index === index;
      if (hasEffect) nextEffect++;
      const isTold = hasEffect || effects.writesOrder || isNew;
      if (!isTold) continue;
      const cause = this.#causeOf(at);
      effects.tookEvent(cause, at.event);
      if (isNew) effects.sawPartition(cause, name);
      if (!hasEffect) continue;
      effects.emitted(cause, effect.emitted);
      onLog(nameOf(at.event), effect.logs);
      if (effect.result === undefined) continue;
      const former = results.get(name) ?? partitions.peekResult(name);
      results.set(name, effect.result);
      effects.hadResult(cause, name, { result: effect.result, former });
    }
    for (const { partition, state, result } of answer.states) {
      const position = positions.get(partition) ?? this.#position;
      partitions.update(partition, { state, result }, position);
    }
    this.#sharedState = answer.sharedState ?? this.#sharedState;
  }

  #causeOf(at: TakenEvent): Cause {
    const { cursor, plan } = this.#parts;
    const { event } = at;
    return {
      at,
      key: `${plan.streams[at.streamIndex]?.key} ${at.place}`,
      position: cursor.position,
      // That a stream was deleted is no event.
      event: event.deleted === undefined ? event : undefined,
    };
  }

  async #waitForWrites(writer: EmitWriter): Promise<void> {
    const most = this.#parts.pendingWritesMax;
    if (writer.pendingCount > most) await writer.settled(most >> 1);
  }

  #fault(
    { taken, handled }: Batch,
    { takenCount, fault, logs }: ProcessAnswer,
  ): never {
    const { cursor, plan, onLog } = this.#parts;
    const at = taken[handled[takenCount] ?? -1];
    if (at !== undefined) onLog(nameOf(at.event), logs);
    throw new RunFault(
      this.#faultText(fault ?? { text: "", line: 0 }, () => {
        const after = new Cursor(plan, cursor.position);
        if (at !== undefined) after.take(at);
        return positionTextOf(after.position);
      }),
    );
  }

  #faultText(fault: EngineFault, position: () => string): string {
    if (fault.isOfEmit) return fault.text;
    return `The ${this.#parts.projection} projection failed to process an event.` +
      `\r\nHandler: ${FAULT_HANDLER}\r\nEvent Position: ${position()}` +
      `\r\n\r\nMessage:\r\n\r\n${fault.text}`;
  }
}

/** Whether handlers take an event. */
function takes(
  { allEvents, allStreams, events, options }: ProjectionDefinition,
  { eventType, deleted }: ProjectionEvent,
): boolean {
  if (deleted !== undefined) {
    return options.handlesDeletedNotifications === true;
  }
  const isLeftOut = allStreams === true && eventType === LINK_TYPE &&
    options.includeLinks !== true;
  return !isLeftOut && (allEvents === true || events.includes(eventType));
}

function nameOf({ eventNumber, streamName }: ProjectionEvent): string {
  return `${formatEventNumber(eventNumber)}@${streamName}`;
}
