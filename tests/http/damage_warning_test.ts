/**
 * Damage that is known shows in probes, metrics and statistics, while reads and
 * writes go on; and it goes when a verification finds nothing.
 *
 * @module
 */

import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import {
  storeFamilies,
  StoreMetrics,
} from "../../lib/telemetry/store_metrics.ts";
import { QuipuError } from "../../lib/model/errors.ts";
import { SILENT_LOGGER } from "../../lib/model/logger.ts";
import { openStore } from "../../storage/mod.ts";
import { createTestClock } from "../support/events.ts";
import {
  createStoreDirectory,
  flipBit,
  numbersOf,
} from "../support/store_directory.ts";
import { openTestApp, TEST_LOGINS } from "../support/test_app.ts";

const ADMIN = { Authorization: TEST_LOGINS.admin };
const CONTROL = { signal: new AbortController().signal, report() {} };
const OK = { status: "ok" };

/** Where records of a first segment stand. */
const AT = 600;

async function openPlace(isReadOnly = false) {
  const directory = await createStoreDirectory();
  await directory.append(40);
  const logged: unknown[] = [];
  const open = () =>
    openStore({
      directory: directory.path,
      segmentSizeBytes: 2048,
      clock: createTestClock(),
      newEventId: () => crypto.randomUUID(),
      logger: {
        ...SILENT_LOGGER,
        error: (event, fields) => logged.push([event, fields?.position]),
      },
      isReadOnly,
    });
  const store = await open();
  const test = openTestApp({
    store,
    app: {
      observation: {
        storeMetrics: new StoreMetrics(),
        metricSources: [() => storeFamilies(store)],
      },
    },
  });
  const health = async (path: string) => {
    const { status, body } = await test.get(path, "application/json");
    assertEquals(status, 200);
    return JSON.parse(body);
  };
  return {
    directory,
    store,
    logged,
    /** What both probes say. */
    async probe() {
      const said = await health("/health");
      assertEquals(await health("/health/ready"), said);
      return said;
    },
    async probeText() {
      return (await test.get("/health/ready", "text/plain")).body;
    },
    async gauges() {
      const { body } = await test.get("/metrics", undefined, ADMIN);
      return body.split("\n").filter((line) =>
        line.startsWith("quipu_known_damage{")
      ).map((line) => Number(line.split(" ")[1]));
    },
    async stats() {
      const { body } = await test.get("/stats/es", "application/json");
      return JSON.parse(body).damage;
    },
    async [Symbol.asyncDispose]() {
      await test[Symbol.asyncDispose]();
      await store.close();
      await directory[Symbol.asyncDispose]();
    },
  };
}

Deno.test("damage that a verification finds is told until one finds none", async () => {
  await using place = await openPlace();
  const { store, directory } = place;
  const path = directory.segmentPath(1);
  assertEquals([await place.probe(), await place.gauges()], [OK, [0, 0, 0]]);
  assertEquals(await place.probeText(), "ok\n");
  assertEquals(await place.stats(), undefined);

  flipBit(path, AT);
  const { damageCount } = await store.maintenance.verify(
    { isDeep: false },
    CONTROL,
  );
  assert(damageCount > 0);
  const { status, warnings } = await place.probe();
  assertEquals([status, warnings.length], ["ok", 1]);
  assertEquals(warnings[0].code, "damage");
  assertMatch(
    warnings[0].reason,
    /^The store is damaged in \d+ places?: POST /,
  );
  assertMatch(
    await place.probeText(),
    /^ok\ndamage: The store is damaged in .*\n$/,
  );
  assertEquals(await place.gauges(), [damageCount, 0, 0]);
  assertEquals((await place.stats()).damageCount, damageCount);

  // One that is stopped says nothing.
  const stopped = AbortSignal.abort(new Error("stopped"));
  flipBit(path, AT);
  await assertRejects(
    () =>
      store.maintenance.verify({ isDeep: false }, {
        ...CONTROL,
        signal: stopped,
      }),
    Error,
    "stopped",
  );
  assertEquals((await place.gauges())[0], damageCount);
  await store.maintenance.verify({ isDeep: false }, CONTROL);
  assertEquals([await place.probe(), await place.gauges()], [OK, [0, 0, 0]]);
});

Deno.test("a record that reads cannot read is told of once, and again by the next verification alone", async () => {
  await using place = await openPlace();
  const { store, directory, logged } = place;
  const path = directory.segmentPath(1);
  flipBit(path, AT);
  for (let tries = 0; tries < 3; tries++) {
    await assertRejects(() => numbersOf(store), QuipuError);
  }
  assertEquals(await place.gauges(), [0, 0, 1]);
  assertMatch(
    (await place.probe()).warnings[0].reason,
    /^The store is unreadable in 1 place: /,
  );
  assertEquals(logged.length, 1);
  const { damageCount, findings } = await store.maintenance.verify(
    { isDeep: false },
    CONTROL,
  );
  assertEquals(await place.gauges(), [damageCount, 0, 0]);
  assert(findings.some(({ severity }) => severity === "damage"));
  flipBit(path, AT);
  await store.maintenance.verify({ isDeep: false }, CONTROL);
  assertEquals(await place.probe(), OK);
  assertEquals((await numbersOf(store)).length, 40);
});

Deno.test("what a read meets while a verification goes on is not forgotten with it", async () => {
  await using place = await openPlace();
  const { store, directory } = place;
  const first = directory.segmentPath(0);
  const everything = {
    from: 0,
    count: 100,
    direction: "forward",
    withBodies: true,
  } as const;
  let reading: Promise<unknown> | undefined;
  await store.maintenance.verify({ isDeep: false }, {
    ...CONTROL,
    report({ done }) {
      // The first segment has been checked by then.
      if (reading !== undefined || done < 5000) return;
      flipBit(first, AT);
      reading = assertRejects(() => store.readAll(everything), QuipuError);
    },
  });
  assert(reading !== undefined);
  await reading;
  assertEquals(await place.gauges(), [0, 0, 1]);
});

Deno.test("a store that is opened for reading although it is damaged says so", async () => {
  const directory = await createStoreDirectory();
  await using _ = directory;
  await directory.append(40);
  Deno.removeSync(directory.segmentPath(1));
  await using store = await openStore({
    directory: directory.path,
    segmentSizeBytes: 2048,
    clock: createTestClock(),
    newEventId: () => crypto.randomUUID(),
    logger: SILENT_LOGGER,
    isReadOnly: true,
  });
  assert((store.status().damage?.damageCount ?? 0) > 0);
});
