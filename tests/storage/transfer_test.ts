import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { join } from "@std/path";
import { QuipuError } from "../../lib/model/errors.ts";
import type { RecordedEvent } from "../../lib/model/event.ts";
import { SILENT_LOGGER } from "../../lib/model/logger.ts";
import type { ExportSelection, LogPoint } from "../../lib/store/transfer.ts";
import {
  backupDirectory,
  restoreDirectory,
} from "../../storage/maintenance/backup/directories.ts";
import { openStore } from "../../storage/mod.ts";
import {
  exportDirectory,
  importDirectory,
} from "../../storage/maintenance/transfer/directories.ts";
import {
  aMetadataEvent,
  anEvent,
  createTestClock,
  createTestIds,
  testUuid,
} from "../support/events.ts";
import { createRandom } from "../support/random.ts";

const CONTROL = { signal: new AbortController().signal, report: () => {} };
const clock = createTestClock();
clock.advanceMs(3_600_000);
const newEventId = createTestIds();
const SEGMENT_BYTES = 4096;

interface Place extends AsyncDisposable {
  pathOf(name: string): string;
  open(name: string): ReturnType<typeof openStore>;
  export(name: string, selection?: ExportSelection): Promise<string>;
  import(
    name: string,
    text: string,
    withSystem?: boolean,
  ): ReturnType<typeof importDirectory>;
}

async function openPlace(): Promise<Place> {
  const path = await Deno.makeTempDir({ prefix: "quipu-transfer-" });
  const optionsOf = (name: string) => ({
    directory: join(path, name),
    segmentSizeBytes: SEGMENT_BYTES,
    clock,
    newEventId,
    logger: SILENT_LOGGER,
  });
  return {
    pathOf: (name) => join(path, name),
    open: (name) => openStore(optionsOf(name)),
    async export(name, selection = {}) {
      let text = "";
      await exportDirectory({
        ...optionsOf(name),
        selection: { withSystem: true, ...selection },
        sink: (more) => {
          text += more;
          return Promise.resolve();
        },
      }, CONTROL);
      return text;
    },
    import: (name, text, withSystem = true) =>
      importDirectory({
        ...optionsOf(name),
        bytes: piecesOf(text),
        length: 0,
        withSystem,
      }, CONTROL),
    [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }),
  };
}

/** Bytes in pieces that end anywhere. */
async function* piecesOf(text: string): AsyncGenerator<Uint8Array> {
  const bytes = new TextEncoder().encode(text);
  const random = createRandom(bytes.length);
  for (let at = 0; at < bytes.length;) {
    const end = at + random.integer(1, 3000);
    yield bytes.subarray(at, end);
    at = end;
  }
}

/** A store with everything that there can be. */
async function fill(place: Place, name: string): Promise<void> {
  await using store = await place.open(name);
  const append = (
    streamName: string,
    ...events: ReturnType<typeof anEvent>[]
  ) => {
    clock.advanceMs(7);
    return store.append({ streamName, expectedVersion: "any", events });
  };
  for (let number = 1; number <= 40; number++) {
    await append(
      `cart-${number % 4}`,
      anEvent(number, {
        metadata: number % 2 === 0 ? `{"by":"${number}"}` : "",
      }),
    );
  }
  await append("cart-1", anEvent(50), anEvent(51), anEvent(52));
  await append(
    'odd ñ \u{1F600} "stream"\n-1',
    anEvent(60, {
      eventType: 'type \u2028"\\',
      data: '{"a" : 1.0,  "é":"\u{1F600}"}',
    }),
    anEvent(61, { isJson: false, data: new Uint8Array([0, 255, 128, 10, 13]) }),
    anEvent(62, {
      isJson: false,
      data: "\ufefftext\r\nwith\u0000all",
      metadata: new Uint8Array([0xc3]),
    }),
    anEvent(63, { isJson: false, data: "", metadata: "" }),
  );
  await append(
    "$$cart-2",
    aMetadataEvent(70, { $maxCount: 2, $acl: { $r: "x" } }),
  );
  await append("$user-greg", anEvent(71, { eventType: "$UserCreated" }));
  await append(
    "links-1",
    anEvent(72, { eventType: "$>", isJson: false, data: "0@cart-1" }),
  );
  clock.advanceMs(5);
  await store.deleteStream({
    streamName: "cart-3",
    expectedVersion: "any",
    mode: "soft",
  });
  await append("cart-3", anEvent(80));
  await store.deleteStream({
    streamName: "cart-0",
    expectedVersion: "any",
    mode: "hard",
  });
  await store.deleteStream({
    streamName: "never-1",
    expectedVersion: "any",
    mode: "hard",
  });
  await append("cart-4", anEvent(81));
}

async function eventsOf(place: Place, name: string): Promise<RecordedEvent[]> {
  await using store = await place.open(name);
  const events: RecordedEvent[] = [];
  for (let from = 0;;) {
    const page = await store.readAll({
      from,
      count: 1000,
      direction: "forward",
      withBodies: true,
    });
    for (const event of page.events) {
      const {
        streamName,
        eventNumber,
        eventId,
        eventType,
        isJson,
        createdAtUs,
        logPosition,
      } = event;
      events.push({
        streamName,
        eventNumber,
        eventId,
        eventType,
        isJson,
        createdAtUs,
        logPosition,
        data: event.data.slice(),
        metadata: event.metadata.slice(),
      });
    }
    if (page.isAtEnd) return events;
    from = page.next;
  }
}

function withoutHead(text: string): string[] {
  return text.trimEnd().split("\n").slice(1, -1);
}

Deno.test("what is exported and imported is the same to the last byte", async () => {
  await using place = await openPlace();
  await fill(place, "one");
  const text = await place.export("one");
  const report = await place.import("two", text);
  const before = await eventsOf(place, "one");
  assertEquals(report.importedCount, before.length);
  assertEquals(report.knownCount, 0);
  assertEquals(report.lineCount, before.length + 2);
  assertEquals(await eventsOf(place, "two"), before);
  assertEquals(withoutHead(await place.export("two")), withoutHead(text));
  await using one = await place.open("one");
  await using two = await place.open("two");
  for (
    const name of [
      "cart-0",
      "cart-1",
      "cart-2",
      "cart-3",
      "never-1",
      "$ce-cart",
      "$et-tested",
      "$streams",
      "$category-cart",
    ]
  ) {
    assertEquals(await two.readState(name), await one.readState(name), name);
    const request = {
      streamName: name,
      from: 0,
      count: 100,
      direction: "forward",
      withBodies: true,
    } as const;
    const [a, b] = [
      await one.readStream(request),
      await two.readStream(request),
    ];
    assertEquals(
      b.entries.map(({ ordinal, event }) => [ordinal, event.eventId]),
      a.entries.map(({ ordinal, event }) => [ordinal, event.eventId]),
      name,
    );
  }
});

Deno.test("an import that is run again knows what is there", async () => {
  await using place = await openPlace();
  await fill(place, "one");
  const text = await place.export("one");
  const lines = text.split("\n");
  // Stopped in the middle: the last run of it is not whole, and not imported.
  const half = lines.slice(0, 44).join("\n");
  const error = await assertRejects(
    () => place.import("two", half),
    QuipuError,
  );
  assertStringIncludes(error.message, "line 45");
  assertStringIncludes(error.message, "not whole");
  const first = (await eventsOf(place, "two")).length;
  assert(first > 30);
  const again = await place.import("two", text);
  assertEquals(again.knownCount, first);
  assertEquals(again.importedCount + again.knownCount, lines.length - 3);
  const third = await place.import("two", text);
  assertEquals([third.importedCount, third.knownCount], [0, lines.length - 3]);
  assertEquals(await eventsOf(place, "two"), await eventsOf(place, "one"));
});

Deno.test("an import goes to a store that has other streams, whose times go on", async () => {
  await using place = await openPlace();
  await fill(place, "one");
  const text = await place.export("one", { category: "cart" });
  clock.advanceMs(1000);
  const laterUs = clock.nowUs();
  {
    await using store = await place.open("two");
    await store.append({
      streamName: "mine-1",
      expectedVersion: "any",
      events: [anEvent(900)],
    });
  }
  await place.import("two", text);
  const events = await eventsOf(place, "two");
  assertEquals(events[0]?.streamName, "mine-1");
  assert(events.every(({ createdAtUs }) => createdAtUs >= laterUs));
  assertEquals(
    events.slice(1).map((
      { streamName, eventNumber, eventId },
    ) => [streamName, eventNumber, eventId]),
    (await eventsOf(place, "one"))
      .filter(({ streamName }) => /^(\$\$)?cart-/.test(streamName))
      .map((
        { streamName, eventNumber, eventId },
      ) => [streamName, eventNumber, eventId]),
  );
});

Deno.test("a stream, a category and a span of time can be selected", async () => {
  await using place = await openPlace();
  await fill(place, "one");
  const events = await eventsOf(place, "one");
  const streamsIn = (text: string) =>
    new Set(withoutHead(text).map((line) => JSON.parse(line).stream));
  assertEquals(
    streamsIn(await place.export("one", { streamName: "cart-2" })),
    new Set(["cart-2", "$$cart-2"]),
  );
  assertEquals(
    streamsIn(await place.export("one", { category: "links" })),
    new Set(["links-1"]),
  );
  const [from, to] = [
    events[10]?.createdAtUs ?? 0,
    events[30]?.createdAtUs ?? 0,
  ];
  const span = withoutHead(
    await place.export("one", { fromUs: from, to: { timeUs: to } }),
  );
  assertEquals(
    span.map((line) => JSON.parse(line).position),
    events.filter(({ createdAtUs }) => createdAtUs >= from && createdAtUs < to)
      .map(({ logPosition }) => logPosition),
  );
  // Such streams begin later than with 0, and stay so.
  const text = await place.export("one", { fromUs: from });
  await place.import("late", text);
  const late = await eventsOf(place, "late");
  assert(
    late.some(({ streamName, eventNumber }) =>
      streamName === "cart-0" && eventNumber > 1
    ),
  );
  assertEquals(
    withoutHead(await place.export("late")).length,
    withoutHead(text).length,
  );
  await using store = await place.open("late");
  const first =
    late.find(({ streamName }) => streamName === "cart-1")?.eventNumber ?? 0;
  assert(first > 0);
  const page = await store.readStream({
    streamName: "cart-1",
    from: 0,
    count: 100,
    direction: "forward",
    withBodies: false,
  });
  assertEquals(page.entries[0]?.ordinal, first);
  assertEquals(
    page.entries.length,
    (await store.readState("cart-1")).head - first + 1,
  );
  assertEquals(await store.readEvent("cart-1", 0), undefined);
  const appended = await store.append({
    streamName: "cart-1",
    expectedVersion: "any",
    events: [anEvent(999)],
  });
  assertEquals(appended.kind, "appended");
});

Deno.test("what would silently be an export of nothing is refused", async () => {
  await using place = await openPlace();
  await fill(place, "one");
  const cases: [ExportSelection, string, string][] = [
    [{ streamName: "$ce-cart" }, "invalidRequest", 'category "cart" instead'],
    [{ streamName: "$et-x" }, "invalidRequest", "lists events of other"],
    [{ streamName: "$streams" }, "invalidRequest", "lists events of other"],
    [{ streamName: "$category-cart" }, "invalidRequest", "lists events of"],
    [{ streamName: "$all" }, "invalidRequest", "is everything"],
    [{ streamName: "cart-2", category: "cart" }, "invalidRequest", "not both"],
    [
      { fromUs: 5_000_000, to: { timeUs: 5_000_000 } },
      "invalidRequest",
      "end before it begins",
    ],
    [{ streamName: "cart" }, "nothingSelected", 'no stream "cart"'],
    [{ category: "car" }, "nothingSelected", 'category "car"'],
  ];
  for (const [selection, code, text] of cases) {
    const error = await assertRejects(
      () => place.export("one", selection),
      QuipuError,
    );
    assertEquals(error.code, code, error.message);
    assertStringIncludes(error.message, text);
  }
  // These were, and are: deleted for ever, of the system, nothing but metadata,
  // and nothing of the time that is asked for.
  for (
    const [selection, count] of [
      [{ streamName: "never-1" }, 1],
      [{ streamName: "$user-greg" }, 1],
      [{ category: "$user" }, 1],
      [{ category: "$other" }, 0],
      [{ streamName: "$$cart-2" }, 1],
      [{ streamName: "cart-4", to: { position: 0 } }, 0],
    ] as const
  ) {
    const lines = withoutHead(await place.export("one", selection));
    assertEquals(lines.length, count, JSON.stringify(selection));
  }
});

Deno.test("a store restored to any place equals an export up to there", async () => {
  await using place = await openPlace();
  await fill(place, "one");
  await backupDirectory({
    directory: place.pathOf("one"),
    target: place.pathOf("backup"),
    version: "0.0.0",
    clock,
  }, CONTROL);
  const events = await eventsOf(place, "one");
  const points: LogPoint[] = [];
  for (let at = 0; at < events.length; at += 4) {
    const { logPosition = 0, createdAtUs = 0 } = events[at] ?? {};
    points.push({ position: logPosition + (at % 3) }, { timeUs: createdAtUs });
  }
  for (const [at, point] of points.entries()) {
    const name = `restored-${at}`;
    await restoreDirectory({
      backup: place.pathOf("backup"),
      directory: place.pathOf(name),
      point,
      segmentSizeBytes: SEGMENT_BYTES,
      clock,
      newEventId,
      logger: SILENT_LOGGER,
    }, CONTROL);
    const restored = await place.export(name);
    assertEquals(
      restored,
      await place.export("one", { to: point }),
      `point ${at}`,
    );
    await Deno.remove(place.pathOf(name), { recursive: true });
  }
});

const LINE = {
  stream: "a-1",
  number: 0,
  id: testUuid(1),
  type: "t",
  time: "2026-01-01T00:00:00Z",
  isJson: true,
  data: "{}",
};

function linesOf(...changes: Readonly<Record<string, unknown>>[]): string {
  return changes.map((change) => JSON.stringify({ ...LINE, ...change }) + "\n")
    .join("");
}

Deno.test("lines that were written by hand are imported one by one", async () => {
  await using place = await openPlace();
  const text = linesOf({}, { number: 1, id: testUuid(2).toUpperCase() }) +
    "\n" +
    linesOf({ stream: "b", number: 7 });
  const report = await place.import("one", text.trimEnd());
  assertEquals([report.importedCount, report.lineCount], [3, 4]);
  assertEquals(
    (await eventsOf(place, "one")).map((
      { streamName, eventNumber },
    ) => [streamName, eventNumber]),
    [
      ["a-1", 0],
      ["a-1", 1],
      ["b", 7],
    ],
  );
});

Deno.test("a file without lines is no export of nothing, and is refused", async () => {
  await using place = await openPlace();
  for (const text of ["", "\n \n"]) {
    const error = await assertRejects(
      () => place.import("one", text),
      QuipuError,
    );
    assertStringIncludes(error.message, "line 1: there is none");
  }
  await assertRejects(() => Deno.stat(place.pathOf("one")));
  await (await place.open("one")).close();
  const nothing = await place.export("one");
  assertEquals((await place.import("two", nothing)).importedCount, 0);
  await (await place.open("two")).close();
});

const BAD_LINES: readonly [string, string][] = [
  ["{", "it is not JSON"],
  ["[]", "it is not a JSON object"],
  [linesOf({ number: -1 }), '"number" is no whole number'],
  [linesOf({ number: 2 ** 60 }), '"number" is no whole number'],
  [linesOf({ number: undefined }), '"number" is missing'],
  [linesOf({ isTombstone: true }), "a tombstone has no number"],
  [linesOf({ id: "1" }), '"id" is no UUID'],
  [linesOf({ time: "now" }), '"time" is no time'],
  [linesOf({ time: "9999-01-01" }), '"time" is in the future'],
  [linesOf({ isJson: 1 }), '"isJson" is neither'],
  [linesOf({ stream: 5 }), '"stream" is no text'],
  [linesOf({ stream: "$ce-a" }), "the server itself keeps this stream"],
  [linesOf({ stream: "" }), "a stream without a name"],
  [linesOf({ stream: "a\ud800" }), "not well-formed Unicode"],
  [linesOf({ data: "\ud800" }), "not well-formed Unicode"],
  [linesOf({ dataBase64: "AA==" }), "exclude each other"],
  [linesOf({ data: undefined, dataBase64: "A" }), "is no base64"],
  [linesOf({ extra: 1 }), '"extra" is unknown'],
  ['{"quipuExport":2}', "later format"],
  ['{"quipuExportEnd":1,"events":3}', "says that 3 events are before it"],
  [linesOf({ number: 9 }), '"a-1" ends with number 0, so 9 cannot follow'],
  [linesOf({ data: "[]" }), "another event with number 0"],
  [linesOf({ id: testUuid(5) }), "another event with number 0"],
  ['{"quipuExport":1,"storeId":"x"}', "not whole"],
];

for (const [bad, reason] of BAD_LINES) {
  Deno.test(`a bad line is refused with its number: ${reason} (${bad.slice(0, 60).trim()})`, async () => {
    await using place = await openPlace();
    const run = linesOf({ stream: "c" });
    const text = linesOf({}) + run + bad.trimEnd() + "\n" +
      linesOf({ stream: "d" });
    const error = await assertRejects(
      () => place.import("one", text),
      QuipuError,
    );
    assertStringIncludes(error.message, reason);
    const isEnd = reason === "not whole";
    assertStringIncludes(error.message, isEnd ? "line 5" : "line 3");
    const names = (await eventsOf(place, "one")).map(({ streamName }) =>
      streamName
    );
    assertEquals(names.slice(0, 2), ["a-1", "c"]);
    assertEquals(names.includes("d"), isEnd);
  });
}

Deno.test("of a run with one bad line nothing is imported", async () => {
  await using place = await openPlace();
  await place.import("one", linesOf({}));
  const conflict = linesOf({ stream: "x", run: 1 }, { data: "[]", run: 1 }, {
    stream: "y",
    run: 1,
  });
  for (const text of [conflict, linesOf({ stream: "x", run: 1 }) + "{\n"]) {
    const error = await assertRejects(
      () => place.import("one", text),
      QuipuError,
    );
    assertStringIncludes(error.message, "line 2");
    assertEquals((await eventsOf(place, "one")).length, 1);
  }
  await assertRejects(
    () => place.import("one", linesOf({ run: 1 }, { data: "[]", run: 1 })),
    QuipuError,
    "line 2",
  );
});

Deno.test("lines that are no UTF-8 are refused with their number", async () => {
  await using place = await openPlace();
  const bytes = new Uint8Array([
    ...new TextEncoder().encode(linesOf({})),
    0xff,
    0x0a,
  ]);
  await assertRejects(
    () =>
      importDirectory({
        directory: place.pathOf("one"),
        segmentSizeBytes: SEGMENT_BYTES,
        clock,
        newEventId,
        logger: SILENT_LOGGER,
        bytes: ReadableStream.from([bytes]),
        length: 0,
      }, CONTROL),
    QuipuError,
    "line 2: it is not UTF-8",
  );
});

Deno.test("streams of the system are exported and imported only when asked for", async () => {
  await using place = await openPlace();
  {
    await using store = await place.open("store");
    const append = (streamName: string, data: string, number: number) =>
      store.append({
        streamName,
        expectedVersion: "any",
        events: [anEvent(number, { data })],
      });
    await append("cart-1", "{}", 1);
    await append("$$cart-1", '{"$acl":{"$r":"$admins"}}', 2);
    await append("$$cart-2", '{"$maxCount":3}', 3);
    await append("$user-anna", "{}", 4);
    await append("$user-anna", "{}", 5);
    await append("$user-ben", "{}", 6);
    await append("$settings", "{}", 7);
  }
  const whole = await place.export("store");
  const plain = await place.export("store", { withSystem: false });
  const streamsOf = (text: string) =>
    text.split("\n").flatMap((line) =>
      line === "" ? [] : JSON.parse(line).stream ?? []
    );
  assertEquals(streamsOf(plain), ["cart-1"]);
  assertEquals(streamsOf(whole).length, 7);
  await assertRejects(
    () => place.export("store", { withSystem: false, streamName: "$settings" }),
    QuipuError,
    "--with-system",
  );

  const careful = await place.import("careful", whole, false);
  assertEquals(careful.importedCount, 1);
  assertEquals(careful.leftOutCount, 6);
  assertEquals(careful.userCount + careful.rightsCount, 0);
  {
    await using store = await place.open("careful");
    const request = { prefix: "$", limit: 10 };
    assertEquals(await store.listNames("streams", request), []);
  }
  const trusting = await place.import("trusting", whole);
  assertEquals(trusting.importedCount, 7);
  assertEquals(trusting.leftOutCount, 0);
  assertEquals(
    [trusting.userCount, trusting.rightsCount, trusting.settingsCount],
    [2, 1, 1],
  );
  // What was there already was made by nobody now.
  const again = await place.import("trusting", whole);
  assertEquals(again.knownCount, 7);
  assertEquals(again.userCount + again.rightsCount + again.settingsCount, 0);
});
