/**
 * Queries over batches of 100 events of 200 bytes: the engine alone, crossing
 * to its worker and back included.
 *
 * @module
 */

import { LIMITS } from "../lib/model/limits.ts";
import { ProjectionEngine } from "../lib/projections/engine/engine.ts";
import type { ProjectionEvent } from "../lib/projections/engine/messages.ts";
import { SYSTEM_TIMERS } from "../lib/runtime/system_clock.ts";
import { nextEventId, orderJson, SMALL_DATA_BYTES } from "./samples.ts";

const EVENT_COUNT = 100;
const PARTITION_COUNT = 100_000;

const QUERIES: Readonly<Record<string, string>> = {
  "count": "fromAll().when({$init:()=>({n:0}), placed(s){s.n++}})",
  "sum": "fromAll().when({$init:()=>({n:0}), " +
    "placed(s,e){s.n+=e.data.amount||1}})",
  "foreachStream": "fromCategory('order').foreachStream()" +
    ".when({$init:()=>({n:0}), placed(s){s.n++}})",
  "partitionBy": "fromAll().partitionBy(e=>e.streamId)" +
    ".when({$init:()=>({n:0}), placed(s){s.n++}})",
  "linkTo": "fromAll().when({placed(s,e){linkTo('o-'+e.streamId,e)}})",
  "emit": "fromAll().when({placed(s,e){emit('o','seen',{n:1})}})",
};

const DATA = orderJson(SMALL_DATA_BYTES);

function batchFrom(first: number): readonly ProjectionEvent[] {
  return Array.from({ length: EVENT_COUNT }, (_, at) => {
    const streamName = `order-${(first + at) % PARTITION_COUNT}`;
    return {
      streamName,
      eventNumber: Math.floor((first + at) / PARTITION_COUNT),
      eventType: "placed",
      eventId: nextEventId(),
      createdAtMs: 1_700_000_000_000 + at,
      isJson: true,
      data: DATA,
      metadata: "",
      partition: streamName,
    };
  });
}

for (const [title, query] of Object.entries(QUERIES)) {
  const engine = new ProjectionEngine(
    { query, canEmit: true, limits: LIMITS },
    { timers: SYSTEM_TIMERS },
  );
  const answer = await engine.define();
  if (!("definition" in answer)) throw new Error(answer.fault.text);
  const { byCustomPartitions, byStream } = answer.definition;
  let first = 0;
  Deno.bench(`${title}, ${EVENT_COUNT} events`, {
    group: "queries",
  }, async () => {
    const events = batchFrom(first);
    first += EVENT_COUNT;
    if (byCustomPartitions) await engine.partitionsOf(events);
    const { fault, isDone } = await engine.process(events);
    if (!isDone) throw new Error(fault?.text);
    if (byCustomPartitions || byStream) {
      engine.forget(events.map(({ streamName }) => streamName));
    }
  });
}
