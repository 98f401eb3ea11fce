/**
 * What live feeds and held reads cost, over HTTP, on one machine: from an append
 * to its delivery to each of many live feeds, beside a bare fan-out loop on
 * `Deno.serve`; memory for each live feed and each long poll; and what many of
 * those cost appends.
 *
 * @module
 */

import { join } from "@std/path";
import { eventsOf, post, rateOf } from "../load/post.ts";
import { PROJECT_ROOT } from "../project_root.ts";
import {
  type Bench,
  type BenchContext,
  inTurns,
  type Measured,
  measured,
  medianOf,
  pause,
  ratiosOf,
  type Row,
} from "../row.ts";
import { type ChildServer, startServer } from "../servers/child_server.ts";
import { startQuipu } from "../servers/quipu_server.ts";
import { FeedClients } from "./feed_clients.ts";

const FAN_OUT_ROW: Row = {
  name: "fan-out",
  title: "append to its delivery to 1,000 live feeds, p50, against a bare loop",
  unit: "ratio",
  isLessBetter: true,
};
const FEED_MEMORY_ROW: Row = {
  name: "feed-memory",
  title: "memory for each live feed that waits",
  unit: "KB",
  isLessBetter: true,
};
const LONG_POLL_ROW: Row = {
  name: "long-polls",
  title: "appends beside 10,000 long polls of a stream each, against alone",
  unit: "ratio",
};
const POLL_MEMORY_ROW: Row = {
  name: "long-poll-memory",
  title: "memory for each of them",
  unit: "KB",
  isLessBetter: true,
};

const FEEDS = 1000;
const LONG_POLLS = 10_000;
const EVENTS_PER_ROUND = 20;
const APPENDERS = 16;
const SETTLE_MS = 1500;
const FAN_OUT_SERVER = join(
  PROJECT_ROOT,
  ...["bench", "servers", "fan_out_server.ts"],
);

/** Feeds first, then long polls, of one server. */
export const LIVE: Bench = {
  rows: [FAN_OUT_ROW, FEED_MEMORY_ROW, LONG_POLL_ROW, POLL_MEMORY_ROW],
  async measure(context) {
    await using server = await startQuipu(join(context.directory, "store"), {
      // All clients come from one address, without a login.
      args: [
        `--max-live-feeds-per-address=${2 * FEEDS}`,
        `--max-long-polls-per-address=${2 * LONG_POLLS}`,
      ],
    });
    return [
      ...context.wants(FAN_OUT_ROW) || context.wants(FEED_MEMORY_ROW)
        ? await measureFanOut(server, context)
        : [],
      ...context.wants(LONG_POLL_ROW) || context.wants(POLL_MEMORY_ROW)
        ? await measureLongPolls(server, context)
        : [],
    ];
  },
};

function anEvent(): string {
  return eventsOf([{ text: "x".repeat(180) }]);
}

/** Milliseconds to half and to 99 in 100 of the clients. */
interface Delivery {
  readonly p50: number;
  readonly p99: number;
}

async function measureFanOut(
  server: ChildServer,
  { options }: BenchContext,
): Promise<Measured[]> {
  await using bare = await startServer({
    args: ["run", "--no-prompt", "--allow-net", FAN_OUT_SERVER, "{port}"],
    readyPath: "/",
  });
  const append = () => post(`${server.origin}/streams/orders-1`, anEvent());
  const open = (port: number, path: string) =>
    FeedClients.open({
      port,
      path,
      headers: { Accept: "text/event-stream" },
      count: FEEDS,
      isFeed: true,
    });
  await append();
  await pause(SETTLE_MS);
  const beforeMb = server.residentMb();
  using ofServer = await open(server.port, "/streams/orders-1?from=head");
  await pause(SETTLE_MS);
  const eachKb = (server.residentMb() - beforeMb) * 1024 / FEEDS;
  using ofBare = await open(bare.port, "/");
  const message = await ofServer.recordMessage(append);
  const fanOut = () => post(bare.origin, message);
  ofServer.listen();
  ofBare.listen();
  await pause(SETTLE_MS);
  await deliver(ofServer, append);
  await deliver(ofBare, fanOut);
  const turns = await inTurns(options.rounds, {
    server: () => deliver(ofServer, append),
    bare: () => deliver(ofBare, fanOut),
  });
  const text = (own: readonly Delivery[]) =>
    `p50 ${medianOf(own, ({ p50 }) => p50).toFixed(2)} ms, ` +
    `p99 ${medianOf(own, ({ p99 }) => p99).toFixed(2)} ms`;
  return [
    measured(
      FAN_OUT_ROW,
      ratiosOf(turns.server, turns.bare, ({ p50 }) => p50),
      { notes: [`server ${text(turns.server)}`, `bare   ${text(turns.bare)}`] },
    ),
    measured(FEED_MEMORY_ROW, [eachKb]),
  ];
}

async function deliver(
  clients: FeedClients,
  act: () => Promise<void>,
): Promise<Delivery> {
  const times: (readonly number[])[] = [];
  for (let event = 0; event < EVENTS_PER_ROUND; event++) {
    times.push(await clients.deliver(act));
  }
  const at = (part: number) =>
    medianOf(
      times,
      (sorted) => sorted[Math.floor(sorted.length * part)] ?? NaN,
    );
  return { p50: at(0.5), p99: at(0.99) };
}

async function measureLongPolls(
  server: ChildServer,
  { options }: BenchContext,
): Promise<Measured[]> {
  const appendsASecond = () =>
    rateOf(
      APPENDERS,
      options.measureMs,
      (client) => post(`${server.origin}/streams/busy-${client}`, anEvent()),
    );
  await appendsASecond();
  const ratios: number[] = [];
  const eachKb: number[] = [];
  for (let round = 0; round < options.rounds; round++) {
    await pause(SETTLE_MS);
    const alone = await appendsASecond();
    const beforeMb = server.residentMb();
    using _polls = await FeedClients.open({
      port: server.port,
      path: "/streams/quiet-{index}/0/forward/20?embed=body",
      headers: { "ES-LongPoll": "60" },
      count: LONG_POLLS,
      isFeed: false,
    });
    await pause(SETTLE_MS);
    eachKb.push((server.residentMb() - beforeMb) * 1024 / LONG_POLLS);
    ratios.push(await appendsASecond() / alone);
  }
  return [
    measured(LONG_POLL_ROW, ratios),
    measured(POLL_MEMORY_ROW, eachKb),
  ];
}
