/**
 * HTML pages as somebody clicks through them: every step follows a link of the
 * page before.
 *
 * @module
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { testUuid } from "../support/events.ts";
import { openTestApp, TEST_LOGINS, type TestApp } from "../support/test_app.ts";

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
  assert(address.startsWith("/"), address);
  const { status, headers, body } = await app.get(address, BROWSER);
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

const LINK = /<a[^>]* href="([^"]*)"[^>]*>(?:<bdi>)?([^<]*)(?:<\/bdi>)?<\/a>/g;

/** Numbers of the events that a feed's page shows. */
function numbersOf(page: string): number[] {
  return [...page.matchAll(/class="n"[^>]*><bdi>(\d+)<\/bdi>/g)].map((
    [, number],
  ) => Number(number));
}

/** What is read on a page. */
function textOf(page: string): string {
  return page.replace(/<[^>]*>/g, "").replaceAll("&quot;", '"');
}

function countDown(from: number, to: number): number[] {
  return Array.from({ length: from - to + 1 }, (_, place) => from - place);
}

Deno.test("a feed's pages lead to the oldest event and back", async () => {
  await using app = await openWithEvents(45);
  const newest = await open(app, "/streams/orders-1");
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
  const feed = await open(app, "/streams/orders-1");
  const event = await open(app, linkOf(feed, "1@orders-1"));
  assertStringIncludes(textOf(event), '{"order": 1}');
  assertStringIncludes(textOf(event), '{"by": "test"}');
  assertStringIncludes(
    textOf(await open(app, linkOf(event, "Older event"))),
    '"order": 0',
  );
  assertStringIncludes(
    textOf(await open(app, linkOf(event, "Newer event"))),
    '"order": 2',
  );
  assertEquals(await open(app, linkOf(event, "Stream")), feed);
});

Deno.test("?order=oldest turns a page around, and its links keep it", async () => {
  await using app = await openWithEvents(45);
  const newest = await open(app, "/streams/orders-1");
  const oldest = await open(app, linkOf(newest, "Oldest first"));
  assertEquals(numbersOf(oldest), countDown(19, 0).reverse());
  const next = await open(app, linkOf(oldest, "Newer"));
  assertEquals(numbersOf(next), countDown(39, 20).reverse());
  const back = await open(app, linkOf(next, "Newest first"));
  assertEquals(numbersOf(back), countDown(44, 25));
});

Deno.test("fields of the filter that are left empty say nothing", async () => {
  await using app = await openWithEvents(3);
  const empty = "?order=&filter-type=&filter-stream=&from=&asOf=";
  const page = await open(app, "/streams/orders-1" + empty);
  assertEquals(numbersOf(page), [2, 1, 0]);
  const none = await open(app, "/streams/orders-1?filter-type=Other&asOf=");
  assertEquals(numbersOf(none), []);
  assertStringIncludes(none, "that the filter lets pass");
});

Deno.test("?format=raw is the data, byte by byte", async () => {
  await using app = await openWithEvents(1);
  const { headers, body } = await app.get("/streams/orders-1/0?format=raw");
  assertEquals(headers.get("Content-Type"), "application/octet-stream");
  assertEquals(JSON.parse(body), { order: 0 });
});

Deno.test("pages of one address differ by login and are kept by nobody", async () => {
  await using app = await openWithEvents(1);
  const admin = { Authorization: TEST_LOGINS.admin };
  for (const path of ["/streams/orders-1", "/streams/orders-1/0"]) {
    for (let times = 0; times < 3; times++) {
      const named = await app.get(path, BROWSER, admin);
      assertStringIncludes(named.body, "<bdi>admin</bdi>");
      const anonymous = await app.get(path, BROWSER);
      assert(!anonymous.body.includes("<bdi>admin</bdi>"));
      for (const { headers } of [named, anonymous]) {
        assertEquals(headers.get("ETag"), null);
        assertStringIncludes(headers.get("Cache-Control") ?? "", "no-cache");
      }
    }
  }
});
