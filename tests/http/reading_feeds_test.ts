/**
 * Feed pages of streams and of the whole log.
 *
 * @module
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { testUuid } from "../support/events.ts";
import {
  openTestApp,
  TEST_BASE_URL,
  TEST_LOGINS,
  type TestApp,
} from "../support/test_app.ts";

const VENDOR = "application/vnd.eventstore.";
const ATOM_JSON = VENDOR + "atom+json";
const NO_STORE = "max-age=0, no-cache, must-revalidate";
const IMMUTABLE = "max-age=31536000, public";
const ADMIN = { Authorization: TEST_LOGINS.admin };

async function openWithEvents(count: number): Promise<TestApp> {
  const app = openTestApp();
  const events = Array.from({ length: count }, (_, n) => ({
    eventId: testUuid(n + 1),
    eventType: "tested",
    data: { n },
  }));
  assertEquals((await app.append("s", events)).status, 201);
  return app;
}

function numbersOf(body: string): number[] {
  return JSON.parse(body).entries.map((entry: { title: string }) =>
    Number(entry.title.split("@")[0])
  );
}

Deno.test("GET /streams/{stream} is 200 in every type, with that type's ETag", async (test) => {
  await using app = await openWithEvents(1);
  const table: [accept: string, etag: string, start: string][] = [
    [ATOM_JSON, '"0;248368668"', '{\n  "title": "Event stream \'s\''],
    [
      "application/atom+xml",
      '"0;-1296467268"',
      '<?xml version="1.0" encoding="utf-8"?><feed ',
    ],
    ["application/json", '"0;-43840953"', "{\n"],
    ["text/xml", '"0;-1004727243"', "<?xml"],
    ["application/xml", '"0;-1248326952"', "<?xml"],
    [VENDOR + "event+json", '"0;1674250047"', "{\n"],
    [VENDOR + "events+json", '"0;-1929970476"', "{\n"],
    [VENDOR + "event+xml", '"0;608210656"', "<?xml"],
    [VENDOR + "events+xml", '"0;1738871467"', "<?xml"],
  ];
  for (const [accept, etag, start] of table) {
    await test.step(accept, async () => {
      const answer = await app.get("/streams/s", accept);
      assertEquals(answer.status, 200);
      assertEquals(
        answer.headers.get("Content-Type"),
        accept + "; charset=utf-8",
      );
      assertEquals(answer.headers.get("ETag"), etag);
      assertEquals(answer.headers.get("Cache-Control"), NO_STORE);
      assertEquals(answer.headers.get("Vary"), "Accept");
      assert(answer.body.startsWith(start), answer.body);
      const same = await app.get("/streams/s", accept, {
        "If-None-Match": etag,
      });
      assertEquals([same.status, same.body], [304, ""]);
      assertEquals(same.headers.get("ETag"), etag);
      assertEquals(same.headers.get("Cache-Control"), NO_STORE);
      assertEquals(same.headers.get("Vary"), "Accept");
      assertEquals(same.headers.get("Content-Type"), null);
      const other = await app.get("/streams/s", accept, {
        "If-None-Match": '"0;1"',
      });
      assertEquals(other.status, 200);
    });
  }
});

Deno.test("GET of a backward page without Accept, or for any type, is atom+json", async () => {
  await using app = await openWithEvents(1);
  for (
    const path of ["/streams/s", "/streams/s/head/5", "/streams/s/0/backward/5"]
  ) {
    for (const accept of [undefined, "*/*"]) {
      const answer = await app.get(path, accept);
      assertEquals(answer.status, 200);
      assertEquals(
        answer.headers.get("Content-Type"),
        ATOM_JSON + "; charset=utf-8",
      );
    }
  }
});

Deno.test("GET of a backward page as streamdesc+json describes the stream", async () => {
  await using app = openTestApp();
  for (
    const accept of [VENDOR + "streamdesc+json", "application/*", "*/*;q=0.5"]
  ) {
    const answer = await app.get("/streams/a%20b", accept);
    assertEquals(answer.status, 200);
    assertEquals(
      answer.headers.get("Content-Type"),
      VENDOR + "streamdesc+json; charset=utf-8",
    );
    assertEquals(answer.headers.get("Cache-Control"), null);
    const { title, _links } = JSON.parse(answer.body);
    assertEquals(title, "Description document for 'a b'");
    assertEquals(_links.self.href, "/streams/a%20b");
  }
  const incoming = await app.get(`/streams/s/incoming/${testUuid(1)}`);
  assertEquals(incoming.status, 406);
  assertEquals(JSON.parse(incoming.body).title, "Description document for 's'");
  const wanted = await app.get(`/streams/s/incoming/${testUuid(1)}`, ATOM_JSON);
  assertEquals([wanted.status, wanted.body], [
    400,
    "'incoming' is not valid event number",
  ]);
});

Deno.test("without Accept and for any type, feeds are atom+json and events atom+xml", async () => {
  await using app = await openWithEvents(1);
  const described = await app.send("/streams/s/metadata", {
    headers: {
      "Content-Type": "application/json",
      "ES-EventId": testUuid(2),
    },
    body: "{}",
  });
  assertEquals(described.status, 201);
  const feeds = [
    "/streams/s",
    "/streams/s/head/backward/20",
    "/streams/s/0/20",
    "/streams/s/0/forward/20",
    "/streams/s/metadata/head/backward/20",
    "/streams/s/metadata/0/forward/20",
    "/streams/$all",
    "/streams/$all/head/backward/20",
    `/streams/$all/${"0".repeat(32)}/forward/20`,
  ];
  for (const path of feeds) await typeIs(path, ATOM_JSON);
  await typeIs("/streams/s/0", "application/atom+xml");
  await typeIs("/streams/s/metadata", "application/atom+xml");

  async function typeIs(path: string, type: string): Promise<void> {
    for (const accept of [undefined, "*/*", "image/png, */*"]) {
      const answer = await app.get(path, accept, ADMIN);
      const got = [answer.status, answer.headers.get("Content-Type")];
      const wanted = [200, type + "; charset=utf-8"];
      assertEquals(got, wanted, `${path} ${accept}`);
    }
  }
});

Deno.test("pages show their numbers, newest first, and say how long they hold", async () => {
  await using app = await openWithEvents(30);
  const range = (from: number, to: number) =>
    Array.from({ length: from - to + 1 }, (_, index) => from - index);
  const table: [
    rest: string,
    numbers: number[],
    cache: string,
    hasEtag: boolean,
  ][] = [
    ["", range(29, 10), NO_STORE, true],
    ["/head/backward/5", range(29, 25), NO_STORE, true],
    ["/head/5", range(29, 25), NO_STORE, true],
    ["/9/backward/20", range(9, 0), IMMUTABLE, false],
    ["/9/3", range(9, 7), IMMUTABLE, false],
    ["/100/backward/80", range(29, 21), NO_STORE, true],
    ["/0/forward/20", range(19, 0), IMMUTABLE, false],
    ["/20/forward/20", range(29, 20), NO_STORE, true],
    ["/30/forward/20", [], NO_STORE, true],
  ];
  for (const [rest, numbers, cache, hasEtag] of table) {
    const answer = await app.get("/streams/s" + rest, ATOM_JSON);
    assertEquals(answer.status, 200, rest);
    assertEquals(numbersOf(answer.body), numbers, rest);
    assertEquals(answer.headers.get("Cache-Control"), cache, rest);
    assertEquals(answer.headers.get("ETag") !== null, hasEtag, rest);
  }
});

Deno.test("following previous from the first page shows every event once", async () => {
  await using app = await openWithEvents(30);
  const seen: number[] = [];
  let path: string | undefined = "/streams/s/0/forward/7";
  while (path !== undefined) {
    const { body } = await app.get(path, ATOM_JSON);
    seen.push(...numbersOf(body).reverse());
    const { links } = JSON.parse(body);
    path = links.find((link: { relation: string }) =>
      link.relation === "previous"
    )?.uri;
  }
  assertEquals(seen, Array.from({ length: 30 }, (_, index) => index));
});

Deno.test("embed= decides how much an entry holds", async () => {
  await using app = await openWithEvents(1);
  const entryAt = async (embed: string) =>
    JSON.parse((await app.get(`/streams/s?embed=${embed}`, ATOM_JSON)).body)
      .entries[0];
  assertEquals((await entryAt("none")).content, undefined);
  assertEquals((await entryAt("content")).content.data, { n: 0 });
  assertEquals((await entryAt("rich")).data, undefined);
  assertEquals((await entryAt("BODY")).data, '{\n  "n": 0\n}');
  assertEquals((await entryAt("tryharder")).eventNumber, 0);
  assertEquals((await entryAt("bogus")).eventId, undefined);
  const xml = await app.get("/streams/s?embed=content", "application/atom+xml");
  assertStringIncludes(xml.body, "<n>0</n>");
});

Deno.test("GET of a page is 400 for bad numbers and counts, 404 and 410 for streams that are not there", async () => {
  await using app = await openWithEvents(1);
  await app.append("gone", [{ eventId: testUuid(50), eventType: "t" }]);
  assertEquals(
    (await app.send("/streams/gone", {
      method: "DELETE",
      headers: { "ES-HardDelete": "True" },
    })).status,
    204,
  );
  const table: [path: string, status: number, text: string][] = [
    ["/streams/s/x/backward/20", 400, "'x' is not valid event number"],
    ["/streams/s/head/forward/20", 400, "'head' is not valid event number"],
    [
      "/streams/s/0/forward/0",
      400,
      "'0' is not valid count. Should be positive integer",
    ],
    [
      "/streams/s/0/forward",
      400,
      "'forward' is not valid count. Should be positive integer",
    ],
    [
      "/streams/s/0/forward/4097",
      400,
      "Read size too big, should be less than 4096 items",
    ],
    ["/streams/none", 404, "Not Found"],
    ["/streams/none/0/forward/20", 404, "Not Found"],
    ["/streams/gone", 410, "Deleted"],
    ["/streams/gone/0/forward/20", 410, "Deleted"],
  ];
  for (const [path, status, text] of table) {
    const answer = await app.get(path, ATOM_JSON);
    assertEquals([answer.status, answer.body], [status, text], path);
  }
});

Deno.test("ES-LongPoll is looked at on forward pages only", async () => {
  await using app = await openWithEvents(1);
  const bad = { "ES-LongPoll": "abc" };
  assertEquals((await app.get("/streams/s", ATOM_JSON, bad)).status, 200);
  const forward = await app.get("/streams/s/0/forward/20", ATOM_JSON, bad);
  assertEquals([forward.status, forward.body], [
    400,
    "ES-LongPoll header in wrong format.",
  ]);
});

Deno.test("a held page is answered as soon as there is an event", async () => {
  await using app = await openWithEvents(1);
  const held = app.get("/streams/s/1/forward/20", ATOM_JSON, {
    "ES-LongPoll": "30",
  });
  await app.append("s", [{ eventId: testUuid(77), eventType: "tested" }]);
  assertEquals(numbersOf((await held).body), [1]);
});

Deno.test("endLongPolls() answers a held page with what there is", async () => {
  await using app = await openWithEvents(1);
  const held = app.get("/streams/s/1/forward/20", ATOM_JSON, {
    "ES-LongPoll": "30",
  });
  // The request must be held before it can be let go.
  await app.get("/streams/s");
  app.app.endLongPolls();
  assertEquals(numbersOf((await held).body), []);
});

Deno.test("GET /streams/$all is for administrators", async () => {
  await using app = await openWithEvents(3);
  const admin = { Authorization: TEST_LOGINS.admin };
  for (
    const path of [
      "/streams/$all",
      "/streams/%24all",
      "/streams/$all/head/backward/20",
    ]
  ) {
    assertEquals((await app.get(path, ATOM_JSON)).status, 401);
    assertEquals(
      (await app.get(path, ATOM_JSON, { Authorization: TEST_LOGINS.user }))
        .status,
      401,
    );
    const answer = await app.get(path, ATOM_JSON, admin);
    assertEquals(answer.status, 200);
    assertEquals(numbersOf(answer.body), [2, 1, 0]);
    assertStringIncludes(answer.headers.get("ETag") ?? "", ";248368668");
  }
  const first = await app.get(
    `/streams/$all/${"0".repeat(32)}/forward/2`,
    ATOM_JSON,
    admin,
  );
  assertEquals(numbersOf(first.body), [1, 0]);
  const bad = await app.get("/streams/$all/7/forward/2", ATOM_JSON, admin);
  assertEquals([bad.status, bad.body], [400, "Invalid position argument: 7"]);
});

Deno.test("DELETE /streams/{stream} is 204, and again what it says", async () => {
  await using app = await openWithEvents(2);
  const remove = (headers: Record<string, string> = {}) =>
    app.send("/streams/s", { method: "DELETE", headers });
  const stale = await remove({ "ES-ExpectedVersion": "7" });
  assertEquals([
    stale.status,
    stale.body,
    stale.headers.get("ES-CurrentVersion"),
  ], [400, "Wrong expected EventNumber", null]);
  for (const version of ["-3", "x"]) {
    assertEquals(
      (await remove({ "ES-ExpectedVersion": version })).body,
      "ES-ExpectedVersion header in wrong format.",
    );
  }
  assertEquals((await remove({ "ES-ExpectedVersion": "1" })).status, 204);
  assertEquals((await app.get("/streams/s")).status, 404);
  assertEquals((await remove({ "ES-HardDelete": "TRUE" })).status, 204);
  assertEquals((await remove()).body, "Stream deleted");
  assertEquals(
    (await app.append("s", [{ eventId: testUuid(8), eventType: "t" }])).status,
    410,
  );
});

Deno.test("markup in names, types and data is only text on a page", async () => {
  await using app = openTestApp();
  const nasty = "<script>alert(1)</script>\"'&";
  await app.append(nasty, [{
    eventId: testUuid(1),
    eventType: nasty,
    data: { nasty },
    metadata: nasty,
  }]);
  const path = `/streams/${
    encodeURIComponent(nasty).replaceAll("%2F", "%252F")
  }`;
  for (const rest of ["", "/0"]) {
    const { body } = await app.get(path + rest, "text/html");
    assert(!/<script(?! type="module" src="\/web\/assets\/)/.test(body), body);
  }
});

Deno.test("a page larger than memory should hold comes in pieces", async () => {
  await using app = openTestApp();
  const data = "x".repeat(1024 * 1024);
  for (let n = 0; n < 8; n++) {
    const answer = await app.append("large", [{
      eventId: testUuid(n + 1),
      eventType: "t",
      data: { data },
    }]);
    assertEquals(
      answer.headers.get("Location"),
      `${TEST_BASE_URL}/streams/large/${n}`,
    );
  }
  const page = await app.get("/streams/large?embed=body", ATOM_JSON);
  assertEquals(page.status, 200);
  assertEquals(numbersOf(page.body), [7, 6, 5, 4, 3, 2, 1, 0]);
});
