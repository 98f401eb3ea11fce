/**
 * GET /streams/{stream}/{event}.
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
const NO_STORE = "max-age=0, no-cache, must-revalidate";
const IMMUTABLE = "max-age=31536000, public";
const EVENTS = [
  {
    eventId: testUuid(1),
    eventType: "first",
    data: { n: 1 },
    metadata: { m: 1 },
  },
  { eventId: testUuid(2), eventType: "second", data: "plain" },
];

async function openWithEvents(): Promise<TestApp> {
  const app = openTestApp();
  assertEquals((await app.append("s", EVENTS)).status, 201);
  return app;
}

Deno.test("GET /streams/{stream}/{event} is 200 in every type", async (test) => {
  const dto =
    '{\n  "eventStreamId": "s",\n  "eventNumber": 0,\n  "eventType": "first",\n' +
    `  "eventId": "${
      testUuid(1)
    }",\n  "data": {\n    "n": 1\n  },\n  "metadata": {\n    "m": 1\n  }\n}`;
  const table: [
    accept: string | undefined,
    type: string,
    body: string | RegExp,
  ][] = [
    ["application/json", "application/json; charset=utf-8", '{\n  "n": 1\n}'],
    ["text/xml", "text/xml; charset=utf-8", "<data><n>1</n></data>"],
    [
      "application/xml",
      "application/xml; charset=utf-8",
      "<data><n>1</n></data>",
    ],
    ["application/octet-stream", "application/octet-stream", '{\n  "n": 1\n}'],
    [VENDOR + "event+json", VENDOR + "event+json; charset=utf-8", dto],
    [
      VENDOR + "event+xml",
      VENDOR + "event+xml; charset=utf-8",
      /^<event><eventStreamId>s</,
    ],
    [
      VENDOR + "atom+json",
      VENDOR + "atom+json; charset=utf-8",
      /"content": \{\n {4}"eventStreamId": "s"/,
    ],
    [
      "application/atom+xml",
      "application/atom+xml; charset=utf-8",
      /<atom:title>0@s</,
    ],
    ["text/html", "text/html; charset=utf-8", /^<!DOCTYPE html>/],
    ["*/*", "application/atom+xml; charset=utf-8", /<atom:title>0@s</],
    [undefined, "application/atom+xml; charset=utf-8", /<atom:title>0@s</],
  ];
  await using app = await openWithEvents();
  for (const [accept, type, body] of table) {
    await test.step(accept ?? "no Accept", async () => {
      const answer = await app.get("/streams/s/0", accept);
      assertEquals(answer.status, 200);
      assertEquals(answer.headers.get("Content-Type"), type);
      if (typeof body === "string") assertEquals(answer.body, body);
      else assert(body.test(answer.body), answer.body);
      const isPage = accept === "text/html";
      assertEquals(
        answer.headers.get("Cache-Control"),
        isPage ? `${NO_STORE}, private` : IMMUTABLE,
      );
      assertEquals(answer.headers.get("Vary"), "Accept");
      assertEquals(answer.headers.get("ETag"), null);
    });
  }
});

Deno.test("GET /streams/{stream}/{event} sandboxes XML and pages", async () => {
  await using app = await openWithEvents();
  const policyOf = async (accept: string) =>
    (await app.get("/streams/s/0", accept)).headers.get(
      "Content-Security-Policy",
    );
  for (
    const accept of [
      "text/xml",
      "application/xml",
      "application/atom+xml",
      VENDOR + "event+xml",
    ]
  ) {
    assertEquals(await policyOf(accept), "sandbox; default-src 'none'", accept);
  }
  assertStringIncludes(await policyOf("text/html") ?? "", "default-src 'none'");
  assertEquals(await policyOf("application/json"), null);
});

Deno.test("GET /streams/{stream}/{event} follows format= before Accept", async () => {
  await using app = await openWithEvents();
  const table: [format: string, status: number, type: string][] = [
    ["json", 200, "application/json; charset=utf-8"],
    ["XML", 200, "text/xml; charset=utf-8"],
    ["atom", 200, "application/atom+xml; charset=utf-8"],
    ["atomxj", 200, VENDOR + "atom+json; charset=utf-8"],
    ["html", 200, "text/html; charset=utf-8"],
    ["text", 406, "text/plain; charset=utf-8"],
    ["bogus", 406, "text/plain; charset=utf-8"],
  ];
  for (const [format, status, type] of table) {
    const answer = await app.get(`/streams/s/0?format=${format}`, "image/png");
    assertEquals([answer.status, answer.headers.get("Content-Type")], [
      status,
      type,
    ], format);
  }
});

Deno.test("GET /streams/{stream}/head is the newest event, with an ETag", async () => {
  await using app = await openWithEvents();
  const answer = await app.get("/streams/s/head", "application/json");
  assertEquals([answer.status, answer.body], [200, '"plain"']);
  assertEquals(answer.headers.get("ETag"), '"1;-43840953"');
  assertEquals(
    answer.headers.get("Cache-Control"),
    "max-age=0, no-cache, must-revalidate",
  );
  // If-None-Match does not count here.
  const again = await app.get("/streams/s/head", "application/json", {
    "If-None-Match": '"1;-43840953"',
  });
  assertEquals(again.status, 200);
});

Deno.test("GET /streams/{stream}/{event} is 404, 410 or 401 in the words of its type", async (test) => {
  await using app = await openWithEvents();
  await app.append("gone", EVENTS);
  await app.send("/streams/gone", {
    method: "DELETE",
    headers: { "ES-HardDelete": "true" },
  });
  await app.append("$secret", EVENTS, { Authorization: TEST_LOGINS.admin });
  const table: [path: string, status: number, text: string][] = [
    ["/streams/s/2", 404, "Not Found"],
    ["/streams/s/9007199254740993", 404, "Not Found"],
    ["/streams/none/0", 404, "Not Found"],
    ["/streams/none/head", 404, "Not Found"],
    ["/streams/gone/0", 410, "Deleted"],
    ["/streams/$secret/0", 401, "Unauthorized"],
  ];
  for (const [path, status, text] of table) {
    await test.step(`${path} is ${status}`, async () => {
      for (
        const accept of [
          "application/json",
          VENDOR + "atom+json",
          VENDOR + "event+json",
        ]
      ) {
        const answer = await app.get(path, accept);
        assertEquals([answer.status, answer.body], [status, "{}"], accept);
        assertEquals(
          answer.headers.get("Content-Type"),
          "text/plain; charset=utf-8",
        );
      }
      for (const accept of ["text/xml", "application/octet-stream"]) {
        const answer = await app.get(path, accept);
        assertEquals([answer.status, answer.body], [status, text], accept);
      }
      const page = await app.get(path, "text/html");
      assertEquals(page.status, status);
      assertStringIncludes(page.body, `<bdi>${text}</bdi>`);
    });
  }
});

Deno.test("GET /streams/{stream}/{event} is 400 for what is no event number", async () => {
  await using app = await openWithEvents();
  for (const text of ["x", "-1", "1.5", "HEAD"]) {
    const answer = await app.get(`/streams/s/${text}`);
    assertEquals([answer.status, answer.body], [
      400,
      `'${text}' is not valid event number`,
    ]);
  }
  const bogus = await app.get("/streams/s/0", undefined, {
    "ES-ResolveLinkTos": "bogus",
  });
  assertEquals([bogus.status, bogus.body], [
    400,
    "ES-ResolveLinkTos header in wrong format.",
  ]);
});

Deno.test("GET /streams/{stream}/{event} follows links, unless told not to", async () => {
  await using app = await openWithEvents();
  await app.append("links", [{
    eventId: testUuid(9),
    eventType: "$>",
    data: "0@s",
  }]);
  const follow = await app.get("/streams/links/0", "application/json");
  assertEquals(follow.body, '{\n  "n": 1\n}');
  for (const name of ["ES-ResolveLinkTos", "ES-ResolveLinkTo"]) {
    const stay = await app.get("/streams/links/0", "application/json", {
      [name]: "False",
    });
    assertEquals(stay.body, '"0@s"');
  }
});

Deno.test("GET /streams/{stream}/metadata tells what was written, and {} before", async () => {
  await using app = await openWithEvents();
  const path = "/streams/s/metadata";
  const none = await app.get(path, "application/json");
  assertEquals([none.status, none.body, none.headers.get("ETag")], [
    200,
    "{}",
    null,
  ]);
  assertEquals((await app.get(path, "application/xml")).body, "");
  assertStringIncludes(
    (await app.get(path, "text/html")).body,
    "None was written",
  );
  assertEquals(
    (await app.get("/streams/none/metadata", "application/json")).status,
    404,
  );

  const written = await app.send(path, {
    headers: { "Content-Type": "application/json", "ES-EventId": testUuid(5) },
    body: '{"$maxCount":1}',
  });
  assertEquals([written.status, written.headers.get("Location")], [
    201,
    `${TEST_BASE_URL}/streams/%24%24s/0`,
  ]);
  const some = await app.get(path, "application/json");
  assertEquals([some.body, some.headers.get("ETag")], [
    '{\n  "$maxCount": 1\n}',
    '"0;-43840953"',
  ]);
  const numbered = await app.get(path + "/0", VENDOR + "atom+json");
  assertEquals(JSON.parse(numbered.body).title, "0@$$s");
  const history = await app.get(path + "/head/backward/5", "application/json");
  assertEquals(JSON.parse(history.body).entries.length, 1);
  assertEquals((await app.get("/streams/s/0")).status, 404);
});

Deno.test("POST /streams/{stream}/metadata refuses in its own words", async () => {
  await using app = openTestApp();
  const json = {
    "Content-Type": "application/json",
    "ES-EventId": testUuid(1),
  };
  const table: [path: string, headers: Record<string, string>, text: string][] =
    [
      [
        "/streams/$$s/metadata",
        json,
        "Invalid request. Stream must be non-empty string and should not be metastream",
      ],
      [
        "/streams/s/metadata",
        { ...json, "ES-EventType": "x" },
        "Bad Request. You should not include an event type for metadata.",
      ],
      [
        "/streams/s/metadata",
        { "Content-Type": "application/json" },
        "Empty eventId provided.",
      ],
      [
        "/streams/s/metadata",
        { ...json, "ES-EventId": "x" },
        "ES-EventId header in wrong format.",
      ],
      [
        "/streams/s/metadata",
        { ...json, "ES-ExpectedVersion": "x" },
        "ES-ExpectedVersion header in wrong format.",
      ],
    ];
  for (const [path, headers, text] of table) {
    const answer = await app.send(path, { headers, body: "{}" });
    assertEquals([answer.status, answer.body], [400, text]);
  }
  const meta = await app.get("/streams/$$s/metadata");
  assertEquals([meta.status, meta.body], [
    400,
    "Stream must be non-empty string and should not be metastream",
  ]);
});
