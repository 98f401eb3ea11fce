/**
 * What live feeds and held reads cost, over HTTP, on one machine:
 *
 *   fan-out    from an append to its delivery to each of many live feeds,
 *              beside a bare fan-out loop on `Deno.serve`, in turns
 *   memory     of the server for each live feed and each long poll
 *   catch-up   history by a live feed, beside following pages
 *   long polls what many of them cost appends
 *
 * Run: `deno run --allow-all bench/live/main.ts [clients] [rounds]`
 *
 * @module
 */

import { join } from "@std/path";
import { print } from "../command_line.ts";
import { type ChildServer, startServer } from "../load/child_server.ts";
import { median } from "../load/median.ts";
import { PROJECT_ROOT } from "../load/project_root.ts";
import { startQuipu } from "../scale/quipu_server.ts";
import { FeedClients } from "./feed_clients.ts";

const CLIENT_COUNT = Number(Deno.args[0] ?? 1000);
const ROUNDS = Number(Deno.args[1] ?? 5);
const EVENTS_PER_ROUND = 20;
const HISTORY_COUNT = 100_000;
const LONG_POLL_COUNT = 10_000;
const APPEND_MS = 3000;
const APPENDERS = 16;
const SETTLE_MS = 1500;
const EVENTS_JSON = "application/vnd.eventstore.events+json";
const SSE = { Accept: "text/event-stream" };

function startBare(): Promise<ChildServer> {
  const program = join(PROJECT_ROOT, "bench", "live", "bare_server.ts");
  return startServer({
    args: ["run", "--no-prompt", "--allow-net", program, "{port}"],
    readyPath: "/",
  });
}

let eventCount = 0;

function eventsText(count: number): string {
  const events = Array.from({ length: count }, () => ({
    eventId: crypto.randomUUID(),
    eventType: "orderPlaced",
    data: { number: ++eventCount, text: "x".repeat(160) },
  }));
  return JSON.stringify(events);
}

async function post(url: string, body: string): Promise<void> {
  const response = await fetch(url, {
    method: "POST",
    headers: { "Content-Type": EVENTS_JSON },
    body,
  });
  await response.body?.cancel();
  if (response.status !== 201) throw new Error(`Status ${response.status}`);
}

function settle(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
}

function quantile(sorted: readonly number[], part: number): number {
  return sorted[Math.floor(sorted.length * part)] ?? NaN;
}

function inMs(value: number): string {
  return value.toFixed(2).padStart(8) + " ms";
}

interface Round {
  readonly p50: number;
  readonly p99: number;
}

async function measureRound(
  clients: FeedClients,
  act: () => Promise<void>,
): Promise<Round> {
  const p50: number[] = [];
  const p99: number[] = [];
  for (let event = 0; event < EVENTS_PER_ROUND; event++) {
    const times = await clients.deliver(act);
    p50.push(quantile(times, 0.5));
    p99.push(quantile(times, 0.99));
  }
  return { p50: median(p50), p99: median(p99) };
}

async function measureFanOut(quipu: ChildServer): Promise<void> {
  const bare = await startBare();
  const stream = `${quipu.origin}/streams/orders-1`;
  const append = () => post(stream, eventsText(1));
  await append();
  const open = (port: number, path: string) =>
    FeedClients.open({
      port,
      path,
      headers: SSE,
      count: CLIENT_COUNT,
      isFeed: true,
    });
  await settle();
  const memory = watchMemory({ quipu, bare });
  using ofQuipu = await open(quipu.port, "/streams/orders-1?from=head");
  using ofBare = await open(bare.port, "/");
  await settle();
  memory.print("clients that wait");
  const message = await ofQuipu.recordMessage(append);
  print(`message: ${message.length} characters`);
  const fanOut = () => post(bare.origin, message);
  ofQuipu.listen();
  ofBare.listen();
  await settle();
  // Warm-up.
  await measureRound(ofQuipu, append);
  await measureRound(ofBare, fanOut);
  const ratios: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const isFirst = round % 2 === 0;
    const first = isFirst ? await measureRound(ofQuipu, append) : undefined;
    const reference = await measureRound(ofBare, fanOut);
    const own = first ?? await measureRound(ofQuipu, append);
    ratios.push(own.p50 / reference.p50);
    print(
      `round ${round}: quipu p50 ${inMs(own.p50)} p99 ${inMs(own.p99)}` +
        `   bare p50 ${inMs(reference.p50)} p99 ${inMs(reference.p99)}` +
        `   ratio ${(own.p50 / reference.p50).toFixed(2)}`,
    );
  }
  print(
    `fan-out to ${CLIENT_COUNT}: median ratio ${median(ratios).toFixed(2)}`,
  );
  await settle();
  memory.print("after all rounds");
  await bare.stop();
}

/** Says how much more memory servers have than now, for each client. */
function watchMemory(servers: Readonly<Record<string, ChildServer>>): {
  print(moment: string): void;
} {
  const before = Object.entries(servers).map(([name, server]) =>
    [name, server, server.residentMb() ?? NaN] as const
  );
  return {
    print(moment) {
      for (const [name, server, beforeMb] of before) {
        const nowMb = server.residentMb() ?? NaN;
        const perClient = (nowMb - beforeMb) * 1024 / CLIENT_COUNT;
        print(
          `memory of ${name}, ${moment}: ${beforeMb.toFixed(0)} MB to ` +
            `${nowMb.toFixed(0)} MB, ${perClient.toFixed(1)} KB a client`,
        );
      }
    },
  };
}

async function measureCatchUp(quipu: ChildServer): Promise<void> {
  const stream = `${quipu.origin}/streams/history-1`;
  for (let first = 0; first < HISTORY_COUNT; first += 1000) {
    await post(stream, eventsText(1000));
  }
  for (let round = 0; round < 3; round++) {
    const live = await timeOf(() => readLive(stream));
    const pages = await timeOf(() => readPages(stream));
    print(
      `catch-up of ${HISTORY_COUNT}: live feed ` +
        `${rateOf(live)} events/s, pages of 500 ${rateOf(pages)} events/s`,
    );
  }
}

function rateOf(ms: number): string {
  return Math.round(HISTORY_COUNT / ms * 1000).toLocaleString("en");
}

async function timeOf(act: () => Promise<void>): Promise<number> {
  const startedAt = performance.now();
  await act();
  return performance.now() - startedAt;
}

async function readLive(stream: string): Promise<void> {
  const response = await fetch(stream, { headers: SSE });
  const decoder = new TextDecoder();
  let tail = "";
  for await (const piece of response.body ?? []) {
    const text = decoder.decode(piece, { stream: true });
    if ((tail + text).includes("event: caught-up")) return;
    tail = text.slice(-50);
  }
  throw new Error("The feed ended");
}

async function readPages(stream: string): Promise<void> {
  let number = 0;
  while (number < HISTORY_COUNT) {
    const response = await fetch(`${stream}/${number}/forward/500?embed=body`, {
      headers: { Accept: "application/vnd.eventstore.atom+json" },
    });
    await response.arrayBuffer();
    number += 500;
  }
}

async function measureLongPolls(quipu: ChildServer): Promise<void> {
  await measureAppends(quipu);
  for (const [name, path] of LONG_POLLS) {
    const ratios: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      await settle();
      const before = quipu.residentMb() ?? NaN;
      const alone = await measureAppends(quipu);
      using _clients = await FeedClients.open({
        port: quipu.port,
        path,
        headers: { "ES-LongPoll": "60" },
        count: LONG_POLL_COUNT,
        isFeed: false,
      });
      await settle();
      const after = quipu.residentMb() ?? NaN;
      const withPolls = await measureAppends(quipu);
      ratios.push(withPolls / alone);
      const perPoll = (after - before) * 1024 / LONG_POLL_COUNT;
      print(
        `${LONG_POLL_COUNT} long polls of ${name}: ${before.toFixed(0)} MB ` +
          `to ${after.toFixed(0)} MB, ${perPoll.toFixed(1)} KB each; appends ` +
          `${Math.round(alone)}/s alone, ${Math.round(withPolls)}/s with them`,
      );
    }
    print(
      `appends beside long polls of ${name}: median ratio ` +
        median(ratios).toFixed(2),
    );
  }
}

const LONG_POLLS = [
  ["one stream", "/streams/quiet-1/0/forward/20?embed=body"],
  ["a stream each", "/streams/quiet-{index}/0/forward/20?embed=body"],
] as const;

/** Appends of one event a second, by some clients at once. */
async function measureAppends(quipu: ChildServer): Promise<number> {
  const endsAt = performance.now() + APPEND_MS;
  let count = 0;
  await Promise.all(
    Array.from({ length: APPENDERS }, async (_, index) => {
      while (performance.now() < endsAt) {
        await post(`${quipu.origin}/streams/busy-${index}`, eventsText(1));
        count++;
      }
    }),
  );
  return count / APPEND_MS * 1000;
}

const directory = await Deno.makeTempDir({ prefix: "quipu-live-" });
try {
  const quipu = await startQuipu(join(directory, "data"));
  try {
    await measureFanOut(quipu);
    await measureCatchUp(quipu);
    await measureLongPolls(quipu);
  } finally {
    await quipu.stop();
  }
} finally {
  await Deno.remove(directory, { recursive: true });
}
