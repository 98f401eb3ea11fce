/**
 * The worker that runs one projection's query, all of its life: see
 * `messages.ts`. `engine.ts` starts it and ends it.
 *
 * @module
 */

import type { EngineOrder, EngineReport } from "./messages.ts";
import { QueryInstance } from "./query_instance.ts";
import { THREAD_CLOCK } from "./thread_clock.ts";

/** The other thread, as a worker sees it. */
interface MainThread {
  onmessage: ((message: MessageEvent<EngineOrder>) => void) | null;
  postMessage(report: EngineReport): void;
}

const main: MainThread = globalThis as unknown as MainThread;

// QuickJS asks this thread for its time zone. Local times are UTC, so that a
// query gives the same result wherever it runs.
Date.prototype.getTimezoneOffset = () => 0;

let instance: QueryInstance | undefined;

async function answer(order: EngineOrder): Promise<EngineReport> {
  if (order.type === "define") {
    instance = await QueryInstance.open(order.settings, THREAD_CLOCK);
    return { type: "defined", answer: instance.define() };
  }
  if (instance === undefined) throw new Error("No query was defined");
  switch (order.type) {
    case "partition":
      return { type: "partitioned", answer: instance.partition(order.batch) };
    case "process": {
      const { batch, restored, forgotten } = order;
      const answer = instance.process(batch, { restored, forgotten });
      return { type: "processed", answer };
    }
    case "catalog":
      return { type: "catalogued", answer: instance.catalog(order.batch) };
  }
}

main.onmessage = async ({ data }) => {
  let report: EngineReport;
  try {
    report = await answer(data);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    report = { type: "failed", reason };
  }
  main.postMessage(report);
};
