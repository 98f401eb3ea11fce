/**
 * The part of the prelude that takes events: the event object (spec:
 * projections §7.3), the handlers and their states, results, and what is
 * emitted and logged (§7.6).
 *
 * @module
 */

/** Ends with the object that the prelude returns. */
export const HANDLERS = String.raw`
// ---- Emitting and logging.

/** What emitting does now: "define", "init", "handler", "lost" or "over". */
let phase = "define";
let emits = [];
let emitLength = 0;
let logs = [];
let logsDropped = 0;
/** A refusal stands, though the query may catch the error. */
let refused;

/** @param isOfEmit Whether the event cannot be written, for its own sake. */
function refuse(text, isOfEmit = false) {
  const error = new NativeError(text);
  if (refused === undefined) {
    const { line } = faultOf(error);
    refused = isOfEmit ? { text, line, isOfEmit } : { text, line };
  }
  throw error;
}

function send(stream, type, emitted, metadata) {
  if (phase === "lost") return;
  if (phase === "over") throw new Error("The event is over");
  if (!canEmit) refuse(NOT_ALLOWED, true);
  if (phase !== "handler") refuse(NOT_IN_INIT);
  if (stream === undefined || stream === null || stream === "") {
    refuse("Cannot write to a null stream id", true);
  }
  emitted.streamName = NativeString(stream);
  emitted.eventType = type === undefined || type === null
    ? ""
    : NativeString(type);
  if (metadata !== undefined && metadata !== null) {
    const text = stringify(metadata);
    const isObject = typeof metadata === "object" && !isArray(metadata) &&
      text !== undefined && text[0] === "{";
    if (!isObject) refuse(NOT_METADATA);
    emitted.metadata = text;
  }
  if (emitted.eventType === "") {
    refuse("Failed to write the event: Event Id: " + randomId() +
      ", Event Type: , Data: " + (emitted.data ?? "") + " to stream: " +
      emitted.streamName + " failed. Reason: Empty eventType provided..", true);
  }
  emitLength += emitted.streamName.length + emitted.eventType.length +
    (emitted.data ?? "").length + (emitted.metadata ?? "").length;
  if (emits.length >= limits.emitsMax) {
    refuse("More than " + limits.emitsMax + " events are emitted for one event");
  }
  if (emitLength > limits.emitLengthMax) {
    refuse("More than " + limits.emitLengthMax +
      " characters are emitted for one event");
  }
  append(emits, emitted);
}

function emit(streamId, eventType, body, metadata) {
  const data = stringify(body);
  send(streamId, eventType, { isJson: true, data }, metadata);
}

function linkTo(streamId, event, metadata) {
  const data = event.sequenceNumber + "@" + event.streamId;
  send(streamId, "$>", { isJson: false, data }, metadata);
}

function linkStreamTo(streamId, linkedStreamId, metadata) {
  const data = NativeString(linkedStreamId);
  send(streamId, "$@", { isJson: false, data }, metadata);
}

function copyTo(streamId, event, metadata) {
  const merged = {};
  const own = event.metadata ?? {};
  for (const name in own) {
    if (name[0] !== "$" || name === "$correlationId") merged[name] = own[name];
  }
  for (const name in metadata ?? {}) {
    if (name[0] !== "$") merged[name] = metadata[name];
  }
  const { bodyRaw } = event;
  const data = bodyRaw === undefined ? undefined : NativeString(bodyRaw);
  send(streamId, event.eventType, { isJson: false, data }, merged);
}

function textOf(value) {
  if (typeof value === "string") return value;
  if (value instanceof Error) return NativeString(value);
  const text = typeof value === "object" ? stringify(value) : undefined;
  return text ?? NativeString(value);
}

function log(...values) {
  if (logs.length >= limits.logsMax) {
    logsDropped++;
    return;
  }
  let line = "";
  for (let at = 0; at < values.length; at++) {
    line += (at === 0 ? "" : " ") + textOf(values[at]);
    if (line.length > limits.logLengthMax) break;
  }
  append(logs, apply(slice, line, [0, limits.logLengthMax]));
}

function takeLogs() {
  const taken = logs;
  if (logsDropped > 0) append(taken, "… and " + logsDropped + " lines more");
  logs = [];
  logsDropped = 0;
  return taken;
}

const GLOBALS = {
  fromAll, fromStream, fromStreams, fromCategory, fromCategories,
  fromStreamCatalog, fromStreamsMatching, options: setOptions,
  on_any: onAny, on_raw: onRaw, emit, linkTo, linkStreamTo, copyTo, log,
  require() { throw "Cannot load module"; },
  console: { log, info: log, warn: log, error: log, debug: log },
};
for (const name of keys(GLOBALS)) hide(globalThis, name, GLOBALS[name]);

// ---- The event as handlers see it.

class Envelope {
  constructor(input) {
    this.isJson = false;
    this.data = null;
    this.body = null;
    this.bodyRaw = "";
    this.eventType = input.eventType;
    this.streamId = input.streamName;
    this.sequenceNumber = NativeString(input.eventNumber);
    this.metadataRaw = input.metadata;
    this.linkMetadataRaw = input.linkMetadata ?? "";
    this.streamMetadataRaw = undefined;
    this.partition = input.partition;
    this.metadata_ = null;
    readBody(this, input);
  }
  get metadata() {
    if (this.metadata_ === null && this.metadataRaw) {
      this.metadata_ = parse(this.metadataRaw);
    }
    return this.metadata_;
  }
  get linkMetadata() {
    return this.linkMetadataRaw ? parse(this.linkMetadataRaw) : {};
  }
  get streamMetadata() { return {}; }
}

function readBody(event, input) {
  if (!input.isJson) {
    const end = apply(indexOf, input.data, ["\0"]);
    event.bodyRaw = end < 0 ? input.data : apply(slice, input.data, [0, end]);
    return;
  }
  event.bodyRaw = apply(trim, input.data, []);
  if (event.bodyRaw === "") {
    event.data = event.body = {};
    return;
  }
  try {
    event.data = event.body = parse(event.bodyRaw);
    event.isJson = true;
  } catch (error) {
    event.data = event.body = undefined;
    event.jsonError = error;
  }
}

// ---- The fold.

/** States at hand, by partition. */
const live = new NativeMap();
let shared;
let hasShared = false;

/** Takes states over that the main thread hands in. */
function restore(restored, forgotten) {
  for (let at = 0; at < forgotten.length; at++) {
    apply(mapDelete, live, [forgotten[at]]);
  }
  for (let at = 0; at < restored.length; at++) {
    const { partition, state } = restored[at];
    if (partition !== null) apply(mapSet, live, [partition, parse(state)]);
    else {
      shared = parse(state);
      hasShared = true;
    }
  }
}

function initial(call, name) {
  if (call === undefined) return {};
  phase = "init";
  const state = call();
  if (refused !== undefined) throw refused;
  if (state === undefined) throw new TypeError(name + " returns no state");
  return state;
}

function call(handler, state, event) {
  phase = "handler";
  const returned = handler(state, event);
  if (refused !== undefined) throw refused;
  if (returned instanceof PromiseType) {
    throw new TypeError("A handler must not return a promise");
  }
  return returned === undefined ? state : returned;
}

function fold(state, event) {
  if (!hasCalls) return event.isJson ? event.body : { $e: event.bodyRaw };
  for (let at = 0; at < rawCalls.length; at++) {
    state = call(rawCalls[at], state, event);
  }
  for (let at = 0; at < anyCalls.length; at++) {
    state = call(anyCalls[at], state, event);
  }
  const ofType = typeCalls[event.eventType];
  return ofType === undefined ? state : call(ofType, state, event);
}

function resultOf(state) {
  let result = state;
  phase = "lost";
  for (let at = 0; at < resultSteps.length && result !== null; at++) {
    const { transform, filter } = resultSteps[at];
    if (filter !== undefined) {
      if (!filter(result)) result = null;
      continue;
    }
    result = transform(result);
    if (result === undefined) {
      throw new TypeError("transformBy returns no result");
    }
  }
  return jsonOf(result, "result");
}

function jsonOf(value, what) {
  const text = stringify(value);
  if (text === undefined) {
    throw new TypeError("The " + what + " cannot be written as JSON");
  }
  if (text.length <= limits.stateLengthMax) return text;
  throw new RangeError("The " + what + " is longer than " +
    limits.stateLengthMax + " characters");
}

/** The partition that the query gives an event; null: none. */
function partitionFor(input, event) {
  if (sources.byStream) return input.partition === "" ? null : input.partition;
  if (partitionOf === undefined) return "";
  phase = "lost";
  const value = partitionOf(event);
  if (value === undefined || value === null || value === "") return null;
  return NativeString(value) || null;
}

/** One event's outcome; null when it is of no partition. */
function take(at) {
  const input = batch[at];
  const event = eventAt(at);
  const partition = at < partitions.length
    ? partitions[at]
    : partitionFor(input, event);
  if (partition === null) return null;
  const isDeleted = input.deleted !== undefined;
  if (!isDeleted) event.partition = partition;
  const { isBiState } = options;
  if (isBiState && !hasShared) {
    shared = initial(initialSharedOf, "$initShared");
    hasShared = true;
  }
  const isNew = !apply(mapHas, live, [partition]);
  const found = isNew
    ? initial(initialOf, "$init")
    : apply(mapGet, live, [partition]);
  let state = isBiState ? [found, shared] : found;
  if (isDeleted) {
    if (deletedCall !== undefined) state = call(deletedCall, state, event);
  } else {
    if (isNew && createdCall !== undefined) {
      state = call(createdCall, state, event);
    }
    state = fold(state, event);
  }
  let own = state;
  let sharedText = null;
  if (isBiState) {
    if (!isArray(state) || state.length < 2) {
      throw new TypeError("A handler of a bi-state projection returns a list " +
        "of two states");
    }
    own = state[0];
    shared = state[1];
    sharedText = jsonOf(shared, "shared state");
  }
  const stateText = jsonOf(own, "state");
  const resultText = resultSteps.length === 0 ? null : resultOf(own);
  apply(mapSet, live, [partition, own]);
  return [partition, stateText, resultText, sharedText, emits, takeLogs()];
}

function faultOf(error) {
  if (error !== undefined && error === refused) return error;
  let text = "The thrown value has no text";
  let line = 0;
  try {
    text = NativeString(error);
    const found = apply(match, SCRIPT, [NativeString(error.stack)]);
    if (found !== null) line = NativeNumber(found[1]);
  } catch {
    // What has no text, or no stack, is told as far as it goes.
  }
  return { text: apply(slice, text, [0, limits.logLengthMax]), line };
}

// ---- Batches.

/** Index of the event in hand, which the host reads. */
const progress = new Int32Array(1);
let batch = [];
/** Events of the batch as handlers see them, as far as they were asked for. */
let events = [];
/** Partitions of the first events, if the query gives them. */
let partitions = [];
/** Of the event after those that have partitions. */
let partitionFault;
/** Outcomes by event, as far as they were not handed on. */
let outcomes = [];
let taken = 0;
let told = 0;

function open(text) {
  batch = parse(text);
  events = [];
  partitions = [];
  outcomes = [];
  partitionFault = undefined;
  taken = told = 0;
  progress[0] = -1;
}

function eventAt(at) {
  const input = batch[at];
  const { deleted } = input;
  return events[at] ??= deleted === undefined
    ? new Envelope(input)
    : { partition: input.partition, isSoftDeleted: deleted.isSoft };
}

/** Begins the event that comes next. */
function begin(at) {
  const { createdAtMs, eventId } = batch[at];
  progress[0] = at;
  emits = [];
  emitLength = 0;
  refused = undefined;
  setMoment(createdAtMs, eventId);
}

/** Length of what an outcome hands on, roughly. */
function lengthOf(outcome) {
  if (outcome === null) return 0;
  return outcome[1].length + (outcome[2] ?? "").length + emitLength;
}

/** What was taken since the last answer. */
function answer() {
  const states = [];
  const places = new NativeMap();
  const effects = [];
  let sharedState = null;
  const { producesResults } = options;
  for (let at = told; at < taken; at++) {
    const outcome = outcomes[at];
    if (outcome === null) continue;
    const partition = outcome[0];
    const place = apply(mapGet, places, [partition]);
    const state = [partition, outcome[1], outcome[2]];
    if (place !== undefined) states[place] = state;
    else {
      apply(mapSet, places, [partition, states.length]);
      append(states, state);
    }
    sharedState = outcome[3];
    const emitted = outcome[4];
    const lines = outcome[5];
    if (producesResults || emitted.length > 0 || lines.length > 0) {
      const result = producesResults ? outcome[2] ?? outcome[1] : null;
      append(effects, [at, result, emitted, lines]);
    }
    outcomes[at] = null;
  }
  told = taken;
  return stringify({
    taken, isDone: taken === batch.length,
    states, sharedState, effects, logs: takeLogs(),
  });
}

return {
  progress: progress.buffer,
  define() {
    isDefining = false;
    phase = "over";
    const text = refusal();
    return stringify(text === undefined
      ? { definition: definition(), logs: takeLogs() }
      : { fault: { text, line: 0 }, logs: takeLogs() });
  },
  /** What a thrown value says, of the query or of a handler. */
  explain(error) { return stringify(faultOf(error)); },
  /** Asks for the partitions of a batch, which processing then goes on with. */
  partition(text) {
    open(text);
    const found = [];
    while (found.length < batch.length) {
      const at = found.length;
      begin(at);
      try {
        append(found, partitionFor(batch[at], eventAt(at)));
      } catch (error) {
        partitionFault = faultOf(error);
        break;
      } finally {
        phase = "over";
      }
    }
    partitions = found;
    progress[0] = -1;
    return stringify({ partitions, fault: partitionFault });
  },
  /**
   * Takes a batch as far as its output may go; an empty text: goes on. Returns
   * the fault that ended it; empty: none did. The answer is asked for after it.
   */
  process(text, handover) {
    const { restored, forgotten } = parse(handover);
    restore(restored, forgotten);
    if (text !== "") open(text);
    let length = 0;
    while (taken < batch.length && length <= limits.outputLengthMax) {
      if (partitionFault !== undefined && taken === partitions.length) {
        return stringify(partitionFault);
      }
      begin(taken);
      try {
        const outcome = take(taken);
        // No call may stand between these: the event is taken whole, or not.
        outcomes[taken] = outcome;
        taken++;
        length += lengthOf(outcome);
      } catch (error) {
        return stringify(faultOf(refused ?? error));
      } finally {
        phase = "over";
      }
    }
    return "";
  },
  answer,
  /** Takes the last event back. */
  takeBack() {
    if (taken > told) taken--;
    return "";
  },
  /** Streams that events of a catalogue name. */
  catalog(text) {
    open(text);
    const names = [];
    while (names.length < batch.length) {
      const at = names.length;
      begin(at);
      phase = "lost";
      try {
        const event = eventAt(at);
        const name = catalogTransform === undefined
          ? event.bodyRaw
          : catalogTransform(event);
        append(names, name === undefined || name === null || name === ""
          ? null
          : NativeString(name));
      } catch (error) {
        return stringify({ names, fault: faultOf(error) });
      } finally {
        phase = "over";
      }
    }
    return stringify({ names });
  },
};
`;
