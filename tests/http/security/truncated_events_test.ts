/**
 * Events that were truncated or deleted stay out of sight of everybody but
 * administrators, in whatever way a client writes metadata.
 *
 * @module
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { SILENT_LOGGER } from "../../../lib/model/logger.ts";
import { openStore } from "../../../storage/mod.ts";
import {
  createTestClock,
  createTestIds,
  testUuid,
} from "../../support/events.ts";
import {
  openTestApp,
  TEST_LOGINS,
  type TestAnswer,
  type TestApp,
} from "../../support/test_app.ts";

const EVENTS_JSON = "application/vnd.eventstore.events+json";
const JSON_TYPE = "application/json";
const EVENTS_XML = "application/vnd.eventstore.events+xml";

/** An app over the real store, in memory. */
async function openApp(): Promise<TestApp> {
  const clock = createTestClock();
  const store = await openStore({
    directory: undefined,
    segmentSizeBytes: 64 * 1024,
    clock,
    newEventId: createTestIds(),
    logger: SILENT_LOGGER,
  });
  const app = openTestApp({ store, clock });
  return {
    ...app,
    async [Symbol.asyncDispose]() {
      await app[Symbol.asyncDispose]();
      await store.close();
    },
  };
}

function ofMetadata(number: number, data: unknown) {
  return { eventId: testUuid(number), eventType: "$metadata", data };
}

/** Writes metadata of the stream "s", always with the same event ids. */
type MetadataWrite = (app: TestApp, login: Login) => Promise<TestAnswer>;

type Login = Readonly<Record<string, string>>;

/** Ways of writing metadata without a `$tb`, or with one that is too low. */
const WRITES: Readonly<Record<string, MetadataWrite>> = {
  "JSON to /metadata": (app, login) =>
    app.send("/streams/s/metadata", {
      headers: {
        ...login,
        "Content-Type": "application/json",
        "ES-EventId": testUuid(900),
      },
      body: '{"custom":1.0}',
    }),
  "JSON with a lower $tb to /metadata": (app, login) =>
    app.send("/streams/s/metadata", {
      headers: {
        ...login,
        "Content-Type": "application/json",
        "ES-EventId": testUuid(900),
      },
      body: '{"$tb":0,"custom":1.0}',
    }),
  "events to /metadata": (app, login) =>
    app.send("/streams/s/metadata", {
      headers: { ...login, "Content-Type": EVENTS_JSON },
      body: JSON.stringify([ofMetadata(900, { $tb: 1 })]),
    }),
  "events to the metastream": (app, login) =>
    app.append("$$s", [ofMetadata(900, { $maxCount: 100 })], login),
  "a batch to the metastream": (app, login) =>
    app.append("$$s", [
      ofMetadata(900, { $tb: 1 }),
      ofMetadata(901, { custom: [1] }),
    ], login),
  "XML to the metastream": (app, login) =>
    app.send("/streams/$$s", {
      headers: { ...login, "Content-Type": EVENTS_XML },
      body: `<events><event><eventId>${testUuid(900)}</eventId>` +
        "<eventType>$metadata</eventType><data><custom>1</custom></data>" +
        "</event></events>",
    }),
  "an event of another type to the metastream": (app, login) =>
    app.append("$$s", [
      { eventId: testUuid(900), eventType: "other", data: {} },
    ], login),
};

/** Writes that count as empty metadata. */
const EMPTY_WRITES: Readonly<Record<string, MetadataWrite>> = {
  "bytes to the metastream": (app, login) =>
    app.send("/streams/$$s", {
      headers: {
        ...login,
        "Content-Type": "application/octet-stream",
        "ES-EventType": "$metadata",
        "ES-EventId": testUuid(900),
      },
      body: new Uint8Array([1, 2, 3]),
    }),
  "a wrong $tb": (app, login) =>
    app.append("$$s", [ofMetadata(900, { $tb: "0" })], login),
  "a wrong $maxAge beside a right $tb": (app, login) =>
    app.append("$$s", [ofMetadata(900, { $tb: 9, $maxAge: "x" })], login),
  "an array": (app, login) => app.append("$$s", [ofMetadata(900, [])], login),
};

/** How events 0 to 2 of the stream "s" came out of sight. */
const HIDINGS: Readonly<Record<string, (app: TestApp) => Promise<unknown>>> = {
  "deleted": (app) => app.send("/streams/s", { method: "DELETE" }),
  "truncated": (app) =>
    app.append("$$s", [ofMetadata(800, { $tb: 3 })], {
      Authorization: TEST_LOGINS.admin,
    }),
};

async function openWithHidden(
  hide: (app: TestApp) => Promise<unknown>,
): Promise<TestApp> {
  const app = await openApp();
  await app.append(
    "s",
    [0, 1, 2].map((number) => ({
      eventId: testUuid(number),
      eventType: "t",
      data: { secret: number },
    })),
  );
  await hide(app);
  return app;
}

/** What anybody sees of the stream's first three events. */
async function seenOf(app: TestApp): Promise<string[]> {
  const seen: string[] = [];
  for (
    const path of [
      "/streams/s/0",
      "/streams/s/1",
      "/streams/s/2",
      "/streams/s/0/forward/10?embed=body",
      "/streams/s?embed=body",
      "/streams/$et-t?embed=body",
    ]
  ) {
    const { body } = await app.get(path, "application/json", {
      "ES-ResolveLinkTos": "true",
    });
    if (body.includes("secret")) seen.push(path);
  }
  return seen;
}

for (const [hiding, hide] of Object.entries(HIDINGS)) {
  for (const [what, write] of Object.entries(WRITES)) {
    Deno.test(`${what} shows nothing that was ${hiding}`, async () => {
      await using app = await openWithHidden(hide);
      const answer = await write(app, {});
      assertEquals(answer.status, 201, answer.body);
      assertEquals(await seenOf(app), []);
      const metadata = await app.get("/streams/s/metadata", JSON_TYPE);
      assertEquals(JSON.parse(metadata.body).$tb, 3);
      const again = await write(app, {});
      assertEquals(again.status, 201);
      assertEquals(
        again.headers.get("Location"),
        answer.headers.get("Location"),
      );
      const after = await app.get("/streams/s/metadata", JSON_TYPE);
      assertEquals(after.body, metadata.body);
    });
  }

  for (const [what, write] of Object.entries(EMPTY_WRITES)) {
    Deno.test(`${what} is 400 where events were ${hiding}`, async () => {
      await using app = await openWithHidden(hide);
      const before = await app.get("/streams/s/metadata", JSON_TYPE);
      const answer = await write(app, {});
      assertEquals(answer.status, 400);
      assertStringIncludes(answer.body, "become visible again");
      assertEquals(await seenOf(app), []);
      const after = await app.get("/streams/s/metadata", JSON_TYPE);
      assertEquals(after.body, before.body);
    });
  }
}

Deno.test("an administrator brings back what was truncated", async () => {
  const lower = WRITES["JSON with a lower $tb to /metadata"];
  assert(lower !== undefined && HIDINGS.truncated !== undefined);
  await using app = await openWithHidden(HIDINGS.truncated);
  const ops = await lower(app, { Authorization: TEST_LOGINS.ops });
  assertEquals([ops.status, await seenOf(app)], [201, []]);
  const admin = await app.append("$$s", [ofMetadata(950, { $tb: 1 })], {
    Authorization: TEST_LOGINS.admin,
  });
  assertEquals(admin.status, 201);
  assertEquals(
    (await seenOf(app)).slice(0, 2),
    ["/streams/s/1", "/streams/s/2"],
  );
});

Deno.test("a delete keeps a protected stream protected, also once it is written again", async () => {
  await using app = await openApp();
  const admin = { Authorization: TEST_LOGINS.admin };
  const anEventOf = (number: number) => [
    { eventId: testUuid(number), eventType: "t", data: { secret: number } },
  ];
  await app.append("$$s", [
    ofMetadata(800, {
      $acl: { $r: "$admins", $w: "user", $d: "user", $mw: "$admins" },
      owner: "billing",
    }),
  ], admin);
  const user = { Authorization: TEST_LOGINS.user };
  await app.append("s", anEventOf(1), user);
  const deleted = await app.send("/streams/s", {
    method: "DELETE",
    headers: user,
  });
  assertEquals(deleted.status, 204);
  assertEquals((await app.append("s", anEventOf(2))).status, 401);
  assertEquals((await app.append("s", anEventOf(2), user)).status, 201);
  assertEquals((await app.get("/streams/s")).status, 401);
  assertEquals(
    (await app.get("/streams/s", undefined, user)).status,
    401,
  );
  const metadata = await app.get("/streams/s/metadata", JSON_TYPE, admin);
  assertEquals(JSON.parse(metadata.body), {
    $acl: { $r: "$admins", $w: "user", $d: "user", $mw: "$admins" },
    owner: "billing",
    $tb: 1,
  });
});

Deno.test("metadata and deletes side by side show nothing that was deleted", async () => {
  for (let round = 0; round < 20; round++) {
    await using app = await openApp();
    const anEventOf = (number: number) => [
      { eventId: testUuid(number), eventType: "t", data: { secret: number } },
    ];
    await app.append("s", anEventOf(0));
    const rewrite = (number: number) =>
      app.append("$$s", [ofMetadata(900 + number, { number })]);
    await Promise.all([
      rewrite(0),
      app.send("/streams/s", { method: "DELETE" }),
      rewrite(1),
      rewrite(2),
    ]);
    assertEquals(await seenOf(app), []);
  }
});

Deno.test("the same append after a delete makes the stream again", async () => {
  await using app = await openApp();
  const events = [1, 2].map((number) => ({
    eventId: testUuid(number),
    eventType: "t",
    data: {},
  }));
  for (const version of ["-2", "-1"]) {
    const expected = { "ES-ExpectedVersion": version };
    assertEquals((await app.append("s", events, expected)).status, 201);
    await app.send("/streams/s", { method: "DELETE" });
    assertEquals((await app.get("/streams/s")).status, 404);
    const again = await app.append("s", events, expected);
    assertEquals(again.status, 201);
    const location = new URL(again.headers.get("Location") ?? "");
    const read = await app.get(location.pathname, "application/json");
    assertEquals(read.status, 200, version);
    await app.send("/streams/s", { method: "DELETE" });
  }
});

for (const isHard of ["false", "true"]) {
  Deno.test(`the right to delete system streams does not undo the default rights, hard: ${isHard}`, async () => {
    await using app = await openApp();
    const admin = { Authorization: TEST_LOGINS.admin };
    const ops = { Authorization: TEST_LOGINS.ops };
    const settings = {
      $userStreamAcl: { $r: "$admins" },
      $systemStreamAcl: { $d: ["$admins", "$ops"] },
    };
    await app.append("$settings", [
      { eventId: testUuid(1), eventType: "update", data: settings },
    ], admin);
    await app.append("s", [{ eventId: testUuid(2), eventType: "t" }]);
    assertEquals((await app.get("/streams/s/0")).status, 401);
    const remove = (headers: Login) =>
      app.send("/streams/$settings", {
        method: "DELETE",
        headers: { ...headers, "ES-HardDelete": isHard },
      });
    assertEquals((await remove(ops)).status, 401);
    assertEquals((await app.get("/streams/s/0")).status, 401);
    assertEquals((await remove(admin)).status, 204);
    assertEquals((await app.get("/streams/s/0")).status, 200);
  });
}
