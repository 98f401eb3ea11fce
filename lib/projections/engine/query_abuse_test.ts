/**
 * Queries that take more than they may: each ends in a fault of its own event,
 * within its limits, and what was taken before stands.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { LIMITS } from "../../model/limits.ts";
import {
  HOSTILE_HANDLERS,
  hostileQuery,
  TIMEOUT,
} from "../../../tests/support/hostile_handlers.ts";
import type { ProjectionEvent } from "./messages.ts";
import { packEvents } from "./packed_events.ts";
import { QueryInstance } from "./query_instance.ts";
import { THREAD_CLOCK } from "./thread_clock.ts";

const EVENT: ProjectionEvent = {
  streamName: "a-1",
  eventNumber: 0,
  eventType: "evt",
  eventId: "a1000001-0000-4000-8000-000000000001",
  createdAtMs: 0,
  isJson: true,
  data: "{}",
  metadata: "",
  partition: "a-1",
};

/** @param eventMs Short where time is what runs out, long where it must not. */
async function openQuery(
  query: string,
  eventMs = 10_000,
): Promise<QueryInstance> {
  const instance = await QueryInstance.open({
    query,
    canEmit: true,
    limits: {
      ...LIMITS,
      projectionEventMs: eventMs,
      projectionBatchMs: eventMs,
      projectionDefineMs: eventMs,
    },
  }, THREAD_CLOCK);
  return instance;
}

function eventMsOf(expected: RegExp): number {
  return expected === TIMEOUT ? 200 : 10_000;
}

Deno.test("abuse ends in a fault; what was taken before stands", async (t) => {
  const other = await openQuery(
    "fromStream('a').when({$init:()=>({n:0}), evt(s){s.n++}})",
  );
  other.define();
  let count = 0;
  for (const [name, [body, expected]] of Object.entries(HOSTILE_HANDLERS)) {
    await t.step(name, async () => {
      const instance = await openQuery(hostileQuery(body), eventMsOf(expected));
      assert("definition" in instance.define());
      const { takenCount, states, fault, isDone } = instance.process(
        packEvents([EVENT, EVENT, EVENT]),
      );
      assert(expected.test(fault?.text ?? ""), fault?.text);
      assertEquals(isDone, false);
      assertEquals(takenCount, 2);
      assertEquals(states.map(({ state }) => state), ['{"n":2}']);
    });
    await t.step(`${name}: another goes on`, () => {
      const { states } = other.process(packEvents([EVENT]));
      assertEquals(states[0]?.state, `{"n":${++count}}`);
    });
  }
});

Deno.test("what an engine takes of the memory has a bound", async () => {
  const instance = await openQuery(
    hostileQuery("globalThis.a=[]; for(;;) a.push(new ArrayBuffer(1e6))"),
  );
  instance.define();
  const { memoryBytes, states } = instance.process(
    packEvents([EVENT, EVENT, EVENT]),
  );
  assert(memoryBytes > LIMITS.projectionMemoryBytesMax / 2);
  assert(memoryBytes < LIMITS.projectionMemoryBytesMax * 1.25);
  // The states are told, though no memory was left.
  assertEquals(states.map(({ state }) => state), ['{"n":2}']);
});

Deno.test("abuse in a definition ends in a fault", async (t) => {
  for (const [name, [body, expected]] of Object.entries(HOSTILE_HANDLERS)) {
    // These need a state, or events that may be emitted.
    if (/\bs\.|emit|await/.test(body)) continue;
    await t.step(name, async () => {
      const instance = await openQuery(
        body.replace(/^throw.*$/, "for(;;);") + "; fromAll()",
        eventMsOf(expected),
      );
      const answer = instance.define();
      assert("fault" in answer);
      assert(expected.test(answer.fault.text), answer.fault.text);
    });
  }
});

Deno.test("a query that changes the globals harms nobody", async (t) => {
  for (
    const [tampering, isHarmless] of [
      ["JSON.stringify = JSON.parse = () => 'x'", true],
      ["Array.prototype.push = null; Map.prototype.get = () => 1", true],
      ["String.prototype.slice = String.prototype.trim = null", true],
      ["Object.keys = Reflect.apply = Promise = Array = null", true],
      ["Array.prototype.toJSON = () => 'x'", false],
      ["Object.prototype.toJSON = () => 5", false],
    ] as const
  ) {
    await t.step(tampering, async () => {
      const instance = await openQuery(
        `fromStream('a').when({$init:()=>({n:0}), evt(s){${tampering}; s.n++}})`,
      );
      instance.define();
      const { states, fault } = instance.process(
        packEvents([EVENT, EVENT]),
      );
      if (isHarmless) {
        assertEquals(fault, undefined);
        assertEquals(states[0]?.state, '{"n":2}');
      } else {
        assertEquals(
          fault?.text,
          "The query changed functions that its engine needs",
        );
      }
    });
  }
});
