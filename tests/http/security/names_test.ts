/**
 * Names of streams and types stay in memory for good: how long a new one may
 * be, and how much all may take, over the real store.
 *
 * @module
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { LIMITS } from "../../../lib/model/limits.ts";
import type { MaintainedStore } from "../../../lib/store/event_store.ts";
import { openStore } from "../../../storage/mod.ts";
import type { NameLimits } from "../../../lib/store/append_refusal.ts";
import {
  createTestClock,
  createTestIds,
  testUuid,
} from "../../support/events.ts";
import { createStoreDirectory } from "../../support/store_directory.ts";
import {
  openTestApp,
  type TestAnswer,
  type TestApp,
} from "../../support/test_app.ts";

const STORED: NameLimits = {
  namesBytesMax: Infinity,
  streamNameBytesMax: LIMITS.storedStreamNameBytesMax,
  eventTypeBytesMax: LIMITS.storedEventTypeBytesMax,
};

interface Opened extends AsyncDisposable {
  readonly app: TestApp;
  readonly store: MaintainedStore;
  /** Names and fields of warnings. */
  readonly warnings: readonly (readonly [string, unknown])[];
  /** Appends an event with a new id. */
  append(streamName: string, eventType?: string): Promise<TestAnswer>;
}

let lastId = 0;

async function open(
  names: Partial<NameLimits>,
  directory?: string,
): Promise<Opened> {
  const clock = createTestClock();
  const warnings: [string, unknown][] = [];
  const store = await openStore({
    directory,
    segmentSizeBytes: 1024 * 1024,
    clock,
    newEventId: createTestIds(),
    logger: {
      debug() {},
      info() {},
      warn: (event, fields) => void warnings.push([event, fields]),
      error() {},
      audit() {},
    },
    names: {
      namesBytesMax: LIMITS.namesBytesMax,
      streamNameBytesMax: LIMITS.streamNameBytesMax,
      eventTypeBytesMax: LIMITS.eventTypeBytesMax,
      ...names,
    },
  });
  const app = openTestApp({ store, clock });
  return {
    app,
    store,
    warnings,
    append: (streamName, eventType = "t") =>
      app.append(streamName, [{ eventId: testUuid(++lastId), eventType }]),
    async [Symbol.asyncDispose]() {
      await app[Symbol.asyncDispose]();
      await store.close();
    },
  };
}

Deno.test("a new stream's name has 1 KiB, its metastream's two bytes more", async () => {
  await using opened = await open({});
  const largest = "ü".repeat(512);
  const { app, append } = opened;
  assertEquals((await append(largest)).status, 201);
  const metadata = await app.send(
    `/streams/${encodeURIComponent(largest)}/metadata`,
    {
      headers: {
        "Content-Type": "application/json",
        "ES-EventId": testUuid(++lastId),
      },
      body: "{}",
    },
  );
  assertEquals(metadata.status, 201);
  for (const streamName of [`${largest}x`, "x".repeat(1025)]) {
    const path = `/streams/${encodeURIComponent(streamName)}`;
    for (
      const answer of [
        await append(streamName),
        await append(`$$${streamName}`),
        await app.send(path, { method: "DELETE" }),
      ]
    ) {
      assertEquals([answer.status, answer.body], [
        414,
        "Stream name too long. Limit is 1024 bytes",
      ]);
    }
    assertEquals((await app.get(path)).status, 404);
  }
  assertEquals((await app.get(`/streams/${"x".repeat(4097)}`)).status, 414);
});

Deno.test("a new event type has 256 bytes", async () => {
  await using opened = await open({});
  assertEquals((await opened.append("s", "t".repeat(256))).status, 201);
  const refused = await opened.append("s", "ü".repeat(128) + "t");
  assertEquals([refused.status, refused.body], [
    400,
    "Event type too long. Limit is 256 bytes",
  ]);
});

Deno.test("longer names that exist go on working, also after a restart", async () => {
  await using directory = await createStoreDirectory();
  const streamName = "x".repeat(4096);
  const eventType = "t".repeat(1024);
  {
    await using before = await open(STORED, directory.path);
    assertEquals((await before.append(streamName, eventType)).status, 201);
  }
  for (let life = 0; life < 2; life++) {
    await using opened = await open({}, directory.path);
    const { app, append } = opened;
    assertEquals((await append(streamName, eventType)).status, 201);
    assertEquals((await append("other", eventType)).status, 201);
    assertEquals((await append(`$$${streamName}`, "$metadata")).status, 201);
    assertEquals((await app.get(`/streams/${streamName}/0`)).status, 200);
    assertEquals((await append(streamName.slice(1))).status, 414);
    assertEquals((await append("s", eventType.slice(1))).status, 400);
  }
});

/** Appends to new streams until there is no room; tells how many. */
async function fill({ append }: Opened): Promise<[number, TestAnswer]> {
  for (let count = 0;; count++) {
    const answer = await append(`room-${count}`);
    if (answer.status !== 201) return [count, answer];
  }
}

Deno.test("names beyond --max-names-size are 507, those that exist go on working", async () => {
  const namesBytesMax = 64 * 1024;
  await using opened = await open({ namesBytesMax });
  const { app, append, store, warnings } = opened;
  await append("s", "t");
  const [count, full] = await fill(opened);
  assert(count > 100, `only ${count} streams`);
  assertEquals(full.status, 507);
  assertStringIncludes(full.body, "--max-names-size");
  const { names } = store.status();
  assert(names !== undefined && names.bytes <= namesBytesMax);
  assertEquals(names.bytesMax, namesBytesMax);
  assert(names.bytesMax - names.bytes < 200);
  assertEquals(warnings.map(([event]) => event), ["names.nearly_full"]);
  // A new type, category, metastream and delete of what is not there.
  const longType = "a type that is quite long ".repeat(8);
  assertEquals((await append("s", longType)).status, 507);
  assertEquals((await append("new-1")).status, 507);
  assertEquals((await append("$$new", "$metadata")).status, 507);
  const unknown = await app.send("/streams/new", { method: "DELETE" });
  assertEquals(unknown.status, 507);
  assertEquals((await app.get("/streams/new-1")).status, 404);
  // What exists: appends, metadata, deletes, and repetitions.
  assertEquals((await append("s")).status, 201);
  assertEquals((await append("$$s", "$metadata")).status, 201);
  const deleted = await app.send("/streams/room-0", { method: "DELETE" });
  assertEquals(deleted.status, 204);
  assertEquals((await append("room-0")).status, 201);
  assertEquals(warnings.length, 1);
});

Deno.test("many new types of one batch do not go beyond --max-names-size", async () => {
  const namesBytesMax = 64 * 1024;
  await using opened = await open({ namesBytesMax });
  const { app, store } = opened;
  const events = Array.from({ length: 1000 }, (_, index) => ({
    eventId: testUuid(++lastId),
    eventType: `type-${index}`,
  }));
  assertEquals((await app.append("s", events)).status, 507);
  assertEquals((await app.append("s", events.slice(0, 100))).status, 201);
  assert((store.status().names?.bytes ?? Infinity) <= namesBytesMax);
});

Deno.test("a store above --max-names-size opens, says so, and takes what it knows", async () => {
  await using directory = await createStoreDirectory();
  {
    await using before = await open({}, directory.path);
    for (let index = 0; index < 800; index++) {
      await before.append(`room-${index}`);
    }
  }
  await using opened = await open({ namesBytesMax: 65_536 }, directory.path);
  assertEquals((await opened.append("room-700")).status, 201);
  assertEquals((await opened.append("room-800")).status, 507);
  assertEquals(opened.warnings.map(([event]) => event), ["names.nearly_full"]);
});
