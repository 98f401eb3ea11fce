/**
 * Verifying and repairing stores from which events were scavenged.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { SILENT_LOGGER } from "../../lib/model/logger.ts";
import { openStore } from "../../storage/mod.ts";
import { repairDirectory } from "../../storage/repair/repair_directory.ts";
import { verifyDirectory } from "../../storage/verify/verify_directory.ts";
import { createTestClock } from "../support/events.ts";
import {
  createStoreDirectory,
  flipBit,
  type StoreDirectory,
} from "../support/store_directory.ts";

const CONTROL = { signal: new AbortController().signal, report() {} };

function anEvent(eventType: string, data: string) {
  const eventId = crypto.randomUUID();
  return { eventId, eventType, isJson: true, data, metadata: "" };
}

/** Nine of ten events are hidden, and scavenged; some come afterwards. */
async function scavenge(directory: StoreDirectory): Promise<void> {
  await using store = await openStore({
    directory: directory.path,
    segmentSizeBytes: 1 << 15,
    clock: createTestClock(),
    newEventId: () => crypto.randomUUID(),
    logger: SILENT_LOGGER,
  });
  const append = (streamName: string, type: string, data: string) =>
    store.append({
      streamName,
      expectedVersion: "any",
      events: [anEvent(type, data)],
    });
  for (let number = 0; number < 5; number++) {
    await append(`$$cart-${number}`, "$metadata", '{"$maxCount":3}');
  }
  for (let number = 0; number < 900; number++) {
    await append(`cart-${number % 5}`, `type-${number % 3}`, `{"n":${number}}`);
    if (number % 90 === 0) await append(`gone-${number}`, "last", "{}");
  }
  for (let number = 0; number < 900; number += 90) {
    await store.deleteStream({
      streamName: `gone-${number}`,
      expectedVersion: "any",
      mode: "hard",
    });
  }
  await store.maintenance.scavenge({}, CONTROL);
  for (const isDeep of [false, true]) {
    const open = await store.maintenance.verify({ isDeep }, CONTROL);
    assertEquals(open.findings, []);
  }
  for (let number = 900; number < 1000; number++) {
    await append(`cart-${number % 5}`, `type-${number % 3}`, `{"n":${number}}`);
  }
}

function scavengedSegment(directory: StoreDirectory): string {
  const name = directory.namesOf("seg").find((one) => one.includes(".g2."));
  assert(name !== undefined, String(directory.namesOf("seg")));
  return directory.pathOf("segments", name);
}

Deno.test("a scavenged store is clean, and every byte of its segments is under a checksum", async () => {
  await using directory = await createStoreDirectory();
  await scavenge(directory);
  for (const isDeep of [false, true]) {
    const request = { directory: directory.path, isDeep };
    const { findings } = await verifyDirectory(request, CONTROL);
    assertEquals(findings.filter(({ severity }) => severity !== "notice"), []);
  }
  const path = scavengedSegment(directory);
  const { size } = Deno.statSync(path);
  const step = Math.ceil(size / 60);
  for (let at = 0; at < size; at += step) {
    // A few bytes of the header mean nothing.
    if (at >= 136 && at < 160) continue;
    flipBit(path, at);
    const report = await verifyDirectory(
      { directory: directory.path, isDeep: false },
      CONTROL,
    );
    flipBit(path, at);
    assert(!report.isClean, `byte ${at} of ${size}`);
  }
});

Deno.test("a damaged scavenged segment is repaired", async () => {
  for (const at of [200, -3]) {
    await using directory = await createStoreDirectory();
    await scavenge(directory);
    flipBit(scavengedSegment(directory), at);
    const report = await repairDirectory({
      directory: directory.path,
      isConfirmed: true,
      clock: createTestClock(),
      newEventId: () => crypto.randomUUID(),
      logger: SILENT_LOGGER,
    }, CONTROL);
    assert(report.isDone, String(at));
    assertEquals(report.unrepaired, [], String(at));
    const { findings } = await verifyDirectory(
      { directory: directory.path, isDeep: true },
      CONTROL,
    );
    assertEquals(findings.filter(({ severity }) => severity !== "notice"), []);
  }
});
