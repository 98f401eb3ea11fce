/**
 * Verifying a store while it is open and busy.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import type { VerifyReport } from "../../lib/store/maintenance.ts";
import { SILENT_LOGGER } from "../../lib/model/logger.ts";
import { openStore } from "../../storage/mod.ts";
import { createStoreDirectory, flipBit } from "../support/store_directory.ts";
import { createTestClock } from "../support/events.ts";

/** Makes a pause that lets everybody else run. */
const CONTROL = {
  signal: new AbortController().signal,
  report() {},
  pause: () => new Promise<void>((resolve) => setTimeout(resolve, 0)),
};

/** Far more than it takes for three reports. */
const EVENTS_MAX = 100_000;

function open(directory: string | undefined, isReadOnly = false) {
  return openStore({
    directory,
    segmentSizeBytes: 1 << 16,
    clock: createTestClock(),
    newEventId: () => crypto.randomUUID(),
    logger: SILENT_LOGGER,
    isReadOnly,
  });
}

function anAppend(number: number) {
  return {
    streamName: number % 50 === 0
      ? `$$cart-${number % 7}`
      : `cart-${number % 7}`,
    expectedVersion: "any" as const,
    events: [{
      eventId: crypto.randomUUID(),
      eventType: number % 50 === 0 ? "$metadata" : `type-${number % 3}`,
      isJson: true,
      data: number % 50 === 0 ? '{"$maxCount":5}' : `{"n":${number}}`,
      metadata: "",
    }],
  };
}

Deno.test("a store is clean while it is written, sealed and deleted from", async () => {
  await using directory = await createStoreDirectory();
  for (const path of [directory.path, undefined]) {
    await using store = await open(path);
    const reports: VerifyReport[] = [];
    let isDone = false;
    const verifying = (async () => {
      for (let isDeep = false; !isDone; isDeep = !isDeep) {
        await CONTROL.pause();
        reports.push(await store.maintenance.verify({ isDeep }, CONTROL));
      }
    })();
    // However fast the writer is, several reports fall into its time.
    let number = 0;
    let deletes = 0;
    for (; number < 3000 || reports.length < 3; number += 10) {
      assert(number < EVENTS_MAX, `${reports.length} reports`);
      await Promise.all(Array.from(
        { length: 10 },
        (_, at) => store.append(anAppend(number + at)),
      ));
      if (number % 500 !== 0) continue;
      await store.deleteStream({
        streamName: `gone-${number}`,
        expectedVersion: "any",
        mode: "hard",
      });
      deletes++;
    }
    isDone = true;
    await verifying;
    assert(store.maintenance.figures().segmentCount > 5);
    for (const { findings } of reports) assertEquals(findings, []);
    const last = await store.maintenance.verify({ isDeep: true }, CONTROL);
    assertEquals(last.findings, []);
    assertEquals(last.endPosition, (await store.readEnd()).end);
    assertEquals(last.eventCount, number + deletes);
  }
});

Deno.test("damage to an open store is found, in its active segment, too", async () => {
  await using directory = await createStoreDirectory();
  await using store = await open(directory.path);
  for (let number = 0; number < 600; number++) {
    await store.append(anAppend(number));
  }
  for (const [index, kind] of [[0, "record"], [-1, "record"]] as const) {
    flipBit(directory.segmentPath(index), 200);
    const report = await store.maintenance.verify({ isDeep: false }, CONTROL);
    flipBit(directory.segmentPath(index), 200);
    assertEquals(report.findings.map((finding) => finding.kind), [kind]);
  }
  flipBit(directory.segmentPath(0, "idx"), 200);
  const report = await store.maintenance.verify({ isDeep: false }, CONTROL);
  flipBit(directory.segmentPath(0, "idx"), 200);
  assertEquals(report.findings.map(({ kind }) => kind), ["indexFile"]);
  const again = await store.maintenance.verify({ isDeep: true }, CONTROL);
  assertEquals(again.findings, []);
});

Deno.test("a damaged store that is open for reading alone is checked as a closed one", async () => {
  await using directory = await createStoreDirectory();
  await directory.append(40);
  flipBit(directory.segmentPath(1), 40);
  await using store = await open(directory.path, true);
  const report = await store.maintenance.verify({ isDeep: false }, CONTROL);
  assertEquals(report.findings.map(({ kind }) => kind), ["segmentHeader"]);
});
