/**
 * What the system streams cost appends over HTTP: 64 connections that post one
 * event a time to ordinary streams, which are entered in lists, and to streams
 * of the system, which are not. Each kind has a server of its own, with the
 * same default access lists: anybody may write to streams of the system too.
 *
 * @module
 */

import { join } from "@std/path";
import type { ChildServer } from "../load/child_server.ts";
import { drive } from "../load/driver.ts";
import { steadyAppends } from "../load/steady_appends.ts";
import { type AppendCost, compareCosts, type ListCost } from "./list_cost.ts";
import { startQuipu } from "./quipu_server.ts";

const CONNECTIONS = 64;
const STREAMS = 10_000;
const WARM_UP_MS = 500;
const MEASURE_MS = 2000;
/** Small enough that segments are sealed meanwhile. */
const SEGMENT_SIZE = "16MiB";
const OPEN_TO_ALL = { $r: "$all", $w: "$all", $d: "$all" };

/** Measures, in turns. */
export async function measureHttpListCost(rounds: number): Promise<ListCost> {
  const directory = await Deno.makeTempDir({ prefix: "quipu-scale-" });
  try {
    const listed = await open(join(directory, "listed"));
    try {
      const unlisted = await open(join(directory, "unlisted"));
      try {
        return await measureInTurns({ listed, unlisted }, rounds);
      } finally {
        await unlisted.stop();
      }
    } finally {
      await listed.stop();
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

async function open(directory: string): Promise<ChildServer> {
  const server = await startQuipu(directory, ["--segment-size", SEGMENT_SIZE]);
  const response = await fetch(`${server.origin}/streams/%24settings`, {
    method: "POST",
    headers: {
      Authorization: `Basic ${btoa("admin:changeit")}`,
      "Content-Type": "application/vnd.eventstore.events+json",
    },
    body: JSON.stringify([{
      eventId: crypto.randomUUID(),
      eventType: "update-default-acl",
      data: { $userStreamAcl: OPEN_TO_ALL, $systemStreamAcl: OPEN_TO_ALL },
    }]),
  });
  await response.body?.cancel();
  if (response.status !== 201) throw new Error(`Status ${response.status}`);
  return server;
}

async function measureInTurns(
  { listed, unlisted }: {
    readonly listed: ChildServer;
    readonly unlisted: ChildServer;
  },
  rounds: number,
): Promise<ListCost> {
  const withLists: AppendCost[] = [];
  const without: AppendCost[] = [];
  for (let round = 0; round < rounds; round++) {
    const seed = round + 1;
    if (round % 2 === 0) withLists.push(await measure(listed, "load", seed));
    without.push(await measure(unlisted, "$oad", seed));
    if (round % 2 === 1) withLists.push(await measure(listed, "load", seed));
  }
  return compareCosts(withLists, without);
}

async function measure(
  server: ChildServer,
  streamPrefix: string,
  seed: number,
): Promise<AppendCost> {
  const cpuBeforeMs = server.cpuMs() ?? NaN;
  const result = await drive(steadyAppends({
    port: server.port,
    connections: CONNECTIONS,
    warmupMs: WARM_UP_MS,
    measureMs: MEASURE_MS,
    seed,
    streamCount: STREAMS,
    streamPrefix,
  }));
  if (result.errors > 0) throw new Error(result.firstError);
  const cpuMs = (server.cpuMs() ?? NaN) - cpuBeforeMs;
  return {
    wallUs: result.seconds * 1_000_000 / result.requests,
    cpuUs: cpuMs * 1000 / result.requestsInAll,
  };
}
