/**
 * A query in a JavaScript engine of its own: QuickJS, compiled to WebAssembly.
 * It knows no clock, no file and no network, and has bounds on its time, its
 * memory and its stack.
 *
 * Invariants:
 * - Each instance has its own WebAssembly module: after a stack overflow in one
 *   context, every other context of the same module is broken.
 * - After a fault the instance takes nothing any more. The state that the
 *   failed handler changed halfway is in it; what counts are the state texts.
 * - The query may have changed every global, so what its engine answers is
 *   checked like input from a client.
 *
 * @module
 */

import type {
  QuickJSContext,
  QuickJSHandle,
  QuickJSRuntime,
} from "quickjs-emscripten-core";
import {
  AnswerError,
  decodeAnswer,
  decodeCatalog,
  decodeDefinition,
  decodeFault,
  decodePartitions,
} from "./engine_answers.ts";
import type {
  CatalogAnswer,
  DefineAnswer,
  EngineFault,
  EngineSettings,
  PackedEvents,
  PartitionsAnswer,
  ProcessAnswer,
  RestoredState,
} from "./messages.ts";
import { BoundedMemory, openQuickJs, RESCUE_BYTES } from "./quick_js.ts";
import { PRELUDE } from "./prelude/prelude.ts";

/**
 * Larger ones let some overflows through to the WebAssembly stack, which ends
 * the instance instead of the handler. Calls can be some 180 deep.
 */
const STACK_BYTES_MAX = 32 * 1024;

/** What is thrown where there is no room for an error. */
const NO_ERROR = /^(null|undefined)$/;
const OUT_OF_MEMORY = "InternalError: out of memory";
const TIMEOUT = "Script execution terminated.  Timeout expired.";

/** Functions of the prelude, and its count of the events that were begun. */
interface Prelude {
  readonly define: QuickJSHandle;
  readonly partition: QuickJSHandle;
  readonly process: QuickJSHandle;
  readonly answer: QuickJSHandle;
  readonly takeBack: QuickJSHandle;
  readonly catalog: QuickJSHandle;
  readonly explain: QuickJSHandle;
  readonly progress: QuickJSHandle;
}

/** What comes with a batch. */
export interface Handover {
  readonly restored: readonly RestoredState[];
  readonly forgotten: readonly string[];
}

const NOTHING: Handover = { restored: [], forgotten: [] };

/** What the engine of a query needs besides its settings. */
export interface InstanceParts {
  /** Milliseconds of a clock that never goes back. */
  nowMs(): number;
  /**
   * Milliseconds that this thread has worked: a machine that lets it wait is no
   * fault of the query.
   */
  workedMs(): number;
}

/** Time that a call may take. */
interface Deadline {
  /** In all. */
  readonly callMs: number;
  /** Of work, without the count moving on. */
  readonly eventMs: number;
}

/** To say what has failed, before `engine.ts` gives it up. */
const LAST_WORDS: Deadline = { callMs: 400, eventMs: 200 };

/** A failed call. */
class CallError extends Error {
  override readonly name = "CallError";
  readonly fault: EngineFault;

  constructor(fault: EngineFault) {
    super(fault.text);
    this.fault = fault;
  }
}

/** A query that was handed to its engine. */
export class QueryInstance implements Disposable {
  readonly #runtime: QuickJSRuntime;
  readonly #memory: BoundedMemory;
  readonly #context: QuickJSContext;
  readonly #settings: EngineSettings;
  readonly #clock: InstanceParts;
  #prelude: Prelude | undefined;
  /** Of the last batch. */
  #takenCount = 0;
  #isBroken = false;
  #deadline: Deadline = { callMs: 0, eventMs: 0 };
  #callStart = 0;
  #callStartWorked = 0;
  #eventStart = 0;
  #lastProgress = -1;
  #isTimeOver = false;

  private constructor(
    { runtime, memory, settings, clock }: {
      readonly runtime: QuickJSRuntime;
      readonly memory: BoundedMemory;
      readonly settings: EngineSettings;
      readonly clock: InstanceParts;
    },
  ) {
    this.#runtime = runtime;
    this.#memory = memory;
    this.#settings = settings;
    this.#clock = clock;
    runtime.setMaxStackSize(STACK_BYTES_MAX);
    runtime.setMemoryLimit(settings.limits.projectionMemoryBytesMax);
    runtime.setInterruptHandler(() => this.#isOver());
    this.#context = runtime.newContext();
  }

  /** Makes an engine for a query; `define` runs the query. */
  static async open(
    settings: EngineSettings,
    clock: InstanceParts,
  ): Promise<QueryInstance> {
    const memory = new BoundedMemory(settings.limits.projectionMemoryBytesMax);
    const runtime = (await openQuickJs(memory)).newRuntime();
    return new QueryInstance({ runtime, memory, settings, clock });
  }

  /** Runs the query's text: what its calls describe, or why it makes none. */
  define(): DefineAnswer {
    const { query, limits } = this.#settings;
    if (query.length > limits.projectionQueryLengthMax) {
      return this.#broken({
        text: `The query is longer than ${limits.projectionQueryLengthMax} ` +
          "characters",
        line: 0,
      });
    }
    try {
      this.#begin({
        callMs: limits.projectionStartMs,
        eventMs: limits.projectionDefineMs,
      });
      this.#prelude = this.#openPrelude();
      const result = this.#context.evalCode(query, "query.js");
      if (result.error !== undefined) throw this.#errorOf(result.error);
      result.value.dispose();
      const answer = decodeDefinition(this.#call("define"));
      if ("fault" in answer) this.#isBroken = true;
      return answer;
    } catch (error) {
      const { text, line } = faultOf(error);
      return this.#broken({
        text: text === TIMEOUT
          ? `Failed to compile script. ${TIMEOUT} (1)`
          : text,
        line,
      });
    }
  }

  /** Asks for the partitions of a batch, which `process` goes on with. */
  partition({ heads, texts }: PackedEvents): PartitionsAnswer {
    this.#requireWhole();
    try {
      this.#takenCount = 0;
      this.#beginBatch();
      return decodePartitions(this.#call("partition", heads, texts));
    } catch (error) {
      this.#isBroken = true;
      return { partitions: [], fault: faultOf(error) };
    }
  }

  /**
   * Takes a batch of events, or goes on with the last one.
   *
   * @param batch Undefined: goes on.
   */
  process(
    batch: PackedEvents | undefined,
    handover: Handover = NOTHING,
  ): ProcessAnswer {
    this.#requireWhole();
    if (batch !== undefined) this.#takenCount = 0;
    const fault = this.#take(batch, handover);
    if (fault !== undefined) this.#isBroken = true;
    try {
      const answer = {
        ...decodeAnswer(this.#call("answer")),
        memoryBytes: this.#memory.memory.buffer.byteLength,
      };
      this.#takenCount = answer.takenCount;
      return fault === undefined ? answer : { ...answer, isDone: false, fault };
    } catch (error) {
      this.#isBroken = true;
      return {
        takenCount: this.#takenCount,
        isDone: false,
        states: [],
        effects: [],
        logs: [],
        memoryBytes: 0,
        fault: fault ?? faultOf(error),
      };
    }
  }

  /** Asks which streams the events of a catalogue name. */
  catalog({ heads, texts }: PackedEvents): CatalogAnswer {
    this.#requireWhole();
    let answer: CatalogAnswer;
    try {
      this.#beginBatch();
      answer = decodeCatalog(this.#call("catalog", heads, texts));
    } catch (error) {
      answer = { streamNames: [], fault: faultOf(error) };
    }
    if (answer.fault !== undefined) this.#isBroken = true;
    return answer;
  }

  [Symbol.dispose](): void {
    this.#isBroken = true;
    // A module that trapped cannot put itself in order; it is let go of whole.
    this.#prelude = undefined;
  }

  #openPrelude(): Prelude {
    const { limits, canEmit, showsEventIds = false } = this.#settings;
    const context = this.#context;
    const make = context.unwrapResult(context.evalCode(PRELUDE, "prelude.js"));
    const bounds = context.unwrapResult(context.evalCode(
      `(${
        JSON.stringify({
          emitsMax: limits.projectionEmitsMax,
          emitLengthMax: limits.projectionEmitLengthMax,
          logsMax: limits.projectionLogLinesMax,
          logLengthMax: limits.projectionLogLineLengthMax,
          stateLengthMax: limits.projectionStateLengthMax,
          outputLengthMax: limits.projectionOutputLength,
        })
      })`,
    ));
    const prelude = context.unwrapResult(context.callFunction(
      make,
      context.undefined,
      bounds,
      canEmit ? context.true : context.false,
      showsEventIds ? context.true : context.false,
    ));
    const get = (name: string) => context.getProp(prelude, name);
    return {
      define: get("define"),
      partition: get("partition"),
      process: get("process"),
      answer: get("answer"),
      takeBack: get("takeBack"),
      catalog: get("catalog"),
      explain: get("explain"),
      progress: get("progress"),
    };
  }

  #beginBatch(): void {
    const { projectionBatchMs, projectionEventMs } = this.#settings.limits;
    this.#begin({ callMs: projectionBatchMs, eventMs: projectionEventMs });
  }

  #begin(deadline: Deadline): void {
    this.#deadline = deadline;
    this.#callStart = this.#eventStart = this.#clock.nowMs();
    this.#callStartWorked = this.#clock.workedMs();
    this.#lastProgress = -1;
    this.#isTimeOver = false;
  }

  /** Asked by the engine every millisecond or so: whether it must stop. */
  #isOver(): boolean {
    const now = this.#clock.nowMs();
    const progress = this.#progress();
    if (progress !== this.#lastProgress) {
      this.#lastProgress = progress;
      this.#eventStart = now;
    }
    const { callMs, eventMs } = this.#deadline;
    // Asking how much it has worked costs more than asking for the time.
    this.#isTimeOver = now - this.#callStart >= callMs ||
      now - this.#eventStart >= eventMs &&
        this.#clock.workedMs() - this.#callStartWorked >= eventMs;
    return this.#isTimeOver;
  }

  /** Index of the event that is being taken. */
  #progress(): number {
    if (this.#prelude === undefined) return -1;
    // It may move.
    using bytes = this.#context.getArrayBuffer(this.#prelude.progress);
    const { buffer, byteOffset } = bytes.value;
    return new Int32Array(buffer, byteOffset, 1)[0] ?? -1;
  }

  /**
   * Calls the prelude with texts, for a text.
   *
   * @throws {CallError} When it does not come to an end.
   */
  #call(name: Exclude<keyof Prelude, "progress">, ...texts: string[]): string {
    const context = this.#context;
    const { [name]: target } = this.#prelude ?? {};
    if (target === undefined) throw new Error("The query is not defined");
    using scope = new DisposableStack();
    const given = texts.map((text) => scope.use(context.newString(text)));
    const result = context.callFunction(target, context.undefined, ...given);
    if (result.error !== undefined) throw this.#errorOf(result.error);
    using answer = result.value;
    if (context.typeof(answer) !== "string") {
      throw new AnswerError("no text");
    }
    return context.getString(answer);
  }

  /** What a thrown value says; asked of the engine, which may fail again. */
  #errorOf(thrown: QuickJSHandle): CallError {
    const context = this.#context;
    using _thrown = thrown;
    if (this.#isTimeOver) return new CallError({ text: TIMEOUT, line: 0 });
    this.#begin(LAST_WORDS);
    if (this.#prelude !== undefined) {
      const result = context.callFunction(
        this.#prelude.explain,
        context.undefined,
        thrown,
      );
      if (result.error === undefined) {
        using text = result.value;
        return new CallError(decodeFault(context.getString(text)));
      }
      result.error.dispose();
    }
    return new CallError({ text: OUT_OF_MEMORY, line: 0 });
  }

  /** Hands events to the handlers: the fault that ended it, if one did. */
  #take(
    batch: PackedEvents | undefined,
    handover: Handover,
  ): EngineFault | undefined {
    let fault: EngineFault | undefined;
    try {
      this.#beginBatch();
      const text = this.#call(
        "process",
        JSON.stringify(handover),
        ...(batch === undefined ? [] : [batch.heads, batch.texts]),
      );
      fault = text === "" ? undefined : decodeFault(text);
      if (fault === undefined) this.#runJobs();
    } catch (error) {
      fault = faultOf(error);
    }
    if (fault === undefined) return undefined;
    if (this.#isTimeOver) fault = { text: TIMEOUT, line: fault.line };
    // The error itself may have found no room: `null` is thrown then.
    else if (this.#memory.wasRefused && NO_ERROR.test(fault.text)) {
      fault = { text: OUT_OF_MEMORY, line: fault.line };
    }
    // The answer must be written, and there may be no room left for it.
    const { projectionMemoryBytesMax } = this.#settings.limits;
    const bytesMax = projectionMemoryBytesMax + RESCUE_BYTES;
    this.#memory.bytesMax = bytesMax;
    this.#runtime.setMemoryLimit(bytesMax);
    this.#begin(LAST_WORDS);
    return fault;
  }

  /**
   * Promises are nothing that a handler can wait for, but they must not pile
   * up. Those without end are a fault of the last event.
   */
  #runJobs(): void {
    const result = this.#runtime.executePendingJobs();
    // A job that throws, such as one that emits, concerns no event.
    result.error?.dispose();
    if (!this.#isTimeOver) return;
    this.#begin(LAST_WORDS);
    this.#call("takeBack");
    throw new CallError({ text: TIMEOUT, line: 0 });
  }

  #broken(fault: EngineFault): DefineAnswer {
    this.#isBroken = true;
    return { fault, logs: [] };
  }

  #requireWhole(): void {
    if (this.#isBroken) throw new Error("The projection is faulted");
  }
}

function faultOf(error: unknown): EngineFault {
  if (error instanceof CallError) return error.fault;
  if (error instanceof AnswerError || error instanceof SyntaxError) {
    return {
      text: "The query changed functions that its engine needs",
      line: 0,
    };
  }
  // WebAssembly traps and the like: whatever escapes ends this instance alone.
  const text = error instanceof Error ? error.message : String(error);
  return { text: `The engine failed: ${text.slice(0, 200)}`, line: 0 };
}
