/**
 * What a scavenge costs those who append and read meanwhile, what it gives back
 * and how much memory the server needs for it. Nine of ten events are hidden by
 * `$maxCount`; in turns 64 connections post events, 16 read single events and
 * 16 read feed pages, of streams at random.
 *
 * @module
 */

import { join } from "@std/path";
import { SILENT_LOGGER } from "../../lib/model/logger.ts";
import { SYSTEM_CLOCK } from "../../lib/runtime/system_clock.ts";
import { openStore } from "../../storage/mod.ts";
import type { Work } from "../load/job.ts";
import { send } from "../load/post.ts";
import { Random } from "../load/random.ts";
import { appends, driveWell, type Run } from "../load/run_driver.ts";
import { grouped, milliseconds } from "../report.ts";
import {
  type Bench,
  inTurns,
  measured,
  medianOf,
  pause,
  type Row,
} from "../row.ts";
import type { ChildServer } from "../servers/child_server.ts";
import { startQuipu } from "../servers/quipu_server.ts";
import { fillStore } from "../stores/keep_store.ts";
import { SEGMENT_BYTES } from "../stores/fill_store.ts";

const LATENCY_ROW: Row = {
  name: "scavenge-latency",
  title: "p99.9 beside a scavenge, against alone, the worst kind of request",
  unit: "ratio",
  isLessBetter: true,
  marks: { goal: 2 },
};
const FREED_ROW: Row = {
  name: "scavenge-freed",
  title: "given back of what a scavenge went through",
  unit: "%",
  marks: { goal: 80 },
};
const MEMORY_ROW: Row = {
  name: "scavenge-memory",
  title: "memory of the server meanwhile, at most",
  unit: "MB",
  isLessBetter: true,
  marks: { goal: 700 },
};

const EVENTS = 2_500_000;
const EVENTS_PER_STREAM = 100;
const KEPT_PER_STREAM = 10;
const STREAMS = EVENTS / EVENTS_PER_STREAM;
const WRITERS = 64;
const READERS = 16;
/** Requests that readers go through. */
const READS_MAX = 20_000;
const WARM_UP_MS = 300;
/** Rounds beside a scavenge, at most. */
const ROUNDS_MAX = 20;
const KINDS = ["appends", "event reads", "feed pages"] as const;
type Kind = (typeof KINDS)[number];
type Runs = Record<Kind, Run[]>;

/** A store of which nine of ten events go. */
export const SCAVENGE: Bench = {
  rows: [LATENCY_ROW, FREED_ROW, MEMORY_ROW],
  async measure({ options, directory }) {
    const data = join(directory, "data");
    await fill(data);
    await using server = await startQuipu(data);
    const { measureMs } = options;
    const turnsOf = (rounds: number, firstSeed: number) =>
      inTurns(
        rounds,
        Object.fromEntries(KINDS.map((kind) => [
          kind,
          (round: number) =>
            drive(server, kind, { seed: firstSeed + round, measureMs }),
        ])) as Record<Kind, (round: number) => Promise<Run>>,
      );
    await turnsOf(1, 1);
    const alone = await turnsOf(options.rounds, 2);
    await scavengeOf(server, "POST");
    const beside: Runs = { "appends": [], "event reads": [], "feed pages": [] };
    let mostMb = 0;
    // A round that was beside nothing for some of its time counts only where
    // there is no other.
    for (let round = 0; round < ROUNDS_MAX; round++) {
      const turns = await turnsOf(1, 100 + round);
      mostMb = Math.max(mostMb, server.residentMb());
      const isRunning = (await statusOf(server)).state === "running";
      if (!isRunning && round > 0) break;
      for (const kind of KINDS) beside[kind].push(...turns[kind]);
      if (!isRunning) break;
    }
    let status = await statusOf(server);
    while (status.state === "running") {
      await pause(100);
      status = await statusOf(server);
    }
    if (status.state !== "done") throw new Error(JSON.stringify(status));
    const { freedBytes, removedCount } = status.result;
    const left = await rewrittenBytes(data);
    const seconds =
      (Date.parse(status.endedAt) - Date.parse(status.startedAt)) / 1000;
    return [
      latencyResult(alone, beside),
      measured(FREED_ROW, [100 * freedBytes / (freedBytes + left)], {
        notes: [`${grouped(removedCount)} events in ${seconds.toFixed(1)} s`],
      }),
      measured(MEMORY_ROW, [mostMb]),
    ];
  },
};

function latencyResult(alone: Runs, beside: Runs) {
  const p999 = (runs: readonly Run[]) =>
    medianOf(runs, ({ latency }) => latency.p999Us);
  const text = (kind: Kind, runs: readonly Run[]) =>
    `${kind.padEnd(12)}${runs === alone[kind] ? "alone " : "beside"} ` +
    `${grouped(medianOf(runs, ({ rate }) => rate))} a second, p99 ` +
    `${milliseconds(medianOf(runs, ({ latency }) => latency.p99Us))} ms, ` +
    `p99.9 ${milliseconds(p999(runs))} ms`;
  const growths = KINDS.map((kind) => p999(beside[kind]) / p999(alone[kind]));
  return measured(LATENCY_ROW, [Math.max(...growths)], {
    notes: KINDS.flatMap((kind) => [
      text(kind, alone[kind]),
      text(kind, beside[kind]),
    ]),
  });
}

async function fill(directory: string): Promise<void> {
  await fillStore(directory, EVENTS, STREAMS);
  await using store = await openStore({
    directory,
    segmentSizeBytes: SEGMENT_BYTES,
    clock: SYSTEM_CLOCK,
    newEventId: () => crypto.randomUUID(),
    logger: SILENT_LOGGER,
  });
  for (let first = 0; first < STREAMS; first += 1000) {
    await Promise.all(Array.from({ length: 1000 }, (_, index) =>
      store.append({
        streamName: `$$order-${first + index}`,
        expectedVersion: "any",
        events: [{
          eventId: crypto.randomUUID(),
          eventType: "$metadata",
          isJson: true,
          data: `{"$maxCount":${KEPT_PER_STREAM}}`,
          metadata: "",
        }],
      })));
  }
}

function drive(
  server: ChildServer,
  kind: Kind,
  { seed, measureMs }: { readonly seed: number; readonly measureMs: number },
): Promise<Run> {
  return driveWell(server, {
    warmupMs: WARM_UP_MS,
    measureMs,
    seed,
    ...kind === "appends"
      ? { connections: WRITERS, ...appends({ streamCount: 10_000 }) }
      : {
        connections: READERS,
        work: readsOf(kind, seed),
        expectedStatus: 200,
      },
  });
}

function readsOf(kind: Kind, seed: number): Work {
  const random = new Random([seed, 7]);
  const headers = { Accept: "application/vnd.eventstore.atom+json" };
  return {
    kind: "read",
    requests: Array.from({ length: READS_MAX }, () => {
      const stream = `/streams/order-${random.nextUint32() % STREAMS}`;
      const back = random.nextUint32() % KEPT_PER_STREAM;
      const number = EVENTS_PER_STREAM - 1 - back;
      const path = kind === "event reads" ? `${stream}/${number}` : stream;
      return { path, headers };
    }),
  };
}

async function scavengeOf(server: ChildServer, method: string) {
  const path = method === "POST"
    ? "/admin/scavenge"
    : "/admin/scavenge/current";
  return await send(server.origin + path, { method, status: 200 });
}

async function statusOf(server: ChildServer) {
  return JSON.parse(await scavengeOf(server, "GET"));
}

/** Bytes of the segments and index files that were written anew. */
async function rewrittenBytes(directory: string): Promise<number> {
  let bytes = 0;
  const segments = join(directory, "segments");
  for await (const { name } of Deno.readDir(segments)) {
    if (!name.includes(".g2.")) continue;
    bytes += (await Deno.stat(join(segments, name))).size;
  }
  return bytes;
}
