/**
 * The part of the prelude that `query_instance.ts` calls: batches of events,
 * and what they came to.
 *
 * @module
 */

/** Ends with the object that the prelude returns. */
export const BATCHES = String.raw`
/** Index of the event in hand, which the host reads. */
const progress = new Int32Array(1);
let count = 0;
/** Events whose partitions were asked for, and where their ids stand. */
let inputs = [];
/** Partitions of the first events, if they were asked for. */
let partitions = [];
let hasPartitions = false;
/** Of the event after those that have partitions. */
let partitionFault;
/** Outcomes by event, as far as they were not handed on. */
let outcomes = [];
let taken = 0;
let told = 0;

/** Takes a batch in: see packed_events.ts. */
function open(headsText, textsText) {
  heads = parse(headsText);
  isEscaped = heads[0] === 1;
  texts = isEscaped ? parse(textsText) : textsText;
  textsAt = 0;
  count = (heads.length - 1) / HEAD_WIDTH;
  inputs = [];
  partitions = [];
  hasPartitions = false;
  outcomes = [];
  partitionFault = undefined;
  taken = told = 0;
  progress[0] = -1;
}

/** Takes the next event in hand. */
function begin(at) {
  progress[0] = at;
  const headAt = 1 + at * HEAD_WIDTH;
  if (at < inputs.length) {
    readHead(headAt);
    event = inputs[at][0];
    seedAt = inputs[at][1];
  } else readEvent(headAt);
  refused = undefined;
  if (emits.length === 0) return;
  emits = [];
  emitLength = 0;
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
  let partition;
  let place;
  for (let at = told; at < taken; at++) {
    const outcome = outcomes[at];
    if (outcome === null) continue;
    if (outcome[0] !== partition) {
      partition = outcome[0];
      place = mapGet(places, partition);
      if (place === undefined) {
        place = states.length;
        mapSet(places, partition, place);
      }
    }
    states[place] = outcome;
    sharedState = outcome[3];
    const emitted = outcome[4];
    const lines = outcome[5];
    if (producesResults || emitted !== NONE || lines !== NONE) {
      const result = producesResults ? outcome[2] ?? outcome[1] : null;
      append(effects, [at, result, emitted, lines]);
    }
    outcomes[at] = null;
  }
  for (let at = 0; at < states.length; at++) {
    states[at] = [states[at][0], states[at][1], states[at][2]];
  }
  told = taken;
  return stringify({
    taken, isDone: taken === count,
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
  partition(headsText, textsText) {
    open(headsText, textsText);
    const found = [];
    while (found.length < count) {
      const at = found.length;
      begin(at);
      append(inputs, [event, seedAt]);
      try {
        append(found, partitionFor());
      } catch (error) {
        partitionFault = faultOf(error);
        break;
      } finally {
        phase = "over";
      }
    }
    partitions = found;
    hasPartitions = true;
    progress[0] = -1;
    return stringify({ partitions, fault: partitionFault });
  },
  /**
   * Takes a batch as far as its output may go; without one: goes on. Returns
   * the fault that ended it; empty: none did. The answer is asked for after it.
   */
  process(handover, headsText, textsText) {
    const { restored, forgotten } = parse(handover);
    restore(restored, forgotten);
    if (headsText !== undefined) open(headsText, textsText);
    let length = 0;
    while (taken < count && length <= limits.outputLengthMax) {
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
  catalog(headsText, textsText) {
    open(headsText, textsText);
    const names = [];
    while (names.length < count) {
      const at = names.length;
      begin(at);
      phase = "lost";
      try {
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
