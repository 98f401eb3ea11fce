/**
 * Scavenge bench: what a scavenge costs those who append meanwhile, how long it
 * takes beside them, what it gives back and how much memory the server needs
 * for it. Nine of ten events are hidden by `$maxCount`; 64 connections post
 * events of 200 bytes.
 *
 * Run: `deno task bench:scavenge [events of the store, default 1000000]`. Ends
 * with 1 when a mark is missed.
 *
 * @module
 */

import { join } from "@std/path";
import { SILENT_LOGGER } from "../../lib/model/logger.ts";
import { SYSTEM_CLOCK } from "../../lib/runtime/system_clock.ts";
import { openStore } from "../../storage/mod.ts";
import type { ChildServer } from "../load/child_server.ts";
import { drive } from "../load/driver.ts";
import { median } from "../load/median.ts";
import { fillStore } from "../scale/keep_store.ts";
import { startQuipu } from "../scale/quipu_server.ts";

const CONNECTIONS = 64;
const WARM_UP_MS = 300;
const MEASURE_MS = 2000;
const ROUNDS_ALONE = 6;
/** Turns beside a scavenge, at most. */
const ROUNDS_MAX = 20;
const EVENTS_PER_STREAM = 100;
const KEPT_PER_STREAM = 10;
/** Marks. */
const P999_GROWTH_MAX = 2;
const FREED_LEAST = 0.8;
const MEMORY_MB_MAX = 700;
const MIB = 2 ** 20;

interface Turn {
  readonly perSecond: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
}

function print(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(line + "\n"));
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

async function measure(server: ChildServer, seed: number): Promise<Turn> {
  const result = await drive({
    port: server.port,
    connections: CONNECTIONS,
    warmupMs: WARM_UP_MS,
    measureMs: MEASURE_MS,
    requestsMax: Infinity,
    seed,
    work: {
      kind: "append",
      format: "json",
      eventsPerPost: 1,
      dataBytes: 200,
      streamCount: 10_000,
      streamPrefix: "load",
    },
    expectedStatus: 201,
  });
  if (result.errors > 0) throw new Error(result.firstError);
  const { p99Us, p999Us } = result.latency;
  return {
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

function show(name: string, turns: readonly Turn[]): void {
  const middle = (of: (turn: Turn) => number) => median(turns.map(of));
  print(
    `${name.padEnd(18)} ${Math.round(middle((turn) => turn.perSecond))}/s, ` +
      `p99 ${middle((turn) => turn.p99Ms).toFixed(1)} ms, ` +
      `p99.9 ${middle((turn) => turn.p999Ms).toFixed(1)} ms ` +
      `(${turns.length} turns)`,
  );
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
      await measure(server, 99);
      const alone: Turn[] = [];
      for (let round = 0; round < ROUNDS_ALONE; round++) {
        alone.push(await measure(server, round + 1));
      }
      await (await ask(server, "POST", "/admin/scavenge")).body?.cancel();
      const beside: Turn[] = [];
      let memoryMb = 0;
      for (let round = 0; round < ROUNDS_MAX; round++) {
        const turn = await measure(server, round + 100);
        memoryMb = Math.max(memoryMb, server.residentMb() ?? NaN);
        const { state } = await statusOf(server);
        if (state !== "running" && beside.length > 0) break;
        beside.push(turn);
        if (state !== "running") break;
      }
      let status = await statusOf(server);
      while (status.state === "running") {
        await new Promise((resolve) => setTimeout(resolve, 100));
        status = await statusOf(server);
      }
      if (status.state !== "done") throw new Error(JSON.stringify(status));
      show("appends alone", alone);
      show("beside a scavenge", beside);
      const growth = median(beside.map(({ p999Ms }) => p999Ms)) /
        median(alone.map(({ p999Ms }) => p999Ms));
      const { freedBytes, removedCount } = status.result;
      const left = await segmentBytes(directory, /\.g2\./);
      const freed = freedBytes / (freedBytes + left);
      const tookMs = Date.parse(status.endedAt) - Date.parse(status.startedAt);
      print(
        `p99.9 grows to ${growth.toFixed(2)} times (mark: ` +
          `${P999_GROWTH_MAX}); ${removedCount} events and ` +
          `${Math.round(freedBytes / MIB)} MiB, ${
            (freed * 100).toFixed(1)
          } % ` +
          `of what it went through, given back in ` +
          `${(tookMs / 1000).toFixed(1)} s (mark: ${FREED_LEAST * 100} %); ` +
          `memory of the server: at most ${Math.round(memoryMb)} MB ` +
          `(mark: ${MEMORY_MB_MAX})`,
      );
      return growth <= P999_GROWTH_MAX && freed >= FREED_LEAST &&
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
