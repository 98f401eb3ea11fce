/**
 * Scale bench: pages, starts and memory of a large store beside a small one of
 * 100,000 events in 10,000 streams, and what the system streams cost appends.
 *
 * Ends with 1 when a mark is missed, with 2 for options it does not know.
 *
 * @module
 */

import { join } from "@std/path";
import { print } from "../command_line.ts";
import type { ChildServer } from "../load/child_server.ts";
import { appendSome } from "./append_some.ts";
import { measureListCost } from "./append_cost.ts";
import { measureHttpListCost } from "./http_append_cost.ts";
import { keepStore } from "./keep_store.ts";
import type { ListCost } from "./list_cost.ts";
import { parseOptions, type ScaleOptions, USAGE } from "./options.ts";
import { measurePages } from "./page_cost.ts";
import { startQuipu } from "./quipu_server.ts";

const SMALL_EVENTS = 100_000;
const SMALL_STREAMS = 10_000;
/** Marks: a page of the large store over one of the small, and lists over none. */
const PAGE_RATIO_MAX = 1.5;
const LIST_RATIO_MAX = 1.05;
const SETTLE_MS = 3000;

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`;
}

/** Starts a server; says how long it took until it answered. */
async function start(
  directory: string,
): Promise<{ readonly server: ChildServer; readonly tookMs: number }> {
  const startedAt = performance.now();
  const server = await startQuipu(join(directory, "data"));
  return { server, tookMs: performance.now() - startedAt };
}

/** A server on its store, after one clean stop and one kill, both timed. */
async function startTimed(
  name: string,
  directory: string,
): Promise<ChildServer> {
  const first = await start(directory);
  await first.server.stop();
  const clean = await start(directory);
  const cleanMb = clean.server.residentMb();
  await appendSome(clean.server);
  await clean.server.kill();
  const killed = await start(directory);
  print(
    `${name} store: ready in ${seconds(clean.tookMs)} after a clean stop, ` +
      `${seconds(killed.tookMs)} after kill -9; ` +
      `${cleanMb?.toFixed(0)} MB resident once started`,
  );
  return killed.server;
}

async function comparePages(
  options: ScaleOptions,
  directory: string,
): Promise<boolean> {
  const smallDirectory = join(directory, "small");
  const largeDirectory = join(directory, "large");
  await Deno.mkdir(smallDirectory, { recursive: true });
  await Deno.mkdir(largeDirectory, { recursive: true });
  const ofSmall = await keepStore(smallDirectory, SMALL_EVENTS, SMALL_STREAMS);
  const { eventCount, streamCount, rounds } = options;
  const ofLarge = await keepStore(largeDirectory, eventCount, streamCount);
  const small = {
    server: await startTimed("small", smallDirectory),
    filled: ofSmall,
  };
  try {
    const large = {
      server: await startTimed("large", largeDirectory),
      filled: ofLarge,
    };
    try {
      // What a server does once it has started is none of a page's cost.
      await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
      const costs = await measurePages({ small, large }, rounds);
      for (const { name, smallUs, largeUs, ratio, cpuRatio } of costs) {
        print(
          `${name.padEnd(26)} small ${smallUs.toFixed(0).padStart(6)} µs   ` +
            `large ${largeUs.toFixed(0).padStart(6)} µs   ` +
            `ratio ${ratio.toFixed(2)}   by CPU time ${cpuRatio.toFixed(2)}`,
        );
      }
      print(
        `resident after that: small ${small.server.residentMb()?.toFixed(0)} ` +
          `MB, large ${large.server.residentMb()?.toFixed(0)} MB`,
      );
      return costs.every(({ ratio, isCold }) =>
        isCold || ratio <= PAGE_RATIO_MAX
      );
    } finally {
      await large.server.stop();
    }
  } finally {
    await small.server.stop();
  }
}

function printListCost(name: string, cost: ListCost): void {
  const { listed, unlisted, wallRatio, cpuRatio } = cost;
  print(
    `append ${name}: with lists ${listed.wallUs.toFixed(1)} µs (CPU ` +
      `${listed.cpuUs.toFixed(1)}), without ${unlisted.wallUs.toFixed(1)} µs ` +
      `(CPU ${unlisted.cpuUs.toFixed(1)}): ratio ${wallRatio.toFixed(3)}, ` +
      `by CPU time ${cpuRatio.toFixed(3)}`,
  );
}

async function compareAppends({ rounds }: ScaleOptions): Promise<boolean> {
  printListCost("to the store", await measureListCost(rounds));
  const overHttp = await measureHttpListCost(rounds);
  printListCost("over HTTP", overHttp);
  // Waiting for the disk differs far more from turn to turn than CPU time does.
  const { cpuRatio, wallRatio } = overHttp;
  return (Number.isNaN(cpuRatio) ? wallRatio : cpuRatio) <= LIST_RATIO_MAX;
}

async function runBench(options: ScaleOptions): Promise<boolean> {
  const directory = options.directory ??
    await Deno.makeTempDir({ prefix: "quipu-scale-" });
  try {
    const { parts } = options;
    const areAppendsFit = !parts.includes("appends") ||
      await compareAppends(options);
    const arePagesFit = !parts.includes("pages") ||
      await comparePages(options, directory);
    return areAppendsFit && arePagesFit;
  } finally {
    if (options.directory === undefined) {
      await Deno.remove(directory, { recursive: true });
    }
  }
}

function parseOrExit(): ScaleOptions | undefined {
  try {
    return parseOptions(Deno.args);
  } catch (error) {
    print(`${error instanceof Error ? error.message : error}\n\n${USAGE}`);
    Deno.exit(2);
  }
}

const options = parseOrExit();
if (options === undefined) print(USAGE);
else if (!await runBench(options)) {
  print("A mark was missed");
  Deno.exitCode = 1;
}
