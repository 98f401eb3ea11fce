/**
 * Feeds in the hands of a feed reader that is not ours: it parses every page
 * as Atom, and what RFC 4287 demands of a feed and its entries must be there.
 *
 * @module
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { parseAtomFeed } from "feedsmith";
import { SaxesParser } from "saxes";
import { openTarget } from "./app_target.ts";
import type { Target } from "./target.ts";

type Feed = ReturnType<typeof parseFeed>;

const ATOM = "application/atom+xml";
const ATOM_NAMESPACE = "http://www.w3.org/2005/Atom";
const EVENT_COUNT = 45;
const PAGE_SIZE = 20;

/** RFC 3339, as RFC 4287 §3.3 demands it. */
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;
const ABSOLUTE_URI = /^https?:\/\/[^/]+\/[!-~]*$/;

/** Bodies that must not break a document that quotes them. */
const AWKWARD_DATA: readonly unknown[] = [
  { n: 1 },
  { "<a>": "</feed>&amp;]]>", "b c": ["x", { "@y": null }] },
  "text with <markup> & \u0001\ufffe\ud800",
  { emoji: "🪢", nested: { list: [1, 2.5, true, null, []] } },
  [],
  "",
];

Deno.test("a feed reader walks a stream page by page", async () => {
  await using target = await openTarget();
  const streamName = "walked";
  await appendAwkwardEvents(target, streamName);
  for (const query of ["", "?embed=content", "?embed=tryharder"]) {
    let uri = `/streams/${streamName}${query}`;
    const titles: string[] = [];
    const ids = new Set<string>();
    for (;;) {
      const feed = await readFeed(target, uri);
      for (const entry of feed.entries ?? []) {
        titles.push(entry.title?.value ?? "");
        ids.add(entry.id ?? "");
      }
      const next = linkOf(feed, "next");
      if (next === undefined) break;
      uri = pathOf(next) + query;
    }
    assertEquals(ids.size, EVENT_COUNT);
    assertEquals(
      titles,
      Array.from(
        { length: EVENT_COUNT },
        (_, index) => `${EVENT_COUNT - 1 - index}@${streamName}`,
      ),
    );
  }
});

Deno.test("a feed reader follows a stream forward to its end", async () => {
  await using target = await openTarget();
  await appendAwkwardEvents(target, "followed");
  let uri = `/streams/followed/0/forward/${PAGE_SIZE}`;
  const counts: number[] = [];
  for (;;) {
    const feed = await readFeed(target, uri);
    counts.push(feed.entries?.length ?? 0);
    const previous = linkOf(feed, "previous");
    if (previous === undefined) break;
    uri = pathOf(previous);
  }
  assertEquals(counts, [20, 20, 5, 0]);
});

Deno.test("feeds of streams with awkward names are valid", async () => {
  await using target = await openTarget();
  for (const name of [`<b>&"'`, "naïve 🪢", "50% off", "q?x#y", "s@1"]) {
    const path = `/streams/${encodeURIComponent(name)}`;
    await append(target, path, [eventOf(0, { n: 1 }, `<t>&"'`)]);
    const feed = await readFeed(target, path);
    assertEquals(feed.title?.value, `Event stream '${name}'`);
    assertEquals(feed.entries?.[0]?.title?.value, `0@${name}`);
    assertEquals(feed.entries?.[0]?.summary?.value, `<t>&"'`);
    const alternate = feed.entries?.[0]?.links?.find((link) =>
      link.rel === "alternate"
    );
    const event = await get(target, pathOf(alternate?.href ?? ""), ATOM);
    assertEquals(event.status, 200);
    assertWellFormed(event.text);
  }
});

Deno.test("events alone are valid entries, whatever they hold", async () => {
  await using target = await openTarget();
  await appendAwkwardEvents(target, "single");
  for (let number = 0; number < AWKWARD_DATA.length; number++) {
    const path = `/streams/single/${number}`;
    const { status, text } = await get(target, path, ATOM);
    assertEquals(status, 200);
    assertWellFormed(text);
    // As a reader would see the entry in a feed.
    const feed = parseFeed(
      `<feed xmlns="${ATOM_NAMESPACE}"><id>urn:x</id><title>x</title>` +
        `<updated>2026-01-01T00:00:00Z</updated>` +
        `${text.replace(/^<\?xml[^>]*\?>/, "")}</feed>`,
    );
    assertEquals(feed.entries?.length, 1);
    assertEntry(feed.entries?.[0]);
  }
});

/** Times stay text. */
function parseFeed(text: string) {
  return parseAtomFeed(text);
}

/** Reads a page, parses it, and checks it against RFC 4287. */
async function readFeed(target: Target, path: string): Promise<Feed> {
  const { status, text } = await get(target, path, ATOM);
  assertEquals(status, 200, path);
  assertWellFormed(text);
  const feed = parseFeed(text);
  // §4.1.1: exactly one id, title and updated.
  assertMatch(feed.id ?? "", ABSOLUTE_URI);
  assert(feed.title?.value);
  assertMatch(feed.updated ?? "", TIME);
  assertEquals(feed.authors?.[0]?.name, "EventStore");
  assertMatch(linkOf(feed, "self") ?? "", ABSOLUTE_URI);
  const ids = feed.entries?.map((entry) => entry.id) ?? [];
  assertEquals(new Set(ids).size, ids.length);
  feed.entries?.forEach(assertEntry);
  return feed;
}

function assertEntry(
  entry: NonNullable<Feed["entries"]>[number] | undefined,
): void {
  // §4.1.2: an id, a title, updated, and an alternate link where there is no
  // content; a summary where the content is not text or XML.
  assertMatch(entry?.id ?? "", ABSOLUTE_URI);
  assert(entry?.title?.value);
  assertMatch(entry?.updated ?? "", TIME);
  assert(entry?.authors?.[0]?.name);
  assert(entry?.links?.some((link) => link.rel === "alternate"));
  assert(entry?.summary?.value);
}

/** Namespaces bound, one root, every atom: element in the Atom namespace. */
function assertWellFormed(text: string): void {
  const parser = new SaxesParser({ xmlns: true });
  let depth = 0;
  parser.on("error", (error) => {
    throw error;
  });
  parser.on("opentag", (tag) => {
    if (depth++ === 0) assertEquals(tag.uri, ATOM_NAMESPACE);
  });
  parser.on("closetag", () => depth--);
  parser.write(text).close();
}

async function appendAwkwardEvents(
  target: Target,
  streamName: string,
): Promise<void> {
  const events = Array.from(
    { length: EVENT_COUNT },
    (_, index) =>
      eventOf(index, AWKWARD_DATA[index % AWKWARD_DATA.length], "tested"),
  );
  await append(target, `/streams/${streamName}`, events);
}

async function append(
  target: Target,
  path: string,
  events: readonly unknown[],
): Promise<void> {
  const answer = await target.send({
    method: "POST",
    path,
    headers: { "Content-Type": "application/vnd.eventstore.events+json" },
    body: new TextEncoder().encode(JSON.stringify(events)),
  });
  assertEquals(answer.status, 201, new TextDecoder().decode(answer.body));
}

function eventOf(number: number, data: unknown, eventType: string): unknown {
  const digits = number.toString(16).padStart(12, "0");
  return { eventId: `00000000-0000-4000-8000-${digits}`, eventType, data };
}

async function get(
  target: Target,
  path: string,
  accept: string,
): Promise<{ status: number; text: string }> {
  const answer = await target.send({
    method: "GET",
    path,
    headers: { Accept: accept },
    body: undefined,
  });
  return {
    status: answer.status,
    text: new TextDecoder().decode(answer.body),
  };
}

function linkOf(feed: Feed, relation: string): string | undefined {
  return feed.links?.find((link) => link.rel === relation)?.href;
}

function pathOf(uri: string): string {
  return uri.replace(/^https?:\/\/[^/]*/, "");
}
