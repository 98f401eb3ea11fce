/**
 * The part of the prelude for what handlers emit and log (spec: projections
 * §7.6), and the globals that a query finds.
 *
 * @module
 */

/** `emits` and `takeLogs()` say what the event in hand asked for. */
export const EMITTING = String.raw`
/** Decides how a call to emit ends: "define", "init", "handler", "lost", "over". */
let phase = "define";
let emits = [];
const NONE = [];
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
  append(logs, slice(line, 0, limits.logLengthMax));
}

function takeLogs() {
  if (logs.length === 0) return NONE;
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
`;
