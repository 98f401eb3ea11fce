/**
 * Sources of a projection over the events of an export.
 *
 * @module
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { LIMITS, type Limits } from "../model/limits.ts";
import { SYSTEM_TIMERS } from "../runtime/system_clock.ts";
import { ProjectionEngine } from "./engine/engine.ts";
import { FoldError, foldEvents } from "./fold_events.ts";
import type { LocatedEvent } from "./fold_survey.ts";

type Row = readonly [
  stream: string,
  number: number,
  type: string,
  data: string,
];

const LAST = 2 ** 63;

function locate(rows: readonly Row[]): readonly LocatedEvent[] {
  return rows.map(([streamName, eventNumber, eventType, data], index) => ({
    line: index + 1,
    event: {
      streamName,
      eventNumber,
      createdAtUs: index * 1000,
      eventId: "a1000001-0000-4000-8000-000000000001",
      eventType,
      isJson: data.startsWith("{"),
      data,
      metadata: "",
    },
  }));
}

function isLocated(
  events: readonly Row[] | readonly LocatedEvent[],
): events is readonly LocatedEvent[] {
  return events[0] !== undefined && "line" in events[0];
}

async function fold(
  query: string,
  events: readonly Row[] | readonly LocatedEvent[],
  limits: Partial<Limits> = {},
) {
  const held = { ...LIMITS, ...limits };
  using engine = new ProjectionEngine(
    { query, canEmit: true, limits: held },
    { timers: SYSTEM_TIMERS },
  );
  const answer = await engine.define();
  assert("definition" in answer, "fault" in answer ? answer.fault.text : "");
  const located = isLocated(events) ? events : locate(events);
  return await foldEvents({
    engine,
    definition: answer.definition,
    limits: held,
    async *readEvents() {
      yield* located;
    },
  });
}

const SEEN = ".when({$init:()=>[], $any(s,e){" +
  "s.push(e.sequenceNumber+'@'+e.streamId)}})";

const LOG: readonly Row[] = [
  ["a-1", 0, "up", "{}"],
  ["b-1", 0, "down", "{}"],
  ["a-1", 1, "down", "{}"],
  ["plain", 0, "up", "{}"],
  ["$sys", 0, "up", "{}"],
  ["$$a-1", 0, "$metadata", "{}"],
  ["links", 0, "$>", "1@a-1"],
  ["links", 1, "$>", "0@nowhere"],
  ["links", 2, "$>", "0@links"],
  ["a-2", 0, "up", "{}"],
];

const SOURCES: readonly [selector: string, seen: readonly string[]][] = [
  ["fromStream('a-1')", ["0@a-1", "1@a-1"]],
  ["fromStream('none')", []],
  ["fromStream('$sys')", ["0@$sys"]],
  ["fromStream('$$a-1')", ["0@$$a-1"]],
  ["fromStreams('a-2','b-1')", ["0@b-1", "0@a-2"]],
  ["fromStreams('a-2','a-2')", ["0@a-2"]],
  ["fromCategory('a')", ["0@a-1", "1@a-1", "0@$$a-1", "0@a-2"]],
  ["fromCategories('b','a')", ["0@a-1", "0@b-1", "1@a-1", "0@$$a-1", "0@a-2"]],
  ["fromStream('$et-down')", ["0@b-1", "1@a-1"]],
  // One level of a link is followed: of a link to a link, the inner one.
  ["fromStream('links')", ["1@a-1", "0@links"]],
  [
    "fromAll()",
    ["0@a-1", "0@b-1", "1@a-1", "0@plain", "0@$$a-1", "0@a-2"],
  ],
  [
    "options({$includeLinks:true}); fromAll()",
    [
      "0@a-1",
      "0@b-1",
      "1@a-1",
      "0@plain",
      "0@$$a-1",
      "0@links",
      "1@links",
      "2@links",
      "0@a-2",
    ],
  ],
];

Deno.test("sources", async (t) => {
  for (const [selector, seen] of SOURCES) {
    await t.step(selector, async () => {
      const { partitions, eventCount } = await fold(selector + SEEN, LOG);
      const { state = "[]" } = partitions.get("") ?? {};
      assertEquals(JSON.parse(state), [...seen]);
      assertEquals(eventCount, seen.length);
    });
  }
});

Deno.test("types without a handler are left out", async () => {
  const { eventCount } = await fold("fromAll().when({up(s){}})", LOG);
  assertEquals(eventCount, 3);
});

Deno.test("catalogues name the streams", async () => {
  const when = ".foreachStream().when({$init:()=>({n:0}), up(s){s.n++}})";
  const rows: readonly Row[] = [
    ["list", 0, "x", "a-1"],
    ["list", 1, "x", "none"],
    ...LOG,
    ["list", 2, "x", "a-2"],
  ];
  const named = await fold(`fromStreamCatalog('list')${when}`, rows);
  assertEquals([...named.partitions.keys()], ["a-1", "a-2"]);
  const matching = await fold(
    "fromStreamsMatching((s, e) => e.eventType === 'down')" +
      ".when({$init:()=>({n:0}), down(s){s.n++}})",
    rows,
  );
  assertEquals([...matching.partitions.keys()], ["b-1"]);
});

Deno.test("deletes are told once, and are no events", async () => {
  const query = (any: string) =>
    `fromCategory('a').foreachStream().when({$init:()=>({}), ${any}
      $deleted(s,e){s.deleted=(s.deleted||0)+1; s.soft=e.isSoftDeleted}})`;
  const rows: readonly Row[] = [
    ["a-1", 0, "up", "{}"],
    ["$$a-1", 0, "$metadata", '{"$tb":9223372036854775807}'],
    ["a-2", 0, "up", "{}"],
    ["a-2", LAST, "$streamDeleted", ""],
  ];
  for (const any of ["$any(s){s.n=(s.n||0)+1},", "up(s){s.n=(s.n||0)+1},"]) {
    const { partitions } = await fold(query(any), rows);
    assertEquals(
      [...partitions].map(([name, { state }]) => [name, JSON.parse(state)]),
      [
        ["a-1", { n: 1, deleted: 1, soft: true }],
        ["a-2", { n: 1, deleted: 1, soft: false }],
      ],
    );
  }
});

Deno.test("sources show what was not truncated", async () => {
  const rows: readonly Row[] = [
    ["a-1", 0, "up", "{}"],
    ["a-1", 1, "up", "{}"],
    ["a-2", 0, "up", "{}"],
    ["a-2", 1, "up", "{}"],
    ["a-2", 2, "up", "{}"],
    ["links", 0, "$>", "0@a-1"],
    ["links", 1, "$>", "1@a-1"],
    ["$$a-1", 0, "$metadata", '{"$tb":0}'],
    ["$$a-1", 1, "$metadata", '{"$tb":1}'],
    ["$$a-2", 0, "$metadata", '{"$maxCount":2}'],
  ];
  const seen = async (selector: string) => {
    const { partitions } = await fold(
      `${selector}.when({$init:()=>[], up(s,e){s.push(e.sequenceNumber+'@'+e.streamId)}})`,
      rows,
    );
    return JSON.parse(partitions.get("")?.state ?? "[]");
  };
  assertEquals(await seen("fromCategory('a')"), ["1@a-1", "1@a-2", "2@a-2"]);
  assertEquals(await seen("fromStream('links')"), ["1@a-1"]);
  // The log itself shows what is in it.
  assertEquals((await seen("fromAll()")).length, 5);
});

Deno.test("events are brought into the order of their times, within the lag", async () => {
  const rows = [20, 10, 30, 300, 290, 40].map((atMs, index) => ({
    atMs,
    row: [index % 2 ? "b" : "a", index, "up", `{"t":${atMs}}`] as Row,
  }));
  const located = locate(rows.map(({ row }) => row)).map((one, index) => ({
    ...one,
    event: { ...one.event, createdAtUs: (rows[index]?.atMs ?? 0) * 1000 },
  }));
  const query = "options({reorderEvents:true, processingLag:50});" +
    "fromStreams('a','b').when({$init:()=>[], up(s,e){s.push(e.data.t)}})";
  const { partitions } = await fold(query, located);
  // What comes later than the lag allows is taken when it comes.
  assertEquals(partitions.get("")?.state, "[10,20,30,40,290,300]");
  await assertRejects(
    () => fold(query, located, { foldReorderedMax: 2 }),
    FoldError,
    "More than 2 events are within the processing lag",
  );
});

Deno.test("the shared state of a bi-state projection", async () => {
  const { partitions, sharedState } = await fold(
    "options({biState:true}); fromCategory('a').foreachStream().when({" +
      "$initShared:()=>({all:0}), $init:()=>({n:0}), " +
      "$any([own,all]){own.n++; all.all++; return [own,all]}})",
    LOG,
    { projectionPartitionsLiveMax: 1, projectionBatchEventsMax: 1 },
  );
  assertEquals([...partitions].map(([name, { state }]) => name + state), [
    'a-1{"n":3}',
    'a-2{"n":1}',
  ]);
  assertEquals(sharedState, '{"all":4}');
});

Deno.test("emitted events name their causes; the last lines are kept", async () => {
  const { emitted, logs } = await fold(
    "fromAll().when({up(s,e){emit('o','t',1); log(e.streamId)}})",
    LOG,
    { foldLogLinesMax: 2, projectionBatchEventsMax: 2 },
  );
  assertEquals(emitted.map(({ causedBy }) => causedBy), [
    "0@a-1",
    "0@plain",
    "0@a-2",
  ]);
  assertEquals(logs, ["plain", "a-2"]);
});

Deno.test("a fault names its event, whatever batch it is in", async () => {
  for (const projectionBatchEventsMax of [1, 2, 100]) {
    const error = await assertRejects(() =>
      fold(
        "fromCategory('a').when({\n\nup(s,e){if (e.streamId==='a-2') throw 'x'}})",
        LOG,
        { projectionBatchEventsMax },
      ), FoldError);
    assertEquals(error.fault.text, "x");
    assertEquals(error.at?.line, LOG.length);
  }
});

Deno.test("what a fold emits has a bound", async () => {
  const error = await assertRejects(
    () =>
      fold("fromAll().when({up(){emit('o','t','x'.repeat(50))}})", LOG, {
        foldEmittedLengthMax: 100,
      }),
    FoldError,
  );
  assertEquals(error.at?.event.streamName, "plain");
});

Deno.test("partitions that the engine let go of keep their states", async () => {
  const rows = [..."abcdabcdabcd"].map((p, at): Row => [
    "s",
    at,
    "up",
    JSON.stringify({ p }),
  ]);
  const { partitions, eventCount } = await fold(
    "fromStream('s').partitionBy(e => e.data.p === 'd' ? null : e.data.p)" +
      ".when({$init:()=>({n:0}), up(s){s.n++}})",
    rows,
    { projectionPartitionsLiveMax: 2, projectionBatchEventsMax: 4 },
  );
  assertEquals([...partitions].map(([name, { state }]) => name + state), [
    'a{"n":3}',
    'b{"n":3}',
    'c{"n":3}',
  ]);
  assertEquals(eventCount, 9);
});

Deno.test("all states of partitions have a bound", async () => {
  const error = await assertRejects(
    () =>
      fold(
        "fromAll().foreachStream().when({up(s){s.x='x'.repeat(100)}})",
        LOG,
        {
          projectionStatesLengthMax: 250,
        },
      ),
    FoldError,
    "The states of its partitions are longer than 250 characters",
  );
  assertEquals(error.at?.event.streamName, "a-2");
});
