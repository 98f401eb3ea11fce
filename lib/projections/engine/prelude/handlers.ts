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

function refuse(text) {
  refused = refused ?? text;
  throw new Error(text);
}

function send(stream, type, emitted, metadata) {
  if (phase === "lost") return;
  if (phase === "over") throw new Error("The event is over");
  if (!canEmit) refuse(NOT_ALLOWED);
  if (phase !== "handler") refuse(NOT_IN_INIT);
  if (stream === undefined || stream === null || stream === "") {
    refuse("Cannot write to a null stream id");
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
    refuse("Failed to write the event: Event Type: , Data: " +
      (emitted.data ?? "") + " to stream: " + emitted.streamName +
      " failed. Reason: Empty eventType provided..");
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

/** States that are at hand, by partition, in the order of their use. */
const live = new NativeMap();
/** State texts that this batch made: the worker has yet to hear of them. */
const made = new NativeMap();
let shared;
let hasShared = false;

function initial(call, name) {
  if (call === undefined) return {};
  phase = "init";
  const state = call();
  if (refused !== undefined) throw refused;
  if (state === undefined) throw new TypeError(name + " returns no state");
  return state;
}

/** The state of a partition, and whether it has just come to be. */
function stateOf(partition) {
  if (apply(mapHas, live, [partition])) {
    return { state: apply(mapGet, live, [partition]), isNew: false };
  }
  const text = apply(mapGet, made, [partition]) ?? loadState(partition);
  return text === undefined
    ? { state: initial(initialOf, "$init"), isNew: true }
    : { state: parse(text), isNew: false };
}

function loadShared() {
  if (hasShared) return;
  const text = loadState(null);
  shared = text === undefined
    ? initial(initialSharedOf, "$initShared")
    : parse(text);
  hasShared = true;
}

function keep(partition, state) {
  apply(mapDelete, live, [partition]);
  apply(mapSet, live, [partition, state]);
  if (live.size <= limits.partitionsLiveMax) return;
  const { value: oldest } = apply(nextKey, apply(mapKeys, live, []), []);
  apply(mapDelete, live, [oldest]);
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

function partitionFor(input, event) {
  if (sources.byStream) return input.partition;
  if (partitionOf === undefined) return "";
  phase = "lost";
  const value = partitionOf(event);
  return value === undefined || value === null ? "" : NativeString(value);
}

/** One event's outcome; null when it is of no partition. */
function take(input) {
  const { deleted } = input;
  const isDeleted = deleted !== undefined;
  const event = isDeleted
    ? { partition: input.partition, isSoftDeleted: deleted.isSoft }
    : new Envelope(input);
  const partition = partitionFor(input, event);
  const isPartitioned = sources.byStream || partitionOf !== undefined;
  if (isPartitioned && partition === "") return null;
  if (!isDeleted) event.partition = partition;
  const { isBiState } = options;
  if (isBiState) loadShared();
  const found = stateOf(partition);
  let state = isBiState ? [found.state, shared] : found.state;
  if (isDeleted) {
    if (deletedCall !== undefined) state = call(deletedCall, state, event);
  } else {
    if (found.isNew && createdCall !== undefined) {
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
    sharedText = jsonOf(state[1], "shared state");
  }
  const stateText = jsonOf(own, "state");
  const resultText = resultSteps.length === 0 ? null : resultOf(own);
  if (refused !== undefined) throw refused;
  if (isBiState) shared = state[1];
  keep(partition, own);
  apply(mapSet, made, [partition, stateText]);
  return [partition, stateText, sharedText, resultText, emits, takeLogs()];
}

function faultOf(error) {
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

const progress = new Int32Array(1);
let batch = [];
let outcomes = "";

function begin(input) {
  progress[0]++;
  emits = [];
  emitLength = 0;
  refused = undefined;
  setMoment(input.createdAtMs, input.eventId);
}

/** Events of the batch that were taken whole, as far as they were handed on. */
function answer(fault) {
  const text = '{"outcomes":[' + outcomes + '],"isDone":' +
    (progress[0] + 1 >= batch.length) + ',"logs":' + stringify(takeLogs()) +
    (fault === undefined ? "" : ',"fault":' + stringify(fault)) + "}";
  outcomes = "";
  return text;
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
  /** Takes a batch as far as its output may go; an empty text: goes on. */
  process(text) {
    if (text !== "") {
      batch = parse(text);
      progress[0] = -1;
      outcomes = "";
      apply(mapClear, made, []);
    }
    while (progress[0] + 1 < batch.length) {
      const input = batch[progress[0] + 1];
      begin(input);
      let outcome;
      try {
        outcome = stringify(take(input));
      } catch (error) {
        return answer(faultOf(error));
      } finally {
        phase = "over";
      }
      outcomes += (outcomes === "" ? "" : ",") + outcome;
      if (outcomes.length > limits.outputLengthMax) break;
    }
    return answer(undefined);
  },
  /** What was taken before the batch was stopped by force. */
  rescue() { return answer(undefined); },
  /** Streams that events of a catalogue name. */
  catalog(text) {
    batch = parse(text);
    progress[0] = -1;
    outcomes = "";
    while (progress[0] + 1 < batch.length) {
      const input = batch[progress[0] + 1];
      begin(input);
      phase = "lost";
      try {
        const event = new Envelope(input);
        const name = catalogTransform === undefined
          ? event.bodyRaw
          : catalogTransform(event);
        outcomes += (outcomes === "" ? "" : ",") +
          (name === undefined || name === null || name === ""
            ? "null"
            : stringify(NativeString(name)));
      } catch (error) {
        return answer(faultOf(error));
      } finally {
        phase = "over";
      }
    }
    return answer(undefined);
  },
};
`;
