import { assertEquals } from "@std/assert";
import { ActivityHistory, HISTORY_SECONDS } from "./activity_history.ts";
import { SECONDS_BOUNDS } from "./histogram.ts";

/** A history whose seconds pass when the test says so. */
function openHistory() {
  let nowMs = 0;
  let due: (() => void) | undefined;
  const totals = {
    events: 0,
    requests: 0,
    appends: new Float64Array(SECONDS_BOUNDS.length + 1),
    reads: new Float64Array(SECONDS_BOUNDS.length + 1),
  };
  const history = new ActivityHistory({
    nowMs: () => nowMs,
    setTimer(_delayMs, call) {
      due = call;
      return () => due = undefined;
    },
  });
  history.start(() => ({
    ...totals,
    appends: totals.appends.slice(),
    reads: totals.reads.slice(),
  }));
  const pass = (ms: number) => {
    nowMs += ms;
    due?.();
  };
  return { history, totals, pass, isWaiting: () => due !== undefined };
}

Deno.test("ActivityHistory tells rates a second, however late it looks", () => {
  const { history, totals, pass } = openHistory();
  assertEquals(history.rates(), []);
  totals.events = 10;
  totals.requests = 4;
  pass(1000);
  totals.events = 20;
  pass(2000);
  assertEquals(history.rates(), [
    { events: 10, requests: 4 },
    { events: 5, requests: 0 },
  ]);
});

Deno.test("ActivityHistory remembers five minutes, and stops", () => {
  const { history, totals, pass, isWaiting } = openHistory();
  for (let second = 0; second < 2 * HISTORY_SECONDS; second++) {
    totals.events += second;
    pass(1000);
  }
  const rates = history.rates();
  assertEquals(rates.length, HISTORY_SECONDS);
  assertEquals(rates.at(-1)?.events, 2 * HISTORY_SECONDS - 1);
  history.stop();
  assertEquals(isWaiting(), false);
});

Deno.test("ActivityHistory tells how long requests took of late", () => {
  const { history, totals, pass } = openHistory();
  assertEquals(history.quantiles("appends").count, 0);
  // 98 below a millisecond, two below 50.
  totals.appends[SECONDS_BOUNDS.indexOf(0.001)] = 98;
  totals.appends[SECONDS_BOUNDS.indexOf(0.05)] = 2;
  pass(1000);
  assertEquals(history.quantiles("appends"), {
    count: 100,
    p50: 0.001,
    p99: 0.05,
  });
  assertEquals(history.quantiles("reads").p50, undefined);
  for (let second = 0; second <= HISTORY_SECONDS; second++) pass(1000);
  assertEquals(history.quantiles("appends").count, 0);
});
