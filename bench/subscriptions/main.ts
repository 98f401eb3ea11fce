/**
 * What persistent subscriptions cost, over HTTP, on one machine:
 *
 *   read     16 consumers take 100 messages with bodies and acknowledge them
 *   pushed   16 consumers are pushed messages and acknowledge 100 at a time
 *   latency  from an append to a consumer that is pushed to, at 1,000 a second
 *   groups   what 1,000 groups of one stream cost appends to it
 *
 * Run: `deno run --allow-all bench/subscriptions/main.ts [events] [seconds]`
 *
 * @module
 */

import { join } from "@std/path";
import { print } from "../command_line.ts";
import type { ChildServer } from "../load/child_server.ts";
import { startQuipu } from "../scale/quipu_server.ts";
import { type Count, followAndAck, readAndAck } from "./consumers.ts";

const EVENT_COUNT = Number(Deno.args[0] ?? 1_000_000);
const SECONDS = Number(Deno.args[1] ?? 10);
const CONSUMERS = 16;
const GROUPS = 1_000;
const APPENDERS = 16;
const LATENCY_RATE = 1_000;
const LOGIN = { Authorization: "Basic " + btoa("admin:changeit") };
const SETTINGS = {
  bufferSize: 5_000,
  readBatchSize: 500,
  maxSubscriberCount: 100,
  messageTimeoutMilliseconds: 600_000,
};

async function post(url: string, events: readonly unknown[]): Promise<void> {
  const response = await fetch(url, {
    method: "POST",
    headers: { "Content-Type": "application/vnd.eventstore.events+json" },
    body: JSON.stringify(events),
  });
  const text = await response.text();
  if (response.status !== 201) throw new Error(`${response.status} ${text}`);
}

function eventOf(data: unknown) {
  return { eventId: crypto.randomUUID(), eventType: "orderPlaced", data };
}

async function createGroup(
  { origin }: ChildServer,
  path: string,
  settings: unknown = SETTINGS,
): Promise<void> {
  const response = await fetch(origin + path, {
    method: "PUT",
    headers: { ...LOGIN, "Content-Type": "application/json" },
    body: JSON.stringify(settings),
  });
  const text = await response.text();
  if (response.status !== 201) throw new Error(`${response.status} ${text}`);
}

/** Lets consumers work for a while, and says how many messages they did. */
async function measureConsumers(
  name: string,
  server: ChildServer,
  consume: typeof readAndAck,
): Promise<void> {
  const group = `/subscriptions/orders/${name}`;
  await createGroup(server, group);
  const count: Count = { messages: 0 };
  const cpuBefore = server.cpuMs() ?? NaN;
  const startedAt = performance.now();
  const endsAt = startedAt + SECONDS * 1000;
  await Promise.all(
    Array.from(
      { length: CONSUMERS },
      () => consume(server.port, group, { count, endsAt }),
    ),
  );
  const seconds = (performance.now() - startedAt) / 1000;
  const cpuMs = (server.cpuMs() ?? NaN) - cpuBefore;
  print(
    `${name}: ${Math.round(count.messages / seconds).toLocaleString("en")} ` +
      `messages/s by ${CONSUMERS} consumers, ` +
      `${(cpuMs * 1000 / count.messages).toFixed(1)} µs of the server's CPU ` +
      "for each",
  );
}

async function measureLatency(server: ChildServer): Promise<void> {
  const group = "/subscriptions/ticks/g";
  await createGroup(server, group);
  const delays: number[] = [];
  const answers: number[] = [];
  const endsAt = performance.now() + SECONDS * 1000;
  const consumer = followAndAck(server.port, group, {
    count: { messages: 0 },
    endsAt,
    onMessages(text) {
      const now = performance.now();
      for (const [, sentAt] of text.matchAll(/sentAt[^0-9]*([0-9.]+)/g)) {
        delays.push(now - Number(sentAt));
      }
    },
  });
  await Promise.all(
    Array.from({ length: APPENDERS }, async (_, index) => {
      const stepMs = APPENDERS * 1000 / LATENCY_RATE;
      let dueAt = performance.now() + index * stepMs / APPENDERS;
      while (dueAt < endsAt - 500) {
        const restMs = dueAt - performance.now();
        if (restMs > 0) await new Promise((go) => setTimeout(go, restMs));
        const sentAt = performance.now();
        await post(`${server.origin}/streams/ticks`, [eventOf({ sentAt })]);
        answers.push(performance.now() - sentAt);
        dueAt += stepMs;
      }
    }),
  );
  await consumer;
  print(
    `latency: ${delays.length} appends at ${LATENCY_RATE} a second, from the ` +
      `request to the consumer ${quantilesOf(delays)}, to its answer ` +
      quantilesOf(answers),
  );
}

function quantilesOf(times: number[]): string {
  times.sort((a, b) => a - b);
  const [p50, p99] = [0.5, 0.99].map((part) =>
    (times[Math.floor(times.length * part)] ?? NaN).toFixed(2)
  );
  return `p50 ${p50} ms p99 ${p99} ms`;
}

/** Appends of one event to one stream, by some clients at once. */
async function measureAppends(server: ChildServer): Promise<number> {
  const endsAt = performance.now() + SECONDS * 500;
  let count = 0;
  await Promise.all(
    Array.from({ length: APPENDERS }, async () => {
      while (performance.now() < endsAt) {
        await post(`${server.origin}/streams/shared`, [eventOf({ count })]);
        count++;
      }
    }),
  );
  return count / SECONDS * 2;
}

async function measureGroups(server: ChildServer): Promise<void> {
  await measureAppends(server);
  const alone = await measureAppends(server);
  const before = server.residentMb() ?? NaN;
  for (let index = 0; index < GROUPS; index++) {
    await createGroup(server, `/subscriptions/shared/g${index}`, {
      startFrom: -1,
    });
  }
  const after = server.residentMb() ?? NaN;
  const beside = await measureAppends(server);
  print(
    `groups: ${Math.round(alone)} appends/s alone, ${
      Math.round(beside)
    } with ` +
      `${GROUPS} groups of the stream, which took ` +
      `${(after - before).toFixed(0)} MB`,
  );
}

const directory = await Deno.makeTempDir({ prefix: "quipu-subscriptions-" });
try {
  const server = await startQuipu(join(directory, "data"));
  try {
    for (let first = 0; first < EVENT_COUNT; first += 1000) {
      const events = Array.from(
        { length: 1000 },
        (_, index) => eventOf({ number: first + index, text: "x".repeat(100) }),
      );
      await post(`${server.origin}/streams/orders`, events);
    }
    await measureConsumers("read", server, readAndAck);
    await measureConsumers("pushed", server, followAndAck);
    await measureLatency(server);
    await measureGroups(server);
  } finally {
    await server.stop();
  }
} finally {
  await Deno.remove(directory, { recursive: true });
}
