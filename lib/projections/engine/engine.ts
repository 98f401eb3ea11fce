/**
 * A projection's query in a worker of its own, so that a handler never holds
 * up a request. Orders are answered one after the other. A worker that does
 * not answer in time is given up, and that is the fault.
 *
 * @module
 */

import type { Timers } from "../../model/clock.ts";
import type {
  CatalogAnswer,
  DefineAnswer,
  EngineOrder,
  EngineReport,
  EngineSettings,
  PackedEvents,
  PartitionsAnswer,
  ProcessAnswer,
  ProjectionEvent,
  RestoredState,
} from "./messages.ts";
import { packEvents } from "./packed_events.ts";

/** What an engine needs besides its settings. */
export interface EngineParts {
  readonly timers: Pick<Timers, "setTimer">;
  /** Starts the worker; by default the one of this program. */
  readonly startWorker?: () => Worker;
}

function startEngineWorker(): Worker {
  // Written like this, `deno compile --include` and bundlers can follow it.
  return new Worker(new URL("./engine_worker.ts", import.meta.url), {
    type: "module",
    name: "projection",
  });
}

/** A query that runs. One order at a time: the next after its answer. */
export class ProjectionEngine implements Disposable {
  readonly #worker: Worker;
  readonly #settings: EngineSettings;
  readonly #timers: EngineParts["timers"];
  #answered: PromiseWithResolvers<EngineReport> | undefined;
  /** The batch that it holds, with its partitions. */
  #partitioned: readonly ProjectionEvent[] | undefined;
  /** Of the last batch. */
  #takenCount = 0;
  #memoryBytes = 0;
  #forgotten: string[] = [];
  /** Why it answers no more. */
  #failure: string | undefined;

  /** Starts its worker; `define` runs the query. */
  constructor(
    settings: EngineSettings,
    { timers, startWorker = startEngineWorker }: EngineParts,
  ) {
    this.#settings = settings;
    this.#timers = timers;
    const worker = startWorker();
    worker.onmessage = ({ data }: MessageEvent<EngineReport>) => {
      this.#answered?.resolve(data);
    };
    worker.onmessageerror = () => this.#fail("it cannot be understood");
    worker.onerror = (event) => {
      // It would end the program otherwise.
      event.preventDefault();
      this.#fail(event.message);
    };
    this.#worker = worker;
  }

  /** Runs the query's text: what its calls describe, or why it makes none. */
  async define(): Promise<DefineAnswer> {
    const { limits } = this.#settings;
    const report = await this.#ask(
      { type: "define", settings: this.#settings },
      limits.projectionStartMs + limits.projectionDefineMs,
    );
    return report.type === "defined"
      ? report.answer
      : { fault: { text: failureOf(report), line: 0 }, logs: [] };
  }

  /**
   * Asks for the partitions of a batch that is processed next, where the query
   * computes them (`byCustomPartitions`).
   */
  async partitionsOf(
    events: readonly ProjectionEvent[],
  ): Promise<PartitionsAnswer> {
    this.#partitioned = events;
    const report = await this.#ask(
      { type: "partition", batch: packEvents(events) },
      this.#settings.limits.projectionBatchMs,
    );
    return report.type === "partitioned"
      ? report.answer
      : { partitions: [], fault: { text: failureOf(report), line: 0 } };
  }

  /**
   * Takes a batch, as far as its output may go: `processRest` goes on until it
   * is done or one event fails.
   *
   * @param restored States of its partitions that the engine does not hold, and
   *   at first the shared one. New partitions have none.
   */
  async process(
    events: readonly ProjectionEvent[],
    restored: readonly RestoredState[] = [],
  ): Promise<ProcessAnswer> {
    const isThere = events === this.#partitioned;
    this.#takenCount = 0;
    return await this.#process(
      isThere ? undefined : packEvents(events),
      restored,
    );
  }

  /** Goes on with the batch that was not done. */
  async processRest(): Promise<ProcessAnswer> {
    return await this.#process(undefined, []);
  }

  /** Memory that it has taken so far, as of the last batch; 0: not known. */
  get memoryBytes(): number {
    return this.#memoryBytes;
  }

  /** Lets go of states, as of the next batch. */
  forget(partitions: Iterable<string>): void {
    for (const partition of partitions) this.#forgotten.push(partition);
  }

  /** Asks which streams the events of a catalogue name. */
  async catalog(events: readonly ProjectionEvent[]): Promise<CatalogAnswer> {
    const report = await this.#ask(
      { type: "catalog", batch: packEvents(events) },
      this.#settings.limits.projectionBatchMs,
    );
    return report.type === "catalogued"
      ? report.answer
      : { streamNames: [], fault: { text: failureOf(report), line: 0 } };
  }

  [Symbol.dispose](): void {
    this.#fail("it was closed");
  }

  async #process(
    batch: PackedEvents | undefined,
    restored: readonly RestoredState[],
  ): Promise<ProcessAnswer> {
    const forgotten = this.#forgotten;
    this.#forgotten = [];
    this.#partitioned = undefined;
    const report = await this.#ask(
      { type: "process", batch, restored, forgotten },
      this.#settings.limits.projectionBatchMs,
    );
    if (report.type === "processed") {
      this.#takenCount = report.answer.takenCount;
      this.#memoryBytes = report.answer.memoryBytes;
      return report.answer;
    }
    return {
      takenCount: this.#takenCount,
      isDone: false,
      states: [],
      effects: [],
      logs: [],
      memoryBytes: 0,
      fault: { text: failureOf(report), line: 0 },
    };
  }

  /** @param workMs Time after which the worker stops by itself. */
  async #ask(order: EngineOrder, workMs: number): Promise<EngineReport> {
    if (this.#failure !== undefined) {
      return { type: "failed", reason: this.#failure };
    }
    const answered = Promise.withResolvers<EngineReport>();
    this.#answered = answered;
    const cancel = this.#timers.setTimer(
      workMs + this.#settings.limits.projectionSilenceMs,
      () => this.#fail("it does not answer"),
    );
    try {
      this.#worker.postMessage(order);
      return await answered.promise;
    } finally {
      cancel();
    }
  }

  #fail(reason: string): void {
    this.#failure ??= reason;
    this.#worker.terminate();
    this.#answered?.resolve({ type: "failed", reason: this.#failure });
  }
}

function failureOf(report: EngineReport): string {
  const reason = report.type === "failed" ? report.reason : report.type;
  return `The engine failed: ${reason}`;
}
