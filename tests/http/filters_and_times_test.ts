/**
 * Filtered pages, pages by time, and pages as they were.
 *
 * @module
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { LIMITS } from "../../lib/model/limits.ts";
import { anEvent, testUuid } from "../support/events.ts";
import {
  openTestApp,
  TEST_BASE_URL,
  TEST_LOGINS,
  type TestAnswer,
  type TestApp,
} from "../support/test_app.ts";

const ATOM_JSON = "application/vnd.eventstore.atom+json";
const ADMIN = { Authorization: TEST_LOGINS.admin };
const NO_STORE = "max-age=0, no-cache, must-revalidate";
const IMMUTABLE = "max-age=31536000, public";

let lastNumber = 0;

function append(app: TestApp, streamName: string, types: readonly string[]) {
  return app.append(
    streamName,
    types.map((eventType) => ({
      eventId: testUuid(++lastNumber),
      eventType,
      data: { a: 1 },
    })),
  );
}

function titlesOf({ body }: TestAnswer): string[] {
  return JSON.parse(body).entries.map((entry: { title: string }) =>
    entry.title
  );
}

function linkOf({ body }: TestAnswer, relation: string): string | undefined {
  const { links } = JSON.parse(body) as {
    links: { relation: string; uri: string }[];
  };
  return links.find((link) => link.relation === relation)?.uri;
}

/** Follows a relation from a page, as far as it goes or to an empty end. */
async function follow(
  app: TestApp,
  path: string,
  relation: "next" | "previous",
): Promise<string[]> {
  const pages: string[][] = [];
  for (let uri: string | undefined = path; uri !== undefined;) {
    const answer: TestAnswer = await app.get(uri, ATOM_JSON, ADMIN);
    assertEquals(answer.status, 200, uri);
    const titles = titlesOf(answer);
    pages.push(relation === "next" ? titles : titles.toReversed());
    const following = linkOf(answer, relation);
    const isOver: boolean = following === uri || relation === "previous" &&
        titles.length === 0;
    uri = isOver ? undefined : following;
  }
  return pages.flat();
}

async function openMixed(): Promise<TestApp> {
  const app = openTestApp();
  for (let round = 0; round < 12; round++) {
    await append(app, "cart-1", ["added", "removed"]);
    await append(app, "cart-2", ["added"]);
    await append(app, "other", ["added", "$sys"]);
    await append(app, "$system", ["added"]);
  }
  return app;
}

Deno.test("filters of $all show what fits, page by page, both ways", async (test) => {
  await using app = await openMixed();
  const everything = await app.get(
    "/streams/$all/head/backward/4096",
    ATOM_JSON,
    ADMIN,
  );
  const entries: { title: string; summary: string }[] =
    JSON.parse(everything.body).entries;
  const table: [
    query: string,
    fits: (title: string, type: string) => boolean,
  ][] = [
    ["filter-type=removed", (_, type) => type === "removed"],
    [
      "filter-type=added",
      (title, type) => type === "added" && !title.includes("@$"),
    ],
    ["filter-type=added&system=true", (_, type) => type === "added"],
    ["filter-type=%24sys", (_, type) => type === "$sys"],
    [
      "filter-type=re*&filter-stream=cart-*",
      (title, type) => type === "removed" && title.includes("@cart-"),
    ],
    ["filter-stream=cart-2", (title) => title.endsWith("@cart-2")],
    ["filter-stream=cart-*", (title) => title.includes("@cart-")],
    ["filter-stream=%24*", (title) => title.includes("@$")],
    ["system=false", (title) => !title.includes("@$")],
    ["filter-type=none", () => false],
    ["Filter-Type=none&FILTER-STREAM=x", () => true],
  ];
  for (const [query, fits] of table) {
    await test.step(query, async () => {
      const wanted = entries
        .filter(({ title, summary }) => fits(title, summary))
        .map(({ title }) => title);
      assertEquals(
        await follow(app, `/streams/$all/head/backward/5?${query}`, "next"),
        wanted,
      );
      const start = "0".repeat(32);
      assertEquals(
        await follow(
          app,
          `/streams/$all/${start}/forward/5?${query}`,
          "previous",
        ),
        wanted.toReversed(),
      );
    });
  }
});

Deno.test("links of a filtered page keep its filter", async () => {
  await using app = await openMixed();
  const answer = await app.get(
    "/streams/$all/head/backward/2?embed=body&filter-type=a%26d*&x=1",
    ATOM_JSON,
    ADMIN,
  );
  const query = "?filter-type=a%26d*";
  const uri = TEST_BASE_URL + "/streams/%24all";
  assertEquals(linkOf(answer, "self"), uri + query);
  assertEquals(linkOf(answer, "first"), `${uri}/head/backward/2${query}`);
  assertEquals(linkOf(answer, "metadata"), uri + "/metadata");
  assertStringIncludes(linkOf(answer, "previous") ?? "", query);
  const xml = await app.get(
    "/streams/$ce-cart?filter-type=added&filter-stream=cart-1",
    "application/atom+xml",
  );
  assertStringIncludes(xml.body, "?filter-type=added&amp;filter-stream=cart-1");
});

Deno.test("filters of category feeds and streams go by numbers", async () => {
  await using app = await openMixed();
  const category = "/streams/$ce-cart";
  const query = "?filter-type=added&filter-stream=cart-2";
  const wanted = Array.from({ length: 12 }, (_, number) => `${number}@cart-2`);
  assertEquals(
    await follow(app, `${category}/0/forward/5${query}`, "previous"),
    wanted,
  );
  assertEquals(
    await follow(app, `${category}/head/backward/5${query}`, "next"),
    wanted.toReversed(),
  );
  const removed = await follow(
    app,
    "/streams/cart-1?filter-type=removed",
    "next",
  );
  assertEquals(removed[0], "23@cart-1");
  assertEquals(removed.length, 12);
});

Deno.test("an empty page of a long scan leads on, both ways", async () => {
  await using app = openTestApp();
  const eventCount = LIMITS.filterScanMax + 5;
  await app.store.append({
    streamName: "c-1",
    expectedVersion: "any",
    events: [
      anEvent(1, { eventType: "rare-first" }),
      ...Array.from({ length: eventCount }, (_, n) => anEvent(n + 2)),
      anEvent(eventCount + 2, { eventType: "rare-last" }),
    ],
  });
  const query = "?filter-type=rare*";
  for (const stream of ["$all", "$ce-c"]) {
    const start = stream === "$all" ? "0".repeat(32) : "0";
    const uri = `/streams/${stream}/${start}/forward/1${query}`;
    const first = await app.get(uri, ATOM_JSON, ADMIN);
    assertEquals(titlesOf(first), ["0@c-1"]);
    const empty = await app.get(
      linkOf(first, "previous") ?? "",
      ATOM_JSON,
      ADMIN,
    );
    assertEquals(titlesOf(empty), []);
    assertStringIncludes(empty.headers.get("Cache-Control") ?? "", "31536000");
    const last = await app.get(
      linkOf(empty, "previous") ?? "",
      ATOM_JSON,
      ADMIN,
    );
    assertEquals(titlesOf(last), [`${eventCount + 1}@c-1`]);
    assertEquals(
      await follow(app, `/streams/${stream}/head/backward/20${query}`, "next"),
      [`${eventCount + 1}@c-1`, "0@c-1"],
    );
  }
});

Deno.test("a filtered long poll is held until something fits", async () => {
  for (const stream of ["$all", "$ce-c"]) {
    await using app = openTestApp();
    await append(app, "c-1", ["a"]);
    const start = stream === "$all" ? "0".repeat(32) : "0";
    const path = `/streams/${stream}/${start}/forward/20?filter-type=b`;
    let isAnswered = false;
    const held = app.get(path, ATOM_JSON, { ...ADMIN, "ES-LongPoll": "30" })
      .finally(() => isAnswered = true);
    await append(app, "c-1", ["a"]);
    await new Promise((resolve) => setTimeout(resolve, 0));
    assertEquals(isAnswered, false);
    await append(app, "c-1", ["b"]);
    assertEquals(titlesOf(await held), ["2@c-1"]);
  }
});

Deno.test("filters that make no sense are 400", async (test) => {
  await using app = openTestApp();
  await append(app, "s", ["a"]);
  const queries = [
    "filter-type=",
    "filter-type=*",
    "filter-stream=",
    "filter-stream=*",
    "filter-stream=" + "x".repeat(5000),
    "system=maybe",
    "system=",
    "asOf=",
    "asOf=now",
    "asOf=2026-01-01T00:00:00",
    "asOf=2026-02-30",
    "from=",
    "from=soon",
    "from=2026-13-01",
  ];
  for (const stream of ["s", "$all"]) {
    for (const query of queries) {
      await test.step(`/streams/${stream}?${query.slice(0, 40)}`, async () => {
        const path = `/streams/${stream}?${query}`;
        const answer = await app.get(path, ATOM_JSON, ADMIN);
        assertEquals(answer.status, 400);
        const [name = ""] = query.split("=");
        assertStringIncludes(answer.body, `Invalid ${name}`);
      });
    }
  }
});

/** Two events at 00:00, two at 00:01, two at 00:02. */
async function openTimed(): Promise<TestApp> {
  const app = openTestApp();
  for (let round = 0; round < 3; round++) {
    await append(app, "cart-1", ["a", "b"]);
    app.clock.advanceMs(60_000);
  }
  return app;
}

Deno.test("?from= leads to the page that begins there", async (test) => {
  await using app = await openTimed();
  const { events: [, , third] } = await app.store.readAll({
    from: 0,
    count: 3,
    direction: "forward",
    withBodies: false,
  });
  const position = (third?.logPosition ?? 0).toString(16).toUpperCase()
    .padStart(16, "0").repeat(2);
  const minute = "2026-01-01T00:01:00Z";
  const table: [path: string, location: string][] = [
    [`cart-1?from=${minute}`, "cart-1/2/forward/20"],
    ["cart-1?from=2026-01-01T01:01:00%2B01:00", "cart-1/2/forward/20"],
    ["cart-1?from=2026-01-01T00:01:00.000001Z", "cart-1/4/forward/20"],
    ["cart-1?from=2025-01-01", "cart-1/0/forward/20"],
    ["cart-1?from=2027-01-01", "cart-1/6/forward/20"],
    ["cart-1?from=3", "cart-1/3/forward/20"],
    [
      `cart-1/head/backward/7?embed=body&from=${minute}&format=json`,
      "cart-1/2/forward/7?embed=body&format=json",
    ],
    [`$ce-cart?from=${minute}`, "%24ce-cart/2/forward/20"],
    [`$all?from=${minute}`, `%24all/${position}/forward/20`],
    [
      `$all?from=${minute}&system=false`,
      `%24all/${position}/forward/20?system=false`,
    ],
  ];
  for (const [path, location] of table) {
    await test.step(path, async () => {
      const answer = await app.get("/streams/" + path, ATOM_JSON, ADMIN);
      assertEquals(answer.status, 307);
      const uri = `${TEST_BASE_URL}/streams/${location}`;
      assertEquals(answer.headers.get("Location"), uri);
      assertEquals(answer.headers.get("Cache-Control"), null);
      const page = await app.get(uri, ATOM_JSON, ADMIN);
      assertEquals(page.status, 200);
      if (path.includes(minute) && !path.includes("$ce")) {
        assertEquals(titlesOf(page).at(-1), "2@cart-1");
      }
    });
  }
  const head = await app.get("/streams/cart-1?from=head", ATOM_JSON);
  assertEquals([head.status, titlesOf(head).length], [200, 6]);
});

Deno.test("?from= a time tells nothing to those who may not read", async () => {
  await using app = await openTimed();
  const time = "?from=2026-01-01";
  for (
    const [path, status] of [["$all", 401], ["$x", 401], ["none", 404]] as const
  ) {
    const answer = await app.get(`/streams/${path}${time}`, ATOM_JSON);
    assertEquals([answer.status, answer.headers.get("Location")], [
      status,
      null,
    ]);
  }
});

Deno.test("?asOf= shows a feed as it was", async (test) => {
  await using app = await openTimed();
  const time = "2026-01-01T00:01:30Z";
  const query = `?asOf=${encodeURIComponent(time)}`;
  const table: [path: string, titles: string[]][] = [
    ["cart-1", ["3@cart-1", "2@cart-1", "1@cart-1", "0@cart-1"]],
    ["cart-1/head/backward/1", ["3@cart-1"]],
    ["cart-1/5/backward/3", ["3@cart-1"]],
    ["cart-1/3/forward/20", ["3@cart-1"]],
    ["cart-1/4/forward/20", []],
    ["$ce-cart/head/backward/1", ["3@cart-1"]],
    ["$all/head/backward/2", ["3@cart-1", "2@cart-1"]],
    [`$all/${"0".repeat(32)}/forward/20`, [
      "3@cart-1",
      "2@cart-1",
      "1@cart-1",
      "0@cart-1",
    ]],
  ];
  for (const [path, titles] of table) {
    await test.step(path, async () => {
      const uri = `/streams/${path}${query}`;
      const answer = await app.get(uri, ATOM_JSON, ADMIN);
      assertEquals(titlesOf(answer), titles);
      assertEquals(answer.headers.get("ETag"), null);
      assertStringIncludes(
        answer.headers.get("Cache-Control") ?? "",
        "max-age=31536000",
      );
      assertStringIncludes(linkOf(answer, "first") ?? "", query);
      const next = linkOf(answer, "next");
      if (next !== undefined) assertStringIncludes(next, query);
    });
  }
  assertEquals(
    await follow(app, `/streams/cart-1/head/backward/3${query}`, "next"),
    ["3@cart-1", "2@cart-1", "1@cart-1", "0@cart-1"],
  );
  assertEquals(
    await follow(app, `/streams/cart-1/0/forward/3${query}`, "previous"),
    ["0@cart-1", "1@cart-1", "2@cart-1", "3@cart-1"],
  );
  const before = await app.get("/streams/cart-1?asOf=2025-01-01", ATOM_JSON);
  assertEquals(before.status, 404);
});

Deno.test("what is not yet past is not kept", async () => {
  await using app = await openTimed();
  // Two minutes and a half have passed; a moment ago counts as now.
  const now = "2026-01-01T00:03:00Z";
  const later = "2026-01-02T00:00:00Z";
  for (const time of [now, later, "2026-01-01T00:02:55Z"]) {
    for (const path of ["cart-1", "cart-1/0/forward/1", "$all"]) {
      const uri = `/streams/${path}?asOf=${time}`;
      const answer = await app.get(uri, ATOM_JSON, ADMIN);
      assertEquals(answer.headers.get("Cache-Control"), NO_STORE, uri);
      assertEquals(answer.headers.get("ETag"), null);
    }
  }
  const uri = "/streams/cart-1?asOf=2026-01-01T00:02:30Z";
  const past = await app.get(uri, ATOM_JSON);
  assertEquals(past.headers.get("Cache-Control"), IMMUTABLE);
});

Deno.test("what is hidden by now is hidden in the past too", async () => {
  await using app = await openTimed();
  await app.send("/streams/cart-1/metadata", {
    headers: {
      "Content-Type": "application/json",
      "ES-EventId": testUuid(2 ** 30),
    },
    body: '{"$tb":3}',
  });
  const uri = "/streams/cart-1?asOf=2026-01-01T00:01:30Z";
  assertEquals(titlesOf(await app.get(uri, ATOM_JSON)), ["3@cart-1"]);
  await app.send("/streams/cart-1", { method: "DELETE" });
  assertEquals((await app.get(uri, ATOM_JSON)).status, 404);
  const deletion = { method: "DELETE", headers: { "ES-HardDelete": "true" } };
  await app.send("/streams/cart-1", deletion);
  assertEquals((await app.get(uri, ATOM_JSON)).status, 410);
});

Deno.test("a filter and a time go together", async () => {
  await using app = await openTimed();
  const query = "?filter-type=a&asOf=2026-01-01T00:01:30Z";
  for (const path of ["$all", "$ce-cart", "cart-1"]) {
    const uri = `/streams/${path}${query}`;
    const answer = await app.get(uri, ATOM_JSON, ADMIN);
    assertEquals(titlesOf(answer), ["2@cart-1", "0@cart-1"], path);
    assert(linkOf(answer, "first")?.includes("asOf="));
  }
});
