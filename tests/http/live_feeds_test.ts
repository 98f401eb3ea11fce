/**
 * Live feeds, called without a socket.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { EventSourceReader } from "../support/event_source.ts";
import { testUuid } from "../support/events.ts";
import {
  openTestApp,
  TEST_BASE_URL,
  TEST_INFO,
  TEST_LOGINS,
  type TestApp,
} from "../support/test_app.ts";

const SSE = "text/event-stream";
const ATOM_JSON = "application/vnd.eventstore.atom+json";

function events(first: number, count: number, eventType = "tested") {
  return Array.from({ length: count }, (_, index) => ({
    eventId: testUuid(first + index),
    eventType,
    data: { n: first + index, text: 'a "b"\n\u2028é' },
    metadata: { m: 1 },
  }));
}

/** Opens a live feed; the answer has to be 200. */
async function open(
  { app }: TestApp,
  path: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<EventSourceReader> {
  const request = new Request(TEST_BASE_URL + path, {
    headers: { Accept: SSE, Host: "127.0.0.1:2113", ...headers },
  });
  const response = await app(request, TEST_INFO);
  assertEquals(response.status, 200, path);
  return new EventSourceReader(response.body, headers["Last-Event-ID"]);
}

/** Titles of the messages up to `caught-up`, which comes last with its data. */
async function historyOf(reader: EventSourceReader): Promise<string[]> {
  const titles: string[] = [];
  for (;;) {
    const sent = await reader.next();
    assert(sent !== undefined, "The feed ended");
    if (sent.type === "caught-up") return [...titles, sent.data];
    titles.push(JSON.parse(sent.data).title);
  }
}

Deno.test("GET /streams/{stream} as text/event-stream is history, then live", async () => {
  await using app = openTestApp();
  await app.append("s", events(0, 2));
  await using reader = await open(app, "/streams/s");
  const { body } = await app.get("/streams/s?embed=body", ATOM_JSON);
  const entries = JSON.parse(body).entries.reverse();
  for (const [number, entry] of entries.entries()) {
    const sent = await reader.next();
    assertEquals(sent?.type, "message");
    assertEquals(sent?.lastEventId, String(number));
    assertEquals(JSON.parse(sent?.data ?? ""), entry);
  }
  assertEquals(await reader.next(), {
    type: "caught-up",
    lastEventId: "1",
    data: '{"eventNumber": 1}',
  });
  const next = reader.next();
  await app.append("s", events(2, 1));
  assertEquals((await next)?.lastEventId, "2");
});

Deno.test("a live feed's headers keep it out of caches and buffers", async () => {
  await using app = openTestApp();
  const wanted = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",
    "Access-Control-Allow-Origin": "*",
    "X-Content-Type-Options": "nosniff",
  };
  for (const method of ["GET", "HEAD"]) {
    const request = new Request(TEST_BASE_URL + "/streams/s?format=sse", {
      method,
      headers: { Host: "127.0.0.1:2113", Origin: "http://elsewhere.test" },
    });
    const response = await app.app(request, TEST_INFO);
    assertEquals(response.status, 200);
    for (const [name, value] of Object.entries(wanted)) {
      assertEquals(response.headers.get(name), value, name);
    }
    assertEquals(response.headers.get("ETag"), null);
    await response.body?.cancel();
  }
  const preflight = await app.send("/streams/s", { method: "OPTIONS" });
  const allowed = preflight.headers.get("Access-Control-Allow-Headers") ?? "";
  assert(allowed.includes("Last-Event-ID"));
});

Deno.test("a live feed resumes right after Last-Event-ID, whatever from says", async () => {
  await using app = openTestApp();
  await app.append("s", events(0, 4));
  const table: [path: string, id: string, history: string[]][] = [
    ["/streams/s", "1", ["2@s", "3@s", '{"eventNumber": 3}']],
    ["/streams/s?from=0", "2", ["3@s", '{"eventNumber": 3}']],
    ["/streams/s?from=head", "3", ['{"eventNumber": 3}']],
    ["/streams/s?from=3", "-1", ["0@s", "1@s", "2@s", "3@s"]],
    ["/streams/s?from=3", "", ["3@s", '{"eventNumber": 3}']],
  ];
  for (const [path, id, history] of table) {
    await using reader = await open(app, path, { "Last-Event-ID": id });
    const titles = await historyOf(reader);
    assertEquals(titles.slice(0, history.length), history, path + " " + id);
  }
});

Deno.test("?from= is a number, the head or a time", async () => {
  await using app = openTestApp();
  await app.append("s", events(0, 2));
  app.clock.advanceMs(60_000);
  await app.append("s", events(2, 2));
  const end = '{"eventNumber": 3}';
  const table: [from: string, history: string[]][] = [
    ["2", ["2@s", "3@s", end]],
    ["head", [end]],
    ["HEAD", [end]],
    ["2026-01-01T00:01:00Z", ["2@s", "3@s", end]],
    ["2026-01-01T00:01:00%2B00:00", ["2@s", "3@s", end]],
    ["2026-01-01T00:01:00+00:00", ["2@s", "3@s", end]],
    ["2026-01-01", ["0@s", "1@s", "2@s", "3@s", end]],
    ["2030-01-01", [end]],
  ];
  for (const [from, history] of table) {
    await using reader = await open(app, `/streams/s?from=${from}`);
    assertEquals(await historyOf(reader), history, from);
  }
});

Deno.test("pages as live feeds begin with the page and go on", async () => {
  await using app = openTestApp();
  await app.append("s", events(0, 5));
  const end = '{"eventNumber": 4}';
  const table: [path: string, history: string[]][] = [
    ["/streams/s/head/backward/2", ["3@s", "4@s", end]],
    ["/streams/s/3/2", ["2@s", "3@s", "4@s", end]],
    ["/streams/s/3/forward/1", ["3@s", "4@s", end]],
    ["/streams/s/9/backward/2", ['{"eventNumber": 7}']],
  ];
  for (const [path, history] of table) {
    await using reader = await open(app, path);
    assertEquals(await historyOf(reader), history, path);
  }
});

Deno.test("live feeds of the whole log, categories, types and metadata", async () => {
  await using app = openTestApp();
  await app.append("cart-1", events(0, 1, "added"));
  await app.append("cart-2", events(1, 1, "removed"));
  await app.send("/streams/cart-1/metadata", {
    headers: {
      "Content-Type": "application/json",
      "ES-EventId": testUuid(9),
    },
    body: '{"a":1}',
  });
  const admin = { Authorization: TEST_LOGINS.admin };
  const table: [path: string, titles: string[]][] = [
    ["/streams/$ce-cart", ["0@cart-1", "0@cart-2", "0@$$cart-1"]],
    ["/streams/$et-removed", ["0@cart-2"]],
    ["/streams/$streams", ["0@cart-1", "0@cart-2", "0@$$cart-1"]],
    ["/streams/cart-1/metadata/0/forward/20", ["0@$$cart-1"]],
    ["/streams/$all", ["0@cart-1", "0@cart-2", "0@$$cart-1"]],
  ];
  for (const [path, titles] of table) {
    await using reader = await open(app, path, admin);
    const history = await historyOf(reader);
    assertEquals(history.slice(0, -1), titles, path);
  }
  await using unresolved = await open(app, "/streams/$ce-cart", {
    "ES-ResolveLinkTos": "false",
  });
  assertEquals((await historyOf(unresolved))[1], "1@$ce-cart");
});

Deno.test("ids of the whole log are positions, and resume", async () => {
  await using app = openTestApp();
  await app.append("a", events(0, 2));
  const admin = { Authorization: TEST_LOGINS.admin };
  await using reader = await open(app, "/streams/$all", admin);
  const first = await reader.next();
  assert(/^[0-9A-F]{32}$/.test(first?.lastEventId ?? ""));
  const second = await reader.next();
  const caughtUp = await reader.next();
  assertEquals(caughtUp?.data, `{"position": "${caughtUp?.lastEventId}"}`);
  await app.append("b", events(2, 1));
  for (
    const [id, title] of [[first, "1@a"], [second, "0@b"], [caughtUp, "0@b"]]
      .map(([sent, title]) =>
        [(sent as typeof first)?.lastEventId ?? "", title] as const
      )
  ) {
    await using resumed = await open(app, "/streams/$all", {
      ...admin,
      "Last-Event-ID": id,
    });
    assertEquals(JSON.parse((await resumed.next())?.data ?? "").title, title);
  }
  const position = second?.lastEventId;
  await using from = await open(app, `/streams/$all?from=${position}`, admin);
  assertEquals(JSON.parse((await from.next())?.data ?? "").title, "1@a");
});

Deno.test("a live feed may be filtered", async () => {
  const admin = { Authorization: TEST_LOGINS.admin };
  const table: [path: string, titles: string[], live: string][] = [
    ["$all?filter-type=added", ["0@cart-1", "1@cart-1", "0@other"], "added"],
    ["$all?filter-type=add*&filter-stream=cart-*", [
      "0@cart-1",
      "1@cart-1",
    ], "added"],
    ["$all?filter-stream=cart-2", ["0@cart-2"], "removed"],
    ["$ce-cart?filter-type=removed", ["0@cart-2"], "removed"],
  ];
  for (const [path, titles, type] of table) {
    await using app = openTestApp();
    await app.append("cart-1", events(0, 2, "added"));
    await app.append("cart-2", events(2, 1, "removed"));
    await app.append("other", events(3, 1, "added"));
    await using reader = await open(app, "/streams/" + path, admin);
    assertEquals((await historyOf(reader)).slice(0, -1), titles, path);
    const next = reader.next();
    await app.append("unwanted", events(100, 1, "unwanted"));
    const stream = path.includes("cart-2") ? "cart-2" : "cart-3";
    await app.append(stream, events(101, 1, type));
    const { title } = JSON.parse((await next)?.data ?? "");
    assertEquals(title.split("@")[1], stream, path);
  }
});

Deno.test("what cannot begin is refused before the feed does", async (test) => {
  await using app = openTestApp();
  await app.append("gone", events(0, 1));
  await app.send("/streams/gone", {
    method: "DELETE",
    headers: { "ES-HardDelete": "true" },
  });
  const table: [
    path: string,
    status: number,
    headers?: Record<string, string>,
  ][] = [
    ["/streams/$all", 401],
    ["/streams/$secret", 401],
    ["/streams/gone", 410],
    ["/streams/s?from=-1", 400],
    ["/streams/s?from=x", 400],
    ["/streams/s?from=", 400],
    ["/streams/s?from=2026-02-30", 400],
    ["/streams/s?asOf=2026-01-01", 400],
    ["/streams/s?filter-type=", 400],
    ["/streams/s", 400, { "Last-Event-ID": "abc" }],
    ["/streams/$all", 400, {
      "Last-Event-ID": "xyz",
      Authorization: TEST_LOGINS.admin,
    }],
    ["/streams/s/x/forward/20", 400],
    ["/streams/s/0", 406],
    ["/ping", 406],
  ];
  for (const [path, status, headers] of table) {
    await test.step(`${path} is ${status}`, async () => {
      const answer = await app.get(path, SSE, headers);
      assertEquals(answer.status, status);
      assert(answer.body !== "");
      const head = await app.send(path, {
        method: "HEAD",
        headers: { Accept: SSE, ...headers },
      });
      assertEquals(head.status, status);
    });
  }
});

Deno.test("too many live feeds are refused, and may come again", async () => {
  await using app = openTestApp({
    limits: {
      liveFeedsMax: 2,
      liveFeedsPerAddressMax: 2,
      liveFeedsPerUserMax: 1,
    },
  });
  // What cannot be opened takes no place.
  await app.append("gone", events(0, 1));
  const hard = { "ES-HardDelete": "true" };
  await app.send("/streams/gone", { method: "DELETE", headers: hard });
  for (let index = 0; index < 3; index++) {
    assertEquals((await app.get("/streams/gone", SSE)).status, 410);
  }
  const admin = { Authorization: TEST_LOGINS.admin };
  await using _first = await open(app, "/streams/s", admin);
  const ofUser = await app.get("/streams/s", SSE, admin);
  assertEquals([ofUser.status, ofUser.headers.get("Retry-After")], [429, "1"]);
  {
    await using _second = await open(app, "/streams/s");
    const inAll = await app.get("/streams/s", SSE);
    assertEquals([inAll.status, inAll.headers.get("Retry-After")], [503, "1"]);
  }
  await using _third = await open(app, "/streams/s");
});

Deno.test("stopping ends a live feed with a last comment", async () => {
  await using app = openTestApp();
  await using reader = await open(app, "/streams/s");
  assertEquals((await reader.next())?.type, "caught-up");
  app.app.endLongPolls();
  assertEquals(await reader.nextAny(), {
    type: "comment",
    lastEventId: "-1",
    data: "ended, the server is stopping",
  });
  assertEquals(await reader.nextAny(), undefined);
  assertEquals((await app.get("/streams/s", SSE)).status, 503);
});
