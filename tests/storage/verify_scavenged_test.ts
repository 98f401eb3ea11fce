/**
 * Verifying and repairing stores from which events were scavenged.
 *
 * @module
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { type LogFields, SILENT_LOGGER } from "../../lib/model/logger.ts";
import { openStore } from "../../storage/mod.ts";
import { repairDirectory } from "../../storage/maintenance/repair/repair_directory.ts";
import { verifyDirectory } from "../../storage/maintenance/verify/verify_directory.ts";
import { linesOf } from "../faults/contents.ts";
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

function repair(directory: StoreDirectory, isConfirmed: boolean) {
  return repairDirectory({
    directory: directory.path,
    isConfirmed,
    clock: createTestClock(),
    newEventId: () => crypto.randomUUID(),
    logger: SILENT_LOGGER,
  }, CONTROL);
}

/** The scavenged segment in which a text stands. */
function scavengedSegmentWith(directory: StoreDirectory, text: string): string {
  const paths = directory.namesOf("seg").filter((one) => one.includes(".g2."))
    .map((name) => directory.pathOf("segments", name));
  const path = paths.find((path) =>
    new TextDecoder("latin1").decode(Deno.readFileSync(path)).includes(text)
  );
  assert(path !== undefined, String(paths));
  return path;
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
    const report = await repair(directory, true);
    assert(report.isDone, String(at));
    assertEquals(report.unrepaired, [], String(at));
    const { findings } = await verifyDirectory(
      { directory: directory.path, isDeep: true },
      CONTROL,
    );
    assertEquals(findings.filter(({ severity }) => severity !== "notice"), []);
  }
});

Deno.test("what was scavenged is not called lost; what was lost behind it is", async () => {
  await using directory = await createStoreDirectory();
  await scavenge(directory);
  // The body of one of the last events, in a segment that was not scavenged.
  const index = directory.namesOf("seg").length - 1;
  const path = directory.segmentPath(index);
  const text = new TextDecoder("latin1").decode(Deno.readFileSync(path));
  flipBit(path, text.indexOf('{"n":950}'));
  assertEquals((await repair(directory, false)).lostEvents, [
    { streamName: "cart-0", from: 190, to: 190 },
  ]);
  // The headers, too: then the number alone is missing between others.
  flipBit(path, text.indexOf('{"n":955}') - 60);
  const report = await repair(directory, true);
  assertEquals(report.lostEvents, [
    { streamName: "cart-0", from: 190, to: 191 },
  ]);
  assertEquals(report.lostEventCount, 2);
});

Deno.test("an event that is lost out of a scavenged segment is named, with its position", async () => {
  await using directory = await createStoreDirectory();
  await scavenge(directory);
  const path = scavengedSegmentWith(directory, '{"n":899}');
  const text = new TextDecoder("latin1").decode(Deno.readFileSync(path));
  flipBit(path, text.indexOf('{"n":897}'));
  const report = await repair(directory, true);
  assertEquals(report.lostEvents, [
    { streamName: "cart-2", from: 179, to: 179 },
  ]);
  assertEquals(report.lostPositions.length, 1);
  assert(report.note?.startsWith("lost/losses-"), report.note);
  const { findings } = await verifyDirectory(
    { directory: directory.path, isDeep: true },
    CONTROL,
  );
  assertEquals(findings.map(({ kind }) => kind), ["lostRange"]);
});

Deno.test("the index file of a segment that is gone tells what was in it", async () => {
  await using directory = await createStoreDirectory();
  await scavenge(directory);
  await Deno.remove(scavengedSegmentWith(directory, '{"n":899}'));
  const report = await repair(directory, true);
  assertEquals(
    report.lostEvents.filter(({ streamName }) => streamName.startsWith("cart"))
      .map(({ streamName, to }) => [streamName, to]).sort(),
    [0, 1, 2, 3, 4].map((number) => [`cart-${number}`, 179]),
  );
  // Three of each stayed; what was scavenged is not lost.
  assert(report.lostEventCount <= 15, JSON.stringify(report.lostEvents));
  await using opened = await directory.open();
  const appended = await opened.store.append({
    streamName: "cart-0",
    expectedVersion: "any",
    events: [anEvent("type", "{}")],
  });
  assertEquals(appended.kind, "appended");
});

/** Everything that a store answers. */
async function linesIn(directory: StoreDirectory): Promise<string[]> {
  await using opened = await directory.open(1 << 15);
  const { store } = opened;
  // Of this list nothing is left but where it ended.
  const { head } = await store.readState("$et-last");
  return [`$et-last ${head}`, ...await linesOf(store)];
}

/** Where a text stands in a file. */
function placeOf(path: string, text: string): number {
  const bytes = new TextDecoder("latin1").decode(Deno.readFileSync(path));
  const at = bytes.indexOf(text);
  assert(at > 0, text);
  return at;
}

Deno.test("of a scavenged segment whose header is damaged everything else stays", async () => {
  const cases: readonly (readonly number[])[] = [
    // What any segment's header says, what a scavenged one's adds, and both.
    [40],
    [9],
    [75],
    [3, 110],
  ];
  for (const [at, offsets] of cases.entries()) {
    await using directory = await createStoreDirectory();
    await scavenge(directory);
    const before = await linesIn(directory);
    const name = directory.namesOf("seg").filter((one) => one.includes(".g2."))
      .at(at % 2 === 0 ? 0 : -1);
    assert(name !== undefined);
    for (const offset of offsets) {
      flipBit(directory.pathOf("segments", name), offset);
    }
    // Where lists ended is known from the segment itself.
    Deno.removeSync(
      directory.pathOf("segments", name.replace(/seg$/, "idx")),
    );
    const report = await repair(directory, true);
    assertEquals(report.unrepaired, []);
    assertEquals(
      [report.isDone, report.lostPositions, report.lostEventCount],
      [true, [], 0],
      `bytes ${offsets} of ${name}`,
    );
    assertEquals(await linesIn(directory), before, `bytes ${offsets}`);
  }
});

Deno.test("of a scavenged segment whose header is damaged, and a body too, one event is gone", async () => {
  for (const offsets of [[40], [75]]) {
    await using directory = await createStoreDirectory();
    await scavenge(directory);
    const before = await linesIn(directory);
    const text = '{"n":897}';
    const path = scavengedSegmentWith(directory, text);
    for (const offset of offsets) flipBit(path, offset);
    flipBit(path, placeOf(path, text) + 2);
    const report = await repair(directory, true);
    assertEquals(report.unrepaired, []);
    assertEquals([report.lostPositions.length, report.lostEventCount], [1, 1]);
    const after = await linesIn(directory);
    const gone = before.filter((line) => !after.includes(line));
    // From the log, and from each list that it was in.
    assert(gone.length > 0 && gone.every((line) => line.includes(text)));
  }
});

Deno.test("of a scavenged segment without both headers, what follows a damaged record is gone, and its numbers are not given again", async () => {
  await using directory = await createStoreDirectory();
  await scavenge(directory);
  const before = await linesIn(directory);
  const text = '{"n":890}';
  const path = scavengedSegmentWith(directory, text);
  const bytes = new TextDecoder("latin1").decode(Deno.readFileSync(path));
  const at = placeOf(path, text);
  flipBit(path, 40);
  flipBit(path, 75);
  // The record's own header: where the next one begins nobody knows then.
  flipBit(path, bytes.lastIndexOf("cart-", at));
  const report = await repair(directory, true);
  assertEquals(report.unrepaired, []);
  assert(report.lostEventCount >= 1);
  assertEquals(report.lostPositions.length, 1);
  const after = await linesIn(directory);
  const log = after.slice(1, after.findIndex((line) => /^list /.test(line)));
  for (const line of log) assert(before.includes(line), line);
  await using opened = await directory.open();
  for (let number = 0; number < 5; number++) {
    // Numbers are not given again.
    const { head } = await opened.store.readState(`cart-${number}`);
    assertEquals(head, 199);
  }
});

Deno.test("opened to be read alone, a scavenged segment whose header is damaged serves everything", async () => {
  await using directory = await createStoreDirectory();
  await scavenge(directory);
  const before = await linesIn(directory);
  const names = directory.namesOf("seg").filter((one) => one.includes(".g2."));
  for (const name of [names.at(0) ?? "", names.at(-1) ?? ""]) {
    const index = name.replace(/seg$/, "idx");
    const path = directory.pathOf("segments", name);
    const number = Number(name.split(".")[0]);
    for (const offset of [9, 40]) {
      flipBit(path, offset);
      for (const hasIndex of [true, false]) {
        const indexPath = directory.pathOf("segments", index);
        if (!hasIndex) Deno.renameSync(indexPath, indexPath + ".away");
        const { lines, reason } = await readAlone(directory);
        if (!hasIndex) Deno.renameSync(indexPath + ".away", indexPath);
        assertEquals(lines, before, `byte ${offset}, ${hasIndex}`);
        assertStringIncludes(
          reason,
          `the header of segment ${number} is damaged`,
        );
      }
      flipBit(path, offset);
    }
  }
});

Deno.test("opened to be read alone, a store says which segment only a repair can read", async () => {
  await using directory = await createStoreDirectory();
  await scavenge(directory);
  const path = scavengedSegment(directory);
  flipBit(path, 75);
  const told: string[] = [];
  const error = (name: string, fields: LogFields = {}) => {
    told.push(`${name} ${fields.what}`);
  };
  await using _store = await openAlone(directory, { ...SILENT_LOGGER, error });
  assert(
    told.some((line) =>
      /^store\.damaged segment \d+ .*quipu repair/.test(line)
    ),
    told.join("\n"),
  );
});

function openAlone(directory: StoreDirectory, logger = SILENT_LOGGER) {
  return openStore({
    directory: directory.path,
    segmentSizeBytes: 1 << 15,
    clock: createTestClock(),
    newEventId: () => crypto.randomUUID(),
    logger,
    isReadOnly: true,
  });
}

/** What a store opened to be read alone serves, and why it writes nothing. */
async function readAlone(
  directory: StoreDirectory,
): Promise<{ lines: string[]; reason: string }> {
  await using store = await openAlone(directory);
  const { head } = await store.readState("$et-last");
  return {
    lines: [`$et-last ${head}`, ...await linesOf(store)],
    reason: store.status().readOnlyReason ?? "",
  };
}
