/**
 * A store of 10 million events in a million streams: how soon it starts, what
 * memory it takes, how events that nobody read lately are read, and how pages
 * compare with those of a store of 100,000 events.
 *
 * @module
 */

import { join } from "@std/path";
import type { ChildServer } from "../load/child_server.ts";
import type { DriverResult, ReadRequest } from "../load/job.ts";
import { median } from "../load/median.ts";
import { runDriver } from "../load/run_driver.ts";
import { appendSome } from "../scale/append_some.ts";
import { CATEGORY } from "../scale/fill_store.ts";
import { keepStore } from "../scale/keep_store.ts";
import { measurePages } from "../scale/page_cost.ts";
import { startQuipu } from "../scale/quipu_server.ts";
import { type LargeResult, largeResult } from "./large_row.ts";
import { IDLE_ROWS, STORE_ROWS } from "./rows.ts";

const LARGE = { events: 10_000_000, streams: 1_000_000 };
const SMALL = { events: 100_000, streams: 10_000 };
const CONNECTIONS = 64;
/** Events that are read again and again. */
const HOT_EVENTS = 1280;
/** More than a turn reads, so that none is read twice. */
const COLD_EVENTS = 80_000;
/** V8 tidies up after the start: it collects garbage 30 and 40 s later. */
const TIDY_MS = 60_000;
const IDLE_MS = 30_000;
const SETTLE_MS = 2000;
const HEADERS = {
  Accept: "application/vnd.eventstore.atom+json",
};

/** Measures the rows; pages only if they are asked for. */
export async function measureLargeStore(
  directory: string,
  options: {
    readonly rounds: number;
    readonly measureMs: number;
    readonly rowNames: readonly string[];
  },
): Promise<LargeResult[]> {
  const { rounds, rowNames } = options;
  const small = join(directory, "small");
  const large = join(directory, "large");
  await Deno.mkdir(small, { recursive: true });
  await Deno.mkdir(large, { recursive: true });
  const ofSmall = await keepStore(small, SMALL.events, SMALL.streams);
  const ofLarge = await keepStore(large, LARGE.events, LARGE.streams);
  const { results, server } = await measureStarts(join(large, "data"), rounds);
  let mostMb = server.residentMb() ?? NaN;
  const note = () => mostMb = Math.max(mostMb, server.residentMb() ?? NaN);
  try {
    await settle();
    if (rowNames.includes(STORE_ROWS.cold.name)) {
      await readFiles(join(large, "data", "segments"));
      results.push(await measureCold(server, options));
      note();
    }
    if (rowNames.includes(STORE_ROWS.pages.name)) {
      const other = await startQuipu(join(small, "data"));
      try {
        const costs = await measurePages({
          small: { server: other, filled: ofSmall },
          large: { server, filled: ofLarge },
        }, rounds);
        const warm = costs.filter(({ isCold }) => !isCold);
        results.push(
          largeResult(
            STORE_ROWS.pages,
            [Math.max(...warm.map(({ ratio }) => ratio))],
            {
              notes: costs.map(({ name, smallUs, largeUs, ratio, cpuRatio }) =>
                `${name.padEnd(26)} ${smallUs.toFixed(0)} µs, ` +
                `${largeUs.toFixed(0)} µs: ${ratio.toFixed(2)}, by CPU time ` +
                cpuRatio.toFixed(2)
              ),
              byCpuTime: Math.max(...warm.map(({ cpuRatio }) => cpuRatio)),
            },
          ),
        );
        note();
      } finally {
        await other.stop();
      }
    }
    results.push(largeResult(STORE_ROWS.memory, [mostMb]));
  } finally {
    await server.stop();
  }
  return results;
}

async function measureStarts(
  dataDirectory: string,
  rounds: number,
): Promise<{ results: LargeResult[]; server: ChildServer }> {
  // What is to be made anew once is made now.
  await (await startQuipu(dataDirectory)).stop();
  const clean: number[] = [];
  const killed: number[] = [];
  for (let round = 0;; round++) {
    const first = await timedStart(dataDirectory);
    clean.push(first.seconds);
    await appendSome(first.server);
    await first.server.kill();
    const second = await timedStart(dataDirectory);
    killed.push(second.seconds);
    if (round + 1 >= rounds) {
      const results = [
        largeResult(STORE_ROWS.startClean, clean),
        largeResult(STORE_ROWS.startKilled, killed),
      ];
      return { results, server: second.server };
    }
    await second.server.stop();
  }
}

async function timedStart(
  dataDirectory: string,
): Promise<{ seconds: number; server: ChildServer }> {
  const startedAt = performance.now();
  const server = await startQuipu(dataDirectory);
  return { seconds: (performance.now() - startedAt) / 1000, server };
}

/** Events of streams at random, each once, beside the same few again and again. */
async function measureCold(
  server: ChildServer,
  { rounds, measureMs }: {
    readonly rounds: number;
    readonly measureMs: number;
  },
): Promise<LargeResult> {
  const random = (below: number) => Math.floor(Math.random() * below);
  const requestOf = (): ReadRequest => ({
    path: `/streams/${CATEGORY}-${random(LARGE.streams)}/${
      random(LARGE.events / LARGE.streams)
    }`,
    headers: HEADERS,
  });
  const hotRequests = Array.from({ length: HOT_EVENTS }, requestOf);
  const drive = async (requests: readonly ReadRequest[]) => {
    const cpuBeforeMs = server.cpuMs() ?? NaN;
    const result = await runDriver({
      port: server.port,
      connections: CONNECTIONS,
      warmupMs: 1000,
      measureMs,
      requestsMax: COLD_EVENTS,
      seed: 1,
      work: { kind: "read", requests },
      expectedStatus: 200,
    });
    if (result.errors > 0) throw new Error(`Cannot read: ${result.firstError}`);
    const cpuUs = ((server.cpuMs() ?? NaN) - cpuBeforeMs) * 1000 /
      result.requestsInAll;
    return { rate: rateOf(result), cpuUs };
  };
  await drive(hotRequests);
  const pairs: { hot: Turn; cold: Turn }[] = [];
  for (let round = 0; round < rounds; round++) {
    const hot = await drive(hotRequests);
    const cold = await drive(Array.from({ length: COLD_EVENTS }, requestOf));
    pairs.push({ hot, cold });
  }
  const text = (of: (pair: { hot: Turn; cold: Turn }) => Turn) =>
    `${
      Math.round(median(pairs.map((pair) => of(pair).rate))).toLocaleString(
        "en",
      )
    }` +
    ` requests/s, server ` +
    `${median(pairs.map((pair) => of(pair).cpuUs)).toFixed(1)} µs`;
  return largeResult(
    STORE_ROWS.cold,
    pairs.map(({ hot, cold }) => cold.rate / hot.rate),
    {
      notes: [
        `cold  ${text(({ cold }) => cold)}`,
        `hot   ${text(({ hot }) => hot)}`,
      ],
      byCpuTime: median(pairs.map(({ hot, cold }) => hot.cpuUs / cold.cpuUs)),
    },
  );
}

/** Reads files once, so that the system has them in memory. */
async function readFiles(directory: string): Promise<void> {
  const buffer = new Uint8Array(4 * 1024 * 1024);
  for await (const { name } of Deno.readDir(directory)) {
    using file = await Deno.open(join(directory, name));
    while (await file.read(buffer) !== null);
  }
}

interface Turn {
  readonly rate: number;
  readonly cpuUs: number;
}

function rateOf(result: DriverResult): number {
  return result.requests / result.seconds;
}

/** An empty server that nobody asks for anything. */
export async function measureIdle(): Promise<LargeResult[]> {
  const directory = await Deno.makeTempDir({ prefix: "quipu-idle-" });
  const server = await startQuipu(directory);
  try {
    await settle();
    const residentMb = server.residentMb() ?? NaN;
    const startedMs = server.cpuMs() ?? NaN;
    await wait(TIDY_MS);
    const before = server.cpuMs() ?? NaN;
    await wait(IDLE_MS);
    const usedMs = (server.cpuMs() ?? NaN) - before;
    return [
      largeResult(IDLE_ROWS.memory, [residentMb]),
      largeResult(IDLE_ROWS.cpu, [usedMs], {
        notes: [
          `in the ${
            TIDY_MS / 1000
          } s before, V8's two collections of garbage ` +
          `among them: ${(before - startedMs).toFixed(0)} ms`,
        ],
      }),
    ];
  } finally {
    await server.stop();
    await Deno.remove(directory, { recursive: true });
  }
}

function settle(): Promise<void> {
  return wait(SETTLE_MS);
}

function wait(durationMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, durationMs));
}
