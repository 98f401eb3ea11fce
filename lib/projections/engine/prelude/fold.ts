/**
 * The part of the prelude that folds events into states: partitions, handlers
 * and results (spec: projections §7.2).
 *
 * @module
 */

/** `take(at)` folds the event in hand, that of an index of the batch. */
export const FOLD = String.raw`
/** States at hand, by partition. */
const live = new NativeMap();
let shared;
let hasShared = false;

/** Takes states over that the main thread hands in. */
function restore(restored, forgotten) {
  for (let at = 0; at < forgotten.length; at++) {
    mapDelete(live, forgotten[at]);
  }
  for (let at = 0; at < restored.length; at++) {
    const { partition, state } = restored[at];
    if (partition !== null) mapSet(live, partition, parse(state));
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

/** The partition that the query gives the event; null: none. */
function partitionFor() {
  if (sources.byStream) return ownPartition === "" ? null : ownPartition;
  if (partitionOf === undefined) return "";
  phase = "lost";
  event.partition = null;
  const value = partitionOf(event);
  if (value === undefined || value === null || value === "") return null;
  return NativeString(value) || null;
}

/** The event's outcome; null when it is of no partition. */
function take(at) {
  const partition = hasPartitions ? partitions[at] : partitionFor();
  if (partition === null) return null;
  if (!isDeleted) event.partition = partition;
  const { isBiState } = options;
  if (isBiState && !hasShared) {
    shared = initial(initialSharedOf, "$initShared");
    hasShared = true;
  }
  const known = mapGet(live, partition);
  const isNew = known === undefined;
  const found = isNew ? initial(initialOf, "$init") : known;
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
  if (own !== known) mapSet(live, partition, own);
  return [
    partition, stateText, resultText, sharedText,
    emits.length === 0 ? NONE : emits, takeLogs(),
  ];
}

function faultOf(error) {
  if (error !== undefined && error === refused) return error;
  let text = "The thrown value has no text";
  let line = 0;
  try {
    text = NativeString(error);
    const found = match(SCRIPT, NativeString(error.stack));
    if (found !== null) line = NativeNumber(found[1]);
  } catch {
    // What has no text, or no stack, is told as far as it goes.
  }
  return { text: slice(text, 0, limits.logLengthMax), line };
}
`;
