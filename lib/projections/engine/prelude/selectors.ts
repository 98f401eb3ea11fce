/**
 * The part of the prelude that a query is defined with: selectors, chains and
 * options (spec: projections §7.1, §7.2), and why a definition makes no
 * projection (§7.4).
 *
 * @module
 */

/** `definition()` and `refusal()` say what the calls of the query described. */
export const SELECTORS = String.raw`
// ---- The definition: what the query's calls describe.

let isDefining = true;
const sources = {
  allStreams: false,
  allEvents: true,
  byStream: false,
  byCustomPartitions: false,
  categories: [],
  events: [],
  streams: [],
  catalogStream: "",
};
const options = {};
let catalogTransform;
let partitionOf;
let initialOf;
let initialSharedOf;
let createdCall;
let deletedCall;
const rawCalls = [];
const anyCalls = [];
const typeCalls = create(null);
let hasCalls = false;
const resultSteps = [];

function append(list, item) { list[list.length] = item; }

/** Makes a call of the query that only counts while it is defined. */
function defining(change, next) {
  return function (...given) {
    if (isDefining) apply(change, undefined, given);
    return next === undefined ? undefined : next();
  };
}

const afterFold = () => ({
  transformBy, filterBy, outputState, outputTo,
  $defines_state_transform: definesStateTransform,
});
const onlyWhen = () => ({ when });
const afterStreams = () => ({ partitionBy, when, outputState });
const afterAll = () => ({ partitionBy, when, foreachStream, outputState });

const fromAll = defining(() => { sources.allStreams = true; }, afterAll);
const fromStream = defining((name) => {
  append(sources.streams, NativeString(name));
}, afterStreams);
const fromStreams = defining((...names) => {
  eachName(names, (name) => append(sources.streams, name));
}, afterStreams);
const fromCategory = defining((name) => {
  append(sources.categories, NativeString(name));
}, afterAll);
const fromCategories = defining((...names) => {
  eachName(names, (name) => append(sources.streams, "$ce-" + name));
}, afterStreams);
const fromStreamCatalog = defining((name, transform) => {
  sources.catalogStream = NativeString(name);
  if (transform === undefined || transform === null) return;
  options.definesCatalogTransform = true;
  catalogTransform = functionOf(transform, "fromStreamCatalog");
}, () => ({ foreachStream }));
const fromStreamsMatching = defining((filter) => {
  const matches = functionOf(filter, "fromStreamsMatching");
  sources.catalogStream = "$all";
  sources.byStream = true;
  options.definesCatalogTransform = true;
  catalogTransform = (event) =>
    matches(event.streamId, event) ? event.streamId : null;
}, onlyWhen);
const foreachStream = defining(() => { sources.byStream = true; }, onlyWhen);
const partitionBy = defining((by) => {
  partitionOf = functionOf(by, "partitionBy");
  sources.byCustomPartitions = true;
}, onlyWhen);
const outputState = defining(() => { options.producesResults = true; }, afterFold);
const definesStateTransform = defining(() => {
  options.definesStateTransform = true;
  options.producesResults = true;
}, afterFold);
const outputTo = defining((stream, pattern) => {
  options.resultStreamName = NativeString(stream);
  if (pattern !== undefined && pattern !== null) {
    options.partitionResultStreamNamePattern = NativeString(pattern);
  }
  options.definesStateTransform = true;
  options.producesResults = true;
}, afterFold);
const transformBy = defining((by) => {
  append(resultSteps, { transform: functionOf(by, "transformBy") });
  options.definesStateTransform = true;
  options.producesResults = true;
}, afterFold);
const filterBy = defining((by) => {
  append(resultSteps, { filter: functionOf(by, "filterBy") });
  options.definesStateTransform = true;
  options.producesResults = true;
}, afterFold);
const onAny = defining((call) => {
  append(anyCalls, functionOf(call, "$any"));
  folds(true);
});
const onRaw = defining((call) => {
  append(rawCalls, functionOf(call, "on_raw"));
  folds(true);
});
const when = defining((handlers) => {
  for (const name in handlers) define(name, handlers[name]);
}, afterFold);

function define(name, handler) {
  const call = functionOf(handler, name);
  options.definesFold = true;
  // As in the original, whose test is a comparison with 0: "0" and "", too.
  if (name === "$init" || NativeNumber(name) === 0) initialOf = call;
  else if (name === "$initShared") initialSharedOf = call;
  else if (name === "$created") createdCall = call;
  else if (name === "$deleted") {
    deletedCall = call;
    options.handlesDeletedNotifications = true;
  } else if (name === "$any") {
    append(anyCalls, call);
    folds(true);
  } else {
    if (typeCalls[name] === undefined) append(sources.events, name);
    typeCalls[name] = call;
    folds(false);
  }
}

function folds(allEvents) {
  hasCalls = true;
  options.definesFold = true;
  sources.allEvents = allEvents;
}

function functionOf(value, name) {
  if (typeof value === "function") return value;
  throw new TypeError(name + ": a function is expected");
}

function eachName(given, take) {
  const names = given.length === 1 && isArray(given[0]) ? given[0] : given;
  for (let at = 0; at < names.length; at++) take(NativeString(names[at]));
}

const OPTIONS = {
  __proto__: null,
  resultStreamName: ["resultStreamName", textOption],
  partitionResultStreamNamePattern: [
    "partitionResultStreamNamePattern", textOption,
  ],
  $includeLinks: ["includeLinks", Boolean],
  reorderEvents: ["reorderEvents", Boolean],
  processingLag: ["processingLag", lagOption],
  disableParallelism: ["disableParallelism", Boolean],
  biState: ["isBiState", Boolean],
};

function textOption(value) { return NativeString(value); }

function lagOption(value) {
  const lag = NativeNumber(value);
  if (isSafeInteger(lag)) return lag;
  throw "Could not convert string to integer: " + NativeString(value) +
    ". Path 'options.processingLag'";
}

const setOptions = defining((given) => {
  for (const name in given) {
    const row = OPTIONS[name];
    if (row === undefined) throw "Unrecognized option: " + name;
    options[row[0]] = row[1](given[name]);
  }
});

const OPTION_ORDER = [
  "resultStreamName", "partitionResultStreamNamePattern", "reorderEvents",
  "processingLag", "isBiState", "definesStateTransform",
  "definesCatalogTransform", "producesResults", "definesFold",
  "handlesDeletedNotifications", "includeLinks", "disableParallelism",
];

function definition() {
  const text = {};
  for (const flag of [
    "allEvents", "allStreams", "byStream", "byCustomPartitions",
  ]) {
    if (sources[flag]) text[flag] = true;
  }
  text.categories = sources.categories;
  text.events = sources.events;
  text.streams = sources.streams;
  if (sources.catalogStream !== "") text.catalogStream = sources.catalogStream;
  text.options = {};
  for (const name of OPTION_ORDER) {
    if (options[name]) text.options[name] = options[name];
  }
  return text;
}

/** Why the definition makes no projection; undefined: it makes one. */
function refusal() {
  const { allStreams, categories, streams, catalogStream } = sources;
  const hasStreams = streams.length > 0;
  const hasCategories = categories.length > 0;
  if (!allStreams && !hasCategories && !hasStreams && catalogStream === "") {
    return "None of streams and categories are included";
  }
  if (allStreams && (hasCategories || hasStreams || catalogStream !== "")) {
    return "Both FromAll and specific categories/streams cannot be set";
  }
  if (
    hasCategories && hasStreams ||
    catalogStream !== "" && (hasCategories || hasStreams)
  ) {
    return "Streams and categories cannot be included in a filter at the " +
      "same time";
  }
  if (categories.length > 1) return "Specified method is not supported.";
  if (sources.allEvents && sources.events.length > 0) {
    return "Both AllEvents and specific event filters cannot be set";
  }
  if (options.handlesDeletedNotifications && !sources.byStream) {
    return "Deleted stream notifications are only supported with " +
      "foreachStream()";
  }
  if (!options.reorderEvents) return undefined;
  if (allStreams) return "Event reordering cannot be used with fromAll()";
  if (streams.length < 2) {
    return "Event reordering is only available in fromStreams([]) projections";
  }
  return options.processingLag >= 50
    ? undefined
    : "Event reordering requires processing lag at least of 50ms";
}
`;
