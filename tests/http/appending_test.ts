/**
 * POST /streams/{stream} and /streams/{stream}/incoming/{guid}.
 *
 * @module
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { LIMITS } from "../../lib/model/limits.ts";
import { testUuid } from "../support/events.ts";
import {
  openTestApp,
  TEST_BASE_URL,
  type TestApp,
  type TestRequest,
} from "../support/test_app.ts";

const EVENTS_JSON = "application/vnd.eventstore.events+json";
const TYPELESS = "Must include an event type with the request either in body " +
  "or as ES-EventType header.";

const ONE = [{ eventId: testUuid(1), eventType: "tested", data: { n: 1 } }];
const ONE_XML = `<Events><Event><EventId>${testUuid(1)}</EventId>` +
  "<EventType>tested</EventType><Data><n>1</n></Data></Event></Events>";

function post(
  app: TestApp,
  request: TestRequest & { readonly path?: string },
) {
  return app.send(request.path ?? "/streams/s", { method: "POST", ...request });
}

Deno.test("POST /streams/{stream} is 201 with every type, and stores what it says", async (test) => {
  const headers = { "ES-EventType": "tested", "ES-EventId": testUuid(1) };
  const table: [
    type: string,
    body: string,
    accept: string,
    stored: string,
    isJson: boolean,
  ][] = [
    [
      EVENTS_JSON,
      JSON.stringify(ONE),
      "application/json",
      '{\n  "n": 1\n}',
      true,
    ],
    [
      "application/vnd.eventstore.event+json",
      JSON.stringify(ONE),
      "application/json",
      '{\n  "n": 1\n}',
      true,
    ],
    [
      "application/vnd.eventstore.atom+json",
      JSON.stringify(ONE),
      "application/json",
      '{\n  "n": 1\n}',
      true,
    ],
    [
      "application/vnd.eventstore.events+xml",
      ONE_XML,
      "application/json",
      '{\n  "n": "1"\n}',
      true,
    ],
    [
      "application/vnd.eventstore.event+xml",
      ONE_XML,
      "application/xml",
      "<data><n>1</n></data>",
      true,
    ],
    [
      "application/atom+xml",
      ONE_XML,
      "application/json",
      '{\n  "n": "1"\n}',
      true,
    ],
    [
      "application/json",
      '{"n":1}',
      "application/octet-stream",
      '{"n":1}',
      true,
    ],
    [
      "application/json; charset=utf-8",
      "not json",
      "application/octet-stream",
      "not json",
      true,
    ],
    ["application/json", "", "application/octet-stream", "", true],
    [
      "application/xml",
      "<n>1</n>",
      "application/octet-stream",
      "<n>1</n>",
      false,
    ],
    ["text/xml", "<n>1</n>", "application/json", '"<n>1</n>"', false],
    [
      "application/octet-stream",
      "bytes",
      "application/octet-stream",
      "bytes",
      false,
    ],
  ];
  for (const [type, body, accept, stored, isJson] of table) {
    await test.step(`${type}: ${body.slice(0, 20)}`, async () => {
      await using app = openTestApp();
      const answer = await post(app, {
        headers: { "Content-Type": type, ...headers },
        body,
      });
      assertEquals(answer.status, 201, answer.body);
      assertEquals(
        answer.headers.get("Location"),
        `${TEST_BASE_URL}/streams/s/0`,
      );
      assertEquals(
        answer.headers.get("Content-Type"),
        "text/plain; charset=utf-8",
      );
      assertEquals(answer.body, "");
      assertEquals((await app.get("/streams/s/0", accept)).body, stored);
      const rich = await app.get("/streams/s?embed=rich", "application/json");
      const [entry] = JSON.parse(rich.body).entries;
      assertEquals([entry.eventId, entry.eventType, entry.isJson], [
        testUuid(1),
        "tested",
        isJson,
      ]);
    });
  }
});

Deno.test("POST /streams/{stream} is 400 with the reason, and stores nothing", async (test) => {
  const json = { "Content-Type": "application/json" };
  const both = { ...json, "ES-EventType": "t", "ES-EventId": testUuid(1) };
  const batch = { "Content-Type": EVENTS_JSON };
  const table: [
    name: string,
    headers: Record<string, string>,
    body: string,
    text: string,
  ][] = [
    ["no type", json, "{}", TYPELESS],
    [
      "no type comes before a bad id",
      { ...json, "ES-EventId": "x" },
      "{}",
      TYPELESS,
    ],
    [
      "bad id",
      { ...both, "ES-EventId": "x" },
      "{}",
      "ES-EventId header in wrong format.",
    ],
    [
      "empty id",
      { ...both, "ES-EventId": "" },
      "{}",
      "ES-EventId header in wrong format.",
    ],
    [
      "zero id",
      { ...both, "ES-EventId": "00000000-0000-0000-0000-000000000000" },
      "{}",
      "ES-EventId header in wrong format.",
    ],
    [
      "bad id beside a batch",
      { ...batch, "ES-EventId": "x" },
      JSON.stringify(ONE),
      "ES-EventId header in wrong format.",
    ],
    [
      "empty type",
      { ...both, "ES-EventType": "" },
      "{}",
      "Empty eventType provided.",
    ],
    [
      "bad version",
      { ...both, "ES-ExpectedVersion": "x" },
      "{}",
      "ES-ExpectedVersion header in wrong format.",
    ],
    [
      "version -3",
      { ...both, "ES-ExpectedVersion": "-3" },
      "{}",
      "ES-ExpectedVersion header in wrong format.",
    ],
    [
      "bad version comes before the body",
      { ...batch, "ES-ExpectedVersion": "x" },
      "?",
      "ES-ExpectedVersion header in wrong format.",
    ],
    [
      "bad master",
      { ...both, "ES-RequireMaster": "x" },
      "{}",
      "ES-RequireMaster header in wrong format.",
    ],
    ["an object for a batch", batch, "{}", "Write request body invalid."],
    ["an empty batch", batch, "[]", "Write request body invalid."],
    [
      "streamdesc+json",
      { "Content-Type": "application/vnd.eventstore.streamdesc+json" },
      JSON.stringify(ONE),
      "Write request body invalid.",
    ],
    [
      "an event without an id",
      batch,
      '[{"eventType":"t"}]',
      "Empty eventId provided.",
    ],
    [
      "a second event without a type",
      batch,
      JSON.stringify([...ONE, { eventId: testUuid(2) }]),
      "Empty eventType provided.",
    ],
    [
      "nesting",
      batch,
      `[{"eventId":"${testUuid(1)}","eventType":"t","data":${"[".repeat(5000)}${
        "]".repeat(5000)
      }}]`,
      "Write request body invalid. It is nested too deeply.",
    ],
  ];
  for (const [name, headers, body, text] of table) {
    await test.step(name, async () => {
      await using app = openTestApp();
      const answer = await post(app, { headers, body });
      assertEquals([answer.status, answer.body], [400, text]);
      assertEquals(
        answer.headers.get("Access-Control-Allow-Methods"),
        "POST, DELETE, GET, OPTIONS",
      );
      assertEquals(
        answer.headers.get("Content-Type"),
        "text/plain; charset=utf-8",
      );
      assertEquals((await app.store.readState("s")).head, -1);
    });
  }
});

Deno.test("POST /streams/{stream} without an id is 307 to a URI that may be repeated", async () => {
  await using app = openTestApp();
  const headers = { "Content-Type": "application/json", "ES-EventType": "t" };
  const redirect = await post(app, {
    path: "/streams/a%20b?x=1",
    headers: { ...headers, "ES-ExpectedVersion": "not looked at" },
    body: "{}",
  });
  assertEquals(redirect.status, 307);
  assertEquals(redirect.body, "Forwarding to idempotent URI");
  assertEquals(
    redirect.headers.get("Content-Type"),
    "text/plain; charset=utf-8",
  );
  const location = redirect.headers.get("Location") ?? "";
  assertMatch(location, /\/streams\/a%20b\/incoming\/[0-9a-f-]{36}\?x=1$/);
  for (const _attempt of ["first", "repeated"]) {
    const answer = await app.send(location, { headers, body: "{}" });
    assertEquals(answer.status, 201);
    assertEquals(
      answer.headers.get("Location"),
      `${TEST_BASE_URL}/streams/a%20b/0`,
    );
  }
});

Deno.test("POST /streams/{stream}/incoming/{guid} refuses in its own words", async (test) => {
  const json = { "Content-Type": "application/json" };
  const table: [
    guid: string,
    headers: Record<string, string>,
    status: number,
    text: string,
  ][] = [
    [
      "x",
      { ...json, "ES-EventType": "t" },
      400,
      "Invalid request. Unable to parse guid",
    ],
    [
      "00000000-0000-0000-0000-000000000000",
      { ...json, "ES-EventType": "t" },
      400,
      "Empty eventId provided.",
    ],
    [testUuid(1), json, 400, "Empty eventType provided."],
    [
      testUuid(1),
      { ...json, "ES-EventType": "t", "ES-ExpectedVersion": "x" },
      400,
      "ES-ExpectedVersion header in wrong format.",
    ],
    [
      testUuid(1),
      { "Content-Type": EVENTS_JSON },
      415,
      "Invalid or missing Content-Type",
    ],
    [
      testUuid(1),
      { "Content-Type": "application/octet-stream" },
      415,
      "Invalid or missing Content-Type",
    ],
  ];
  await using app = openTestApp();
  for (const [guid, headers, status, text] of table) {
    await test.step(`${status} ${text}`, async () => {
      const path = `/streams/s/incoming/${guid}`;
      const answer = await post(app, { path, headers, body: "{}" });
      assertEquals([answer.status, answer.body], [status, text]);
    });
  }
});

Deno.test("POST /streams/{stream} is 400 with ES-CurrentVersion at another version", async () => {
  await using app = openTestApp();
  const stale = { "ES-ExpectedVersion": "3" };
  const missing = await app.append("s", ONE, stale);
  assertEquals([missing.status, missing.body], [
    400,
    "Wrong expected EventNumber",
  ]);
  assertEquals(missing.headers.get("ES-CurrentVersion"), "-1");
  await app.append("s", ONE);
  const next = [{ ...ONE[0], eventId: testUuid(2), eventType: "t" }];
  assertEquals(
    (await app.append("s", next, stale)).headers.get("ES-CurrentVersion"),
    "0",
  );
  assertEquals(
    (await app.append("s", next, { "ES-ExpectedVersion": "0" })).status,
    201,
  );
  assertEquals(
    (await app.append("t", ONE, { "ES-ExpectedVersion": "-4" })).status,
    400,
  );
  assertEquals(
    (await app.append("t", ONE, { "ES-ExpectedVersion": "-1" })).status,
    201,
  );
});

Deno.test("POST /streams/{stream} is 413 for what is too large, and stores nothing", async () => {
  await using app = openTestApp();
  const data = "x".repeat(LIMITS.eventBytesMax + 1);
  const event = await app.append("s", [{
    ...ONE[0],
    data,
    eventId: testUuid(1),
    eventType: "t",
  }]);
  assertEquals([event.status, event.body], [
    413,
    "Too large events received. Limit is 4mb",
  ]);
  const body = await post(app, {
    headers: { "Content-Type": EVENTS_JSON },
    body: new Uint8Array(LIMITS.requestBytesMax + 1),
  });
  assertEquals(body.status, 413);
  assertEquals((await app.store.readState("s")).head, -1);
});

Deno.test("POST /streams/{stream} is 411 without a length", async () => {
  await using app = openTestApp();
  const answer = await post(app, { headers: { "Content-Type": EVENTS_JSON } });
  assertEquals([answer.status, answer.body], [411, "Length Required"]);
});

Deno.test("POST /streams/{stream} is 408 when the body does not come", async () => {
  await using app = openTestApp({ limits: { bodyReadMs: 16 } });
  const request = new Request(`${TEST_BASE_URL}/streams/s`, {
    method: "POST",
    headers: { "Content-Type": EVENTS_JSON, "Content-Length": "10" },
    body: new ReadableStream(),
  });
  const response = await app.app(request, {
    remoteAddr: { transport: "tcp", hostname: "127.0.0.1", port: 1 },
    completed: Promise.resolve(),
  });
  assertEquals(response.status, 408);
  assertEquals(
    await response.text(),
    "Server was unable to handle request in time",
  );
});

Deno.test("POST /streams/{stream} reports several faults in the order 404, 405, 415, 406, 400", async () => {
  await using app = openTestApp();
  const bad = { "Accept": "image/png", "ES-EventId": "x" };
  const typed = { ...bad, "Content-Type": "application/json" };
  const table: [
    path: string,
    method: string,
    headers: Record<string, string>,
    status: number,
  ][] = [
    ["/streamz/s", "POST", bad, 404],
    ["/streams/s", "PUT", bad, 405],
    ["/streams/s", "POST", bad, 415],
    ["/streams/s", "POST", typed, 406],
    ["/streams/s", "POST", { ...typed, Accept: "application/json" }, 400],
  ];
  for (const [path, method, headers, status] of table) {
    const answer = await app.send(path, { method, headers, body: "" });
    assertEquals(answer.status, status, `${method} ${path}`);
  }
});

Deno.test("POST /streams/$all is 401 for everybody", async () => {
  await using app = openTestApp();
  const answer = await app.append("$all", ONE);
  assertEquals(answer.status, 401);
  assertEquals(answer.headers.get("WWW-Authenticate"), 'Basic realm="ES"');
  assert(answer.headers.has("Access-Control-Allow-Origin"));
});
