/**
 * A client that knows nothing of this server: `geteventstore-promise` from npm,
 * written for Event Store, unmodified, against the running program. Its methods
 * for projections are tried in `projection_clients_test.ts`; those for
 * administration are not.
 *
 * @module
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { startServer } from "../support/program.ts";
import {
  ClientError,
  type ClientEvent,
  type NewEvent,
  type PromiseClient,
  startClient,
} from "./promise_client.ts";

/** @param stream Name of a stream that no other trial writes to. */
type Trial = (client: PromiseClient, stream: string) => Promise<void>;

const TRIALS: Readonly<Record<string, Trial>> = {
  "ping() is answered": async (client) => {
    const answer = JSON.stringify(await client.ping());
    assert(answer.includes("Ping request successfully handled"), answer);
  },

  "a written event is read as it was written": async (client, stream) => {
    const data = { text: "§ “ünï”\n", deep: { list: [1, 2.5, null, true] } };
    const metadata = { from: "a test" };
    await client.writeEvent(stream, "OrderPlaced", data, metadata);

    const [event, ...others] = await client.getEvents(stream);
    assert(event !== undefined);
    assertEquals(others, []);
    assertEquals(event.eventNumber, 0);
    assertEquals(event.eventType, "OrderPlaced");
    assertEquals(event.streamId, stream);
    assertEquals(event.positionStreamId, stream);
    assertEquals(event.positionEventNumber, 0);
    assertEquals(event.data, data);
    assertEquals(JSON.parse(String(event.metaData)), metadata);
    assert(Math.abs(Date.parse(event.created) - Date.now()) < 60_000);
  },

  "writeEvents() writes all, in order": async (client, stream) => {
    const events = eventsOf(10);
    await client.writeEvents(stream, events);
    assertEquals(
      (await client.getEvents(stream)).map(({ eventId, data }) => [
        eventId,
        data,
      ]),
      events.map(({ eventId, data }) => [eventId, data]),
    );
  },

  "a repeated write changes nothing": async (client, stream) => {
    const events = eventsOf(3);
    await client.writeEvents(stream, events);
    await client.writeEvents(stream, events);
    await client.writeEvents(stream, events, { expectedVersion: -1 });
    assertEquals(numbersOf(await client.getEvents(stream)), [0, 1, 2]);
  },

  "a stale expected version is 400": async (client, stream) => {
    const write = (expectedVersion: number) =>
      client.writeEvents(stream, eventsOf(1), { expectedVersion });
    await write(-1);
    await write(0);
    for (const stale of [0, -1, 7]) {
      assertEquals(await statusOf(write(stale)), 400);
    }
    await write(-2);
    assertEquals(numbersOf(await client.getEvents(stream)), [0, 1, 2]);
  },

  "getEvents() pages forward and backward": async (client, stream) => {
    await client.writeEvents(stream, eventsOf(10));
    const read = async (from: number | "head", count: number) =>
      numbersOf(await client.getEvents(stream, from, count, "forward"));
    const readBack = async (from: number | "head", count: number) =>
      numbersOf(await client.getEvents(stream, from, count, "backward"));
    assertEquals(await read(0, 3), [0, 1, 2]);
    assertEquals(await read(8, 100), [8, 9]);
    assertEquals(await read(10, 100), []);
    assertEquals(await readBack("head", 3), [9, 8, 7]);
    assertEquals(await readBack(1, 20), [1, 0]);
  },

  "getEvents() reads the largest page": async (client, stream) => {
    for (let batch = 0; batch < 5; batch++) {
      await client.writeEvents(stream, eventsOf(1000));
    }
    const read = await client.getEvents(stream, 0, 4096);
    assertEquals(numbersOf(read), Array.from({ length: 4096 }, (_, n) => n));
  },

  "readEventsForward() says where to go on": async (client, stream) => {
    await client.writeEvents(stream, eventsOf(5));
    const first = await client.readEventsForward(stream, 0, 3);
    assertEquals(first.streamId, stream);
    assertEquals(first.readDirection, "forward");
    assertEquals(first.isEndOfStream, false);
    assertEquals(first.nextEventNumber, 3);
    const second = await client.readEventsForward(stream, 3, 3);
    assertEquals(second.isEndOfStream, true);
    assertEquals(numbersOf(second.events), [3, 4]);
  },

  "readEventsBackward() goes to the beginning": async (client, stream) => {
    await client.writeEvents(stream, eventsOf(5));
    const newest = await client.readEventsBackward(stream, "head", 3);
    assertEquals(newest.readDirection, "backward");
    assertEquals(numbersOf(newest.events), [4, 3, 2]);
    const oldest = await client.readEventsBackward(stream, 1, 3);
    assertEquals(numbersOf(oldest.events), [1, 0]);
  },

  "getAllStreamEvents() reads all in chunks": async (client, stream) => {
    await client.writeEvents(stream, eventsOf(95));
    const all = Array.from({ length: 95 }, (_, n) => n);
    for (const chunkSize of [10, 95, 1000]) {
      const read = await client.getAllStreamEvents(stream, chunkSize);
      assertEquals(numbersOf(read), all);
    }
    const tail = await client.getAllStreamEvents(stream, 3, 90);
    assertEquals(numbersOf(tail), all.slice(90));
  },

  "getEventsByType() finds types": async (client, stream) => {
    await client.writeEvents(stream, eventsOf(6));
    const odd = await client.getEventsByType(stream, ["Odd"]);
    assertEquals(numbersOf(odd), [1, 3, 5]);
  },

  "embed=rich names events without data": async (client, stream) => {
    await client.writeEvents(stream, eventsOf(2));
    const { events } = await client.readEventsForward(
      stream,
      0,
      10,
      true,
      "rich",
    );
    assertEquals(
      events.map(({ eventType, data }) => [eventType, data]),
      [["Even", undefined], ["Odd", undefined]],
    );
  },

  "a category has the events of its streams": async (client) => {
    await client.writeEvent("order-1", "OrderPlaced", { order: 1 });
    await client.writeEvent("order-2", "OrderPlaced", { order: 2 });

    const resolved = await client.getEvents("$ce-order");
    assertEquals(
      resolved.map((event) => [event.positionStreamId, event.streamId]),
      [["$ce-order", "order-1"], ["$ce-order", "order-2"]],
    );
    assertEquals(
      resolved.map((event) => [event.positionEventNumber, event.data]),
      [[0, { order: 1 }], [1, { order: 2 }]],
    );
    const links = await client.readEventsForward(
      "$ce-order",
      0,
      10,
      false,
      "rich",
    );
    assertEquals(links.events.map((event) => event.eventType), ["$>", "$>"]);
  },

  "checkStreamExists() tells": async (client, stream) => {
    assertEquals(await client.checkStreamExists(stream), false);
    await client.writeEvents(stream, eventsOf(1));
    assertEquals(await client.checkStreamExists(stream), true);
  },

  "deleteStream() deletes until written again": async (client, stream) => {
    await client.writeEvents(stream, eventsOf(3));
    await client.deleteStream(stream);
    assertEquals(await client.checkStreamExists(stream), false);
    await client.writeEvents(stream, eventsOf(1));
    assertEquals(numbersOf(await client.getEvents(stream)), [3]);
  },

  "deleteStream() for good leaves 410": async (client, stream) => {
    await client.writeEvents(stream, eventsOf(3));
    await client.deleteStream(stream, true);
    assertEquals(await statusOf(client.checkStreamExists(stream)), 410);
    assertEquals(await statusOf(client.getEvents(stream)), 410);
    assertEquals(await statusOf(client.writeEvents(stream, eventsOf(1))), 410);
  },

  "deleteStream() of no stream fails": async (client, stream) => {
    const error = await assertRejects(
      () => client.deleteStream(stream),
      ClientError,
    );
    assertEquals(error.message, "Stream does not exist");
  },

  "reading no stream is 404": async (client, stream) => {
    assertEquals(await statusOf(client.getEvents(stream)), 404);
    assertEquals(await statusOf(client.getAllStreamEvents(stream)), 404);
  },
};

const SUBSCRIPTION_TRIALS: Readonly<Record<string, Trial>> = {
  "assert() makes a subscription, and then changes it": async (
    { persistentSubscriptions },
    stream,
  ) => {
    const made = await persistentSubscriptions.assert("g", stream);
    assertEquals(made.result, "Success");
    const changed = await persistentSubscriptions.assert("g", stream, {
      resolveLinkTos: true,
      readBatchSize: 121,
    });
    assertEquals(changed.result, "Success");
    const { config } = await persistentSubscriptions.getSubscriptionInfo(
      "g",
      stream,
    );
    assertEquals([config?.resolveLinktos, config?.readBatchSize], [true, 121]);
  },

  "getEvents() takes one message, or as many as are asked for": async (
    client,
    stream,
  ) => {
    const { persistentSubscriptions } = client;
    await client.writeEvents(stream, eventsOf(10));
    await persistentSubscriptions.assert("g", stream);
    assertEquals(await takenBy(client, stream), [0]);
    // As the feed has them: the last one first.
    assertEquals(await takenBy(client, stream, 4), [4, 3, 2, 1]);
    assertEquals(await takenBy(client, stream, 100), [9, 8, 7, 6, 5]);
    assertEquals(await takenBy(client, stream, 100), []);
    const info = await persistentSubscriptions.getSubscriptionInfo("g", stream);
    assertEquals(info.totalInFlightMessages, 10);
  },

  "ack(), nack(), ackAll() and nackAll() follow the links": async (
    client,
    stream,
  ) => {
    const { persistentSubscriptions } = client;
    await client.writeEvents(stream, eventsOf(4));
    await persistentSubscriptions.assert("g", stream);
    await takenBy(client, stream, 4);
    assertEquals(await client.follow("entries.3.ack"), 202);
    assertEquals(await client.follow("entries.1.nack"), 202);
    // What was refused comes again, and so does what is refused with all.
    assertEquals(await takenBy(client, stream, 4), [2]);
    assertEquals(await client.follow("nackAll"), 202);
    assertEquals(await takenBy(client, stream, 4), [2]);
    assertEquals(await client.follow("ackAll"), 202);
    assertEquals(await takenBy(client, stream, 4), []);
    const info = await persistentSubscriptions.getSubscriptionInfo("g", stream);
    assertEquals(info.totalInFlightMessages, 2);
  },

  "messages hold their data": async (client, stream) => {
    await client.writeEvents(stream, eventsOf(1));
    await client.persistentSubscriptions.assert("g", stream);
    const { entries } = await client.persistentSubscriptions.getEvents(
      "g",
      stream,
    );
    assertEquals(entries[0]?.event.data, { place: 0 });
    assertEquals(entries[0]?.event.eventType, "Even");
  },

  "lists name subscriptions": async (client, stream) => {
    const { persistentSubscriptions } = client;
    await persistentSubscriptions.assert("g", stream);
    await persistentSubscriptions.assert("h", stream);
    const lists = [
      await persistentSubscriptions.getStreamSubscriptionsInfo(stream),
      await persistentSubscriptions.getAllSubscriptionsInfo(),
    ];
    for (const list of lists) {
      const names = list
        .filter(({ eventStreamId }) => eventStreamId === stream)
        .map(({ groupName }) => groupName);
      assertEquals(names, ["g", "h"]);
    }
  },

  "remove() removes": async ({ persistentSubscriptions }, stream) => {
    await persistentSubscriptions.assert("g", stream);
    const { result } = await persistentSubscriptions.remove("g", stream);
    assertEquals(result, "Success");
    for (
      const call of [
        persistentSubscriptions.remove("g", stream),
        persistentSubscriptions.getEvents("g", stream),
        persistentSubscriptions.getSubscriptionInfo("g", stream),
      ]
    ) assertEquals(await statusOf(call), 404);
  },
};

/** Numbers of the messages that the group `g` hands out. */
async function takenBy(
  { persistentSubscriptions }: PromiseClient,
  stream: string,
  ...count: readonly number[]
): Promise<number[]> {
  const { entries } = await persistentSubscriptions.getEvents(
    "g",
    stream,
    ...count,
  );
  return numbersOf(entries.map(({ event }) => event));
}

Deno.test("geteventstore-promise works with the running server", async (t) => {
  await using server = await startServer(["--mem-db"]);
  await using client = startClient(server.url);
  let trialCount = 0;
  const trials = { ...TRIALS, ...SUBSCRIPTION_TRIALS };
  for (const [name, trial] of Object.entries(trials)) {
    const stream = `trial${trialCount++}`;
    await t.step(name, () => trial(client, stream));
  }
});

Deno.test("geteventstore-promise with a wrong password is refused", async () => {
  await using server = await startServer(["--mem-db"]);
  const credentials = { username: "admin", password: "wrong" };
  await using client = startClient(server.url, credentials);
  assertEquals(await statusOf(client.ping()), 401);
  assertEquals(await statusOf(client.writeEvents("orders", eventsOf(1))), 401);
});

function numbersOf(events: readonly ClientEvent[]): number[] {
  return events.map(({ eventNumber }) => eventNumber);
}

/** New events, by turns `Even` and `Odd`; their data counts from 0. */
function eventsOf(count: number): NewEvent[] {
  return Array.from({ length: count }, (_, place) => ({
    eventId: crypto.randomUUID(),
    eventType: place % 2 === 0 ? "Even" : "Odd",
    data: { place },
  }));
}

/** The status of the answer that makes the client fail. */
async function statusOf(call: Promise<unknown>): Promise<number | undefined> {
  const { status } = await assertRejects(() => call, ClientError);
  return status;
}
