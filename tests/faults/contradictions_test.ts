/**
 * Records with right checksums that contradict each other, as older versions
 * and forgers can leave them. None of them keeps the store from opening, but
 * for what the table of recovery calls damage; a repair mends them all, and
 * loses nothing.
 *
 * @module
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { QuipuError } from "../../lib/model/errors.ts";
import type { RecordedEvent } from "../../lib/model/event.ts";
import { TOMBSTONE_EVENT_NUMBER } from "../../lib/model/event_number.ts";
import type { EventStore } from "../../lib/store/event_store.ts";
import { SILENT_LOGGER } from "../../lib/model/logger.ts";
import { NO_ORDINAL } from "../../storage/log/record.ts";
import { openStore } from "../../storage/mod.ts";
import { repairDirectory } from "../../storage/maintenance/repair/repair_directory.ts";
import { verifyDirectory } from "../../storage/maintenance/verify/verify_directory.ts";
import { anEvent, createTestClock } from "../support/events.ts";
import { type ForgedEvent, forgeLog } from "../support/forged_log.ts";
import {
  createStoreDirectory,
  type StoreDirectory,
} from "../support/store_directory.ts";
import { readLog } from "./contents.ts";

const CONTROL = { signal: new AbortController().signal, report() {} };
const JSON_RUN_END = 3;
const FIRST = 4;

interface Case {
  readonly name: string;
  readonly events: readonly ForgedEvent[];
  /** Whether opening says aloud that records contradict each other. */
  readonly isTold: boolean | "ifFollowed";
}

/** A plain event before and after each case, in the same lists. */
const BEFORE: readonly ForgedEvent[] = [
  { streamName: "a-1" },
  { streamName: "a-1" },
  { streamName: "b-1", eventType: "u" },
];
const AFTER: readonly ForgedEvent[] = [
  { streamName: "a-1" },
  { streamName: "c-1" },
  { streamName: "a-1", eventType: "u" },
];

function one(
  name: string,
  forged: ForgedEvent["forged"],
  event: Partial<ForgedEvent> = {},
  isTold: Case["isTold"] = true,
): Case {
  return {
    name,
    events: [{ streamName: "a-1", ...event, forged: forged ?? {} }],
    isTold,
  };
}

const MARK = "\ufeff";
/** What version 0.1.0 wrote for a name that begins with a mark: 0 each time. */
const OF_MARKED = { eventNumber: 0, flags: JSON_RUN_END | FIRST };
const MARKED: readonly ForgedEvent[] = [0, 1, 2].map((at) => ({
  streamName: `${MARK}a-1`,
  eventType: `${MARK}t`,
  forged: {
    ...OF_MARKED,
    ...{ categoryOrdinal: 0, typeOrdinal: 0, categoryStreamsOrdinal: 0 },
    streamsOrdinal: 2 + at,
  },
}));

const CASES: readonly Case[] = [
  one("a number that is taken", { eventNumber: 0 }),
  one("a number that skips some", { eventNumber: 9 }),
  one("a number that skips very many", { eventNumber: 2 ** 50 }),
  one("a number beyond what is counted", { eventNumber: 2 ** 53 - 1 }),
  one("a first number beyond what is counted", { eventNumber: 2 ** 53 }, {
    streamName: "d-1",
  }),
  one("an ordinal of the category that is taken", { categoryOrdinal: 0 }),
  one("an ordinal of the category that skips some", { categoryOrdinal: 7 }),
  one("no ordinal of the category", { categoryOrdinal: NO_ORDINAL }),
  one("an ordinal of the type that is taken", { typeOrdinal: 0 }),
  one("an ordinal of the type beyond all", { typeOrdinal: 2 ** 52 }),
  one("no ordinal of the type", { typeOrdinal: NO_ORDINAL }),
  one("an ordinal in $streams that is taken", { streamsOrdinal: 0 }, {
    streamName: "e-1",
  }),
  one("an ordinal in $streams that skips some", { streamsOrdinal: 99 }, {
    streamName: "e-1",
  }),
  one(
    "an ordinal in the streams of the category that is taken",
    { categoryStreamsOrdinal: 0 },
    { streamName: "a-2" },
  ),
  one(
    "a first event that is in no list of streams",
    { flags: JSON_RUN_END },
    { streamName: "e-1" },
    "ifFollowed",
  ),
  one("a later event that calls itself the first", {
    flags: JSON_RUN_END | FIRST,
    streamsOrdinal: 0,
    categoryStreamsOrdinal: 0,
  }),
  one("a number in a category that there is none of", { categoryOrdinal: 3 }, {
    streamName: "plain",
  }),
  one(
    "an id that the stream has already",
    {
      eventId: "00000000-0000-4000-8000-000000000001",
    },
    {},
    false,
  ),
  one("a time before all others", { createdAtUs: 1 }),
  one("a time that is far away", { createdAtUs: 2 ** 52 }, {}, "ifFollowed"),
  {
    name: "events after a tombstone",
    events: [
      { streamName: "d-1" },
      { streamName: "d-1", isTombstone: true, eventType: "$streamDeleted" },
      { streamName: "d-1" },
      { streamName: "d-1", isTombstone: true, eventType: "$streamDeleted" },
    ],
    isTold: false,
  },
  {
    name: "names with a mark, as 0.1.0 wrote them",
    events: MARKED,
    isTold: true,
  },
  {
    name: "a name with a mark that was another stream's to 0.1.0",
    events: [
      ...MARKED.slice(0, 1),
      { streamName: "a-1", forged: { eventNumber: 3, typeOrdinal: 5 } },
    ],
    isTold: true,
  },
  {
    name: "documents of the server that nobody can read",
    events: [
      { streamName: "$settings", data: "{" },
      { streamName: "$settings", data: Uint8Array.of(0xff, 0xfe) },
      { streamName: "$user-x", eventType: "$UserCreated", data: "[1,{}]" },
      { streamName: "$users", eventType: "$User", data: `${MARK}x\u0000` },
      { streamName: "$$a-1", eventType: "$metadata", data: '{"$tb":"x"}' },
      { streamName: "$$a-1", eventType: "$metadata", data: "\ufffe" },
      { streamName: "$$$$a", eventType: "$metadata", data: '{"$acl":7}' },
      { streamName: "$$", eventType: "$metadata", data: "null" },
      { streamName: "l-1", eventType: "$>", data: "9999999999999999999@x" },
      { streamName: "l-1", eventType: "$>", data: `1@${MARK}a-1` },
      { streamName: "l-1", eventType: "$>", data: "1@l-1" },
      { streamName: "l-1", eventType: "\u0000\ufffe", data: "" },
    ],
    isTold: false,
  },
];

/** Segments in which the forged events stand first, in the midst, and last. */
function layoutsOf({ events }: Case): (readonly ForgedEvent[])[][] {
  return [
    [[...BEFORE, ...events, ...AFTER]],
    [[...BEFORE, ...events], AFTER],
    [BEFORE, [...events, ...AFTER]],
    [BEFORE, AFTER, events],
  ];
}

for (const contradiction of CASES) {
  Deno.test(`a log with ${contradiction.name} opens, and is mended`, async () => {
    const { events, isTold } = contradiction;
    for (const layout of layoutsOf(contradiction)) {
      await using directory = await createStoreDirectory();
      forgeInto(directory, layout);
      const isFollowed = layout.at(-1) !== events;
      const ids = layout.flat().length;
      {
        await using opened = await directory.open();
        assertEquals(
          opened.warnings.includes("store.contradictions"),
          isTold === "ifFollowed" ? isFollowed : isTold,
        );
        assertEquals((await readLog(opened.store)).length, ids);
        // It is written on.
        const written = await append(opened.store, "w-1", 1_000);
        assertEquals(written, "appended");
      }
      await mend(directory, ids + 1);
    }
  });
}

Deno.test("what contradicts is mended before it was ever opened", async () => {
  for (const { events } of CASES) {
    await using directory = await createStoreDirectory();
    forgeInto(directory, [[...BEFORE, ...events], AFTER]);
    await mend(directory, (await idsIn(directory)).length);
  }
});

Deno.test("a marker that is wrong is damage, and is mended", async () => {
  for (
    const forged of [
      { indexInBatch: 1 },
      { flags: 1 },
    ]
  ) {
    await using directory = await createStoreDirectory();
    forgeInto(directory, [
      [...BEFORE, { streamName: "a-1", forged }, { streamName: "b-1" }],
      AFTER,
    ]);
    const error = await assertRejects(() => directory.open(), QuipuError);
    assertEquals(error.code, "damaged");
    await mend(directory, BEFORE.length + 2 + AFTER.length);
  }
});

/** Repairs the store, and checks that all of it is there and right. */
async function mend(directory: StoreDirectory, count: number): Promise<void> {
  const before = await idsIn(directory);
  const report = await repairDirectory({
    directory: directory.path,
    isConfirmed: true,
    clock: createTestClock(),
    newEventId: () => crypto.randomUUID(),
    logger: SILENT_LOGGER,
  }, CONTROL);
  assertEquals([report.unrepaired, report.lostEvents], [[], []]);
  assertEquals(report.lostPositions, []);
  for (
    const missing of [[], [".idx", "heads.snap"], ["catalog.kv"]]
  ) {
    removeFiles(directory, missing);
    {
      await using opened = await directory.open();
      assertEquals(
        opened.warnings.filter((name) => name === "store.contradictions"),
        [],
      );
      const log = await readLog(opened.store);
      assertEquals(log.map(({ eventId }) => eventId), before);
      assertEquals(log.length, count);
      await checkPlaces(opened.store, log);
    }
    const verified = await verifyDirectory(
      { directory: directory.path, isDeep: true },
      CONTROL,
    );
    assertEquals(
      verified.findings.filter(({ severity }) => severity !== "notice"),
      [],
    );
  }
}

/** Each event is in its stream at its number, and no other is. */
async function checkPlaces(
  store: EventStore,
  log: readonly RecordedEvent[],
): Promise<void> {
  const seen = new Set<string>();
  let timeUs = 0;
  for (const { streamName, eventNumber, eventId, createdAtUs } of log) {
    assert(createdAtUs >= timeUs, "times do not go back");
    timeUs = createdAtUs;
    if (eventNumber >= TOMBSTONE_EVENT_NUMBER) continue;
    const place = `${eventNumber}@${streamName}`;
    assert(!seen.has(place), `${place} is one event`);
    seen.add(place);
    const entry = await store.readEvent(streamName, eventNumber);
    assertEquals(entry?.event.eventId, eventId, place);
  }
}

async function append(store: EventStore, streamName: string, id: number) {
  const { kind } = await store.append({
    streamName,
    expectedVersion: "any",
    events: [anEvent(id)],
  });
  return kind;
}

/** Ids of all events, of a store that may be damaged. */
async function idsIn(directory: StoreDirectory): Promise<string[]> {
  await using store = await openForReading(directory);
  const log = await readLog(store);
  return log.map(({ eventId }) => eventId);
}

function openForReading(directory: StoreDirectory) {
  return openStore({
    directory: directory.path,
    segmentSizeBytes: 2048,
    clock: createTestClock(),
    newEventId: () => crypto.randomUUID(),
    logger: SILENT_LOGGER,
    isReadOnly: true,
  });
}

function forgeInto(
  directory: StoreDirectory,
  segments: readonly (readonly ForgedEvent[])[],
): void {
  Deno.mkdirSync(directory.pathOf("segments"));
  for (const [name, bytes] of forgeLog(segments)) {
    Deno.writeFileSync(directory.pathOf("segments", name), bytes);
  }
}

/** Removes files whose names end so, or begin so. */
function removeFiles(
  directory: StoreDirectory,
  parts: readonly string[],
): void {
  for (const folder of [".", "segments"]) {
    for (const { name, isFile } of Deno.readDirSync(directory.pathOf(folder))) {
      const isIt = parts.some((part) =>
        name.endsWith(part) || name.startsWith(part)
      );
      if (isFile && isIt) Deno.removeSync(directory.pathOf(folder, name));
    }
  }
}
