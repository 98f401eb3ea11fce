import { assert, assertEquals, assertRejects } from "@std/assert";
import { MigrationError } from "../../lib/migrate/errors.ts";
import { isTaken } from "../../lib/migrate/taken_streams.ts";
import { parseIsoTime } from "../../lib/text/iso_time.ts";
import { decodeUtf8 } from "../../lib/text/utf8.ts";
import {
  createStandIn,
  type StandInEvent,
  standInStore,
} from "../support/event_store_stand_in.ts";
import {
  openMigration,
  readerOf,
  sourceEvent,
  sourceOf,
  type TestMigration,
} from "./migration_support.ts";

const MAX_TB = "9223372036854775807";

async function eventsIn({ destination }: TestMigration) {
  return (await Array.fromAsync(destination.read())).map((numbered) => ({
    place: `${numbered.eventNumber}@${numbered.streamName}`,
    type: numbered.event.eventType,
    data: typeof numbered.event.data === "string"
      ? numbered.event.data
      : decodeUtf8(numbered.event.data),
  }));
}

function ofStream(streamId: string, numbers: readonly number[], from = 0) {
  return numbers.map((number, index) =>
    sourceEvent(from + index + 1, streamId, number)
  );
}

Deno.test("a migration keeps numbers, ids, times, types, data and metadata", async () => {
  await using migration = await openMigration();
  const events = [
    sourceEvent(1, "orders-1", 0, {
      eventType: "größer",
      data: '{ "price" : 1.50, "big": 12345678901234567890 }',
      metadata: '{"$correlationId":"é"}',
      updated: "2026-01-01T00:00:00.1234567Z",
    }),
    sourceEvent(2, "orders-1", 1, {
      data: "no JSON",
      updated: "2026-01-01T00:00:00.2Z",
    }),
    sourceEvent(3, "a/b c%2F", 0, { updated: "2026-01-01T00:00:01Z" }),
  ];
  const report = await migration.copy(sourceOf(standInStore(events)));
  assertEquals([report.importedCount, report.entryCount], [3, 3]);
  const read = await Array.fromAsync(migration.destination.read());
  assertEquals(
    read.map(({ event, ...place }) => [
      place.streamName,
      place.eventNumber,
      place.createdAtUs,
      event.eventId,
      event.eventType,
      event.isJson,
      decodeUtf8(event.data as Uint8Array),
      decodeUtf8(event.metadata as Uint8Array),
    ]),
    events.map((event) => [
      event.streamId,
      event.eventNumber,
      parseIsoTime(event.updated),
      event.eventId,
      event.eventType,
      event.isJson,
      event.data,
      event.metadata ?? "",
    ]),
  );
  const proof = await migration.prove(sourceOf(standInStore(events)));
  assertEquals([proof.isProven, proof.eventCount, proof.otherTimesCount], [
    true,
    3,
    0,
  ]);
});

for (const count of [1, 12]) {
  Deno.test(`data that pages do not show is asked for, ${count} of each kind on a page`, async () => {
    await using migration = await openMigration();
    const bytes = Uint8Array.from([0xff, 0, 0xfe]);
    const events = Array.from({ length: count }, (_, index) => [
      sourceEvent(4 * index + 1, "bytes", index, {
        isJson: false,
        data: bytes,
      }),
      sourceEvent(4 * index + 2, "texts", index, {
        isJson: false,
        data: `\uFEFFtext ${index}`,
      }),
      sourceEvent(4 * index + 3, "texts-of-json", index, {
        isJson: false,
        data: '{"a":1}',
      }),
      sourceEvent(4 * index + 4, "links", index, {
        eventType: "$>",
        isJson: false,
        data: `${index}@texts`,
      }),
    ]).flat();
    const standIn = createStandIn(standInStore(events));
    const source = readerOf(standIn, 100);
    await migration.copy(source);
    const read = await Array.fromAsync(migration.destination.read());
    const encoder = new TextEncoder();
    assertEquals(
      read.map(({ event }) => event.data),
      events.map(({ data }) =>
        typeof data === "string" ? encoder.encode(data) : data
      ),
    );
    assert(read.every(({ event }) => !event.isJson));
    assertEquals(source.losses.unreadableCount, 0);
    const asked = standIn.asked.filter((path) => !path.includes("all/"));
    // Bytes are asked for twice, JSON texts once; a page shows the others.
    assertEquals(asked.length, count === 1 ? 5 : 3 * count);
    assert((await migration.prove(source)).isProven);
  });
}

Deno.test("events that can no longer be read keep their place, and are counted", async () => {
  await using migration = await openMigration();
  const hidden = { isJson: false, data: "gone", isHidden: true };
  const events = [
    sourceEvent(1, "orders-1", 0, hidden),
    sourceEvent(2, "orders-1", 1),
    sourceEvent(3, "orders-1", 2, { metadata: "\uFFFD" }),
  ];
  const standIn = createStandIn(standInStore(events));
  const source = readerOf(standIn);
  await migration.copy(source);
  assertEquals(await eventsIn(migration), [
    { place: "0@orders-1", type: "placed", data: "" },
    { place: "1@orders-1", type: "placed", data: '{"n":2}' },
    { place: "2@orders-1", type: "placed", data: '{"n":3}' },
  ]);
  assertEquals(source.losses, {
    unreadableCount: 1,
    brokenMetadataCount: 1,
    examples: ["2@orders-1", "0@orders-1"],
  });
  assertEquals(
    standIn.asked.filter((path) => path.includes("/0")).length,
    1 + 2,
  );
});

Deno.test("tombstones and soft deletes of versions 3 and 4 are what they were", async () => {
  await using migration = await openMigration();
  const metadata = { eventType: "$metadata" };
  const events = [
    sourceEvent(1, "gone", 0),
    sourceEvent(2, "gone", "tombstone"),
    sourceEvent(3, "gone-3", 0),
    sourceEvent(4, "gone-3", 2 ** 31 - 1, {
      eventType: "$streamDeleted",
      isJson: false,
      data: "",
    }),
    sourceEvent(5, "hidden", 0),
    sourceEvent(6, "$$hidden", 0, { ...metadata, data: `{"$tb":${MAX_TB}}` }),
    sourceEvent(7, "hidden-3", 0),
    sourceEvent(8, "$$hidden-3", 0, {
      ...metadata,
      data: '{\n  "$tb": 2147483647\n}',
    }),
    sourceEvent(9, "open", 0),
    sourceEvent(10, "$$open", 0, {
      ...metadata,
      data: '{"$acl":{"$r":["jane"]},"$maxCount":2147483647}',
    }),
  ];
  await migration.copy(sourceOf(standInStore(events)));
  const { store } = migration;
  assert((await store.readState("gone")).isTombstoned);
  assert((await store.readState("gone-3")).isTombstoned);
  for (const name of ["hidden", "hidden-3"]) {
    const { metadata, head } = await store.readState(name);
    assertEquals([metadata.truncateBefore, head], [Number(MAX_TB), 0], name);
  }
  const { metadata: open } = await store.readState("open");
  assertEquals(open.acl?.read, ["jane"]);
  assert((await migration.prove(sourceOf(standInStore(events)))).isProven);
});

Deno.test("streams of the system are taken as the table says", async () => {
  await using migration = await openMigration();
  const names = [
    "$settings",
    "$$$all",
    "$own",
    "$persistentsubscription-a::b-parked",
    "$ce-orders",
    "$$$ce-orders",
    "$stats-127.0.0.1:2113",
    "$user-jane",
    "$users",
    "$projections-$all",
    "$persistentsubscription-a::b-checkpoint",
    "$streams",
  ];
  const events = names.map((name, index) => sourceEvent(index + 1, name, 0));
  await migration.copy(sourceOf(standInStore(events)));
  assertEquals(
    (await eventsIn(migration)).map(({ place }) => place),
    names.slice(0, 4).map((name) => `0@${name}`),
  );
  assertEquals(isTaken("streams"), true);
});

Deno.test("a stream may begin with any number, and what is missing later is filled", async () => {
  await using migration = await openMigration();
  const events = ofStream("orders-1", [7, 8, 11]);
  const report = await migration.copy(sourceOf(standInStore(events)));
  assertEquals(report.filledCount, 2);
  assertEquals(
    (await eventsIn(migration)).map(({ place, type }) => `${place} ${type}`),
    [
      "7@orders-1 placed",
      "8@orders-1 placed",
      "9@orders-1 $missing",
      "10@orders-1 $missing",
      "11@orders-1 placed",
    ],
  );
  assert((await migration.prove(sourceOf(standInStore(events)))).isProven);
});

Deno.test("numbers that are missing after a stop are filled, too", async () => {
  await using migration = await openMigration();
  const events: StandInEvent[] = ofStream("orders-1", [0, 1, 2]);
  const store = standInStore(events);
  await migration.copy(sourceOf(store));
  events.push(...ofStream("orders-1", [5], 3));
  const report = await migration.copy(sourceOf(store));
  assertEquals([report.importedCount, report.filledCount], [3, 2]);
  assert((await migration.prove(sourceOf(store))).isProven);
});

Deno.test("a migration that was stopped goes on where it was, and writes nothing twice", async () => {
  await using migration = await openMigration();
  const events = ofStream("orders-1", Array.from({ length: 40 }, (_, n) => n));
  const { destination } = migration;
  let calls = 0;
  const failing = {
    ...destination,
    write(batch: Parameters<typeof destination.write>[0]) {
      if (++calls > 5) throw new MigrationError("killed");
      return destination.write(batch);
    },
  };
  const store = standInStore(events);
  await assertRejects(
    () => migration.copy(sourceOf(store), { destination: failing }),
    MigrationError,
    "killed",
  );
  const standIn = createStandIn(store);
  const report = await migration.copy(readerOf(standIn));
  assertEquals(report.importedCount + 15, events.length);
  assert(!standIn.asked.some((path) => path.includes(`/${"0".repeat(32)}/f`)));
  assert((await migration.prove(sourceOf(store))).isProven);
  const again = await migration.copy(sourceOf(store));
  assertEquals([again.importedCount, again.knownCount], [0, 0]);
});

Deno.test("a state of another migration, or none, is refused", async () => {
  await using migration = await openMigration();
  const store = standInStore(ofStream("orders-1", [0]));
  await migration.copy(sourceOf(store));
  const { statePath } = migration;
  const state = JSON.parse(await Deno.readTextFile(statePath));
  for (
    const [text, said] of [
      [JSON.stringify({ ...state, from: "http://other" }), "another migration"],
      [JSON.stringify({ ...state, storeId: "other" }), "another migration"],
      [JSON.stringify({ ...state, position: "../" }), "no state"],
      ["{", "no state"],
    ]
  ) {
    await Deno.writeTextFile(statePath, text ?? "");
    await assertRejects(
      () => migration.copy(sourceOf(store)),
      MigrationError,
      said,
    );
  }
});

Deno.test("a migration that follows takes what is written meanwhile", async () => {
  await using migration = await openMigration();
  const events: StandInEvent[] = ofStream("orders-1", [0, 1]);
  const store = standInStore(events);
  let asked = 0;
  const report = await migration.copy(sourceOf(store), {
    goesOn() {
      events.push(...ofStream("orders-1", [2 + asked], 2 + asked));
      return ++asked < 4;
    },
  });
  assertEquals(report.importedCount, 5);
});

Deno.test("pages that a server does not give are asked for smaller", async () => {
  await using migration = await openMigration();
  const events = ofStream("orders-1", Array.from({ length: 50 }, (_, n) => n));
  const standIn = createStandIn(standInStore(events));
  const source = readerOf({
    handle: (request) =>
      /forward\/(\d{3,})/.test(request.url)
        ? new Response("", { status: 500 })
        : standIn.handle(request),
  }, 1000);
  const report = await migration.copy(source);
  assertEquals(report.importedCount, 50);
});

Deno.test("a source that goes in circles, or shows no events, is an error", async () => {
  await using migration = await openMigration();
  const store = standInStore(ofStream("orders-1", [0, 1]));
  const { handle } = createStandIn(store);
  const answering = (change: (page: Record<string, unknown>) => unknown) =>
    readerOf({
      async handle(request) {
        const page = JSON.parse(await (await handle(request)).text());
        return Response.json(change(page));
      },
    });
  for (
    const source of [
      answering((page) => ({ ...page, links: [] })),
      answering((page) => ({ ...page, entries: "many" })),
      answering((page) => ({ ...page, entries: [{ title: "0@orders-1" }] })),
      answering((page) => ({ ...page, entries: [7] })),
    ]
  ) {
    await assertRejects(() => migration.copy(source), MigrationError);
  }
});

Deno.test("the proof catches one changed byte, one missing event, one wrong head and one delete", async () => {
  await using migration = await openMigration();
  const events = [
    ...ofStream("orders-1", [0, 1, 2]),
    ...ofStream("orders-2", [0, 1], 3),
    ...ofStream("orders-3", [0], 5),
  ];
  await migration.copy(sourceOf(standInStore(events)));
  const changed = (at: number, change: Partial<StandInEvent>) =>
    events.map((event, index) =>
      index === at ? { ...event, ...change } : event
    );
  const more = ofStream("orders-2", [2], 9);
  const tombstone = [sourceEvent(9, "orders-3", "tombstone")];
  const rows: [readonly StandInEvent[], string, string][] = [
    [changed(1, { data: '{"n":3}' }), "orders-1", "differ"],
    [changed(1, { metadata: "{}" }), "orders-1", "differ"],
    [changed(1, { eventType: "Placed" }), "orders-1", "differ"],
    [events.slice(1), "orders-1", "first event"],
    [events.slice(0, -1).concat(more), "orders-2", "last event is number 2"],
    [events.concat(tombstone), "orders-3", "deleted for ever at the source"],
    [events.concat(ofStream("x", [0], 9)), "x", "not at the destination"],
  ];
  for (const [tampered, streamName, said] of rows) {
    const proof = await migration.prove(sourceOf(standInStore(tampered)));
    assert(!proof.isProven, said);
    assertEquals(proof.differences.map(({ streamName }) => streamName), [
      streamName,
    ]);
    assert(proof.differences[0]?.what.includes(said), said);
  }
  const missing = events.filter((_, index) => index !== 1);
  const proof = await migration.prove(sourceOf(standInStore(missing)));
  assertEquals(proof.differences[0]?.streamName, "orders-1");
  const less = await migration.prove(
    sourceOf(standInStore(events.slice(0, 5))),
  );
  assertEquals([less.isProven, less.extraStreamCount], [true, 1]);
});

Deno.test("times that cannot be kept are told apart from the proof", async () => {
  await using migration = await openMigration();
  const events = [
    sourceEvent(1, "orders-1", 0, { updated: "2026-01-01T00:00:05Z" }),
    // The clock of the source went back.
    sourceEvent(2, "orders-2", 0, { updated: "2026-01-01T00:00:01Z" }),
  ];
  await migration.copy(sourceOf(standInStore(events)));
  const proof = await migration.prove(sourceOf(standInStore(events)));
  assertEquals([proof.isProven, proof.otherTimesCount], [true, 1]);
});
