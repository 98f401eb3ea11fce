/**
 * A client that knows XML through another library alone: `@libs/xml` writes
 * what it sends and reads what it gets.
 *
 * @module
 */

import { parse, stringify } from "@libs/xml";
import { assert, assertEquals } from "@std/assert";
import { testUuid } from "../support/events.ts";
import { openTestApp } from "../support/test_app.ts";

/** Markup, quotes, astral and combining characters; no blanks at the ends. */
const TEXT = "a < b & \"c\" > 'd' ]]> 🚀 e\u0301";

interface ReadLink {
  readonly "@rel": string;
  readonly "@href": string;
}

interface ReadFeed {
  readonly feed: {
    readonly title: string;
    readonly link: readonly ReadLink[];
    readonly entry: readonly {
      readonly title: string;
      readonly summary: string;
      readonly link: readonly ReadLink[];
    }[];
  };
}

interface ReadEntry {
  readonly "atom:entry": {
    readonly "atom:title": string;
    readonly "atom:content": {
      readonly eventNumber: string;
      readonly eventType: string;
      readonly eventId: string;
      readonly data: unknown;
      readonly metadata: unknown;
    };
  };
}

function read<T>(xml: string): T {
  const document: unknown = parse(xml);
  assert(typeof document === "object" && document !== null);
  return document as T;
}

Deno.test("@libs/xml writes events that are stored, and reads them back", async () => {
  await using app = openTestApp();
  const data = {
    order: { "@currency": "EUR", line: ["one", "two"], note: TEXT },
  };
  const body = stringify({
    Events: {
      Event: [1, 2].map((n) => ({
        EventId: testUuid(n),
        EventType: "OrderPlaced",
        Data: data,
        MetaData: { by: TEXT },
      })),
    },
  });
  const posted = await app.send("/streams/orders-1", {
    headers: { "Content-Type": "application/vnd.eventstore.events+xml" },
    body,
  });
  assertEquals(posted.status, 201, posted.body);

  const answer = await app.get("/streams/orders-1/1", "application/atom+xml");
  const entry = read<ReadEntry>(answer.body)["atom:entry"];
  assertEquals(entry["atom:title"], "1@orders-1");
  const content = entry["atom:content"];
  assertEquals(content.eventNumber, "1");
  assertEquals(content.eventType, "OrderPlaced");
  assertEquals(content.eventId, testUuid(2));
  assertEquals(content.data, data);
  assertEquals(content.metadata, { by: TEXT });
});

Deno.test("@libs/xml reads a feed, and its links lead on", async () => {
  await using app = openTestApp();
  const events = [1, 2, 3].map((n) => ({
    eventId: testUuid(n),
    eventType: TEXT,
    data: { n },
  }));
  assertEquals((await app.append("a & b <c>", events)).status, 201);

  const path = "/streams/a%20%26%20b%20%3Cc%3E";
  const answer = await app.get(
    `${path}/head/backward/2`,
    "application/atom+xml",
  );
  const { feed } = read<ReadFeed>(answer.body);
  assertEquals(feed.title, "Event stream 'a & b <c>'");
  assertEquals(
    feed.entry.map(({ title, summary }) => [title, summary]),
    [["2@a & b <c>", TEXT], ["1@a & b <c>", TEXT]],
  );
  const next = feed.link.find((link) => link["@rel"] === "next")?.["@href"];
  assert(next !== undefined, answer.body);
  const older = await app.get(next, "application/atom+xml");
  assert(older.body.includes("0@a &amp; b &lt;c&gt;"), older.body);
});
