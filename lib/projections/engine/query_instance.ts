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

import {
  newQuickJSWASMModuleFromVariant,
  type QuickJSContext,
  type QuickJSHandle,
  type QuickJSRuntime,
  type QuickJSSyncVariant,
} from "quickjs-emscripten-core";
import quickJsVariant from "@jitl/quickjs-singlefile-mjs-release-sync";
import { encodeUtf8, encodeUtf8Into } from "../../text/utf8.ts";
import type {
  CatalogAnswer,
  DefineAnswer,
  EmittedEvent,
  EngineFault,
  EngineSettings,
  EventEffects,
  PackedEvents,
  PartitionsAnswer,
  PartitionState,
  ProcessAnswer,
  ProjectionDefinition,
  RestoredState,
} from "./messages.ts";
import { PRELUDE } from "./prelude/prelude.ts";

/**
 * Larger ones let some overflows through to the WebAssembly stack, which ends
 * the instance instead of the handler. Calls can be some 180 deep.
 */
const STACK_BYTES_MAX = 32 * 1024;
/** Memory beyond the limit in which an answer is written after a fault. */
const RESCUE_BYTES = 16 * 1024 * 1024;
/** Characters of a fault's text. */
const FAULT_LENGTH_MAX = 1024;

const TIMEOUT = "Script execution terminated.  Timeout expired.";

// The package's types say that it is the module, not its only export.
const QUICK_JS = withFastTexts(quickJsVariant as unknown as QuickJSSyncVariant);

type ModuleLoader = Extract<
  Awaited<ReturnType<QuickJSSyncVariant["importModuleLoader"]>>,
  (...given: never[]) => unknown
>;

/**
 * Texts go into the engine's memory by way of the platform's encoder, instead
 * of Emscripten's, which takes a character at a time: a fifth of the time.
 */
function withFastTexts(variant: QuickJSSyncVariant): QuickJSSyncVariant {
  return {
    ...variant,
    importModuleLoader: async () => {
      const load = await variant.importModuleLoader() as ModuleLoader;
      return async (options) => {
        const module = await load(options);
        module.lengthBytesUTF8 = (text) => encodeUtf8(text).length;
        module.stringToUTF8 = (text, at, size = 0) => {
          const target = module.HEAPU8.subarray(at, at + size);
          target[encodeUtf8Into(text, target)] = 0;
        };
        return module;
      };
    },
  };
}

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
}

/** Time that a call may take: all of it, and without the count moving on. */
interface Deadline {
  readonly callMs: number;
  readonly eventMs: number;
}

/** A failed call. */
class CallError extends Error {
  override readonly name = "CallError";
  readonly fault: EngineFault;

  constructor(fault: EngineFault) {
    super(fault.text);
    this.fault = fault;
  }
}

/** What the query's engine answers is nothing that the prelude writes. */
class AnswerError extends Error {
  override readonly name = "AnswerError";
}

/** A query that was handed to its engine. */
export class QueryInstance implements Disposable {
  readonly #runtime: QuickJSRuntime;
  readonly #context: QuickJSContext;
  readonly #settings: EngineSettings;
  readonly #nowMs: () => number;
  #prelude: Prelude | undefined;
  /** Of the last batch. */
  #takenCount = 0;
  #isBroken = false;
  #deadline: Deadline = { callMs: 0, eventMs: 0 };
  #callStart = 0;
  #eventStart = 0;
  #lastProgress = -1;
  #isTimeOver = false;

  private constructor(
    runtime: QuickJSRuntime,
    settings: EngineSettings,
    nowMs: () => number,
  ) {
    this.#runtime = runtime;
    this.#settings = settings;
    this.#nowMs = nowMs;
    runtime.setMaxStackSize(STACK_BYTES_MAX);
    runtime.setMemoryLimit(settings.limits.projectionMemoryBytesMax);
    runtime.setInterruptHandler(() => this.#isOver());
    this.#context = runtime.newContext();
  }

  /** Makes an engine for a query; `define` runs the query. */
  static async open(
    settings: EngineSettings,
    { nowMs }: InstanceParts,
  ): Promise<QueryInstance> {
    const module = await newQuickJSWASMModuleFromVariant(QUICK_JS);
    return new QueryInstance(module.newRuntime(), settings, nowMs);
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
    const callMs = limits.projectionDefineMs;
    try {
      this.#begin({ callMs, eventMs: callMs });
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
        memoryBytes: this.#memory().buffer.byteLength,
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
    this.#callStart = this.#eventStart = this.#nowMs();
    this.#lastProgress = -1;
    this.#isTimeOver = false;
  }

  /** Asked by the engine every millisecond or so: whether it must stop. */
  #isOver(): boolean {
    const now = this.#nowMs();
    const progress = this.#progress();
    if (progress !== this.#lastProgress) {
      this.#lastProgress = progress;
      this.#eventStart = now;
    }
    const { callMs, eventMs } = this.#deadline;
    this.#isTimeOver = now - this.#eventStart >= eventMs ||
      now - this.#callStart >= callMs;
    return this.#isTimeOver;
  }

  /** Index of the event that is being taken. */
  #progress(): number {
    return this.#prelude === undefined ? -1 : this.#memory()[0] ?? -1;
  }

  /** The prelude's count in the memory of the engine, which may move. */
  #memory(): Int32Array {
    if (this.#prelude === undefined) return new Int32Array(1);
    using bytes = this.#context.getArrayBuffer(this.#prelude.progress);
    const { buffer, byteOffset } = bytes.value;
    return new Int32Array(buffer, byteOffset, 1);
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
    this.#begin({ callMs: 100, eventMs: 100 });
    if (this.#prelude !== undefined) {
      const result = context.callFunction(
        this.#prelude.explain,
        context.undefined,
        thrown,
      );
      if (result.error === undefined) {
        using text = result.value;
        return new CallError(decodeFault(parseObject(context.getString(text))));
      }
      result.error.dispose();
    }
    return new CallError({ text: "The engine ran out of memory", line: 0 });
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
      fault = text === "" ? undefined : decodeFault(parseObject(text));
      if (fault === undefined) this.#runJobs();
    } catch (error) {
      fault = faultOf(error);
    }
    if (fault === undefined) return undefined;
    if (this.#isTimeOver) fault = { text: TIMEOUT, line: fault.line };
    // The answer must be written, and there may be no room left for it.
    const { projectionMemoryBytesMax } = this.#settings.limits;
    this.#runtime.setMemoryLimit(projectionMemoryBytesMax + RESCUE_BYTES);
    this.#begin({ callMs: 500, eventMs: 500 });
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
    this.#begin({ callMs: 100, eventMs: 100 });
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

type Members = Readonly<Record<string, unknown>>;

function parseObject(text: string): Members {
  return objectOf(JSON.parse(text));
}

function objectOf(value: unknown): Members {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return value as Members;
  }
  throw new AnswerError("no object");
}

function listOf(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw new AnswerError("no list");
}

function textOf(value: unknown): string {
  if (typeof value === "string") return value;
  throw new AnswerError("no text");
}

function textsOf(value: unknown): readonly string[] {
  return listOf(value).map(textOf);
}

function countOf(value: unknown): number {
  if (Number.isSafeInteger(value) && Number(value) >= 0) return Number(value);
  throw new AnswerError("no count");
}

function decodeFault({ text, line, isOfEmit }: Members): EngineFault {
  return {
    text: textOf(text).slice(0, FAULT_LENGTH_MAX),
    line: Number.isSafeInteger(line) ? Number(line) : 0,
    ...(isOfEmit === true && { isOfEmit }),
  };
}

function decodeDefinition(text: string): DefineAnswer {
  const { definition, fault, logs } = parseObject(text);
  if (fault !== undefined) {
    return { fault: decodeFault(objectOf(fault)), logs: textsOf(logs) };
  }
  const members = objectOf(definition);
  textsOf(members["categories"]);
  textsOf(members["events"]);
  textsOf(members["streams"]);
  objectOf(members["options"]);
  return {
    definition: members as unknown as ProjectionDefinition,
    logs: textsOf(logs),
  };
}

function decodePartitions(text: string): PartitionsAnswer {
  const { partitions, fault } = parseObject(text);
  return { partitions: namesOf(partitions), ...faultIn(fault) };
}

function decodeCatalog(text: string): CatalogAnswer {
  const { names, fault } = parseObject(text);
  return { streamNames: namesOf(names), ...faultIn(fault) };
}

function namesOf(value: unknown): readonly (string | null)[] {
  return listOf(value).map((name) => name === null ? null : textOf(name));
}

function faultIn(value: unknown): { readonly fault?: EngineFault } {
  return value === undefined ? {} : { fault: decodeFault(objectOf(value)) };
}

function decodeAnswer(text: string): Omit<ProcessAnswer, "memoryBytes"> {
  const { taken, isDone, states, sharedState, effects, logs } = parseObject(
    text,
  );
  return {
    takenCount: countOf(taken),
    isDone: isDone === true,
    states: listOf(states).map(decodeState),
    ...(sharedState !== null && { sharedState: textOf(sharedState) }),
    effects: listOf(effects).map(decodeEffects),
    logs: textsOf(logs),
  };
}

function decodeState(value: unknown): PartitionState {
  const [partition, state, result] = listOf(value);
  return {
    partition: textOf(partition),
    state: textOf(state),
    result: textOf(result ?? state),
  };
}

function decodeEffects(value: unknown): EventEffects {
  const [index, result, emitted, logs] = listOf(value);
  return {
    index: countOf(index),
    ...(result !== null && { result: textOf(result) }),
    emitted: listOf(emitted).map(decodeEmitted),
    logs: textsOf(logs),
  };
}

function decodeEmitted(value: unknown): EmittedEvent {
  const { streamName, eventType, isJson, data, metadata } = objectOf(value);
  return {
    streamName: textOf(streamName),
    eventType: textOf(eventType),
    isJson: isJson === true,
    ...(data !== undefined && { data: textOf(data) }),
    ...(metadata !== undefined && { metadata: textOf(metadata) }),
  };
}
