/**
 * Readers while the server is killed: following `previous` links, by long
 * polls, or on a live feed, each sees every event exactly once and in order,
 * while writers append, one of them deletes streams and begins them anew, and
 * the server dies and comes back again and again.
 *
 * `QUIPU_SEED` repeats sizes, streams and the moments of the kills.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import type { EventStore } from "../../lib/store/event_store.ts";
import { EventSourceReader } from "../support/event_source.ts";
import { type RunningServer, startServer } from "../support/program.ts";
import { type Random, withSeed } from "../support/random.ts";
import { StoreDirectory } from "../support/store_directory.ts";

const WRITERS = 64;
const BATCHES_PER_WRITER = 40;
const KILLS = 5;
const SEGMENT_BYTES = 1024 * 1024;
const START_ATTEMPTS = 50;
/** Until a client tries again after a failure, or looks for news again. */
const RETRY_MS = 50;
const STEADY = "steady-1";
/** Streams that are deleted and begun anew now and then. */
const CARTS = ["cart-1", "cart-2", "cart-3", "cart-4"];
/** Its only event ends most feeds. */
const LAST_STREAM = "cart-last";
const ADMIN = { Authorization: `Basic ${btoa("admin:changeit")}` };

/** A feed that is read in every way. */
interface ReadFeed {
  readonly path: string;
  /** Page to follow links from. */
  readonly start: string;
  readonly query: string;
  /** Stream, system list or `$all` that has the same events. */
  readonly list: string;
}

const ALL_START = "0".repeat(32);
const FEEDS: readonly ReadFeed[] = [
  { path: STEADY, start: "0", query: "", list: STEADY },
  { path: "$ce-cart", start: "0", query: "", list: "$ce-cart" },
  { path: "$all", start: ALL_START, query: "", list: "$all" },
  {
    path: "$all",
    start: ALL_START,
    query: "filter-type=wanted",
    list: "$et-wanted",
  },
];

type Way = "links" | "long polls" | "live feed";
const WAYS: readonly Way[] = ["links", "long polls", "live feed"];

/** Whether nothing comes after that event in a feed. */
type IsLast = (title: string) => boolean;

/** What everybody knows of the run. */
interface Run {
  readonly url: string;
  readonly random: Random;
  /** Ids of events by their places, as the server said when it took them. */
  readonly answered: Map<string, string>;
  batchCount: number;
  failureCount: number;
}

function delay(durationMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, durationMs));
}

/**
 * What came back, with all of its body; undefined when the server was not
 * there, or went.
 */
async function request(
  run: Run,
  path: string,
  options: RequestInit = {},
): Promise<
  { readonly status: number; headers: Headers; body: string } | undefined
> {
  try {
    const response = await fetch(new URL(path, run.url), options);
    const body = await response.text();
    const { status, headers } = response;
    return status === 503 ? undefined : { status, headers, body };
  } catch (error) {
    return noticeBreak(run, error);
  }
}

/** A connection that broke, or was refused, is what this is about. */
function noticeBreak(run: Run, error: unknown): undefined {
  const isBreak = error instanceof TypeError ||
    error instanceof Deno.errors.Http;
  assert(isBreak, String(error));
  run.failureCount++;
}

/** Asks until there is an answer. */
async function requestUntilAnswered(
  run: Run,
  path: string,
  options: RequestInit,
): Promise<{ readonly status: number; headers: Headers }> {
  for (;;) {
    const answer = await request(run, path, options);
    if (answer !== undefined) return answer;
    await delay(RETRY_MS);
  }
}

/** Appends a batch; after a failure again, with the same ids. */
async function append(
  run: Run,
  stream: string,
  eventTypes: readonly string[],
): Promise<number> {
  const events = eventTypes.map((eventType) => ({
    eventId: crypto.randomUUID(),
    eventType,
    data: { filler: "x".repeat(100) },
  }));
  const { status, headers } = await requestUntilAnswered(
    run,
    "/streams/" + stream,
    {
      method: "POST",
      headers: { "Content-Type": "application/vnd.eventstore.events+json" },
      body: JSON.stringify(events),
    },
  );
  assertEquals(status, 201);
  const first = Number(headers.get("Location")?.split("/").at(-1));
  for (const [index, { eventId }] of events.entries()) {
    run.answered.set(`${first + index}@${stream}`, eventId);
  }
  run.batchCount++;
  return first + events.length - 1;
}

async function write(run: Run, writer: number): Promise<void> {
  const { random } = run;
  for (let batch = 0; batch < BATCHES_PER_WRITER; batch++) {
    const stream = random.chance(0.3) ? STEADY : random.pick(CARTS);
    // The first one deletes; whoever comes next begins the stream anew.
    if (writer === 0 && stream !== STEADY) {
      const { status } = await requestUntilAnswered(
        run,
        "/streams/" + stream,
        { method: "DELETE" },
      );
      // Somebody has to have written to it.
      assert(status === 204 || status === 404, String(status));
    }
    const count = random.integer(1, 3);
    const types = Array.from(
      { length: count },
      () => random.pick(["wanted", "other"]),
    );
    await append(run, stream, types);
    await delay(random.integer(0, 20));
  }
}

interface Page {
  /** Newest first. */
  readonly entries: readonly { readonly title: string }[];
  readonly links: readonly { readonly relation: string; uri: string }[];
}

/** Follows `previous` links, with or without waiting at their end. */
async function readPages(
  run: Run,
  feed: ReadFeed,
  { isLast, longPoll }: { isLast: IsLast; longPoll: boolean },
): Promise<string[]> {
  const titles: string[] = [];
  const query = feed.query === "" ? "" : "?" + feed.query;
  const count = run.random.integer(5, 50);
  let uri = `/streams/${feed.path}/${feed.start}/forward/${count}${query}`;
  for (;;) {
    const answer = await request(run, uri, {
      headers: {
        ...ADMIN,
        Accept: "application/vnd.eventstore.atom+json",
        ...(longPoll ? { "ES-LongPoll": "10" } : {}),
      },
    });
    if (answer === undefined || answer.status === 404) {
      await delay(RETRY_MS);
      continue;
    }
    assertEquals(answer.status, 200, uri);
    const { entries, links }: Page = JSON.parse(answer.body);
    for (const { title } of entries.toReversed()) {
      titles.push(title);
      if (isLast(title)) return titles;
    }
    uri = links.find(({ relation }) => relation === "previous")?.uri ?? uri;
    if (entries.length === 0 && !longPoll) await delay(RETRY_MS);
  }
}

/** Reads a live feed; when it breaks, comes back with the last id. */
async function readLive(
  run: Run,
  { path, query }: ReadFeed,
  isLast: IsLast,
): Promise<string[]> {
  const titles: string[] = [];
  let lastEventId = "";
  for (;; await delay(RETRY_MS)) {
    const response = await fetch(`${run.url}/streams/${path}?${query}`, {
      headers: {
        ...ADMIN,
        Accept: "text/event-stream",
        ...(lastEventId === "" ? {} : { "Last-Event-ID": lastEventId }),
      },
    }).catch((error) => noticeBreak(run, error));
    if (response === undefined) continue;
    assertEquals(response.status, 200);
    await using reader = new EventSourceReader(response.body, lastEventId);
    for (;;) {
      const sent = await reader.next().catch((error) =>
        noticeBreak(run, error)
      );
      if (sent === undefined) break;
      lastEventId = sent.lastEventId;
      if (sent.type !== "message") continue;
      const { title }: { title: string } = JSON.parse(sent.data);
      titles.push(title);
      if (isLast(title)) return titles;
    }
  }
}

function read(
  run: Run,
  feed: ReadFeed,
  { way, isLast }: { way: Way; isLast: IsLast },
): Promise<string[]> {
  return way === "live feed"
    ? readLive(run, feed, isLast)
    : readPages(run, feed, { isLast, longPoll: way === "long polls" });
}

/** Titles and ids of a list's events, in order. */
async function listed(
  store: EventStore,
  list: string,
): Promise<{ readonly title: string; readonly eventId: string }[]> {
  const found: { title: string; eventId: string }[] = [];
  const query = {
    count: 4096,
    direction: "forward",
    withBodies: false,
  } as const;
  for (let from = 0, isAtEnd = false; !isAtEnd;) {
    const page = list === "$all"
      ? await store.readAll({ ...query, from })
      : await store.readStream({ ...query, from, streamName: list });
    const events = "events" in page
      ? page.events
      : page.entries.map(({ event }) => event);
    for (const { eventNumber, streamName, eventId } of events) {
      found.push({ title: `${eventNumber}@${streamName}`, eventId });
    }
    from = "next" in page ? page.next : from + events.length;
    isAtEnd = "isAtEnd" in page ? page.isAtEnd : events.length < query.count;
  }
  return found;
}

/** Starts a server on the port of the one before. */
async function restart(
  args: readonly string[],
  port: number,
): Promise<RunningServer> {
  for (let attempt = 1;; attempt++) {
    try {
      return await startServer(args, {}, port);
    } catch (error) {
      // A connection, or a server of another test, may have the port meanwhile.
      const isPortTaken = String(error).includes("in use");
      if (!isPortTaken || attempt === START_ATTEMPTS) throw error;
      await delay(RETRY_MS);
    }
  }
}

Deno.test("readers see each event once and in order, whatever is killed", () =>
  withSeed(async (random) => {
    await using directory = new StoreDirectory(
      await Deno.makeTempDir({ prefix: "quipu-readers-kill-" }),
    );
    const args = [
      `--db=${directory.path}`,
      `--segment-size=${SEGMENT_BYTES}`,
      "--log-level=info",
    ];
    let server = await startServer(args);
    await using _lastServer = {
      [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
    };
    const { url } = server;
    const answered = new Map<string, string>();
    const run: Run = { url, random, answered, batchCount: 0, failureCount: 0 };
    let lastOfSteady = "";
    const readings = FEEDS.flatMap((feed) => {
      const isLast: IsLast = (title) =>
        title === (feed.path === STEADY ? lastOfSteady : `0@${LAST_STREAM}`);
      return WAYS.map((way) => {
        const reader = read(run, feed, { way, isLast });
        // What fails is told when its turn comes.
        reader.catch(() => {});
        return { feed, way, reader };
      });
    });
    const writers = Promise.all(
      Array.from({ length: WRITERS }, (_, writer) => write(run, writer)),
    );
    writers.catch(() => {});

    const batchesPerLife = WRITERS * BATCHES_PER_WRITER / (KILLS + 1);
    for (let life = 0; life < KILLS; life++) {
      const enough = batchesPerLife * (life + random.integer(5, 10) / 10);
      while (run.batchCount < enough) {
        await Promise.race([delay(1), writers]);
      }
      server.kill("SIGKILL");
      await server.end;
      server = await restart(args, Number(new URL(url).port));
    }
    await writers;
    lastOfSteady = `${await nextNumberOf(run, STEADY)}@${STEADY}`;
    await append(run, STEADY, ["wanted"]);
    await append(run, LAST_STREAM, ["wanted"]);

    const seen: { feed: ReadFeed; way: Way; titles: string[] }[] = [];
    for (const { feed, way, reader } of readings) {
      seen.push({ feed, way, titles: await reader });
    }
    server.kill("SIGTERM");
    assertEquals((await server.end).exitCode, 0);
    await using opened = await directory.open(SEGMENT_BYTES);
    for (const { feed, way, titles } of seen) {
      const wanted = (await listed(opened.store, feed.list)).map(({ title }) =>
        title
      );
      assert(wanted.length > WRITERS, `${feed.list} has ${wanted.length}`);
      assertSame(titles, wanted, `${feed.path}?${feed.query} by ${way}`);
    }
    const all = await listed(opened.store, "$all");
    const ids = new Map(all.map(({ title, eventId }) => [title, eventId]));
    assertEquals(ids.size, all.length, "No event is there twice");
    for (const [title, eventId] of answered) {
      assertEquals(ids.get(title), eventId, title);
    }
    assert(run.failureCount > KILLS, "The server was missed");
  }));

/** Number that the next event of a stream will have, when nobody else writes. */
async function nextNumberOf(run: Run, stream: string): Promise<number> {
  const answer = await request(run, `/streams/${stream}/head/backward/1`, {
    headers: { Accept: "application/vnd.eventstore.atom+json" },
  });
  const { entries }: Page = JSON.parse(answer?.body ?? "");
  return parseInt(entries[0]?.title ?? "", 10) + 1;
}

/** Like `assertEquals`, but tells of long lists only where they part. */
function assertSame(
  actual: readonly string[],
  wanted: readonly string[],
  what: string,
): void {
  const index = wanted.findIndex((title, index) => title !== actual[index]);
  const from = Math.max(0, (index < 0 ? wanted.length : index) - 3);
  assertEquals(
    { count: actual.length, at: from, titles: actual.slice(from, from + 8) },
    { count: wanted.length, at: from, titles: wanted.slice(from, from + 8) },
    what,
  );
}
