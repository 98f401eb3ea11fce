/**
 * Queries that are stepped over events of the store.
 *
 * @module
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { aMetadataEvent, anEvent } from "../../tests/support/events.ts";
import { openProjectionFixture } from "../../tests/support/projection_service.ts";
import { ADMIN, aUser } from "../../tests/support/stream_service.ts";
import { QuipuError } from "../model/errors.ts";
import type { Caller, DebugRequest, DebugView } from "./contract.ts";

async function openWithEvents() {
  const { service, store } = await openProjectionFixture();
  let id = 0;
  const append = async (streamName: string, n: number, eventType = "up") => {
    const data = JSON.stringify({ n });
    const events = [{ ...anEvent(id++), eventType, isJson: true, data }];
    await store.append({ streamName, expectedVersion: "any", events });
  };
  await append("a-1", 1);
  await append("a-2", 10);
  await append("a-1", 2, "other");
  await append("a-1", 3);
  const debug = (
    query: string,
    request: Partial<DebugRequest> = {},
    caller: Caller = ADMIN,
  ) =>
    service.debug(caller, {
      query,
      position: {},
      maxEvents: 10,
      states: new Map(),
      sharedState: undefined,
      ...request,
    });
  const view = async (
    query: string,
    request: Partial<DebugRequest> = {},
  ): Promise<DebugView> => {
    const outcome = await debug(query, request);
    assert(outcome.kind === "stepped");
    return outcome.view;
  };
  return {
    store,
    service,
    debug,
    view,
    [Symbol.asyncDispose]: () => service.close(),
  };
}

function stepsOf({ steps }: DebugView) {
  return steps.map(({ event, partition, stateBefore, state }) => [
    `${event.eventNumber}@${event.streamName}`,
    partition,
    stateBefore,
    state,
  ]);
}

const COUNT = "fromCategory('a').foreachStream().when({$init:()=>({n:0}), " +
  "up(s,e){ s.n += e.data.n; emit('o','t',{n:s.n}); log(s.n) }})";

Deno.test("each event shows the states, results, emitted events and lines", async () => {
  await using fixture = await openWithEvents();
  const view = await fixture.view(COUNT + ".transformBy(s => s.n * 2)");
  assertEquals(stepsOf(view), [
    ["0@a-1", "a-1", undefined, '{"n":1}'],
    ["0@a-2", "a-2", undefined, '{"n":10}'],
    ["2@a-1", "a-1", '{"n":1}', '{"n":4}'],
  ]);
  const last = view.steps.at(-1);
  assertEquals([last?.result, last?.logs], ["8", ["4"]]);
  assertEquals(last?.emitted, [{
    streamName: "o",
    eventType: "t",
    isJson: true,
    data: '{"n":4}',
  }]);
  assertEquals(view.position, { streams: [["$ce-a", 3]] });
  assertEquals((await fixture.store.readState("o")).head, -1, "not written");
});

Deno.test("a query goes on from a position and states", async () => {
  await using fixture = await openWithEvents();
  const first = await fixture.view(COUNT, { maxEvents: 2 });
  assertEquals(first.steps.length, 2);
  const next = await fixture.view(COUNT, {
    position: first.position,
    states: new Map([["a-1", '{"n":100}']]),
  });
  assertEquals(stepsOf(next), [["2@a-1", "a-1", '{"n":100}', '{"n":103}']]);
});

Deno.test("partitions that the query gives, and shared states", async () => {
  await using fixture = await openWithEvents();
  const view = await fixture.view(
    "options({biState:true}); fromStreams('a-1','a-2')" +
      ".partitionBy(e => e.data.n > 2 ? 'large' : null)" +
      ".when({$init:()=>[], up([own,all],e){own.push(e.data.n); " +
      "all.n=(all.n||0)+1; return [own,all]}})",
    { sharedState: '{"n":5}' },
  );
  assertEquals(stepsOf(view), [
    ["0@a-1", null, undefined, undefined],
    ["0@a-2", "large", undefined, "[10]"],
    ["2@a-1", "large", "[10]", "[10,3]"],
  ]);
  assertEquals(view.steps.map(({ sharedState }) => sharedState), [
    '{"n":5}',
    '{"n":6}',
    '{"n":7}',
  ]);
});

Deno.test("what fails is the last step, with its reason", async () => {
  await using fixture = await openWithEvents();
  const view = await fixture.view(
    "fromAll().when({up(s,e){\nif (e.data.n === 10) throw new Error('ten'); " +
      "s.n = e.data.n }})",
  );
  assertEquals(view.fault, { text: "Error: ten", line: 2 });
  assertEquals(stepsOf(view).at(-1), [
    "0@a-2",
    "",
    '{"n":1}',
    '{"n":1}',
  ]);
  const position = view.steps[0]?.position;
  assertEquals(view.position, position, "the failed event comes again");
  const undefinable = await fixture.view("fromStream('a-1'");
  assertEquals(undefinable.steps, []);
  assert(undefinable.fault?.text.startsWith("SyntaxError"));
});

Deno.test("deletions are told to $deleted alone", async () => {
  await using fixture = await openWithEvents();
  await fixture.store.append({
    streamName: "$$a-2",
    expectedVersion: "any",
    events: [anEvent(90, {
      eventType: "$metadata",
      data: '{"$tb":9223372036854775807}',
    })],
  });
  const query = "fromCategory('a').foreachStream().when({" +
    "$init:()=>({}), $any(s){s.n=(s.n||0)+1}";
  const told = await fixture.view(query + ", $deleted(s){s.gone=true}})");
  assertEquals(told.steps.at(-1)?.state, '{"gone":true}');
  const untold = await fixture.view(query + "})");
  assertEquals(untold.steps.at(-1)?.event.streamName, "a-1");
});

Deno.test("sources that may not be read are not debugged", async () => {
  await using fixture = await openWithEvents();
  const user = aUser("joe");
  await fixture.store.append({
    streamName: "$$a-1",
    expectedVersion: "any",
    events: [aMetadataEvent(91, { $acl: { $r: "$admins" } })],
  });
  const query = "fromStream('a-1').when({up(s){}})";
  assertEquals((await fixture.debug(query, {}, user)).kind, "unauthorized");
  assertEquals(
    (await fixture.service.debug(undefined, {
      query: "fromStream('a-2').when({up(s){}})",
      position: {},
      maxEvents: 1,
      states: new Map(),
      sharedState: undefined,
    })).kind,
    "unauthorized",
  );
  assertEquals(
    (await fixture.debug("fromStreamCatalog('c').foreachStream()")).kind,
    "refused",
  );
});

Deno.test("only a few queries are debugged at once", async () => {
  await using fixture = await openWithEvents();
  const all = Array.from({ length: 4 }, () => fixture.view(COUNT));
  const error = await assertRejects(() => fixture.view(COUNT), QuipuError);
  assertEquals(error.code, "queueFull");
  for (const view of await Promise.all(all)) {
    assertEquals(view.steps.length, 3);
  }
});
