/**
 * Queries in workers of their own.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import type { Timers } from "../../model/clock.ts";
import { LIMITS, type Limits } from "../../model/limits.ts";
import { SYSTEM_TIMERS } from "../../runtime/system_clock.ts";
import { type EngineParts, ProjectionEngine } from "./engine.ts";
import type { ProjectionEvent, RestoredState } from "./messages.ts";

const COUNT = "fromStream('a').when({$init:()=>({n:0}), evt(s){s.n++}})";

function eventOf(eventNumber: number, data = "{}"): ProjectionEvent {
  return {
    streamName: "a",
    eventNumber,
    eventType: "evt",
    eventId: "a1000001-0000-4000-8000-000000000001",
    createdAtMs: 0,
    isJson: true,
    data,
    metadata: "",
    partition: "a",
  };
}

function openEngine(
  query: string,
  parts: Partial<EngineParts> = {},
  limits: Partial<Limits> = {},
): ProjectionEngine {
  return new ProjectionEngine(
    { query, canEmit: true, limits: { ...LIMITS, ...limits } },
    { timers: SYSTEM_TIMERS, ...parts },
  );
}

Deno.test("an engine defines its query and takes batches", async () => {
  using engine = openEngine(COUNT);
  const defined = await engine.define();
  assert("definition" in defined);
  assertEquals(defined.definition.streams, ["a"]);
  await engine.process([eventOf(0), eventOf(1)]);
  const { states, isDone } = await engine.process([eventOf(2)]);
  assertEquals(states.map(({ state }) => state), ['{"n":3}']);
  assertEquals(isDone, true);
});

Deno.test("an engine goes on with a batch that is handed on in parts", async () => {
  using engine = openEngine(COUNT, {}, { projectionOutputLength: 10 });
  await engine.define();
  const events = [0, 1, 2, 3, 4].map((number) => eventOf(number));
  let answer = await engine.process(events);
  assertEquals([answer.takenCount, answer.isDone], [2, false]);
  while (!answer.isDone) answer = await engine.processRest();
  assertEquals(answer.takenCount, 5);
  assertEquals(answer.states[0]?.state, '{"n":5}');
});

Deno.test("an engine holds states until it is told to forget them", async () => {
  using engine = openEngine(
    "fromStream('a').partitionBy(e => e.data.p)" +
      ".when({$init:()=>({n:0}), evt(s){s.n++}})",
  );
  await engine.define();
  const events = ["p", "q", "p"].map((p, at) =>
    eventOf(at, JSON.stringify({ p }))
  );
  assertEquals((await engine.partitionsOf(events)).partitions, ["p", "q", "p"]);
  const states = async (restored?: readonly RestoredState[]) =>
    (await engine.process(events, restored)).states.map(({ state }) => state);
  assertEquals(await states(), ['{"n":2}', '{"n":1}']);
  assertEquals(await states(), ['{"n":4}', '{"n":2}']);
  engine.forget(["p", "q"]);
  assertEquals(await states([{ partition: "q", state: '{"n":9}' }]), [
    '{"n":2}',
    '{"n":10}',
  ]);
});

Deno.test("local times are UTC, wherever the worker runs", async () => {
  using engine = openEngine(
    "fromStream('a').when({evt(){return " +
      "[new Date(2020,0,1).toISOString(), new Date(0).getHours(), " +
      "new Date(0).getTimezoneOffset()]}})",
  );
  await engine.define();
  const { states } = await engine.process([eventOf(0)]);
  assertEquals(
    states[0]?.state,
    '["2020-01-01T00:00:00.000Z",0,0]',
  );
});

Deno.test("a fault is of one engine; another one goes on", async () => {
  using bad = openEngine(
    "fromStream('a').when({$init:()=>({n:0}), " +
      "evt(s,e){if (e.data.bad) for(;;); s.n++}})",
    {},
    { projectionEventMs: 100 },
  );
  using good = openEngine(COUNT);
  await Promise.all([bad.define(), good.define()]);
  const [{ takenCount, states, fault }, counted] = await Promise.all([
    bad.process([eventOf(0), eventOf(1, '{"bad":1}'), eventOf(2)]),
    good.process([eventOf(0)]),
  ]);
  assertEquals(takenCount, 1);
  assertEquals(states.map(({ state }) => state), ['{"n":1}']);
  assertEquals(fault?.text, "Script execution terminated.  Timeout expired.");
  assertEquals(counted.states[0]?.state, '{"n":1}');
  // The instance that failed is of no use any more.
  const again = await bad.process([eventOf(2)]);
  assertEquals(again.states, []);
  assertEquals(
    again.fault?.text,
    "The engine failed: The projection is faulted",
  );
});

/** Timers that ring when they are told to. */
class HandTimers implements Pick<Timers, "setTimer"> {
  readonly delays: number[] = [];
  readonly #calls = new Set<() => void>();

  setTimer(delayMs: number, call: () => void): () => void {
    this.delays.push(delayMs);
    this.#calls.add(call);
    return () => this.#calls.delete(call);
  }

  get count(): number {
    return this.#calls.size;
  }

  ring(): void {
    for (const call of this.#calls) call();
  }
}

/** A worker that hears, and says what it is told to. */
class HandWorker {
  onmessage: ((message: { readonly data: unknown }) => void) | null = null;
  onerror: ((event: unknown) => void) | null = null;
  isTerminated = false;
  postMessage(): void {}
  terminate(): void {
    this.isTerminated = true;
  }
}

Deno.test("a worker that does not answer in time is given up", async () => {
  const worker = new HandWorker();
  const timers = new HandTimers();
  using engine = openEngine(COUNT, {
    timers,
    startWorker: () => worker as unknown as Worker,
  });
  const answered = engine.process([eventOf(0)]);
  timers.ring();
  const { takenCount, fault, isDone } = await answered;
  assertEquals(fault?.text, "The engine failed: it does not answer");
  assertEquals([takenCount, isDone, worker.isTerminated], [
    0,
    false,
    true,
  ]);
  assertEquals(timers.delays, [
    LIMITS.projectionBatchMs + LIMITS.projectionSilenceMs,
  ]);
  assertEquals(timers.count, 0);
  const defined = await engine.define();
  assert("fault" in defined, "it answers no more");
});

Deno.test("a worker that breaks is a fault, and ends nothing else", async () => {
  const worker = new HandWorker();
  using engine = openEngine(COUNT, {
    startWorker: () => worker as unknown as Worker,
  });
  const answered = engine.catalog([eventOf(0)]);
  let isPrevented = false;
  worker.onerror?.({
    message: "out of everything",
    preventDefault: () => isPrevented = true,
  });
  assertEquals(await answered, {
    streamNames: [],
    fault: { text: "The engine failed: out of everything", line: 0 },
  });
  assert(isPrevented);
});
