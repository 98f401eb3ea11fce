/**
 * Queries that overflow whatever can be overflown, each in an engine of its
 * own, beside a query that must go on counting. `QUIPU_ABUSE_ROUNDS` says how
 * often each is tried.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { LIMITS, type Limits } from "../../lib/model/limits.ts";
import { ProjectionEngine } from "../../lib/projections/engine/engine.ts";
import type { ProjectionEvent } from "../../lib/projections/engine/messages.ts";
import { SYSTEM_TIMERS } from "../../lib/runtime/system_clock.ts";
import {
  HOSTILE_HANDLERS,
  hostileQuery,
  TIMEOUT,
} from "../support/hostile_handlers.ts";

const ROUNDS = Number(Deno.env.get("QUIPU_ABUSE_ROUNDS") ?? 1);
/** Long, as a definition is not what is tried, and the machine may be busy. */
const DEFINE_MS = 30_000;
/** Engines that are abused at the same time. */
const AT_ONCE = 2;

const EVENT: ProjectionEvent = {
  streamName: "a",
  eventNumber: 0,
  eventType: "evt",
  eventId: "a1000001-0000-4000-8000-000000000001",
  createdAtMs: 0,
  isJson: true,
  data: "{}",
  metadata: "",
  partition: "a",
};

function openEngine(query: string, limits: Partial<Limits> = {}) {
  return new ProjectionEngine(
    {
      query,
      canEmit: true,
      limits: { ...LIMITS, projectionDefineMs: DEFINE_MS, ...limits },
    },
    { timers: SYSTEM_TIMERS },
  );
}

/** Counts, batch by batch, until it is told to stop. */
async function countUntil(isOver: () => boolean): Promise<number> {
  using engine = openEngine(
    "fromStream('a').when({$init:()=>({n:0}), evt(s){s.n++}})",
  );
  assert("definition" in await engine.define());
  let count = 0;
  while (!isOver()) {
    const { states, fault } = await engine.process(Array(50).fill(EVENT));
    count += 50;
    assertEquals([states[0]?.state, fault], [`{"n":${count}}`, undefined]);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return count;
}

async function abuse(body: string, expected: RegExp): Promise<void> {
  const ms = expected === TIMEOUT ? 200 : LIMITS.projectionEventMs * 10;
  using engine = openEngine(hostileQuery(body), {
    projectionEventMs: ms,
    projectionBatchMs: ms,
  });
  const defined = await engine.define();
  assert("definition" in defined, `${body}: ${JSON.stringify(defined)}`);
  const answer = await engine.process([EVENT, EVENT, EVENT]);
  const { takenCount, states, fault } = answer;
  assert(expected.test(fault?.text ?? ""), `${body}: ${fault?.text}`);
  assertEquals([takenCount, states[0]?.state], [2, '{"n":2}'], body);
}

Deno.test("every kind of abuse ends its own engine alone, while another goes on", async () => {
  let isOver = false;
  const counting = countUntil(() => isOver);
  try {
    for (let round = 0; round < ROUNDS; round++) {
      const waiting = Object.values(HOSTILE_HANDLERS).values();
      await Promise.all(Array.from({ length: AT_ONCE }, async () => {
        for (const [body, expected] of waiting) await abuse(body, expected);
      }));
    }
  } finally {
    isOver = true;
  }
  assert(await counting > 0);
});
