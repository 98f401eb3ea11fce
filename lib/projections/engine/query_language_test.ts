/**
 * The query language as a table: a query and events, and what they come to
 * (spec: projections §7).
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { LIMITS } from "../../model/limits.ts";
import type {
  EngineSettings,
  PackedEvents,
  ProcessAnswer,
  ProjectionDefinition,
  ProjectionEvent,
} from "./messages.ts";
import { packEvents } from "./packed_events.ts";
import { QueryInstance } from "./query_instance.ts";
import { THREAD_CLOCK } from "./thread_clock.ts";

type Given = Partial<Omit<ProjectionEvent, "data">> & { data?: unknown };

/** An event of `a-1`; data that is no text is written as JSON. */
function eventOf(given: Given, eventNumber: number): ProjectionEvent {
  const { data = {}, ...rest } = given;
  const streamName = rest.streamName ?? "a-1";
  return {
    streamName,
    eventNumber,
    eventType: "evt",
    eventId: `a1000001-0000-4000-8000-${String(eventNumber).padStart(12, "0")}`,
    createdAtMs: 1_700_000_000_000 + eventNumber,
    isJson: true,
    data: typeof data === "string" ? data : JSON.stringify(data),
    metadata: "",
    partition: streamName,
    ...rest,
  };
}

const THREE: readonly Given[] = [1, 2, 3].map((n) => ({ data: { n } }));

async function openQuery(
  query: string,
  settings: Partial<EngineSettings> = {},
) {
  const instance = await QueryInstance.open(
    { query, canEmit: true, limits: LIMITS, ...settings },
    THREAD_CLOCK,
  );
  return { instance, answer: instance.define() };
}

async function run(
  query: string,
  events: readonly Given[],
  canEmit = true,
): Promise<ProcessAnswer> {
  const { instance, answer } = await openQuery(query, { canEmit });
  assert("definition" in answer, "fault" in answer ? answer.fault.text : "");
  return instance.process(packEvents(events.map(eventOf)));
}

/** States by partition after all events; the shared one under `shared`. */
function statesOf({ states, sharedState }: ProcessAnswer) {
  const byPartition: Record<string, unknown> = {};
  for (const { partition, state } of states) {
    byPartition[partition] = JSON.parse(state);
  }
  if (sharedState !== undefined) {
    byPartition["shared"] = JSON.parse(sharedState);
  }
  return byPartition;
}

const WHEN = "when({$init:()=>({n:0}), evt(s,e){s.n+=e.data.n; return s}})";
const FOLD = { definesFold: true } as const;

function defined(
  rest: Partial<ProjectionDefinition>,
): Record<string, unknown> {
  return { categories: [], events: [], streams: [], options: {}, ...rest };
}

const DEFINITIONS: readonly [string, Record<string, unknown>][] = [
  ["fromStream('a')", defined({ allEvents: true, streams: ["a"] })],
  ["fromStream(7)", defined({ allEvents: true, streams: ["7"] })],
  [
    `fromStream('a').${WHEN}`,
    defined({ streams: ["a"], events: ["evt"], options: FOLD }),
  ],
  [
    "fromStream('a').when({})",
    defined({ allEvents: true, streams: ["a"] }),
  ],
  [
    "fromStream('a').when({$init(){return {}}})",
    defined({ allEvents: true, streams: ["a"], options: FOLD }),
  ],
  [
    "fromStream('b'); fromStream('a')",
    defined({ allEvents: true, streams: ["b", "a"] }),
  ],
  [
    "fromStreams(['a','b'])",
    defined({ allEvents: true, streams: ["a", "b"] }),
  ],
  ["fromStreams('b','a')", defined({ allEvents: true, streams: ["b", "a"] })],
  [
    "fromCategory('c').foreachStream()",
    defined({ allEvents: true, byStream: true, categories: ["c"] }),
  ],
  [
    "fromCategories(['c','d'])",
    defined({ allEvents: true, streams: ["$ce-c", "$ce-d"] }),
  ],
  [
    "fromAll().partitionBy(e => e.data.c).when({$any(s){return s}})",
    defined({
      allEvents: true,
      allStreams: true,
      byCustomPartitions: true,
      options: FOLD,
    }),
  ],
  [
    "fromStream('a').when({$any(s){}, evt(s){}})",
    defined({ streams: ["a"], events: ["evt"], options: FOLD }),
  ],
  [
    "var f = fromStream('a'); f.when({x(){}}); f.when({y(){}})",
    defined({ streams: ["a"], events: ["x", "y"], options: FOLD }),
  ],
  [
    "options({$includeLinks:true, biState:true}); fromAll()",
    defined({
      allEvents: true,
      allStreams: true,
      options: { isBiState: true, includeLinks: true },
    }),
  ],
  [
    "fromStream('a').when({$any(){}}).filterBy(()=>true).outputTo('r','r-{0}')",
    defined({
      allEvents: true,
      streams: ["a"],
      options: {
        resultStreamName: "r",
        partitionResultStreamNamePattern: "r-{0}",
        definesStateTransform: true,
        producesResults: true,
        definesFold: true,
      },
    }),
  ],
  [
    "fromStream('a').when({$any(){}}).outputState()",
    defined({
      allEvents: true,
      streams: ["a"],
      options: { producesResults: true, definesFold: true },
    }),
  ],
  [
    "fromStreamCatalog('c', e => e.data.s).foreachStream().when({evt(){}})",
    defined({
      byStream: true,
      events: ["evt"],
      catalogStream: "c",
      options: { definesCatalogTransform: true, definesFold: true },
    }),
  ],
  [
    "fromStreamsMatching(() => true).when({evt(){}})",
    defined({
      byStream: true,
      events: ["evt"],
      catalogStream: "$all",
      options: { definesCatalogTransform: true, definesFold: true },
    }),
  ],
  [
    "fromCategory('c').foreachStream().when({$deleted(){}})",
    defined({
      allEvents: true,
      byStream: true,
      categories: ["c"],
      options: { definesFold: true, handlesDeletedNotifications: true },
    }),
  ],
  [
    "options({reorderEvents:true, processingLag:50}); fromStreams('a','b')",
    defined({
      allEvents: true,
      streams: ["a", "b"],
      options: { reorderEvents: true, processingLag: 50 },
    }),
  ],
  [
    "on_any(s => s); fromStream('a')",
    defined({ allEvents: true, streams: ["a"], options: FOLD }),
  ],
];

Deno.test("a definition is what the query's calls describe", async (t) => {
  for (const [query, expected] of DEFINITIONS) {
    await t.step(query, async () => {
      const { answer } = await openQuery(query);
      assertEquals(answer, {
        definition: expected as unknown as ProjectionDefinition,
        logs: [],
      });
    });
  }
});

const NONE = "None of streams and categories are included";
const LAG = "options({reorderEvents:true, processingLag:100});";

const REFUSED: readonly [string, string | RegExp][] = [
  ["({})", NONE],
  [" ", NONE],
  ["", NONE],
  ["fromStreams([])", NONE],
  ["on_any(s => s)", NONE],
  [
    "fromAll(); fromStream('a')",
    "Both FromAll and specific categories/streams cannot be set",
  ],
  [
    "fromCategory('c'); fromStream('a')",
    "Streams and categories cannot be included in a filter at the same time",
  ],
  [
    "fromCategory('c'); fromCategory('d')",
    "Specified method is not supported.",
  ],
  [
    "fromStream('a').when({evt(){}, $any(){}})",
    "Both AllEvents and specific event filters cannot be set",
  ],
  [
    "fromStream('a').when({$deleted(){}, evt(){}})",
    "Deleted stream notifications are only supported with foreachStream()",
  ],
  [
    `${LAG} fromStream('a')`,
    "Event reordering is only available in fromStreams([]) projections",
  ],
  [`${LAG} fromAll()`, "Event reordering cannot be used with fromAll()"],
  [
    "options({reorderEvents:true, processingLag:49}); fromStreams('a','b')",
    "Event reordering requires processing lag at least of 50ms",
  ],
  ["options({resultStream:'x'})", "Unrecognized option: resultStream"],
  ["options({constructor:1})", "Unrecognized option: constructor"],
  [
    "options({processingLag:'soon'}); fromStream('a')",
    /^Could not convert string to integer: soon\./,
  ],
  ["require('m')", "Cannot load module"],
  ["throw new Error('no way')", "Error: no way"],
  ["throw 'a text'", "a text"],
  ["fromStreem('a')", /^ReferenceError: .*fromStreem/],
  ["fromStream('a').foreachStream()", /^TypeError: /],
  ["fromStream('a').when({evt: 1})", /^TypeError: evt: a function/],
  ["fromStream('a').when(", /^SyntaxError: /],
  ["emit('s','t',{}); fromStream('a')", /causedByTag$/],
];

Deno.test("a query that makes no projection says why", async (t) => {
  for (const [query, expected] of REFUSED) {
    await t.step(query, async () => {
      const { answer } = await openQuery(query);
      const text = "fault" in answer ? answer.fault.text : "";
      if (typeof expected === "string") assertEquals(text, expected);
      else assert(expected.test(text), text);
    });
  }
});

Deno.test("faults of a definition name the line", async () => {
  const { answer } = await openQuery("var a = 1;\n\nfromStreem('a')");
  assertEquals("fault" in answer && answer.fault.line, 3);
});

const STATES: readonly [
  name: string,
  query: string,
  events: readonly Given[],
  states: Record<string, unknown>,
][] = [
  ["a fold", `fromStream('a-1').${WHEN}`, THREE, { "": { n: 6 } }],
  ["no handlers: the last event", "fromStream('a-1')", THREE, { "": { n: 3 } }],
  [
    "$init only: the last event",
    "fromStream('a-1').when({$init(){return {a:1}}})",
    THREE,
    { "": { n: 3 } },
  ],
  [
    "no handlers, no JSON",
    "fromStream('a-1')",
    [{ isJson: false, data: "raw" }],
    { "": { $e: "raw" } },
  ],
  [
    "no $init: an empty object",
    "fromStream('a').when({evt(s){s.n=(s.n||0)+1}})",
    THREE,
    { "": { n: 3 } },
  ],
  [
    "a null state is handed on",
    "fromStream('a').when({$init:()=>null, evt(s,e){" +
    "return e.data.n===2 ? null : {was:s, n:e.data.n}}})",
    THREE,
    { "": { was: null, n: 3 } },
  ],
  [
    "a returned falsy state counts",
    "fromStream('a').when({evt(){return false}})",
    THREE,
    { "": false },
  ],
  [
    "what JSON cannot hold",
    "fromStream('a').when({evt(){return {no:undefined, f(){}, nan:NaN, " +
    "date:new Date(0), list:[undefined], own:{toJSON:()=>'own'}}}})",
    [{}],
    {
      "": {
        nan: null,
        date: "1970-01-01T00:00:00.000Z",
        list: [null],
        own: "own",
      },
    },
  ],
  [
    "$any runs before the type's handler",
    "fromStream('a').when({$any(s){s.o=(s.o||'')+'a'}, " +
    "evt(s){s.o=(s.o||'')+'t'}})",
    THREE,
    { "": { o: "atatat" } },
  ],
  [
    "types named like members of every object",
    "fromStream('a').when({$init:()=>[], constructor(s){s.push(1)}, " +
    "toString(s){s.push(2)}, $odd(s){s.push(3)}})",
    ["constructor", "toString", "hasOwnProperty", "$odd"]
      .map((eventType) => ({ eventType })),
    { "": [1, 2, 3] },
  ],
  [
    "$any over types named like members of every object",
    "fromStream('a').when({$init:()=>[], $any(s,e){s.push(e.eventType)}})",
    ["constructor", "__proto__"].map((eventType) => ({ eventType })),
    { "": ["constructor", "__proto__"] },
  ],
  [
    "a handler named 0 is $init",
    "fromStream('a').when({0:()=>({zero:true}), evt(s,e){s.n=e.data.n}})",
    THREE,
    { "": { zero: true, n: 3 } },
  ],
  [
    "a selector in a handler does nothing",
    "fromStream('a').when({evt(s){fromStream('b').when({x(){}}); s.n=1}})",
    THREE,
    { "": { n: 1 } },
  ],
  [
    "$created comes first, and once",
    "fromStream('a').when({$init:()=>({log:[]}), " +
    "$created(s){s.log.push('c')}, evt(s,e){s.log.push(e.data.n)}})",
    THREE,
    { "": { log: ["c", 1, 2, 3] } },
  ],
  [
    "$created returns the state",
    "fromStream('a').when({$created(){return {n:10}}, evt(s){s.n++}})",
    THREE,
    { "": { n: 13 } },
  ],
  [
    "foreachStream",
    `fromCategory('a').foreachStream().${WHEN}`,
    [{ data: { n: 1 } }, { streamName: "a-2", data: { n: 5 } }, {
      data: { n: 2 },
    }],
    { "a-1": { n: 3 }, "a-2": { n: 5 } },
  ],
  [
    "partitionBy; nothing, null and an empty name are skipped",
    `fromStream('a').partitionBy(e => e.data.p).${WHEN}`,
    [
      { data: { n: 1, p: 7 } },
      { data: { n: 2 } },
      { data: { n: 3, p: null } },
      { data: { n: 4, p: "" } },
      { data: { n: 5, p: "7" } },
      { data: { n: 6, p: "ü/%" } },
    ],
    { "7": { n: 6 }, "ü/%": { n: 6 } },
  ],
  [
    "handlers see the partition",
    "fromStream('a').partitionBy(e => 'p' + e.data.n)" +
    ".when({evt(s,e){s.p=e.partition}})",
    [{ data: { n: 1 } }],
    { p1: { p: "p1" } },
  ],
  [
    "an event has no partition while it is asked for",
    "let was; fromStream('a').partitionBy(e => { was = e.partition; " +
    "return 'p' }).when({evt(s,e){s.was=was; s.is=e.partition}})",
    [{}],
    { p: { was: null, is: "p" } },
  ],
  [
    "$deleted",
    "fromCategory('a').foreachStream().when({$init:()=>({a:0}), " +
    "evt(s){s.a++}, $deleted(s,e){s.deleted=[e.partition,e.isSoftDeleted]}})",
    [{}, { eventType: "$metadata", deleted: { isSoft: true } }],
    { "a-1": { a: 1, deleted: ["a-1", true] } },
  ],
  [
    "two states",
    "options({biState:true}); fromAll().foreachStream().when({" +
    "$init:()=>({n:0}), $initShared:()=>({all:0}), " +
    "evt([own,all]){own.n++; all.all++; return [own,all]}})",
    [{}, { streamName: "a-2" }, {}],
    { "a-1": { n: 2 }, "a-2": { n: 1 }, shared: { all: 3 } },
  ],
  [
    "on_any and on_raw",
    "on_any(s=>{s.any=(s.any||0)+1}); on_raw(s=>{s.raw=(s.raw||0)+1}); " +
    "fromStream('a')",
    THREE,
    { "": { raw: 3, any: 3 } },
  ],
  [
    "let, arrow functions and strict mode",
    "'use strict'; let add = (s, by) => ({n: s.n + by, t: `${by}`}); " +
    "fromStream('a').when({$init: () => ({n:0}), " +
    "evt: (s, e) => add(s, e.data.n)})",
    THREE,
    { "": { n: 6, t: "3" } },
  ],
  [
    "time and time zone",
    "fromStream('a').when({evt(s,e){return [Date.now(), +new Date(), " +
    "new Date() instanceof Date, new Date(5).getTime(), " +
    "new (class extends Date {})().getTime(), typeof Date()]}})",
    [{ createdAtMs: 1000 }],
    { "": [1000, 1000, true, 5, 1000, "string"] },
  ],
  [
    "no other source of time or chance",
    "fromStream('a').when({evt(){return ['setTimeout','performance','fetch'," +
    "'WeakRef','FinalizationRegistry','Deno','process','Atomics']" +
    ".filter(n => n in globalThis)}})",
    [{}],
    { "": [] },
  ],
];

Deno.test("states", async (t) => {
  for (const [name, query, events, expected] of STATES) {
    await t.step(name, async () => {
      const answer = await run(query, events);
      assertEquals(answer.fault, undefined);
      assertEquals(answer.isDone, true);
      assertEquals(answer.takenCount, events.length);
      assertEquals(statesOf(answer), expected);
    });
  }
});

const RESULTS: readonly [chain: string, results: readonly unknown[]][] = [
  [".outputState()", [{ n: 1 }, { n: 2 }, { n: 3 }]],
  [".transformBy(s => s.n * 10)", [10, 20, 30]],
  [".filterBy(s => s.n % 2 === 1)", [{ n: 1 }, null, { n: 3 }]],
  [
    ".filterBy(s => s.n > 1).transformBy(s => ({t: s.n}))",
    [null, { t: 2 }, { t: 3 }],
  ],
  [
    ".transformBy(s => { s.n += 100; return s })",
    [101, 202, 303].map((n) => (
      { n }
    )),
  ],
];

Deno.test("results", async (t) => {
  for (const [chain, expected] of RESULTS) {
    await t.step(chain, async () => {
      const { effects, states } = await run(
        `fromStream('a').when({$init:()=>({n:0}), evt(s){s.n++}})${chain}`,
        THREE,
      );
      const results = effects.map(({ result = "" }) => JSON.parse(result));
      assertEquals(results, expected);
      assertEquals(JSON.parse(states[0]?.result ?? ""), expected.at(-1));
    });
  }
});

Deno.test("without results, the last state of a partition crosses alone", async () => {
  const answer = await run(
    "fromAll().foreachStream().when({$init:()=>({n:0}), evt(s){s.n++}})",
    [{}, { streamName: "a-2" }, {}],
  );
  assert(answer.memoryBytes > 0);
  assertEquals({ ...answer, memoryBytes: 0 }, {
    takenCount: 3,
    isDone: true,
    states: [
      { partition: "a-1", state: '{"n":2}', result: '{"n":2}' },
      { partition: "a-2", state: '{"n":1}', result: '{"n":1}' },
    ],
    effects: [],
    logs: [],
    memoryBytes: 0,
  });
});

Deno.test("what transformBy changes stays in the state", async () => {
  const answer = await run(
    "fromStream('a').when({$init:()=>({n:0}), evt(s){s.n++}})" +
      ".transformBy(s => { s.n += 100; return s })",
    THREE,
  );
  assertEquals(statesOf(answer), { "": { n: 203 } });
});

const META = '{"who":"me","$correlationId":"c","$sys":1}';
const EMITTED: readonly [call: string, emitted: readonly unknown[]][] = [
  [
    "emit('o','t',{a:1},{m:1})",
    [{
      streamName: "o",
      eventType: "t",
      isJson: true,
      data: '{"a":1}',
      metadata: '{"m":1}',
    }],
  ],
  ["emit('o','t')", [{ streamName: "o", eventType: "t", isJson: true }]],
  [
    "emit('o',1,'x'); emit('p','t',null)",
    [
      { streamName: "o", eventType: "1", isJson: true, data: '"x"' },
      { streamName: "p", eventType: "t", isJson: true, data: "null" },
    ],
  ],
  [
    "linkTo('o', e, {m:1})",
    [{
      streamName: "o",
      eventType: "$>",
      isJson: false,
      data: "0@a-1",
      metadata: '{"m":1}',
    }],
  ],
  [
    "linkTo('o', {sequenceNumber:7, streamId:'x'})",
    [{ streamName: "o", eventType: "$>", isJson: false, data: "7@x" }],
  ],
  [
    "linkStreamTo('o', 'x')",
    [{ streamName: "o", eventType: "$@", isJson: false, data: "x" }],
  ],
  [
    "copyTo('o', e)",
    [{
      streamName: "o",
      eventType: "evt",
      isJson: false,
      data: '{"n":1}',
      metadata: '{"who":"me","$correlationId":"c"}',
    }],
  ],
  [
    "copyTo('o', e, {extra:1, $dropped:1, who:'you'})",
    [{
      streamName: "o",
      eventType: "evt",
      isJson: false,
      data: '{"n":1}',
      metadata: '{"who":"you","$correlationId":"c","extra":1}',
    }],
  ],
];

Deno.test("what handlers emit", async (t) => {
  for (const [call, expected] of EMITTED) {
    await t.step(call, async () => {
      const { effects, fault } = await run(
        `fromStream('a').when({evt(s,e){${call}}})`,
        [{ data: { n: 1 }, metadata: META }],
      );
      assertEquals(fault, undefined);
      assertEquals(effects[0]?.emitted, expected as never);
    });
  }
});

Deno.test("what transformBy, filterBy and partitionBy emit is lost", async () => {
  const { effects, fault } = await run(
    "fromStream('a').partitionBy(() => { emit('o','t'); return 'p' })" +
      ".when({evt(){}}).filterBy(() => { emit('o','t'); return true })" +
      ".transformBy(s => { emit('o','t'); return s })",
    [{}],
  );
  assertEquals(fault, undefined);
  assertEquals(effects[0]?.emitted, []);
});

const NOT_METADATA = "An exception occurred while executing a reverse " +
  "command handler. Failed to deserialize emitted event JSON";
const FAULTS: readonly [handler: string, text: string | RegExp][] = [
  ["throw 'two is bad'", "two is bad"],
  ["throw new Error('with ü')", "Error: with ü"],
  ["throw {code:7}", "[object Object]"],
  ["throw undefined", "undefined"],
  ["throw {toString(){throw 1}}", "The thrown value has no text"],
  ["return e.data.a.b", /^TypeError: /],
  ["return () => 1", "TypeError: The state cannot be written as JSON"],
  [
    "return Promise.resolve()",
    "TypeError: A handler must not return a promise",
  ],
  ["emit(undefined,'t')", "Cannot write to a null stream id"],
  ["emit('','t')", "Cannot write to a null stream id"],
  ["emit('o','t',{},'meta')", NOT_METADATA],
  ["emit('o','t',{},[1])", NOT_METADATA],
  ["try { emit(null) } catch {}", "Cannot write to a null stream id"],
  [
    "try { emit(null) } catch { throw 'no' }",
    "Cannot write to a null stream id",
  ],
  [
    "emit('o',undefined,{})",
    /^Failed to write the event: Event Id: [0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}, Event Type: , Data: \{\} to stream: o failed\. Reason: Empty eventType provided\.\.$/,
  ],
  ["linkTo('o')", /^TypeError: /],
];

Deno.test("faults end the batch with the event that failed", async (t) => {
  for (const [handler, expected] of FAULTS) {
    await t.step(handler, async () => {
      const answer = await run(
        `fromStream('a').when({$init:()=>({n:0}), evt(s,e){\n` +
          `if (e.data.n < 2) { s.n++; return }\ns.n=7; ${handler}}})`,
        THREE,
      );
      assertEquals(statesOf(answer), { "": { n: 1 } });
      assertEquals(answer.takenCount, 1);
      assertEquals(answer.isDone, false);
      const text = answer.fault?.text ?? "";
      if (typeof expected === "string") assertEquals(text, expected);
      else assert(expected.test(text), text);
    });
  }
});

Deno.test("faults name the line of the query, not of the prelude", async () => {
  const { fault } = await run(
    "fromStream('a').when({\nevt(s, e) {\nemit('o', 't', {}, 5);\n}})",
    [{}],
  );
  assertEquals(fault?.line, 3);
});

Deno.test("emitting is refused where it is not allowed", async () => {
  const { fault } = await run(
    "fromStream('a').when({evt(){try { emit('o','t') } catch {}}})",
    [{}],
    false,
  );
  assertEquals(fault, {
    text: "'emit' is not allowed by the projection/configuration/mode",
    line: 1,
    isOfEmit: true,
  });
});

Deno.test("$init can neither emit nor return nothing", async () => {
  const emits = await run(
    "fromStream('a').when({$init(){emit('o','t'); return {}}, evt(){}})",
    [{}],
  );
  assert(/causedByTag$/.test(emits.fault?.text ?? ""), emits.fault?.text);
  const nothing = await run("fromStream('a').when({$init(){}, evt(){}})", [{}]);
  assertEquals(nothing.fault?.text, "TypeError: $init returns no state");
});

Deno.test("lines that are logged", async () => {
  const { effects } = await run(
    "fromStream('a').when({evt(s,e){log('a'); log({b:1}); " +
      "console.log('c', 1, [2], null, undefined)}})",
    [{}],
  );
  assertEquals(effects[0]?.logs, ["a", '{"b":1}', "c 1 [2] null undefined"]);
});

Deno.test("replays repeat: time and chance come from the event", async () => {
  const query = "fromStream('a').when({evt(s){return [Math.random(), " +
    "Math.random(), Date.now(), String(new Date())]}}).outputState()";
  const one = await run(query, THREE);
  const other = await run(query, THREE);
  assertEquals(one, other);
  const drawn = one.effects.flatMap(({ result = "[]" }) =>
    JSON.parse(result).slice(0, 2)
  );
  assertEquals(new Set(drawn).size, 6);
  assert(drawn.every((value) => value >= 0 && value < 1));
});

Deno.test("an instance goes on from states that it is handed", async () => {
  const { instance } = await openQuery(
    "options({biState:true}); fromAll().foreachStream().when({" +
      "$created([own]){own.isNew=true}, " +
      "evt([own,all]){own.n=(own.n||0)+1; all.n++; return [own,all]}})",
  );
  const events = packEvents([
    eventOf({}, 0),
    eventOf({ streamName: "a-2" }, 1),
  ]);
  const answer = instance.process(events, {
    restored: [
      { partition: "a-1", state: '{"n":5}' },
      { partition: null, state: '{"n":9}' },
    ],
    forgotten: [],
  });
  assertEquals(statesOf(answer), {
    "a-1": { n: 6 },
    "a-2": { isNew: true, n: 1 },
    shared: { n: 11 },
  });
  // What was forgotten is what it is handed next, or new.
  const next = instance.process(events, {
    restored: [{ partition: "a-1", state: '{"n":60}' }],
    forgotten: ["a-1", "a-2"],
  });
  assertEquals(statesOf(next), {
    "a-1": { n: 61 },
    "a-2": { isNew: true, n: 1 },
    shared: { n: 13 },
  });
});

Deno.test("partitions are asked for before a batch, once", async () => {
  const { instance } = await openQuery(
    "let asked=0; fromStream('a').partitionBy(e => { asked++; " +
      "if (e.data.p === 5) throw 'five'; return e.data.p })" +
      ".when({evt(s,e){e.data.n=(e.data.n||0)+1; s.n=e.data.n; s.asked=asked}})",
  );
  const events = packEvents(
    ["p", null, "q", 5, "r"].map((p, at) => eventOf({ data: { p } }, at)),
  );
  const fault = { text: "five", line: 0 };
  assertEquals(instance.partition(events), {
    partitions: ["p", null, "q"],
    fault,
  });
  const answer = instance.process(undefined);
  assertEquals(answer.takenCount, 3);
  assertEquals(answer.fault, fault);
  assertEquals(statesOf(answer), {
    p: { n: 1, asked: 4 },
    q: { n: 1, asked: 4 },
  });
});

Deno.test("a batch with much output is handed on in parts", async () => {
  const instance = await QueryInstance.open({
    query: "fromStream('a').when({$init:()=>({n:0}), " +
      "evt(s){s.n++; emit('o','t','x'.repeat(100))}})",
    canEmit: true,
    limits: { ...LIMITS, projectionOutputLength: 200 },
  }, THREAD_CLOCK);
  instance.define();
  let batch: PackedEvents | undefined = packEvents(
    Array.from({ length: 9 }, (_, at) => eventOf({}, at)),
  );
  const taken: number[] = [];
  const indices: number[] = [];
  for (let isDone = false; !isDone; batch = undefined) {
    const answer = instance.process(batch);
    taken.push(answer.takenCount);
    indices.push(...answer.effects.map(({ index }) => index));
    isDone = answer.isDone;
    assertEquals(statesOf(answer), { "": { n: answer.takenCount } });
  }
  assertEquals(taken, [2, 4, 6, 8, 9]);
  assertEquals(indices, [0, 1, 2, 3, 4, 5, 6, 7, 8]);
});

Deno.test("the streams that a catalogue names", async () => {
  for (
    const [query, expected] of [
      ["fromStreamCatalog('c').foreachStream()", ["x", "y"]],
      [
        "fromStreamCatalog('c', e => e.bodyRaw === 'y' ? 'z' : null)" +
        ".foreachStream()",
        [null, "z"],
      ],
      ["fromStreamsMatching(s => s === 'c').when({})", ["c", "c"]],
    ] as const
  ) {
    const { instance } = await openQuery(query);
    const events = ["x", "y"].map((data, at) =>
      eventOf({ streamName: "c", isJson: false, data }, at)
    );
    assertEquals(instance.catalog(packEvents(events)), {
      streamNames: [...expected],
    });
  }
});

const DUMP = "fromStream('a').when({$any(s,e){var o={keys:Object.keys(e)}; " +
  "['isJson','data','body','bodyRaw','eventType','streamId'," +
  "'sequenceNumber','metadataRaw','metadata','linkMetadataRaw'," +
  "'linkMetadata','streamMetadataRaw','streamMetadata','partition'," +
  "'eventId'].forEach(k => { var v; try {v=e[k]} catch(x) {v='throws'} " +
  "o[k] = v === undefined ? 'undefined' : v }); " +
  "o.hasError = e.jsonError !== undefined; o.same = e.data === e.body; " +
  "return o}})";
const KEYS = [
  "isJson",
  "data",
  "body",
  "bodyRaw",
  "eventType",
  "streamId",
  "sequenceNumber",
  "metadataRaw",
  "linkMetadataRaw",
  "streamMetadataRaw",
  "partition",
  "metadata_",
];
const PLAIN = {
  keys: KEYS,
  isJson: true,
  data: {},
  body: {},
  bodyRaw: "{}",
  eventType: "evt",
  streamId: "a-1",
  sequenceNumber: "0",
  metadataRaw: "",
  metadata: null,
  linkMetadataRaw: "",
  linkMetadata: {},
  streamMetadataRaw: "undefined",
  streamMetadata: {},
  partition: "",
  eventId: "undefined",
  hasError: false,
  same: true,
};

const EVENTS: readonly [string, Given, Record<string, unknown>][] = [
  ["JSON", {}, {}],
  ["JSON with blanks around it", { data: " [1] " }, {
    data: [1],
    body: [1],
    bodyRaw: "[1]",
  }],
  ["broken JSON", { data: '{"a":' }, {
    keys: [...KEYS, "jsonError"],
    isJson: false,
    data: "undefined",
    body: "undefined",
    bodyRaw: '{"a":',
    hasError: true,
  }],
  ["empty JSON", { data: "" }, { isJson: false, bodyRaw: "" }],
  ["JSON with a NUL", { data: '{"a":\0' }, {
    keys: [...KEYS, "jsonError"],
    isJson: false,
    data: "undefined",
    body: "undefined",
    bodyRaw: '{"a":\0',
    hasError: true,
  }],
  ["text with blanks around it", { isJson: false, data: " \u0001 a\r\n b " }, {
    isJson: false,
    data: null,
    body: null,
    bodyRaw: "\u0001 a\r\n b",
  }],
  ["half a character", { isJson: false, data: "a\ud83d" }, {
    isJson: false,
    data: null,
    body: null,
    bodyRaw: "a\ud83d",
  }],
  ["text", { isJson: false, data: "ü 😀\0tail" }, {
    isJson: false,
    data: null,
    body: null,
    bodyRaw: "ü 😀",
  }],
  ["metadata", { metadata: '{"a":1}' }, {
    metadataRaw: '{"a":1}',
    metadata: { a: 1 },
  }],
  ["broken metadata", { metadata: "text" }, {
    metadataRaw: "text",
    metadata: "throws",
  }],
  ["a link", { linkMetadata: '{"l":1}' }, {
    linkMetadataRaw: '{"l":1}',
    linkMetadata: { l: 1 },
  }],
];

Deno.test("the event object", async (t) => {
  for (const [name, event, expected] of EVENTS) {
    await t.step(name, async () => {
      const { states } = await run(DUMP, [event]);
      assertEquals(JSON.parse(states[0]?.state ?? ""), {
        ...PLAIN,
        ...expected,
      });
    });
  }
});

Deno.test("our own queries see the ids of events, others do not", async () => {
  for (const showsEventIds of [true, false]) {
    const { instance } = await openQuery(
      "fromStream('a').when({evt(s,e){s.id=e.eventId; s.keys=Object.keys(e)}})",
      { showsEventIds },
    );
    const answer = instance.process(packEvents([eventOf({}, 7)]));
    assertEquals(statesOf(answer), {
      "": {
        ...(showsEventIds && { id: "a1000001-0000-4000-8000-000000000007" }),
        keys: KEYS,
      },
    });
  }
});

Deno.test("handlers of one event share its object", async () => {
  const answer = await run(
    "fromStream('a').when({$any(s,e){e.mark=1}, evt(s,e){s.m=e.mark}})",
    [{}],
  );
  assertEquals(statesOf(answer), { "": { m: 1 } });
});
