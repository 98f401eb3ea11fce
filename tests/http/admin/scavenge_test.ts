/**
 * `/admin/scavenge`: what readers saw over HTTP they see afterwards, byte for
 * byte; and how it is started, watched, stopped and taken up again.
 *
 * @module
 */

import { assert, assertEquals, assertGreater } from "@std/assert";
import { MaintenanceService } from "../../../lib/maintenance/maintenance_service.ts";
import { JobBoard } from "../../../lib/maintenance/job_board.ts";
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
  type TestApp,
} from "../../support/test_app.ts";

const ADMIN = { Authorization: TEST_LOGINS.admin };
const JSON_FEED = "application/vnd.eventstore.atom+json";

/** An app over a real store with segments of a few records. */
async function openApp() {
  const clock = createTestClock();
  const newId = createTestIds();
  const store = await openStore({
    directory: undefined,
    segmentSizeBytes: 4096,
    clock,
    newEventId: newId,
    logger: SILENT_LOGGER,
  });
  const jobs = new JobBoard({ clock, newId, logger: SILENT_LOGGER });
  const test = openTestApp({
    store,
    clock,
    app: {
      maintenance: new MaintenanceService({
        store,
        jobs,
        clock,
        logger: SILENT_LOGGER,
        version: "0.0.0",
      }),
    },
  });
  let lastId = 0;
  return {
    test,
    jobs,
    clock,
    async append(streamName: string, count: number, eventType = "added") {
      for (let index = 0; index < count; index++) {
        lastId++;
        const { status } = await test.append(streamName, [{
          eventId: testUuid(lastId),
          eventType,
          data: eventType === "$>"
            ? `${index}@cart-1`
            : { n: lastId, text: "x".repeat(100) },
        }]);
        assertEquals(status, 201);
      }
    },
    async describe(streamName: string, metadata: unknown) {
      lastId++;
      const { status } = await test.send(`/streams/${streamName}/metadata`, {
        headers: {
          "Content-Type": "application/json",
          "ES-EventId": testUuid(lastId),
          ...ADMIN,
        },
        body: JSON.stringify(metadata),
      });
      assertEquals(status, 201);
    },
    async remove(streamName: string, isHard: boolean) {
      const { status } = await test.send(`/streams/${streamName}`, {
        method: "DELETE",
        headers: { "ES-HardDelete": String(isHard), ...ADMIN },
      });
      assertEquals(status, 204);
    },
    async scavenge(path = "/admin/scavenge") {
      const answer = await test.send(path, { method: "POST", headers: ADMIN });
      assertEquals([answer.status, answer.body], [200, ""]);
      await jobs.finished("scavenge");
      return await statusOf(test);
    },
    async [Symbol.asyncDispose]() {
      await jobs.close();
      await test[Symbol.asyncDispose]();
      await store.close();
    },
  };
}

async function statusOf(test: TestApp, id = "current") {
  const { status, body } = await test.send(`/admin/scavenge/${id}`, {
    headers: ADMIN,
  });
  assertEquals(status, 200);
  return JSON.parse(body);
}

interface Walk {
  /** Each answer in full. */
  readonly answers: string[];
  /** Titles of entries, newest first. */
  readonly titles: string[];
}

/** Goes from the head of a feed to its start along the links. */
async function walk(test: TestApp, path: string): Promise<Walk> {
  const answers: string[] = [];
  const titles: string[] = [];
  for (let next: string | undefined = path; next !== undefined;) {
    const { status, headers, body } = await test.get(next, JSON_FEED, ADMIN);
    const shown = [...headers].filter(([name]) => name !== "x-request-id");
    answers.push(JSON.stringify([next, status, shown, body]));
    if (status !== 200) break;
    const feed = JSON.parse(body);
    if (feed.entries === undefined) break;
    titles.push(...feed.entries.map((entry: { title: string }) => entry.title));
    next = feed.links
      .find((link: { relation: string }) => link.relation === "next")?.uri;
    assert(answers.length < 500, `${path} has an end`);
  }
  return { answers, titles };
}

Deno.test("what was visible over HTTP is the same, byte for byte, after scavenging", async () => {
  await using app = await openApp();
  const { test, append, describe, remove } = app;
  await describe("cart-3", { $maxAge: 60 });
  for (const name of ["cart-1", "cart-2", "cart-3", "plain", "links", "gone"]) {
    await append(name, 30, name === "links" ? "$>" : "added");
  }
  await append("soft-1", 5);
  await append("back-1", 5);
  app.clock.advanceMs(120_000);
  await append("cart-3", 5);
  await describe("cart-1", { $maxCount: 4 });
  await describe("cart-2", { $tb: 21, custom: { keeps: 1.50 } });
  await remove("soft-1", false);
  await remove("back-1", false);
  await append("back-1", 3);
  await remove("gone", true);

  const streams = [
    "cart-1",
    "cart-2",
    "cart-3",
    "plain",
    "links",
    "gone",
    "soft-1",
    "back-1",
  ];
  const paths = streams.flatMap((name) => [
    `/streams/${name}?embed=body`,
    `/streams/${name}/head/backward/3`,
    `/streams/${name}/0/forward/100?embed=body`,
    `/streams/${name}/20/forward/4`,
    `/streams/${name}/metadata`,
    `/streams/%24%24${name}`,
    ...Array.from({ length: 36 }, (_, number) => `/streams/${name}/${number}`),
  ]);
  const read = async () => {
    const answers: string[] = [];
    for (const path of paths) answers.push(...(await walk(test, path)).answers);
    return answers;
  };
  const lists = ["%24all", "%24ce-cart", "%24et-added", "%24streams"];
  const before = await read();
  const listed = new Map<string, string[]>();
  for (const name of lists) {
    listed.set(name, (await walk(test, `/streams/${name}`)).titles);
  }

  const { state, result } = await app.scavenge();
  assertEquals([state, result.isComplete, result.skipped], ["done", true, []]);
  assertGreater(result.removedCount, 100);
  assertEquals(await read(), before);

  const visible = new Set<string>();
  for (const name of streams) {
    // The titles of links are those of what they point at.
    if (name === "links") continue;
    for (const title of (await walk(test, `/streams/${name}`)).titles) {
      visible.add(title);
    }
  }
  for (const name of lists) {
    const titles = (await walk(test, `/streams/${name}`)).titles;
    const expected = listed.get(name) ?? [];
    assert(titles.length < expected.length, `${name} is shorter`);
    const left = new Set(titles);
    // What is left comes in the same order, and all that is visible is left.
    let at = 0;
    for (const title of titles) {
      at = expected.indexOf(title, at) + 1;
      assert(at > 0, `${title} is where it was in ${name}`);
    }
    for (const title of expected) {
      assert(left.has(title) || !visible.has(title), `${title} in ${name}`);
    }
  }
  // A repeated request below what is gone is no repetition any more.
  const { status } = await test.append(
    "cart-1",
    [{ eventId: testUuid(2), eventType: "added" }],
    { "ES-ExpectedVersion": "-2" },
  );
  assertEquals(status, 201);
});

Deno.test("a held read is answered by what comes after a scavenge", async () => {
  await using app = await openApp();
  await app.append("cart-1", 60);
  await app.describe("cart-1", { $maxCount: 1 });
  const held = app.test.get("/streams/cart-1/60/forward/20", JSON_FEED, {
    "ES-LongPoll": "10",
  });
  const { result } = await app.scavenge();
  assertEquals(result.removedCount, 59);
  await app.append("cart-1", 1);
  const { entries } = JSON.parse((await held).body);
  assertEquals(entries.map(({ title }: { title: string }) => title), [
    "60@cart-1",
  ]);
});

Deno.test("pages of a list of the system get over long gaps", async () => {
  await using app = await openApp();
  await app.append("cart-1", 2);
  await app.append("cart-2", 200);
  await app.append("cart-3", 2);
  await app.remove("cart-2", true);
  await app.scavenge();
  const { answers, titles } = await walk(
    app.test,
    "/streams/%24ce-cart/head/backward/2",
  );
  assert(titles.some((title) => /^0@/.test(title)), "its first one is found");
  assert(answers.length < 10, `${answers.length} pages`);
});

Deno.test("a scavenge that is stopped goes on the next time", async () => {
  await using app = await openApp();
  const { test, jobs } = app;
  await app.append("cart-1", 400);
  await app.describe("cart-1", { $maxCount: 2 });
  assertEquals((await statusOf(test)).state, "none");
  await test.send("/admin/scavenge", { method: "POST", headers: ADMIN });
  const again = await test.send("/admin/scavenge", {
    method: "POST",
    headers: ADMIN,
  });
  assertEquals([again.status, again.body], [200, ""]);
  const { id, state } = await statusOf(test);
  assertEquals(state, "running");
  const stopped = await test.send(`/admin/scavenge/${id}`, {
    method: "DELETE",
    headers: ADMIN,
  });
  assertEquals(JSON.parse(stopped.body).state, "stopping");
  await jobs.finished("scavenge");
  assertEquals((await statusOf(test, "last")).state, "cancelled");
  const { state: end, result } = await app.scavenge();
  assertEquals([end, result.isComplete], ["done", true]);
  const { result: nothing } = await app.scavenge();
  assertEquals(nothing.scavengedCount, 0);
  assertEquals(
    (await walk(test, "/streams/%24all")).titles.filter(
      (title) => title.endsWith("@cart-1"),
    ),
    ["399@cart-1", "398@cart-1"],
  );
});

Deno.test("/admin/scavenge is for operators, and knows its own id alone", async () => {
  await using app = await openApp();
  const { test } = app;
  for (
    const [method, path] of [
      ["POST", "/admin/scavenge"],
      ["GET", "/admin/scavenge/current"],
      ["DELETE", "/admin/scavenge/current"],
    ] as const
  ) {
    assertEquals((await test.send(path, { method })).status, 401);
  }
  const other = await test.send("/admin/scavenge/other", { headers: ADMIN });
  assertEquals(other.status, 404);
  const bad = await test.send("/admin/scavenge?startFromChunk=x", {
    method: "POST",
    headers: ADMIN,
  });
  assertEquals(bad.status, 400);
  const { request } = await app.scavenge("/admin/scavenge?startFromChunk=3");
  assertEquals(request, { fromSegment: 3 });
});
