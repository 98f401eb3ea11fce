/**
 * What persistent subscriptions cost, over HTTP, on one machine: 16 consumers
 * that take 100 messages with bodies and acknowledge them, and 16 that are
 * pushed messages; from an append to a consumer that is pushed to, at 1,000 a
 * second; and what 1,000 groups of one stream cost appends to it.
 *
 * @module
 */

import { join } from "@std/path";
import { Latencies } from "../load/latency.ts";
import { eventsOf, post, rateOf, send } from "../load/post.ts";
import { milliseconds } from "../report.ts";
import {
  type Bench,
  type BenchContext,
  type Measured,
  measured,
  pause,
  type Row,
} from "../row.ts";
import type { ChildServer } from "../servers/child_server.ts";
import { startQuipu } from "../servers/quipu_server.ts";
import { type Count, followAndAck, readAndAck } from "./consumers.ts";

const READ_ROW: Row = {
  name: "group-read",
  title: "messages read by hundreds and acknowledged, 16 consumers",
  unit: "a second",
  marks: { goal: 40_000 },
};
const PUSHED_ROW: Row = {
  name: "group-pushed",
  title: "messages pushed and acknowledged by hundreds, 16 consumers",
  unit: "a second",
  marks: { goal: 30_000 },
};
const LATENCY_ROW: Row = {
  name: "group-latency",
  title: "append to a consumer that is pushed to, at 1,000 a second, p50",
  unit: "ms",
  isLessBetter: true,
  marks: { goal: 2 },
};
const GROUPS_ROW: Row = {
  name: "group-crowd",
  title: "appends to a stream with 1,000 groups, against one without",
  unit: "ratio",
  marks: { goal: 0.9 },
};

const EVENT_COUNT = 1_000_000;
const CONSUMERS = 16;
const GROUPS = 1_000;
const APPENDERS = 16;
const LATENCY_RATE = 1_000;
/** Runs are this many times as long as those of requests. */
const TIMES = 3;
const SETTINGS = {
  bufferSize: 5_000,
  readBatchSize: 500,
  maxSubscriberCount: 100,
  messageTimeoutMilliseconds: 600_000,
};

/** All on one server, with a stream of a million events. */
export const SUBSCRIPTIONS: Bench = {
  rows: [READ_ROW, PUSHED_ROW, LATENCY_ROW, GROUPS_ROW],
  async measure(context) {
    const { directory, wants } = context;
    await using server = await startQuipu(join(directory, "store"));
    const results: Measured[] = [];
    if (wants(READ_ROW) || wants(PUSHED_ROW)) {
      for (let first = 0; first < EVENT_COUNT; first += 1000) {
        const data = Array.from({ length: 1000 }, (_, index) => ({
          number: first + index,
          text: "x".repeat(100),
        }));
        await post(`${server.origin}/streams/orders`, eventsOf(data));
      }
      results.push(
        await measureConsumers(READ_ROW, server, context, readAndAck),
        await measureConsumers(PUSHED_ROW, server, context, followAndAck),
      );
    }
    if (wants(LATENCY_ROW)) results.push(await measureLatency(server, context));
    if (wants(GROUPS_ROW)) results.push(await measureGroups(server, context));
    return results;
  },
};

async function createGroup(
  { origin }: ChildServer,
  path: string,
  settings: unknown = SETTINGS,
): Promise<void> {
  await send(origin + path, {
    method: "PUT",
    body: JSON.stringify(settings),
    status: 201,
  });
}

/** Lets consumers work for a while, and says how many messages they did. */
async function measureConsumers(
  row: Row,
  server: ChildServer,
  { options }: BenchContext,
  consume: typeof readAndAck,
): Promise<Measured> {
  const group = `/subscriptions/orders/${row.name}`;
  await createGroup(server, group);
  const count: Count = { messages: 0 };
  const cpuBeforeMs = server.cpuMs();
  const startedAt = performance.now();
  const endsAt = startedAt + TIMES * options.measureMs;
  await Promise.all(Array.from(
    { length: CONSUMERS },
    () => consume(server.port, group, { count, endsAt }),
  ));
  const seconds = (performance.now() - startedAt) / 1000;
  const eachUs = (server.cpuMs() - cpuBeforeMs) * 1000 / count.messages;
  return measured(row, [count.messages / seconds], {
    notes: [`${eachUs.toFixed(1)} µs of the server's CPU time each`],
  });
}

async function measureLatency(
  server: ChildServer,
  { options }: BenchContext,
): Promise<Measured> {
  const group = "/subscriptions/ticks/g";
  await createGroup(server, group);
  const delays = new Latencies();
  const answers = new Latencies();
  const endsAt = performance.now() + TIMES * options.measureMs;
  const consumer = followAndAck(server.port, group, {
    count: { messages: 0 },
    endsAt,
    onMessages(text) {
      const now = performance.now();
      for (const [, sentAt] of text.matchAll(/sentAt[^0-9]*([0-9.]+)/g)) {
        delays.record(now - Number(sentAt));
      }
    },
  });
  await Promise.all(Array.from({ length: APPENDERS }, async (_, index) => {
    const stepMs = APPENDERS * 1000 / LATENCY_RATE;
    let dueAt = performance.now() + index * stepMs / APPENDERS;
    while (dueAt < endsAt - 500) {
      await pause(Math.max(0, dueAt - performance.now()));
      const sentAt = performance.now();
      await post(`${server.origin}/streams/ticks`, eventsOf([{ sentAt }]));
      answers.record(performance.now() - sentAt);
      dueAt += stepMs;
    }
  }));
  await consumer;
  const { count, p50Us, p99Us } = delays.summary();
  return measured(LATENCY_ROW, [p50Us / 1000], {
    notes: [
      `${count} messages, p99 ${milliseconds(p99Us)} ms; the append's own ` +
      `answer p50 ${milliseconds(answers.summary().p50Us)} ms`,
    ],
  });
}

async function measureGroups(
  server: ChildServer,
  { options }: BenchContext,
): Promise<Measured> {
  const appendsASecond = () =>
    rateOf(
      APPENDERS,
      TIMES * options.measureMs,
      () => post(`${server.origin}/streams/shared`, eventsOf([{ a: 1 }])),
    );
  await appendsASecond();
  const alone = await appendsASecond();
  const beforeMb = server.residentMb();
  for (let index = 0; index < GROUPS; index++) {
    const path = `/subscriptions/shared/g${index}`;
    await createGroup(server, path, { startFrom: -1 });
  }
  const tookMb = server.residentMb() - beforeMb;
  return measured(GROUPS_ROW, [await appendsASecond() / alone], {
    notes: [`the groups took ${tookMb.toFixed(0)} MB`],
  });
}
