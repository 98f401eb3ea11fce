/**
 * System lists as streams: their metadata, deletes, what they show to whom, and
 * what their events say.
 *
 * @module
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { testUuid } from "../support/events.ts";
import {
  openTestApp,
  TEST_LOGINS,
  type TestAnswer,
  type TestApp,
} from "../support/test_app.ts";

type HeaderFields = Readonly<Record<string, string>>;

const ATOM_JSON = "application/vnd.eventstore.atom+json";
const ADMIN: HeaderFields = { Authorization: TEST_LOGINS.admin };
const USER: HeaderFields = { Authorization: TEST_LOGINS.user };
const LISTS = ["$ce-cart", "$et-T", "$streams", "$category-cart"];

let lastNumber = 0;

async function append(
  app: TestApp,
  streamName: string,
  changes: { eventType?: string; data?: unknown; metadata?: unknown } = {},
): Promise<string> {
  const eventId = testUuid(++lastNumber);
  const event = { eventId, eventType: "T", data: { a: 1 }, ...changes };
  const answer = await app.append(streamName, [event], ADMIN);
  assertEquals(answer.status, 201, answer.body);
  return eventId;
}

async function describe(
  app: TestApp,
  streamName: string,
  metadata: unknown,
): Promise<TestAnswer> {
  return await app.send(`/streams/${encodeURIComponent(streamName)}/metadata`, {
    headers: {
      ...ADMIN,
      "Content-Type": "application/json",
      "ES-EventId": testUuid(++lastNumber),
    },
    body: JSON.stringify(metadata),
  });
}

function remove(
  app: TestApp,
  streamName: string,
  headers: HeaderFields = ADMIN,
): Promise<TestAnswer> {
  const path = `/streams/${encodeURIComponent(streamName)}`;
  return app.send(path, { method: "DELETE", headers });
}

function pathOf(streamName: string, rest = ""): string {
  return `/streams/${encodeURIComponent(streamName)}${rest}`;
}

function titlesOf({ status, body }: TestAnswer): string[] {
  assertEquals(status, 200, body);
  return JSON.parse(body).entries.map((entry: { title: string }) =>
    entry.title
  );
}

/** Two streams of which one is for `user` alone. */
async function openPartlySecret(): Promise<TestApp> {
  const app = openTestApp();
  await append(app, "cart-1");
  await append(app, "cart-2");
  const acl = { $acl: { $r: "user", $mr: "user" } };
  assertEquals((await describe(app, "cart-2", acl)).status, 201);
  return app;
}

/** Metadata of a list that has none, by the type that is asked for. */
const DEFAULT_METADATA: Record<string, string> = {
  "application/json": '"$r": "$all"',
  "application/vnd.eventstore.atom+json": '"title": "0@$$$ce-cart"',
  "application/vnd.eventstore.event+json": '"eventStreamId": "$$$ce-cart"',
  "application/atom+xml": "<atom:title>0@$$$ce-cart</atom:title>",
  "application/vnd.eventstore.event+xml":
    "<eventStreamId>$$$ce-cart</eventStreamId>",
  "text/html": "Metadata of <bdi>$ce-cart</bdi>",
};

for (const [type, shown] of Object.entries(DEFAULT_METADATA)) {
  Deno.test(`GET /streams/$ce-cart/metadata as ${type} shows who may read it`, async () => {
    await using app = openTestApp();
    const path = pathOf("$ce-cart", "/metadata");
    assertEquals((await app.get(path, type)).status, 401);
    assertEquals((await app.get(path, type, ADMIN)).status, 404);
    await append(app, "cart-1");
    const answer = await app.get(path, type);
    assertEquals(answer.status, 200);
    assertStringIncludes(answer.body, shown);
    // A page is kept by nobody.
    const etag = answer.headers.get("ETag");
    assertEquals(etag?.startsWith('"0;') === true, type !== "text/html");
  });
}

Deno.test("links of a list's metadata lead back, until it is written", async () => {
  await using app = openTestApp();
  await append(app, "cart-1");
  const json = "application/json";
  const paths = ["/0", "/head"].map((rest) => pathOf("$$$ce-cart", rest));
  for (const path of [...paths, pathOf("$ce-cart", "/metadata/0")]) {
    const { status, body, headers } = await app.get(path, json);
    assertEquals([status, JSON.parse(body)], [
      200,
      { $acl: { $r: "$all", $mr: "$all" } },
    ]);
    assertEquals(
      headers.get("Cache-Control"),
      "max-age=0, no-cache, must-revalidate",
    );
  }
  for (
    const rest of ["", "/0/forward/1", "/head/backward/5", "/7/backward/9"]
  ) {
    const feed = await app.get(pathOf("$$$ce-cart", rest), ATOM_JSON);
    assertEquals(titlesOf(feed), ["0@$$$ce-cart"], rest);
  }
  const beyond = await app.get(pathOf("$$$ce-cart", "/1"), json);
  assertEquals([beyond.status, beyond.body], [200, "{}"]);
  assertEquals((await describe(app, "$ce-cart", { x: 1 })).status, 201);
  for (const path of paths) {
    assertEquals(JSON.parse((await app.get(path, json, ADMIN)).body), { x: 1 });
  }
});

Deno.test("without an access list the default right to read streams decides", async () => {
  await using app = openTestApp();
  await append(app, "cart-1");
  const statuses = async () => {
    const found = [];
    for (const caller of [{}, USER, ADMIN]) {
      for (const rest of ["", "/metadata"]) {
        const path = pathOf("$ce-cart", rest);
        found.push((await app.get(path, ATOM_JSON, caller)).status);
      }
    }
    return found;
  };
  assertEquals(await statuses(), [200, 200, 200, 200, 200, 200]);
  await describe(app, "$ce-cart", { $maxCount: 5 });
  assertEquals(await statuses(), [200, 200, 200, 200, 200, 200]);
  await append(app, "$settings", {
    data: { $userStreamAcl: { $r: "user" }, $systemStreamAcl: { $r: "ops" } },
  });
  assertEquals(await statuses(), [401, 200, 200, 200, 200, 200]);
  // One that names others is one, as of any stream of the system.
  await describe(app, "$ce-cart", { $acl: { $w: "user" } });
  assertEquals(await statuses(), [401, 401, 401, 401, 200, 200]);
  await describe(app, "$ce-cart", { $acl: { $r: "$all", $mr: "user" } });
  assertEquals(await statuses(), [200, 401, 200, 200, 200, 200]);
});

for (const streamName of LISTS) {
  Deno.test(`DELETE /streams/${streamName} hides it until its next entry`, async () => {
    await using app = openTestApp();
    await append(app, "cart-1");
    await append(app, "cart-2");
    const acl = { $r: "$all", $mr: "$all" };
    await describe(app, streamName, { $acl: acl, x: 1 });
    assertEquals((await remove(app, streamName, {})).status, 401);
    assertEquals((await remove(app, streamName, USER)).status, 401);
    const hard = { ...ADMIN, "ES-HardDelete": "true" };
    const refused = await remove(app, streamName, hard);
    assertEquals(refused.status, 400);
    assertStringIncludes(refused.body, streamName);
    assertEquals((await app.get(pathOf(streamName), ATOM_JSON)).status, 200);
    const { head } = await app.store.readState(streamName);
    const wrong = { ...ADMIN, "ES-ExpectedVersion": String(head + 1) };
    assertEquals((await remove(app, streamName, wrong)).status, 400);
    const right = { ...ADMIN, "ES-ExpectedVersion": String(head) };
    assertEquals((await remove(app, streamName, right)).status, 204);
    assertEquals((await remove(app, streamName)).status, 204);
    for (const rest of ["", "/0", "/head", "/0/forward/20"]) {
      const { status } = await app.get(pathOf(streamName, rest), ATOM_JSON);
      assertEquals(status, 404, rest);
    }
    const written = await app.get(
      pathOf(streamName, "/metadata"),
      "application/json",
    );
    assertEquals(JSON.parse(written.body), {
      $acl: acl,
      x: 1,
      $tb: head + 1,
    });
    await append(app, "cart-3");
    const feed = await app.get(pathOf(streamName), ATOM_JSON, {
      "ES-ResolveLinkTos": "false",
    });
    assertEquals(titlesOf(feed), [`${head + 1}@${streamName}`]);
  });
}

Deno.test("what a list's metadata hides is hidden in every way to read it", async () => {
  await using app = openTestApp();
  for (let count = 0; count < 5; count++) {
    await append(app, "cart-1");
    app.clock.advanceMs(60_000);
  }
  const unresolved = { "ES-ResolveLinkTos": "false" };
  const numbers = async (rest = "") =>
    titlesOf(await app.get(pathOf("$ce-cart", rest), ATOM_JSON, unresolved))
      .map((title) => Number(title.split("@")[0]));
  const statusOf = async (rest: string) =>
    (await app.get(pathOf("$ce-cart", rest), ATOM_JSON)).status;
  const cases: [unknown, number[], string | undefined][] = [
    [{ $maxCount: 2 }, [4, 3], ";3"],
    [{ $tb: 4 }, [4], ";4"],
    [{ $maxAge: 150 }, [4, 3], ";3"],
    [{}, [4, 3, 2, 1, 0], undefined],
  ];
  for (const [metadata, wanted, part] of cases) {
    await describe(app, "$ce-cart", metadata);
    const lowest = wanted.at(-1) ?? 0;
    assertEquals(await numbers(), wanted);
    assertEquals(await numbers("/0/forward/20"), wanted);
    assertEquals(await numbers("?filter-type=T"), wanted);
    assertEquals(await numbers("?asOf=9999-01-01"), wanted);
    assertEquals(await statusOf(`/${lowest}`), 200);
    if (lowest > 0) assertEquals(await statusOf(`/${lowest - 1}`), 404);
    const { headers } = await app.get(pathOf("$ce-cart"), ATOM_JSON);
    assertEquals(headers.get("ETag"), `"4;248368668${part ?? ""}"`);
  }
});

/** Pages of which the anonymous may see a part, and what tells of each part. */
const PARTLY_SECRET: readonly (readonly [string, string, string])[] = [
  ["$ce-cart", "cart-1", "cart-2"],
  ["$et-T", "cart-1", "cart-2"],
  ["$streams", "cart-1", "cart-2"],
  ["$category-cart", "0@$category-cart", "1@$category-cart"],
  ["links", "cart-1", "cart-2"],
];
const VIEWS = [
  "",
  "/0/forward/20",
  "/head/backward/20",
  "/9/backward/20",
  "?embed=body",
  "?embed=tryharder",
  "?embed=content",
  "?asOf=9999-01-01",
];

for (const [streamName, open, secret] of PARTLY_SECRET) {
  Deno.test(`pages of ${streamName} leave out what a reader may not read`, async () => {
    await using app = await openPartlySecret();
    await append(app, "links", { eventType: "$>", data: "0@cart-1" });
    await append(app, "links", { eventType: "$>", data: "0@cart-2" });
    const types = [ATOM_JSON, "application/atom+xml", "text/html"];
    for (const type of types) {
      for (const view of VIEWS) {
        const path = pathOf(streamName, view);
        const partial = await app.get(path, type);
        const what = `${path} as ${type}`;
        assertEquals(partial.status, 200, what);
        assertStringIncludes(partial.body, open, what);
        assert(!partial.body.includes(secret), what);
        assertStringIncludes(
          partial.headers.get("Cache-Control") ?? "",
          "private",
          what,
        );
        assert(
          !partial.headers.get("Cache-Control")?.includes("31536000"),
          what,
        );
        const whole = await app.get(path, type, USER);
        assertStringIncludes(whole.body, secret, what);
        assertStringIncludes(
          whole.headers.get("Cache-Control") ?? "",
          "private",
          what,
        );
        const etag = partial.headers.get("ETag");
        assert(etag === null || etag !== whole.headers.get("ETag"), what);
      }
    }
  });
}

Deno.test("a 304 follows the rights of what is linked to", async () => {
  await using app = await openPartlySecret();
  await append(app, "links", { eventType: "$>", data: "0@cart-2" });
  for (const streamName of ["$ce-cart", "links"]) {
    const path = pathOf(streamName);
    const ask = async (etag: string, caller: HeaderFields) =>
      (await app.get(path, ATOM_JSON, { ...caller, "If-None-Match": etag }))
        .status;
    const etagFor = async (caller: HeaderFields) =>
      (await app.get(path, ATOM_JSON, caller)).headers.get("ETag") ?? "";
    const ofUser = await etagFor(USER);
    const ofOthers = await etagFor({});
    assertEquals(await ask(ofUser, USER), 304);
    assertEquals(await ask(ofOthers, {}), 304);
    // Nobody learns from a 304 that they are shown what others are.
    assertEquals(await ask(ofUser, {}), 200);
    assertEquals(await ask(ofOthers, USER), 200);
  }
  const etag = (await app.get(pathOf("links"), ATOM_JSON, USER))
    .headers.get("ETag") ?? "";
  await describe(app, "cart-2", { $acl: { $r: "$admins" } });
  const after = await app.get(pathOf("links"), ATOM_JSON, {
    ...USER,
    "If-None-Match": etag,
  });
  assertEquals([after.status, titlesOf(after)], [200, []]);
});

Deno.test("one event that the reader may not read is 401, whatever leads to it", async () => {
  await using app = await openPartlySecret();
  await append(app, "links", { eventType: "$>", data: "0@cart-2" });
  for (
    const path of [
      pathOf("$ce-cart", "/1"),
      pathOf("$ce-cart", "/head"),
      pathOf("$streams", "/1"),
      pathOf("links", "/0"),
      pathOf("links", "/head"),
    ]
  ) {
    assertEquals((await app.get(path, ATOM_JSON)).status, 401, path);
    const { status, headers } = await app.get(path, ATOM_JSON, USER);
    assertEquals(status, 200, path);
    assertStringIncludes(headers.get("Cache-Control") ?? "", "private");
  }
});

Deno.test("$all shows links as they are, whatever the header says", async () => {
  await using app = openTestApp();
  await append(app, "t");
  await append(app, "links", { eventType: "$>", data: "0@t" });
  for (const resolve of [{}, { "ES-ResolveLinkTos": "true" }]) {
    const { body } = await app.get("/streams/$all/head/backward/1", ATOM_JSON, {
      ...ADMIN,
      ...resolve,
    });
    const [entry] = JSON.parse(body).entries;
    assertEquals([entry.title, entry.summary], ["0@links", "$>"]);
  }
});

Deno.test("events of lists name their cause and its correlation", async () => {
  await using app = openTestApp();
  const correlated = { $correlationId: "c-1", other: 1 };
  const first = await append(app, "cart-1", { metadata: correlated });
  const target = await append(app, "t", { metadata: { $correlationId: 7.50 } });
  await append(app, "cart-1", {
    eventType: "$>",
    data: "0@t",
    metadata: { $correlationId: "of the link" },
  });
  const second = await append(app, "cart-1", { metadata: { none: "" } });
  const saidBy = async (streamName: string) => {
    const { body } = await app.get(
      pathOf(streamName, "?embed=body"),
      ATOM_JSON,
      { "ES-ResolveLinkTos": "false" },
    );
    return JSON.parse(body).entries.toReversed().map((
      entry: { metaData: string },
    ) => JSON.parse(entry.metaData));
  };
  const $o = "cart-1";
  assertEquals(await saidBy("$ce-cart"), [
    { $o, $causedBy: first, $correlationId: "c-1" },
    { $o, $causedBy: target, $correlationId: 7.5 },
    { $o, $causedBy: second },
  ]);
  assertEquals(await saidBy("$et-T"), [
    { $causedBy: first, $correlationId: "c-1" },
    { $causedBy: target, $correlationId: 7.5 },
    { $causedBy: second },
  ]);
});

/** Bodies of metadata that is not there, of a stream that is. */
const NO_METADATA: Record<string, string> = {
  [ATOM_JSON]: "{}",
  "application/json": "{}",
  "application/vnd.eventstore.event+json": "{}",
  "application/atom+xml": "",
  "application/xml": "",
};

Deno.test("one event that a metastream does not have is no error", async () => {
  await using app = openTestApp();
  await append(app, "plain");
  await append(app, "described");
  await describe(app, "described", { x: 1 });
  await describe(app, "described", { x: 2 });
  const paths = [
    pathOf("$$plain", "/head"),
    pathOf("$$plain", "/0"),
    pathOf("$$plain", "/99"),
    pathOf("plain", "/metadata"),
    pathOf("plain", "/metadata/3"),
    pathOf("$$described", "/0"),
    pathOf("$$described", "/2"),
  ];
  for (const path of paths) {
    for (const [type, body] of Object.entries(NO_METADATA)) {
      const answer = await app.get(path, type, ADMIN);
      assertEquals([answer.status, answer.body], [200, body], path);
      assertStringIncludes(answer.headers.get("Content-Type") ?? "", type);
      assertEquals(
        answer.headers.get("Cache-Control"),
        "max-age=0, no-cache, must-revalidate",
      );
    }
  }
  const missing = await app.get(pathOf("$$none", "/head"), ATOM_JSON, ADMIN);
  assertEquals(missing.status, 404);
});
