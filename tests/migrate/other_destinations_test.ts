import { assert, assertEquals, assertRejects } from "@std/assert";
import { Transport } from "../../lib/client/transport.ts";
import { createApp } from "../../lib/embed/server.ts";
import { openStore } from "../../lib/embed/store.ts";
import {
  type Destination,
  RefusedEvent,
  remoteDestination,
} from "../../lib/migrate/destination.ts";
import { migrateEvents, proveEvents } from "../../lib/migrate/migrate.ts";
import { PlainDestination } from "../../lib/migrate/plain_destination.ts";
import { EventSource } from "../../lib/migrate/source.ts";
import {
  type StandInEvent,
  standInStore,
} from "../support/event_store_stand_in.ts";
import { sourceEvent, sourceOf } from "./migration_support.ts";

const SIGNAL = new AbortController().signal;

/** A server of ours, called without a socket. */
async function openServer() {
  const store = await openStore();
  const app = await createApp({ store });
  const transport = new Transport({
    url: "http://127.0.0.1:2113",
    credentials: { login: "admin", password: "changeit" },
    fetch: (input, init) =>
      Promise.resolve(app.fetch(new Request(input, init))),
  });
  const directory = await Deno.makeTempDir({ prefix: "quipu-migrate-" });
  return {
    store,
    transport,
    async migrate(
      events: readonly StandInEvent[],
      destination: Destination,
      isLoose = false,
    ) {
      const source = sourceOf(standInStore(events));
      const shared = { source, destination, isLoose, report() {} };
      const copied = await migrateEvents({
        ...shared,
        from: "http://old",
        statePath: `${directory}/${events.length}.json`,
        goesOn: () => false,
      });
      return { copied, proof: await proveEvents(shared) };
    },
    async [Symbol.asyncDispose]() {
      await app[Symbol.asyncDispose]();
      await store.close();
      await Deno.remove(directory, { recursive: true });
    },
  };
}

function plainOf(transport: Transport): PlainDestination {
  const source = new EventSource({
    transport,
    pageEvents: 100,
    readers: 2,
    signal: SIGNAL,
  });
  return new PlainDestination({ transport, source, signal: SIGNAL });
}

const METADATA = { eventType: "$metadata" };
const EVENTS: readonly StandInEvent[] = [
  sourceEvent(1, "orders-1", 0, { metadata: '{"by":"jane"}' }),
  sourceEvent(2, "orders-1", 1, { data: '{ "n" : 2 }' }),
  sourceEvent(3, "orders-2", 0),
  sourceEvent(4, "orders-1", 2, { data: "[1]" }),
  sourceEvent(5, "orders-1", 3, { isJson: false, data: "text" }),
  sourceEvent(6, "orders-1", 4, {
    isJson: false,
    data: Uint8Array.from([0xff, 0]),
  }),
  sourceEvent(7, "$$orders-1", 0, {
    ...METADATA,
    data: '{"$acl":{"$r":"jane"}}',
  }),
  sourceEvent(8, "links", 0, {
    eventType: "$>",
    isJson: false,
    data: "0@orders-1",
  }),
  sourceEvent(9, "orders-2", "tombstone"),
  sourceEvent(10, "hidden", 0),
  sourceEvent(11, "$$hidden", 0, {
    ...METADATA,
    data: '{"$tb":9223372036854775807}',
  }),
];

Deno.test("a running server takes events with their numbers and ids, and knows them again", async () => {
  await using server = await openServer();
  const destination = remoteDestination(server.transport, SIGNAL);
  const { copied, proof } = await server.migrate(EVENTS, destination);
  assertEquals([copied.importedCount, copied.knownCount], [11, 0]);
  assertEquals(proof.differences, []);
  assert(proof.isProven);
  // The server has had events of its own, which are later.
  assert(proof.otherTimesCount > 0);
  const more = [...EVENTS, sourceEvent(12, "orders-3", 0)];
  const again = await server.migrate(more, destination);
  assertEquals([again.copied.importedCount, again.copied.knownCount], [1, 11]);
  assert(again.proof.isProven);
});

Deno.test("a running server that has other events refuses, and names the event", async () => {
  await using server = await openServer();
  const destination = remoteDestination(server.transport, SIGNAL);
  await server.migrate(EVENTS.slice(0, 2), destination);
  const other = [sourceEvent(20, "fine", 0), sourceEvent(21, "orders-1", 0)];
  await assertRejects(
    () => server.migrate([...other, ...EVENTS.slice(2, 4)], destination),
    RefusedEvent,
    'event 0 of "orders-1"',
  );
});

Deno.test("the way back: a plain destination has the same ids, numbers and data", async () => {
  await using server = await openServer();
  const destination = plainOf(server.transport);
  const { proof } = await server.migrate(EVENTS, destination, true);
  assertEquals(proof.differences, []);
  assert(proof.isProven);
  assertEquals([destination.lostMetadataCount, destination.shiftedCount], [
    0,
    0,
  ]);
  const { isTombstoned } = await server.store.readState("orders-2");
  assert(isTombstoned);
  const event = await server.store.readEvent("orders-1", 4);
  assertEquals(event?.event.eventId, EVENTS[5]?.eventId);
});

Deno.test("the way back, sent again, writes nothing twice", async () => {
  await using server = await openServer();
  await server.migrate(EVENTS, plainOf(server.transport), true);
  const { end } = await server.store.readEnd();
  const more = [...EVENTS, sourceEvent(12, "orders-1", 5)];
  const { proof } = await server.migrate(more, plainOf(server.transport), true);
  assertEquals(proof.differences, []);
  const page = await server.store.readAll({
    from: end,
    count: 10,
    direction: "forward",
    withBodies: false,
  });
  assertEquals(page.events.map(({ streamName }) => streamName), ["orders-1"]);
});

Deno.test("the way back says which streams have other numbers, and what is lost", async () => {
  await using server = await openServer();
  const destination = plainOf(server.transport);
  const events = [
    sourceEvent(1, "late", 5),
    sourceEvent(2, "late", 6),
    sourceEvent(3, "late", 7, { data: "[1]", metadata: "text" }),
  ];
  const { proof } = await server.migrate(events, destination, true);
  assertEquals([destination.lostMetadataCount, destination.shiftedCount], [
    1,
    1,
  ]);
  assertEquals(proof.differences.map(({ streamName }) => streamName), ["late"]);
  const { head } = await server.store.readState("late");
  assertEquals(head, 2);
});

Deno.test("a plain destination that has other events refuses", async () => {
  await using server = await openServer();
  await server.migrate(
    [sourceEvent(20, "orders-1", 0)],
    plainOf(server.transport),
  );
  await assertRejects(
    () => server.migrate(EVENTS, plainOf(server.transport)),
    RefusedEvent,
    'event 0 of "orders-1"',
  );
});
