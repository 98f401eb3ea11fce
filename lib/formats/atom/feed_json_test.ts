import { assertEquals } from "@std/assert";
import type {
  EmbedLevel,
  ResolvedEvent,
  StreamPage,
} from "../../model/feed.ts";
import { renderEntryLine, renderFeedJson } from "./feed_json.ts";
import { feedOfAll, feedOfStream } from "./feed.ts";
import {
  headPage,
  plainEvent,
  recordedEvent,
} from "../../../tests/support/recorded_events.ts";
import { StreamRefs } from "./links.ts";

const BASE = "http://127.0.0.1:2113";

const TWO_EVENTS = [
  plainEvent({ eventNumber: 1, eventType: "U", isJson: false, data: "plain" }),
  plainEvent({ metadata: '{\n  "m": 1\n}' }),
];

function feedJson(
  entries: readonly ResolvedEvent[],
  embed: EmbedLevel,
): string {
  const body = renderFeedJson(feedOfStream(headPage(entries), BASE), embed);
  if (typeof body !== "string") throw new Error("Not a small page");
  return body;
}

interface Entry {
  readonly [member: string]: unknown;
}

/** The first entries; at least two where a second one is asked for. */
function entriesOf(json: string): [Entry, Entry, ...Entry[]] {
  return JSON.parse(json).entries;
}

Deno.test("renderFeedJson() writes a feed as recorded, byte for byte", () => {
  const S = `${BASE}/streams/s1`;
  const link = (uri: string, relation: string) => ({ uri, relation });
  const wanted = {
    title: "Event stream 's1'",
    id: S,
    updated: "2026-11-21T17:01:36.000001Z",
    streamId: "s1",
    author: { name: "EventStore" },
    headOfStream: true,
    selfUrl: S,
    eTag: "1;248368668",
    links: [
      link(S, "self"),
      link(`${S}/head/backward/20`, "first"),
      link(`${S}/2/forward/20`, "previous"),
      link(`${S}/metadata`, "metadata"),
    ],
    entries: [
      {
        eventId: "00000000-0000-4000-8000-000000000001",
        eventType: "U",
        eventNumber: 1,
        streamId: "s1",
        isJson: false,
        isMetaData: false,
        isLinkMetaData: false,
        positionEventNumber: 1,
        positionStreamId: "s1",
        title: "1@s1",
        id: `${S}/1`,
        updated: "2026-11-21T17:01:36.000001Z",
        author: { name: "EventStore" },
        summary: "U",
        links: [link(`${S}/1`, "edit"), link(`${S}/1`, "alternate")],
      },
      {
        eventId: "00000000-0000-4000-8000-000000000000",
        eventType: "T",
        eventNumber: 0,
        data: '{\n  "a": "1"\n}',
        metaData: '{\n  "m": 1\n}',
        streamId: "s1",
        isJson: true,
        isMetaData: true,
        isLinkMetaData: false,
        positionEventNumber: 0,
        positionStreamId: "s1",
        title: "0@s1",
        id: `${S}/0`,
        updated: "2026-11-21T17:01:36Z",
        author: { name: "EventStore" },
        summary: "T",
        links: [link(`${S}/0`, "edit"), link(`${S}/0`, "alternate")],
      },
    ],
  };
  assertEquals(feedJson(TWO_EVENTS, "body"), JSON.stringify(wanted, null, 2));
});

Deno.test("renderFeedJson() of an empty page never was updated", () => {
  const page = headPage([], {
    range: { kind: "forward", from: 3, count: 2 },
    head: 0,
    version: { head: 0 },
  });
  const body = renderFeedJson(feedOfStream(page, BASE), "none");
  const feed = JSON.parse(String(body));
  assertEquals(feed.updated, "0001-01-01T00:00:00Z");
  assertEquals(feed.selfUrl, undefined);
  assertEquals(feed.eTag, undefined);
  assertEquals(String(body).endsWith('  ],\n  "entries": []\n}'), true);
});

Deno.test("renderFeedJson() embeds content of JSON events only", () => {
  const json = feedJson(TWO_EVENTS, "content");
  assertEquals(json, JSON.stringify(JSON.parse(json), null, 2));
  const [plain, withContent] = entriesOf(json);
  assertEquals(plain.content, undefined);
  assertEquals(Object.keys(withContent), [
    "title",
    "id",
    "updated",
    "author",
    "summary",
    "content",
    "links",
  ]);
  assertEquals(withContent.content, {
    eventStreamId: "s1",
    eventNumber: 0,
    eventType: "T",
    eventId: "00000000-0000-4000-8000-000000000000",
    data: { a: "1" },
    metadata: { m: 1 },
  });
});

Deno.test("renderFeedJson() at rich has the fields but no bodies", () => {
  const [plain, json] = entriesOf(feedJson(TWO_EVENTS, "rich"));
  assertEquals([plain.isJson, json.isJson, json.isMetaData], [
    false,
    true,
    false,
  ]);
  assertEquals([json.data, json.metaData], [undefined, undefined]);
});

Deno.test("renderFeedJson() lays out objects from pretty on, and tries harder on text", () => {
  const events = [
    plainEvent({ data: '{"b":1.0}', metadata: "m" }),
    plainEvent({ isJson: false, data: '{"c":[]}' }),
    plainEvent({ isJson: false, data: "text" }),
    plainEvent({ isJson: false, data: "" }),
    plainEvent({ data: "[1]" }),
  ];
  const shown = (embed: EmbedLevel) =>
    entriesOf(feedJson(events, embed)).map((
      entry,
    ) => [entry.data, entry.isJson]);
  assertEquals(shown("body"), [
    ['{"b":1.0}', true],
    [undefined, false],
    [undefined, false],
    [undefined, false],
    ["[1]", true],
  ]);
  assertEquals(shown("pretty"), [
    ['{\n  "b": 1.0\n}', true],
    [undefined, false],
    [undefined, false],
    [undefined, false],
    ["[1]", true],
  ]);
  assertEquals(shown("tryharder"), [
    ['{\n  "b": 1.0\n}', true],
    ['{\n  "c": []\n}', true],
    ["text", false],
    ["", true],
    ["[1]", true],
  ]);
});

Deno.test("renderFeedJson() shows a link's target and the link's place", () => {
  const original = recordedEvent({
    streamName: "$ce-a",
    eventNumber: 7,
    eventType: "$>",
    isJson: false,
    data: "3@a-1",
    metadata: '{"$o":"x"}',
  });
  const target = recordedEvent({ streamName: "a-1", eventNumber: 3 });
  const link = { streamName: "a-1", eventNumber: 3 };
  const [resolved, broken] = entriesOf(
    feedJson([
      { original, link, target },
      { original, link, target: undefined },
    ], "body"),
  );
  assertEquals(resolved.title, "3@a-1");
  assertEquals(resolved.id, `${BASE}/streams/a-1/3`);
  assertEquals(resolved.summary, "$>");
  assertEquals(resolved.updated, "2026-11-21T17:01:36.000007Z");
  assertEquals(resolved.eventNumber, 3);
  assertEquals(resolved.linkMetaData, '{"$o":"x"}');
  assertEquals(resolved.isLinkMetaData, true);
  assertEquals(resolved.positionStreamId, "$ce-a");
  assertEquals(resolved.positionEventNumber, 7);
  assertEquals(Object.keys(broken), [
    "title",
    "id",
    "updated",
    "author",
    "summary",
    "links",
  ]);
  assertEquals(broken.title, "3@a-1");
});

Deno.test("renderFeedJson() is JSON whatever names, types and data are", () => {
  const hostile = '"\\\n</script>\u0000\u2028\ud800';
  const events = [
    plainEvent({
      streamName: hostile,
      eventType: hostile,
      data: hostile,
      metadata: new Uint8Array([0xff, 0xfe, 0x22]),
    }),
    plainEvent({ eventNumber: 2 ** 63, data: new Uint8Array([0xc3]) }),
  ];
  for (
    const embed of [
      "none",
      "content",
      "rich",
      "body",
      "pretty",
      "tryharder",
    ] as const
  ) {
    const page = headPage(events, { streamName: hostile });
    const feed = JSON.parse(
      String(renderFeedJson(feedOfStream(page, BASE), embed)),
    );
    assertEquals(feed.streamId, hostile);
    assertEquals(feed.entries[0].summary, hostile);
    assertEquals(feed.entries[1].title, "9223372036854775807@s1");
  }
});

Deno.test("renderFeedJson() of a large page comes in pieces that make the same text", async () => {
  const events = Array.from(
    { length: 300 },
    (_, i) =>
      plainEvent({
        eventNumber: 299 - i,
        data: JSON.stringify("x".repeat(1000)),
      }),
  );
  async function* more() {
    yield events.slice(10, 200);
    yield [];
    yield events.slice(200);
  }
  const whole = headPage(events);
  const paged = { ...whole, entries: events.slice(0, 10), moreEntries: more() };
  const pieces = await piecesOf(paged);
  assertEquals(pieces.length > 3, true);
  const text = pieces.join("");
  assertEquals((await piecesOf(whole)).join(""), text);
  const { entries } = JSON.parse(text);
  assertEquals(
    entries.map((entry: { eventNumber: number }) => entry.eventNumber),
    events.map(({ original }) => original.eventNumber),
  );
});

async function piecesOf(page: StreamPage): Promise<string[]> {
  const body = renderFeedJson(feedOfStream(page, BASE), "body");
  if (typeof body === "string") throw new Error("Not in pieces");
  const pieces: string[] = [];
  for await (const piece of body.pieces) {
    pieces.push(new TextDecoder().decode(piece));
  }
  return pieces;
}

Deno.test("renderFeedJson() of $all has neither stream nor ETag", () => {
  const body = renderFeedJson(
    feedOfAll({
      range: { kind: "head", count: 1 },
      entries: [plainEvent()],
      updatedUs: 0,
      next: undefined,
      previous: { commit: 1, prepare: 1 },
      hasLast: false,
      version: { head: 1 },
      cache: { kind: "head", maxAgeSeconds: undefined, isPublic: false },
    }, BASE),
    "none",
  );
  const feed = JSON.parse(String(body));
  assertEquals(Object.keys(feed), [
    "title",
    "id",
    "updated",
    "author",
    "headOfStream",
    "links",
    "entries",
  ]);
  assertEquals([feed.title, feed.headOfStream], ["All events", false]);
  assertEquals(feed.id, `${BASE}/streams/%24all`);
});

Deno.test("renderEntryLine() is the entry of embed=body on one line", () => {
  const refs = new StreamRefs(BASE);
  const event = plainEvent({ data: '{\n  "a": "x\\n   y"\n}' });
  const line = renderEntryLine(event, refs, "body");
  assertEquals(line.includes("\n"), false);
  assertEquals(JSON.parse(line), entriesOf(feedJson([event], "body"))[0]);
});
