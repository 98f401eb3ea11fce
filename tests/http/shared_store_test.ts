/**
 * A store that servers share and that is not made of files: what is written at
 * one server counts at the other, and what only files have is refused.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { QuipuError } from "../../lib/model/errors.ts";
import {
  createDistantStore,
  createDistantStores,
} from "../support/distant_store.ts";
import { createTestClock, createTestIds, testUuid } from "../support/events.ts";
import {
  ADMIN,
  openSecuredApp,
  type SecuredApp,
} from "../support/secured_app.ts";
import { openTestApp, TEST_LOGINS } from "../support/test_app.ts";
import { basic } from "../support/test_auth.ts";

const NO_MAINTENANCE =
  "Not Implemented: the store of this server has no maintenance";
const EVENT = { eventId: testUuid(1), eventType: "T", data: {} };

async function withServers(
  test: (one: SecuredApp, other: SecuredApp) => Promise<void>,
): Promise<void> {
  const newEventId = createTestIds();
  const options = { clock: createTestClock(), newEventId };
  const [store, shared] = createDistantStores(2, options);
  assert(store !== undefined && shared !== undefined);
  await using _store = store;
  await using _shared = shared;
  const ids = { newEventId };
  await using one = await openSecuredApp({ authOptions: { ...ids, store } });
  await using other = await openSecuredApp({
    authOptions: { ...ids, store: shared },
  });
  await test(one, other);
}

Deno.test("a password that is changed at one server is refused by the other at once", async () => {
  await withServers(async (one, other) => {
    const headers = await one.createUser("ann");
    const statusOf = async (server: SecuredApp, Authorization: string) => {
      const request = { headers: { Authorization } };
      return (await server.send("/users/$current", request)).status;
    };
    const old = headers.Authorization;
    assertEquals(await statusOf(one, old), 200);
    assertEquals(await statusOf(other, old), 200);
    const changed = await one.sendJson(
      "/users/ann/command/reset-password",
      { newPassword: "another one" },
      { headers: ADMIN },
    );
    assertEquals(changed.status, 200);
    assertEquals(await statusOf(other, old), 401);
    assertEquals(await statusOf(other, basic("ann", "another one")), 200);
    const { body } = await other.get("/users/", undefined, ADMIN);
    assert(body.includes('"ann"'));
  });
});

Deno.test("of like logins that are given at the same time one wins", async () => {
  await withServers(async (one) => {
    const logins = ["anna", "Anna", "ANNA", "anNa"];
    const answers = await Promise.all(
      logins.map((loginName) =>
        one.sendJson(
          "/users/",
          { loginName, fullName: "", groups: [], password: "a password" },
          { headers: ADMIN },
        )
      ),
    );
    assertEquals(answers.map(({ status }) => status).sort(), [
      201,
      400,
      400,
      400,
    ]);
  });
});

Deno.test("an access list that is written at one server holds at the other at once", async () => {
  await withServers(async (one, other) => {
    await one.append("s", [EVENT], ADMIN);
    assertEquals((await other.get("/streams/s")).status, 200);
    await one.writeAcl("s", { $r: "$admins" });
    assertEquals((await other.get("/streams/s")).status, 401);
    assertEquals((await other.get("/streams/s/0")).status, 401);
  });
});

Deno.test("a read that one server holds is answered when the other writes", async () => {
  await withServers(async (one, other) => {
    const atom = "application/vnd.eventstore.atom+json";
    const held = other.get("/streams/s/0/forward/5", atom, {
      "ES-LongPoll": "100",
    });
    // Later than the read that is held looked for the first time.
    await other.get("/streams/s");
    await one.append("s", [EVENT], ADMIN);
    const { status, body } = await held;
    assertEquals(status, 200);
    assertEquals(JSON.parse(body).entries.length, 1);
  });
});

Deno.test("what only files have is 501 for another store, which is exported all the same", async () => {
  const store = createDistantStore({
    clock: createTestClock(),
    newEventId: createTestIds(),
  });
  await using _store = store;
  await using test = openTestApp({ store });
  await test.append("s", [EVENT, { ...EVENT, eventId: testUuid(2) }]);
  const headers = { Authorization: TEST_LOGINS.admin };
  const NOT_HERE: readonly [string, string][] = [
    ["POST", "/admin/verify"],
    ["GET", "/admin/verify"],
    ["POST", "/admin/scavenge"],
    ["GET", "/admin/scavenge/last"],
    ["GET", "/admin/backup"],
  ];
  for (const [method, path] of NOT_HERE) {
    const { status, body } = await test.send(path, { method, headers });
    assertEquals([status, body], [501, NO_MAINTENANCE], path);
  }
  for (const path of ["/stats", "/metrics", "/web/index.html", "/gossip"]) {
    assertEquals((await test.send(path, { headers })).status, 200, path);
  }
  const { status, body } = await test.send("/admin/export", { headers });
  assertEquals(status, 200);
  const lines = body.trimEnd().split("\n").map((line) => JSON.parse(line));
  const { end } = await store.readEnd();
  assertEquals(lines[0], { quipuExport: 1, storeId: store.storeId });
  assertEquals(
    lines.slice(1, -1).map(({ stream, number, run }) => [stream, number, run]),
    [["s", 0, undefined], ["s", 1, undefined]],
  );
  assertEquals(lines.at(-1), { quipuExportEnd: 1, events: 2, end });
});

Deno.test("probes are answered, and nothing else, while the store cannot be reached", async () => {
  const store = createDistantStore({
    clock: createTestClock(),
    newEventId: createTestIds(),
  });
  await using _store = store;
  store.barrier = () =>
    Promise.reject(new QuipuError("storeReadOnly", "The database is away"));
  await using test = openTestApp({ store });
  for (const path of ["/ping", "/health", "/health/live", "/health/ready"]) {
    assertEquals((await test.get(path)).status, 200, path);
  }
  for (const path of ["/streams/s", "/users/", "/info", "/nowhere"]) {
    const { status, body } = await test.get(path);
    assertEquals([status, body], [503, "The database is away"], path);
  }
});

Deno.test("a request may hold no more than one append of the store", async () => {
  const store = createDistantStore({
    clock: createTestClock(),
    newEventId: createTestIds(),
  });
  await using _store = store;
  const limits = { ...store.limits, eventBytesMax: 100, batchEventsMax: 2 };
  await using test = openTestApp({ store: Object.assign(store, { limits }) });
  const statusOf = async (...data: unknown[]) => {
    const events = data.map((data, index) => ({
      ...EVENT,
      eventId: testUuid(100 + index),
      data,
    }));
    return (await test.append("s", events)).status;
  };
  assertEquals(await statusOf({}, {}), 201);
  assertEquals(await statusOf({}, {}, {}), 413);
  assertEquals(await statusOf({ text: "x".repeat(100) }), 413);
  assertEquals((await store.readState("s")).head, 1);
});
