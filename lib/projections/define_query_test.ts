import { assert, assertEquals } from "@std/assert";
import { LIMITS } from "../model/limits.ts";
import { SYSTEM_TIMERS } from "../runtime/system_clock.ts";
import { defineQuery, scriptOf } from "./define_query.ts";
import { ProjectionEngine } from "./engine/engine.ts";
import type { ProjectionEvent } from "./engine/messages.ts";

const PARTS = { timers: SYSTEM_TIMERS, limits: LIMITS };
const TYPE = "native:EventStore.Projections.Core.Standard.ByCorrelationId";
const QUERY = '{"correlationIdProperty":"$correlationId"}';

function anEvent(
  eventNumber: number,
  changes: Partial<ProjectionEvent> = {},
): ProjectionEvent {
  return {
    streamName: "s",
    eventNumber,
    eventType: "e",
    eventId: "00000000-0000-4000-8000-000000000000",
    createdAtMs: 1_000,
    isJson: true,
    data: "{}",
    metadata: '{"$correlationId":"x"}',
    partition: "",
    ...changes,
  };
}

Deno.test("scriptOf() knows JavaScript in any case, and refuses other types", () => {
  for (const type of ["JS", "js", "Js:v8"]) {
    const script = { script: "q", showsEventIds: false };
    assertEquals(scriptOf(type, "q"), script);
  }
  for (const type of ["JSX", "native:Some.Handler", ""]) {
    const fault = `'${type}' handler type is not supported`;
    assertEquals(scriptOf(type, "q"), { fault });
  }
});

Deno.test("defineQuery() says what a query describes, or why it describes nothing", async () => {
  const query = "fromStream('s').when({ a() {} })";
  const js = {
    handlerType: "JS",
    mode: "Continuous",
    canEmit: false,
  } as const;
  const defined = await defineQuery({ ...js, query }, PARTS);
  assert("definition" in defined);
  assertEquals(defined.definition.streams, ["s"]);
  defined.engine?.engine[Symbol.dispose]();
  assertEquals(await defineQuery({ ...js, query: "" }, PARTS), {
    fault: "None of streams and categories are included",
  });
  const catalog = {
    ...js,
    query: "fromStreamCatalog('c').foreachStream().when({ a() {} })",
  };
  assertEquals(await defineQuery(catalog, PARTS), {
    fault: "catalogStream is not supported in the projections mode",
  });
  const once = await defineQuery({ ...catalog, mode: "OneTime" }, PARTS);
  assert("definition" in once);
  once.engine?.engine[Symbol.dispose]();
  const bad = await defineQuery({
    ...js,
    handlerType: TYPE,
    query: "[]",
  }, PARTS);
  assert("fault" in bad);
});

Deno.test("the projection of correlation ids links events, and what links stand for", async () => {
  const found = scriptOf(TYPE, QUERY);
  assert("script" in found);
  using engine = new ProjectionEngine(
    {
      query: found.script,
      showsEventIds: found.showsEventIds,
      canEmit: true,
      limits: LIMITS,
    },
    PARTS,
  );
  const answer = await engine.define();
  assert("definition" in answer);
  const { allStreams, allEvents, options } = answer.definition;
  assertEquals([allStreams, allEvents, options.includeLinks], [
    true,
    true,
    true,
  ]);
  const { effects, fault } = await engine.process([
    anEvent(0),
    anEvent(1, { metadata: "" }),
    anEvent(2, { metadata: '{"$correlationId":null}' }),
    anEvent(3, { metadata: "broken" }),
    anEvent(4, { eventType: "$>", isJson: false, data: "7@a@b" }),
    anEvent(5, { eventType: "$>", isJson: false, data: "none" }),
  ], []);
  assertEquals(fault, undefined);
  const time = "1970-01-01T00:00:01.000000Z";
  const emitted = effects.flatMap((effect) => effect.emitted);
  assertEquals(emitted, [
    {
      streamName: "$bc-x",
      eventType: "$>",
      isJson: false,
      data: "0@s",
      metadata: JSON.stringify({ $eventTimestamp: time }),
    },
    {
      streamName: "$bc-x",
      eventType: "$>",
      isJson: false,
      data: "7@a@b",
      metadata: JSON.stringify({
        $eventTimestamp: time,
        $link: {
          eventId: "00000000-0000-4000-8000-000000000000",
          metadata: { $correlationId: "x" },
        },
      }),
    },
  ]);
});
