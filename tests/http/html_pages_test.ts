/**
 * HTML pages as somebody clicks through them: every step follows a link of the
 * page before.
 *
 * @module
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { testUuid } from "../support/events.ts";
import {
  openTestApp,
  TEST_BASE_URL,
  type TestApp,
} from "../support/test_app.ts";

/** What a browser accepts. */
const BROWSER =
  "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

async function openWithEvents(count: number): Promise<TestApp> {
  const app = openTestApp();
  const events = Array.from({ length: count }, (_, n) => ({
    eventId: testUuid(n + 1),
    eventType: "OrderPlaced",
    data: { order: n },
    metadata: { by: "test" },
  }));
  assertEquals((await app.append("orders-1", events)).status, 201);
  return app;
}

/** Opens a page of ours, by the address of a link. */
async function open(app: TestApp, address: string | undefined) {
  assert(address !== undefined, "There is no such link");
  assert(address.startsWith(TEST_BASE_URL + "/"), address);
  const { status, headers, body } = await app.get(
    address.slice(TEST_BASE_URL.length),
    BROWSER,
  );
  assertEquals(status, 200);
  assertEquals(headers.get("Content-Type"), "text/html; charset=utf-8");
  assertStringIncludes(
    headers.get("Content-Security-Policy") ?? "",
    "default-src 'none'",
  );
  return body;
}

/** Where the link with this text leads; undefined: it leads nowhere. */
function linkOf(page: string, text: string): string | undefined {
  for (const [, address, label] of page.matchAll(LINK)) {
    if (label === text) return address?.replaceAll("&amp;", "&");
  }
  return undefined;
}

const LINK = /<a href="([^"]*)"><bdi>([^<]*)<\/bdi><\/a>/g;

/** Numbers of the events that a feed's page shows. */
function numbersOf(page: string): number[] {
  return [...page.matchAll(/<bdi>(\d+)@orders-1<\/bdi>/g)].map(([, number]) =>
    Number(number)
  );
}

function countDown(from: number, to: number): number[] {
  return Array.from({ length: from - to + 1 }, (_, place) => from - place);
}

Deno.test("a feed's pages lead to the oldest event and back", async () => {
  await using app = await openWithEvents(45);
  const newest = await open(app, `${TEST_BASE_URL}/streams/orders-1`);
  assertEquals(numbersOf(newest), countDown(44, 25));
  const middle = await open(app, linkOf(newest, "Older"));
  assertEquals(numbersOf(middle), countDown(24, 5));
  const oldest = await open(app, linkOf(middle, "Older"));
  assertEquals(numbersOf(oldest), countDown(4, 0));
  assertEquals(linkOf(oldest, "Older"), undefined);

  const oldestAtOnce = await open(app, linkOf(newest, "Oldest"));
  assertEquals(numbersOf(oldestAtOnce), countDown(19, 0));
  const newer = await open(app, linkOf(oldestAtOnce, "Newer"));
  assertEquals(numbersOf(newer), countDown(39, 20));
  const newestAgain = await open(app, linkOf(newer, "Newer"));
  assertEquals(numbersOf(newestAgain), countDown(44, 40));
  const first = await open(app, linkOf(newestAgain, "Newest"));
  assertEquals(numbersOf(first), countDown(44, 25));
});

Deno.test("an event is one click away, and its neighbours and stream from there", async () => {
  await using app = await openWithEvents(3);
  const feed = await open(app, `${TEST_BASE_URL}/streams/orders-1`);
  const event = await open(app, linkOf(feed, "1@orders-1"));
  assertStringIncludes(event, '{\n  "order": 1\n}');
  assertStringIncludes(event, '{\n  "by": "test"\n}');
  assertStringIncludes(
    await open(app, linkOf(event, "Older event")),
    '"order": 0',
  );
  assertStringIncludes(
    await open(app, linkOf(event, "Newer event")),
    '"order": 2',
  );
  assertEquals(await open(app, linkOf(event, "Stream")), feed);
});
