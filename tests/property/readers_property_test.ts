/**
 * Readers see every event exactly once, in order, whichever way they read:
 * following `previous` links, by long polls, or by live feeds that break off
 * and resume, while writers append and streams are deleted and begun anew.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import type { EventStore } from "../../lib/store/event_store.ts";
import { SILENT_LOGGER } from "../../lib/model/logger.ts";
import { openStore } from "../../storage/mod.ts";
import { EventSourceReader } from "../support/event_source.ts";
import { createTestClock, createTestIds } from "../support/events.ts";
import { createModelStore } from "../support/model_store.ts";
import { type Random, withSeed } from "../support/random.ts";
import {
  openTestApp,
  TEST_BASE_URL,
  TEST_INFO,
  TEST_LOGINS,
  type TestApp,
} from "../support/test_app.ts";

const ATOM_JSON = "application/vnd.eventstore.atom+json";
const ADMIN = { Authorization: TEST_LOGINS.admin };
const WRITERS = 64;
const WRITES = 6;
const STREAMS = ["cart-1", "cart-2", "cart-3", "order-1"];

/** A feed that is read in every way. */
interface ReadFeed {
  readonly path: string;
  /** First page to follow links from. */
  readonly start: string;
  readonly query: string;
  /** The list that has all of its events. */
  readonly list: string;
}

const ALL_START = "0".repeat(32);
const FEEDS: readonly ReadFeed[] = [
  { path: "steady-1", start: "0", query: "", list: "steady-1" },
  { path: "$ce-cart", start: "0", query: "", list: "$ce-cart" },
  { path: "$et-wanted", start: "0", query: "", list: "$et-wanted" },
  { path: "$all", start: ALL_START, query: "", list: "$all" },
  {
    path: "$all",
    start: ALL_START,
    query: "filter-type=wanted",
    list: "$et-wanted",
  },
  {
    path: "$ce-cart",
    start: "0",
    query: "filter-stream=cart-*",
    list: "$ce-cart without metadata",
  },
];

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

interface Entry {
  readonly title: string;
  readonly summary: string;
}

/** Whether nothing more will be written that a feed shows. */
type IsLast = (title: string) => boolean;

/** Follows `previous` links, with or without waiting at their end. */
async function readPages(
  app: TestApp,
  feed: ReadFeed,
  { random, isLast, longPoll }: {
    readonly random: Random;
    readonly isLast: IsLast;
    readonly longPoll: boolean;
  },
): Promise<string[]> {
  const titles: string[] = [];
  const query = feed.query === "" ? "" : "?" + feed.query;
  const count = random.integer(1, 7);
  let uri = `/streams/${feed.path}/${feed.start}/forward/${count}${query}`;
  for (;;) {
    const answer = await app.get(uri, ATOM_JSON, {
      ...ADMIN,
      ...(longPoll ? { "ES-LongPoll": "30" } : {}),
    });
    if (answer.status === 404) {
      await pause();
      continue;
    }
    assertEquals(answer.status, 200, uri);
    const page: {
      entries: Entry[];
      links: { relation: string; uri: string }[];
    } = JSON.parse(answer.body);
    for (const { title } of page.entries.toReversed()) {
      titles.push(title);
      if (isLast(title)) return titles;
    }
    const previous = page.links.find(({ relation }) => relation === "previous");
    uri = previous?.uri ?? uri;
    if (!longPoll || random.chance(0.2)) await pause();
  }
}

/** Reads a live feed, breaking off now and then. */
async function readLive(
  { app }: TestApp,
  feed: ReadFeed,
  { random, isLast }: { readonly random: Random; readonly isLast: IsLast },
): Promise<string[]> {
  const titles: string[] = [];
  let lastEventId = "";
  for (;;) {
    const request = new Request(
      `${TEST_BASE_URL}/streams/${feed.path}?${feed.query}`,
      {
        headers: {
          Host: "127.0.0.1:2113",
          Accept: "text/event-stream",
          ...ADMIN,
          ...(lastEventId === "" ? {} : { "Last-Event-ID": lastEventId }),
        },
      },
    );
    const response = await app(request, TEST_INFO);
    assertEquals(response.status, 200);
    await using reader = new EventSourceReader(response.body, lastEventId);
    let left = random.integer(1, 200);
    while (left-- > 0) {
      const sent = await reader.next();
      assert(sent !== undefined, "The feed ended");
      if (sent.type !== "message") continue;
      const { title }: Entry = JSON.parse(sent.data);
      titles.push(title);
      if (isLast(title)) return titles;
      if (random.chance(0.1)) await pause();
    }
    lastEventId = reader.lastEventId;
  }
}

/** Appends to the streams, and deletes some of them softly now and then. */
async function write(
  app: TestApp,
  newId: () => string,
  random: Random,
): Promise<void> {
  for (let round = 0; round < WRITES; round++) {
    await pause();
    const stream = random.chance(0.2) ? "steady-1" : random.pick(STREAMS);
    if (stream !== "steady-1" && random.chance(0.15)) {
      await app.send("/streams/" + stream, { method: "DELETE" });
      continue;
    }
    const events = Array.from({ length: random.integer(1, 4) }, () => ({
      eventId: newId(),
      eventType: random.pick(["wanted", "other"]),
      data: { a: 1 },
    }));
    const answer = await app.append(stream, events);
    assertEquals(answer.status, 201);
  }
}

/** What the readers of a feed have to see. */
async function listed(
  store: EventStore,
  { list }: ReadFeed,
  isLast: IsLast,
): Promise<string[]> {
  const events = list === "$all"
    ? (await store.readAll({
      from: 0,
      count: 4096,
      direction: "forward",
      withBodies: false,
    })).events
    : (await store.readStream({
      streamName: list.split(" ")[0] ?? "",
      from: 0,
      count: 4096,
      direction: "forward",
      withBodies: false,
    })).entries.map(({ event }) => event);
  const titles = events
    .map(({ eventNumber, streamName }) => `${eventNumber}@${streamName}`)
    .filter((title) => !list.includes(" ") || !title.includes("@$$"));
  return titles.slice(0, titles.findIndex(isLast) + 1);
}

async function readEveryWay(store: EventStore, random: Random): Promise<void> {
  await using app = openTestApp({ store });
  const newId = createTestIds();
  const event = () => ({
    eventId: newId(),
    eventType: "wanted",
    data: {},
  });
  let lastOfSteady = "";
  const readings = FEEDS.map((feed) => {
    const isLast: IsLast = (title) =>
      title === (feed.path === "steady-1" ? lastOfSteady : "0@cart-last");
    const readers = {
      "previous links": readPages(app, feed, {
        random,
        isLast,
        longPoll: false,
      }),
      "long polls": readPages(app, feed, { random, isLast, longPoll: true }),
      "a live feed": readLive(app, feed, { random, isLast }),
      "another live feed": readLive(app, feed, { random, isLast }),
    };
    return { feed, isLast, readers };
  });
  await Promise.all(
    Array.from({ length: WRITERS }, () => write(app, newId, random)),
  );
  const { head } = await store.readState("steady-1");
  lastOfSteady = `${head + 1}@steady-1`;
  await app.append("steady-1", [event()]);
  await app.append("cart-last", [event()]);
  for (const { feed, isLast, readers } of readings) {
    const wanted = await listed(store, feed, isLast);
    assert(wanted.length > 20, `${feed.path} has ${wanted.length} events`);
    for (const [way, reader] of Object.entries(readers)) {
      assertEquals(
        await reader,
        wanted,
        `${feed.path}?${feed.query} by ${way}`,
      );
    }
  }
}

Deno.test("readers see each event once and in order, over the model store", () =>
  withSeed(async (random) => {
    const clock = createTestClock();
    const newEventId = createTestIds();
    await using store = createModelStore({ clock, newEventId });
    await readEveryWay(store, random);
  }));

Deno.test("readers see each event once and in order, over the store on disk", () =>
  withSeed(async (random) => {
    const directory = await Deno.makeTempDir({ prefix: "quipu-readers-" });
    try {
      await using store = await openStore({
        directory,
        segmentSizeBytes: 1024 * 1024,
        clock: createTestClock(),
        newEventId: createTestIds(),
        logger: SILENT_LOGGER,
      });
      await readEveryWay(store, random);
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  }));
