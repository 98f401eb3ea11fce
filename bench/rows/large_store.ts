/**
 * A store of 10 million events in a million streams: how soon it starts, what
 * memory it takes, how events that nobody read lately are read, and how pages
 * compare with those of a store of 100,000 events.
 *
 * @module
 */

import { join } from "@std/path";
import type { ReadRequest } from "../load/job.ts";
import { driveWell, type Run } from "../load/run_driver.ts";
import { grouped } from "../report.ts";
import {
  type Bench,
  type BenchContext,
  inTurns,
  type Measured,
  measured,
  median,
  medianOf,
  pause,
  ratiosOf,
  type Row,
} from "../row.ts";
import type { ChildServer } from "../servers/child_server.ts";
import { startQuipu } from "../servers/quipu_server.ts";
import { appendSome } from "../stores/append_some.ts";
import { CATEGORY } from "../stores/fill_store.ts";
import { keepStore } from "../stores/keep_store.ts";
import { measurePages, PAGES_ROW } from "./pages.ts";

const COLD_ROW: Row = {
  name: "event-cold",
  title: "event read, cold index and log, 10 M events, 64 connections, " +
    "against hot ones",
  unit: "ratio",
  marks: { goal: 0.50, stretch: 0.70 },
};
const CLEAN_ROW: Row = {
  name: "start-clean",
  title: "start with 10 M events in 1 M streams after a clean stop",
  unit: "s",
  isLessBetter: true,
  marks: { goal: 1 },
};
const KILLED_ROW: Row = {
  name: "start-killed",
  title: "the same after kill -9",
  unit: "s",
  isLessBetter: true,
  marks: { goal: 2 },
};
const MEMORY_ROW: Row = {
  name: "memory-large",
  title: "memory with 10 M events in 1 M streams, the most under load",
  unit: "MB",
  isLessBetter: true,
  marks: { goal: 500, stretch: 350 },
};

const LARGE = { events: 10_000_000, streams: 1_000_000 };
const SMALL = { events: 100_000, streams: 10_000 };
const CONNECTIONS = 64;
/** Events that are read again and again. */
const HOT_EVENTS = 1280;
/** More than a turn reads, so that none is read twice. */
const COLD_EVENTS = 80_000;
const SETTLE_MS = 2000;
const HEADERS = { Accept: "application/vnd.eventstore.atom+json" };

/** All of them on one server; pages beside that of a small store. */
export const LARGE_STORE: Bench = {
  rows: [CLEAN_ROW, KILLED_ROW, COLD_ROW, PAGES_ROW, MEMORY_ROW],
  async measure(context) {
    const { options, directory, wants } = context;
    const parent = options.bigStoreDirectory ?? directory;
    const place = join(parent, "large");
    const ofLarge = await keepStore(place, LARGE.events, LARGE.streams);
    const data = join(place, "data");
    const results = await measureStarts(data, options.rounds);
    await using server = await startQuipu(data);
    let mostMb = server.residentMb();
    const add = (result: Measured) => {
      results.push(result);
      mostMb = Math.max(mostMb, server.residentMb());
    };
    await pause(SETTLE_MS);
    if (wants(COLD_ROW)) {
      await readFiles(join(data, "segments"));
      add(await measureCold(server, context));
    }
    if (wants(PAGES_ROW)) {
      const smallPlace = join(parent, "small");
      const ofSmall = await keepStore(smallPlace, SMALL.events, SMALL.streams);
      await using other = await startQuipu(join(smallPlace, "data"));
      add(
        await measurePages({
          small: { server: other, filled: ofSmall },
          large: { server, filled: ofLarge },
        }, options.rounds),
      );
    }
    return [...results, measured(MEMORY_ROW, [mostMb])];
  },
};

async function measureStarts(
  data: string,
  rounds: number,
): Promise<Measured[]> {
  // What is to be made anew once is made now.
  await (await startQuipu(data)).stop();
  const clean: number[] = [];
  const killed: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const first = await timedStart(data);
    clean.push(first.seconds);
    await appendSome(first.server);
    await first.server.kill();
    const second = await timedStart(data);
    killed.push(second.seconds);
    await second.server.stop();
  }
  return [measured(CLEAN_ROW, clean), measured(KILLED_ROW, killed)];
}

async function timedStart(
  data: string,
): Promise<{ readonly seconds: number; readonly server: ChildServer }> {
  const startedAt = performance.now();
  const server = await startQuipu(data);
  return { seconds: (performance.now() - startedAt) / 1000, server };
}

/** Events of streams at random, each once, beside the same few again and again. */
async function measureCold(
  server: ChildServer,
  { options }: BenchContext,
): Promise<Measured> {
  const random = (below: number) => Math.floor(Math.random() * below);
  const requestsOf = (length: number): readonly ReadRequest[] =>
    Array.from({ length }, () => ({
      path: `/streams/${CATEGORY}-${random(LARGE.streams)}/` +
        random(LARGE.events / LARGE.streams),
      headers: HEADERS,
    }));
  const drive = (requests: readonly ReadRequest[]) =>
    driveWell(server, {
      connections: CONNECTIONS,
      warmupMs: 1000,
      measureMs: options.measureMs,
      requestsMax: COLD_EVENTS,
      seed: 1,
      work: { kind: "read", requests },
      expectedStatus: 200,
    });
  const hotRequests = requestsOf(HOT_EVENTS);
  await drive(hotRequests);
  const { hot, cold } = await inTurns(options.rounds, {
    hot: () => drive(hotRequests),
    cold: () => drive(requestsOf(COLD_EVENTS)),
  });
  const text = (runs: readonly Run[]) =>
    `${grouped(medianOf(runs, (run) => run.rate))} requests/s, server ` +
    `${medianOf(runs, (run) => run.serverCpuUs).toFixed(1)} µs`;
  return measured(COLD_ROW, ratiosOf(cold, hot, (run) => run.rate), {
    notes: [`cold  ${text(cold)}`, `hot   ${text(hot)}`],
    byCpuTime: median(ratiosOf(hot, cold, (run) => run.serverCpuUs)),
  });
}

/** Reads files once, so that the system has them in memory. */
async function readFiles(directory: string): Promise<void> {
  const buffer = new Uint8Array(4 * 1024 * 1024);
  for await (const { name } of Deno.readDir(directory)) {
    using file = await Deno.open(join(directory, name));
    while (await file.read(buffer) !== null);
  }
}
