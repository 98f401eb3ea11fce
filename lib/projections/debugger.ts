/**
 * Steps a query over events of its sources, for whoever writes it: states
 * before and after each event, results, what it would emit, and what it logs.
 * Nothing is written.
 *
 * @module
 */

import { QuipuError } from "../model/errors.ts";
import type { Limits } from "../model/limits.ts";
import type { ReadContext } from "../streams/context.ts";
import type { Caller, DebugRequest, DebugStep, DebugView } from "./contract.ts";
import { type EngineParts, ProjectionEngine } from "./engine/engine.ts";
import type {
  EngineFault,
  ProjectionDefinition,
  ProjectionEvent,
} from "./engine/messages.ts";
import { findSourceEvents, type FoundEvent } from "./read_source.ts";
import { deletionOf, projectionEventOf } from "./source_events.ts";

/** How debugging ended. */
export type DebugOutcome =
  | { readonly kind: "stepped"; readonly view: DebugView }
  | { readonly kind: "unauthorized" }
  | { readonly kind: "refused"; readonly reason: string };

/** Debugs queries, a few at a time. */
export class QueryDebugger {
  readonly #context: ReadContext;
  readonly #parts: EngineParts;
  readonly #limits: Limits;
  #busyCount = 0;

  constructor(
    context: ReadContext,
    { limits, ...parts }: EngineParts & { readonly limits: Limits },
  ) {
    this.#context = context;
    this.#parts = parts;
    this.#limits = limits;
  }

  /**
   * Runs a query over the events after a position, with the caller's rights.
   *
   * @throws {QuipuError} `queueFull` while too many are debugged; else as
   * `EventStore.readStream` does.
   */
  async debug(caller: Caller, request: DebugRequest): Promise<DebugOutcome> {
    if (caller === undefined) return { kind: "unauthorized" };
    const { projectionDebugsMax } = this.#limits;
    if (this.#busyCount >= projectionDebugsMax) {
      throw new QuipuError(
        "queueFull",
        `More than ${projectionDebugsMax} queries are debugged at once`,
      );
    }
    this.#busyCount++;
    try {
      return await this.#debug(caller, request);
    } finally {
      this.#busyCount--;
    }
  }

  async #debug(caller: Caller, request: DebugRequest): Promise<DebugOutcome> {
    const limits = this.#limits;
    const { query, position, maxEvents } = request;
    using engine = new ProjectionEngine(
      { query, canEmit: true, limits },
      this.#parts,
    );
    const defined = await engine.define();
    if ("fault" in defined) {
      const { fault, logs } = defined;
      const view = { definition: undefined, position, fault, logs, steps: [] };
      return { kind: "stepped", view };
    }
    const { definition, logs } = defined;
    const read = await findSourceEvents(this.#context, caller, {
      definition,
      position,
      maxEvents,
    });
    if (read.kind !== "read") return read;
    const stepper = new Stepper(engine, definition, request);
    const { nowUs } = this.#context.clock;
    const endUs = nowUs() + limits.projectionBatchMs * 1000;
    const steps: DebugStep[] = [];
    let length = 0;
    let reached = position;
    let fault: EngineFault | undefined;
    for (const [at, found] of read.events.entries()) {
      if (length > limits.projectionOutputLength || nowUs() > endUs) break;
      const step = await stepper.step(found);
      if (step !== undefined) {
        steps.push(step);
        length += lengthOf(step);
        fault = step.fault;
      }
      if (fault !== undefined) break;
      reached = at + 1 < read.events.length ? found.position : read.position;
    }
    if (read.events.length === 0) reached = read.position;
    return {
      kind: "stepped",
      view: { definition, position: reached, fault, logs, steps },
    };
  }
}

/** Hands events to an engine one by one. */
class Stepper {
  readonly #engine: ProjectionEngine;
  readonly #definition: ProjectionDefinition;
  readonly #states: Map<string, string>;
  #sharedState: string | undefined;
  /** Partitions whose states the engine holds; null: the shared one. */
  readonly #held = new Set<string | null>();

  constructor(
    engine: ProjectionEngine,
    definition: ProjectionDefinition,
    { states, sharedState }: DebugRequest,
  ) {
    this.#engine = engine;
    this.#definition = definition;
    this.#states = new Map(states);
    this.#sharedState = sharedState;
  }

  /** Takes an event; undefined: no handler does. */
  async step(
    { event, link, position }: FoundEvent,
  ): Promise<DebugStep | undefined> {
    const deleted = deletionOf(event);
    const { handlesDeletedNotifications } = this.#definition.options;
    if (deleted !== undefined && handlesDeletedNotifications !== true) {
      return undefined;
    }
    const given: ProjectionEvent = {
      ...projectionEventOf(event, link?.metadata),
      ...(deleted !== undefined && { deleted }),
    };
    const nothing = {
      event,
      position,
      partition: null,
      stateBefore: undefined,
      state: undefined,
      sharedState: this.#sharedState,
      result: undefined,
      emitted: [],
      logs: [],
    };
    const found = await this.#partitionOf(given);
    if (found.fault !== undefined) return { ...nothing, fault: found.fault };
    const { partition, batch } = found;
    if (partition === null) return { ...nothing, fault: undefined };
    const stateBefore = this.#states.get(partition);
    const answer = await this.#engine.process(
      batch,
      this.#restored(partition, stateBefore),
    );
    const [changed] = answer.states;
    if (changed !== undefined) this.#states.set(partition, changed.state);
    this.#sharedState = answer.sharedState ?? this.#sharedState;
    const [effects] = answer.effects;
    return {
      event,
      position,
      partition,
      stateBefore,
      state: changed?.state ?? stateBefore,
      sharedState: this.#sharedState,
      result: changed?.result,
      emitted: effects?.emitted ?? [],
      logs: effects?.logs ?? answer.logs,
      fault: answer.fault,
    };
  }

  async #partitionOf(event: ProjectionEvent): Promise<{
    readonly batch: readonly ProjectionEvent[];
    readonly partition: string | null;
    readonly fault: EngineFault | undefined;
  }> {
    const batch = [event];
    const { byStream, byCustomPartitions } = this.#definition;
    if (byStream === true) {
      return { batch, partition: event.partition, fault: undefined };
    }
    if (byCustomPartitions !== true) {
      return { batch, partition: "", fault: undefined };
    }
    const { partitions, fault } = await this.#engine.partitionsOf(batch);
    return { batch, partition: partitions[0] ?? null, fault };
  }

  #restored(partition: string, state: string | undefined) {
    const restored = [];
    if (!this.#held.has(partition) && state !== undefined) {
      restored.push({ partition, state });
    }
    if (!this.#held.has(null) && this.#sharedState !== undefined) {
      restored.push({ partition: null, state: this.#sharedState });
    }
    this.#held.add(partition).add(null);
    return restored;
  }
}

/** Characters of a step, roughly. */
function lengthOf({ event, state, result, emitted }: DebugStep): number {
  let length = event.data.length + (state?.length ?? 0) * 2 +
    (result?.length ?? 0);
  for (const { data, metadata } of emitted) {
    length += (data?.length ?? 0) + (metadata?.length ?? 0);
  }
  return length;
}
