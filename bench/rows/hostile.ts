/**
 * Projections that take more than they may, beside a client that appends and
 * reads: how long the client waits meanwhile, and how soon each is faulted.
 *
 * @module
 */

import { join } from "@std/path";
import { Latencies, type LatencySummary } from "../load/latency.ts";
import { eventsOf, post, send } from "../load/post.ts";
import { milliseconds } from "../report.ts";
import {
  type Bench,
  type Measured,
  measured,
  pause,
  type Row,
} from "../row.ts";
import type { ChildServer } from "../servers/child_server.ts";
import { startQuipu } from "../servers/quipu_server.ts";

const CLIENT_ROW: Row = {
  name: "hostile-client",
  title: "p99 of a client beside a hostile projection, the worst kind",
  unit: "ms",
  isLessBetter: true,
  marks: { goal: 50 },
};
const FAULT_ROW: Row = {
  name: "hostile-fault",
  title: "event to fault of a hostile projection beyond its limit, the longest",
  unit: "s",
  isLessBetter: true,
  marks: { goal: 1 },
};

/** Handlers, and the seconds that they may take by their limits. */
const HOSTILE: Readonly<Record<string, readonly [string, number]>> = {
  loop: ["for(;;);", 1],
  expression: ["/^(a+)+$/.test('a'.repeat(40)+'b')", 1],
  parsing: ["const t='['+'1,'.repeat(1e6)+'1]'; for(;;) JSON.parse(t)", 1],
  array: ["new Array(1e9).fill(0)", 0],
  memory: ["const a=[]; for(;;) a.push(new ArrayBuffer(1e6))", 0],
  recursion: ["(function f(){return 1+f()})()", 0],
  state: ["s.x='y'.repeat(1e8)", 0],
  emits: ["for(let i=0;i<1e6;i++) emit('o','t',{i})", 0],
};
/** How long the client goes on at least. */
const CLIENT_MS = 2000;
const FAULT_SECONDS_MAX = 60;

/** Each kind on the same server, one after the other. */
export const HOSTILE_PROJECTIONS: Bench = {
  rows: [CLIENT_ROW, FAULT_ROW],
  async measure({ directory }) {
    await using server = await startQuipu(join(directory, "store"));
    const alone = await clientBeside(server, () => pause(CLIENT_MS));
    const notes = [`${"nobody".padEnd(12)}client ${latencyText(alone)}`];
    const p99Ms: number[] = [];
    const late: number[] = [];
    for (const [kind, [handler, allowed]] of Object.entries(HOSTILE)) {
      let seconds = NaN;
      const latency = await clientBeside(server, async () => {
        seconds = await secondsToFault(server, kind, handler);
      });
      notes.push(
        `${kind.padEnd(12)}client ${latencyText(latency)}; faulted after ` +
          `${seconds.toFixed(2)} s, ${allowed} of them its limit`,
      );
      p99Ms.push(latency.p99Us / 1000);
      late.push(seconds - allowed);
    }
    return [
      worst(CLIENT_ROW, p99Ms, notes),
      worst(FAULT_ROW, late, []),
    ];
  },
};

function worst(
  row: Row,
  values: readonly number[],
  notes: readonly string[],
): Measured {
  return measured(row, [Math.max(...values)], { notes });
}

function latencyText({ p50Us, p99Us }: LatencySummary): string {
  return `p50 ${milliseconds(p50Us)} ms, p99 ${milliseconds(p99Us)} ms`;
}

/** Appends and reads in turns while something goes on, and a while longer. */
async function clientBeside(
  { origin }: ChildServer,
  act: () => Promise<void>,
): Promise<LatencySummary> {
  const latencies = new Latencies();
  const endsAt = performance.now() + CLIENT_MS;
  let isActing = true;
  const acting = act().finally(() => isActing = false);
  const stream = `${origin}/streams/bystander`;
  while (isActing || performance.now() < endsAt) {
    for (
      const request of [
        () => post(stream, eventsOf([{ a: 1 }])),
        () => send(stream, { method: "GET", status: 200 }),
      ]
    ) {
      const startedAt = performance.now();
      await request();
      latencies.record(performance.now() - startedAt);
    }
  }
  await acting;
  return latencies.summary();
}

/** Makes a projection, gives it an event, and waits until it is faulted. */
async function secondsToFault(
  { origin }: ChildServer,
  kind: string,
  handler: string,
): Promise<number> {
  const query = `fromStream('${kind}').when({$init:()=>({}), ` +
    `$any(s,e){ ${handler} }})`;
  await send(`${origin}/projections/continuous?name=${kind}&emit=yes`, {
    method: "POST",
    body: query,
    status: 201,
  });
  await pause(500);
  const startedAt = performance.now();
  await post(`${origin}/streams/${kind}`, eventsOf([{ a: 1 }]));
  for (;;) {
    const seconds = (performance.now() - startedAt) / 1000;
    const statistics = await send(`${origin}/projection/${kind}`, {
      method: "GET",
      status: 200,
    });
    if (JSON.parse(statistics).status.startsWith("Faulted")) return seconds;
    if (seconds > FAULT_SECONDS_MAX) throw new Error(`${kind} goes on`);
    await pause(10);
  }
}
