/**
 * Scavenge bench: what a scavenge costs those who append and read meanwhile,
 * how long it takes beside them, what it gives back and how much memory the
 * server needs for it. Nine of ten events are hidden by `$maxCount`; in turns
 * 64 connections post events of 200 bytes, 16 read single events and 16 read
 * feed pages, of streams at random.
 *
 * Run: `deno task bench:scavenge [events of the store, default 1000000]`. Ends
 * with 1 when a mark is missed.
 *
 * @module
 */

import { join } from "@std/path";
import { print } from "../command_line.ts";
import { SILENT_LOGGER } from "../../lib/model/logger.ts";
import { SYSTEM_CLOCK } from "../../lib/runtime/system_clock.ts";
import { openStore } from "../../storage/mod.ts";
import type { ChildServer } from "../load/child_server.ts";
import { drive } from "../load/driver.ts";
import type { Work } from "../load/job.ts";
import { median } from "../load/median.ts";
import { Random } from "../load/random.ts";
import { fillStore } from "../scale/keep_store.ts";
import { startQuipu } from "../scale/quipu_server.ts";

const WRITERS = 64;
const READERS = 16;
/** Requests that readers go through. */
const READS_MAX = 20_000;
const WARM_UP_MS = 300;
const MEASURE_MS = 2000;
const ROUNDS_ALONE = 5;
/** Rounds beside a scavenge, at most. */
const ROUNDS_MAX = 20;
const EVENTS_PER_STREAM = 100;
const KEPT_PER_STREAM = 10;
/** Marks. */
const P999_GROWTH_MAX = 2;
const FREED_LEAST = 0.8;
const MEMORY_MB_MAX = 700;
const MIB = 2 ** 20;

/** What is asked of the server, in turns. */
const KINDS = ["appends", "event reads", "feed pages"] as const;
type Kind = (typeof KINDS)[number];

interface Turn {
  readonly kind: Kind;
  readonly perSecond: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
}

async function fill(directory: string, eventCount: number): Promise<void> {
  const streamCount = Math.ceil(eventCount / EVENTS_PER_STREAM);
  await fillStore(directory, eventCount, streamCount);
  await using store = await openStore({
    directory,
    segmentSizeBytes: 256 * MIB,
    clock: SYSTEM_CLOCK,
    newEventId: () => crypto.randomUUID(),
    logger: SILENT_LOGGER,
  });
  for (let first = 0; first < streamCount; first += 1000) {
    const count = Math.min(1000, streamCount - first);
    await Promise.all(Array.from({ length: count }, (_, index) =>
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

function workOf(kind: Kind, streamCount: number, seed: number): Work {
  if (kind === "appends") {
    return {
      kind: "append",
      format: "json",
      eventsPerPost: 1,
      dataBytes: 200,
      streamCount: 10_000,
      streamPrefix: "load",
    };
  }
  const random = new Random([seed, 7]);
  const headers = { Accept: "application/vnd.eventstore.atom+json" };
  const last = EVENTS_PER_STREAM - 1;
  return {
    kind: "read",
    requests: Array.from({ length: READS_MAX }, () => {
      const stream = `/streams/order-${random.nextUint32() % streamCount}`;
      const back = random.nextUint32() % KEPT_PER_STREAM;
      const path = kind === "event reads" ? `${stream}/${last - back}` : stream;
      return { path, headers };
    }),
  };
}

async function measure(
  server: ChildServer,
  kind: Kind,
  { streamCount, seed }: {
    readonly streamCount: number;
    readonly seed: number;
  },
): Promise<Turn> {
  const result = await drive({
    port: server.port,
    connections: kind === "appends" ? WRITERS : READERS,
    warmupMs: WARM_UP_MS,
    measureMs: MEASURE_MS,
    requestsMax: Infinity,
    seed,
    work: workOf(kind, streamCount, seed),
    expectedStatus: kind === "appends" ? 201 : 200,
  });
  if (result.errors > 0) throw new Error(result.firstError);
  const { p99Us, p999Us } = result.latency;
  return {
    kind,
    perSecond: result.requests / result.seconds,
    p99Ms: p99Us / 1000,
    p999Ms: p999Us / 1000,
  };
}

async function ask(
  { origin }: ChildServer,
  method: string,
  path: string,
): Promise<Response> {
  return await fetch(origin + path, {
    method,
    headers: { Authorization: `Basic ${btoa("admin:changeit")}` },
  });
}

/** @returns How often p99.9 alone is in p99.9 beside a scavenge. */
function show(
  kind: Kind,
  alone: readonly Turn[],
  beside: readonly Turn[],
): number {
  const p999s = [alone, beside].map((turns, index) => {
    const own = turns.filter((turn) => turn.kind === kind);
    const middle = (of: (turn: Turn) => number) => median(own.map(of));
    const p999Ms = middle((turn) => turn.p999Ms);
    print(
      `${kind.padEnd(12)} ${index === 0 ? "alone " : "beside"} ` +
        `${Math.round(middle((turn) => turn.perSecond))}/s, ` +
        `p99 ${middle((turn) => turn.p99Ms).toFixed(1)} ms, ` +
        `p99.9 ${p999Ms.toFixed(1)} ms (${
          own.map((turn) => turn.p999Ms.toFixed(1)).join(" ")
        })`,
    );
    return p999Ms;
  });
  return (p999s[1] ?? NaN) / (p999s[0] ?? NaN);
}

/** Bytes of segments and index files with such names. */
async function segmentBytes(
  directory: string,
  pattern = /./,
): Promise<number> {
  let bytes = 0;
  const segments = join(directory, "segments");
  for await (const { name } of Deno.readDir(segments)) {
    if (!pattern.test(name)) continue;
    bytes += (await Deno.stat(join(segments, name))).size;
  }
  return bytes;
}

/** @returns Whether the marks are met. */
async function run(eventCount: number): Promise<boolean> {
  const directory = await Deno.makeTempDir({ prefix: "quipu-scavenge-bench-" });
  try {
    await fill(directory, eventCount);
    const server = await startQuipu(directory);
    try {
      const streamCount = Math.ceil(eventCount / EVENTS_PER_STREAM);
      const alone: Turn[] = [];
      for (let round = 0; round <= ROUNDS_ALONE; round++) {
        for (const kind of KINDS) {
          const seed = round + 1;
          const turn = await measure(server, kind, { streamCount, seed });
          // The first one is for the server to warm up.
          if (round > 0) alone.push(turn);
        }
      }
      await (await ask(server, "POST", "/admin/scavenge")).body?.cancel();
      const beside: Turn[] = [];
      let memoryMb = 0;
      for (let turns = 0; turns < ROUNDS_MAX * KINDS.length; turns++) {
        const kind = KINDS[turns % KINDS.length] ?? "appends";
        const seed = turns + 100;
        const turn = await measure(server, kind, { streamCount, seed });
        memoryMb = Math.max(memoryMb, server.residentMb() ?? NaN);
        const { state } = await statusOf(server);
        // A turn that was beside nothing for some of its time counts only
        // where there is no other.
        const isFirst = turns < KINDS.length;
        if (state === "running" || isFirst) beside.push(turn);
        if (state !== "running" && !isFirst) break;
      }
      let status = await statusOf(server);
      while (status.state === "running") {
        await new Promise((resolve) => setTimeout(resolve, 100));
        status = await statusOf(server);
      }
      if (status.state !== "done") throw new Error(JSON.stringify(status));
      const growths = KINDS.map((kind) => show(kind, alone, beside));
      const { freedBytes, removedCount } = status.result;
      const left = await segmentBytes(directory, /\.g2\./);
      const freed = freedBytes / (freedBytes + left);
      const tookMs = Date.parse(status.endedAt) - Date.parse(status.startedAt);
      print(
        `p99.9 grows to ${
          growths.map((growth) => growth.toFixed(2)).join(", ")
        } times (mark: ${P999_GROWTH_MAX}); ${removedCount} events and ` +
          `${Math.round(freedBytes / MIB)} MiB, ${
            (freed * 100).toFixed(1)
          } % ` +
          `of what it went through, given back in ` +
          `${(tookMs / 1000).toFixed(1)} s (mark: ${FREED_LEAST * 100} %); ` +
          `memory of the server: at most ${Math.round(memoryMb)} MB ` +
          `(mark: ${MEMORY_MB_MAX})`,
      );
      return growths.every((growth) => growth <= P999_GROWTH_MAX) &&
        freed >= FREED_LEAST &&
        memoryMb <= MEMORY_MB_MAX;
    } finally {
      await server.stop();
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

async function statusOf(server: ChildServer) {
  return await (await ask(server, "GET", "/admin/scavenge/current")).json();
}

const eventCount = Number(Deno.args[0] ?? 1_000_000);
if (!Number.isSafeInteger(eventCount) || eventCount < 1) {
  print("Usage: deno task bench:scavenge [events of the store]");
  Deno.exit(2);
}
Deno.exit(await run(eventCount) ? 0 : 1);
