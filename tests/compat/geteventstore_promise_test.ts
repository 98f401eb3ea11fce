/**
 * A client that knows nothing of this server: `geteventstore-promise` from npm,
 * written for Event Store, unmodified, against the running program.
 *
 * @module
 */

import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
} from "@std/assert";
import { type RunningServer, startServer } from "../support/program.ts";
import {
  type ClientError,
  type ClientEvent,
  createPromiseClient,
  newEvent,
  type PromiseClient,
} from "./promise_client.ts";

/**
 * Runs a test against a server of its own. The client keeps sockets and timers
 * of its own that it never closes, so nobody looks for what it leaves open.
 */
function testClient(
  name: string,
  test: (client: PromiseClient, server: RunningServer) => Promise<void>,
): void {
  Deno.test({
    name: `geteventstore-promise: ${name}`,
    sanitizeOps: false,
    sanitizeResources: false,
    async fn() {
      await using server = await startServer(["--mem-db"]);
      await test(createPromiseClient(server.url), server);
    },
  });
}

/** Number and data of each event, in the order of the answer. */
function contentsOf(events: readonly ClientEvent[]): [number, unknown][] {
  return events.map(({ eventNumber, data }) => [eventNumber, data]);
}

function eventsOf(count: number) {
  return Array.from(
    { length: count },
    (_, place) => newEvent(place % 2 === 0 ? "Even" : "Odd", { place }),
  );
}

/** The status of the answer that made the client fail. */
async function statusOf(failing: () => Promise<unknown>): Promise<number> {
  const error: ClientError = await assertRejects(failing, Error);
  assert(error.response !== undefined, error.message);
  return error.response.status;
}

testClient("ping() is answered", async (client) => {
  assertEquals(
    JSON.stringify(await client.ping()).includes("Ping request"),
    true,
  );
});

testClient("a written event is read as it was written", async (client) => {
  const data = { text: "§ “ünï”\n", deep: { list: [1, 2.5, null, true] } };
  const metadata = { from: "a test" };
  await client.writeEvent("orders-1", "OrderPlaced", data, metadata);

  const [event, ...others] = await client.getEvents("orders-1");
  assert(event !== undefined);
  assertEquals(others, []);
  assertEquals(event.eventNumber, 0);
  assertEquals(event.eventType, "OrderPlaced");
  assertEquals(event.streamId, "orders-1");
  assertEquals(event.positionStreamId, "orders-1");
  assertEquals(event.data, data);
  assertEquals(JSON.parse(String(event.metaData)), metadata);
  assert(Math.abs(Date.parse(event.created) - Date.now()) < 60_000);
});

testClient("writeEvents() writes all, in order", async (client) => {
  await client.writeEvents("orders-1", eventsOf(10));
  const read = await client.getEvents("orders-1");
  assertEquals(
    contentsOf(read),
    Array.from({ length: 10 }, (_, place) => [place, { place }]),
  );
});

testClient("a repeated write changes nothing", async (client) => {
  const events = eventsOf(3);
  await client.writeEvents("orders-1", events);
  await client.writeEvents("orders-1", events);
  await client.writeEvents("orders-1", events, { expectedVersion: -1 });
  assertEquals((await client.getEvents("orders-1")).length, 3);
});

testClient("a stale expected version is 400", async (client) => {
  const write = (expectedVersion: number) =>
    client.writeEvent("orders-1", "OrderPlaced", { a: 1 }, undefined, {
      expectedVersion,
    });
  await write(-1);
  await write(0);
  assertEquals(await statusOf(() => write(0)), 400);
  assertEquals(await statusOf(() => write(-1)), 400);
  assertEquals(await statusOf(() => write(7)), 400);
  await write(-2);
  assertEquals((await client.getEvents("orders-1")).length, 3);
});

testClient("getEvents() pages forward and backward", async (client) => {
  await client.writeEvents("orders-1", eventsOf(10));
  const numbersOf = async (...args: [number | "head", number, "backward"?]) =>
    (await client.getEvents("orders-1", ...args)).map((event) =>
      event.eventNumber
    );
  assertEquals(await numbersOf(0, 3), [0, 1, 2]);
  assertEquals(await numbersOf(8, 100), [8, 9]);
  assertEquals(await numbersOf(10, 100), []);
  assertEquals(await numbersOf("head", 3, "backward"), [9, 8, 7]);
  assertEquals(await numbersOf(1, 20, "backward"), [1, 0]);
});

testClient("getEvents() of the largest page", async (client) => {
  for (let batch = 0; batch < 5; batch++) {
    await client.writeEvents("orders-1", eventsOf(1000));
  }
  const read = await client.getEvents("orders-1", 0, 4096);
  assertEquals(read.length, 4096);
  assertEquals(read.at(-1)?.eventNumber, 4095);
});

testClient("readEventsForward() says where to go on", async (client) => {
  await client.writeEvents("orders-1", eventsOf(5));
  const first = await client.readEventsForward("orders-1", 0, 3);
  assertEquals(first.streamId, "orders-1");
  assertEquals(first.isEndOfStream, false);
  assertEquals(first.readDirection, "forward");
  assertEquals(first.nextEventNumber, 3);
  const second = await client.readEventsForward(
    "orders-1",
    first.nextEventNumber,
    3,
  );
  assertEquals(second.isEndOfStream, true);
  assertEquals(contentsOf(second.events), [[3, { place: 3 }], [4, {
    place: 4,
  }]]);
});

testClient(
  "readEventsBackward() goes back to the beginning",
  async (client) => {
    await client.writeEvents("orders-1", eventsOf(5));
    const head = await client.readEventsBackward("orders-1", "head", 3);
    assertEquals(head.isEndOfStream, true, "it begins at the head");
    assertEquals(head.events.map((event) => event.eventNumber), [4, 3, 2]);
    const older = await client.readEventsBackward("orders-1", 1, 3);
    assertEquals(older.readDirection, "backward");
    assertEquals(older.events.map((event) => event.eventNumber), [1, 0]);
  },
);

testClient("getAllStreamEvents() reads all in chunks", async (client) => {
  await client.writeEvents("orders-1", eventsOf(95));
  for (const chunkSize of [10, 95, 1000]) {
    const read = await client.getAllStreamEvents("orders-1", chunkSize);
    assertEquals(
      contentsOf(read),
      Array.from({ length: 95 }, (_, place) => [place, { place }]),
    );
  }
  const tail = await client.getAllStreamEvents("orders-1", 10, 90);
  assertEquals(tail.map((event) => event.eventNumber), [90, 91, 92, 93, 94]);
});

testClient("getEventsByType() finds types", async (client) => {
  await client.writeEvents("orders-1", eventsOf(6));
  const odd = await client.getEventsByType("orders-1", ["Odd"]);
  assertEquals(odd.map((event) => event.eventNumber), [1, 3, 5]);
});

testClient("embed=rich names events without their data", async (client) => {
  await client.writeEvents("orders-1", eventsOf(2));
  const read = await client.getEvents(
    "orders-1",
    0,
    10,
    "forward",
    true,
    "rich",
  );
  assertEquals(
    read.map(({ eventType, data }) => [eventType, data]),
    [["Even", undefined], ["Odd", undefined]],
  );
});

testClient("categories resolve links, or hand them out", async (client) => {
  await client.writeEvent("orders-1", "OrderPlaced", { order: 1 });
  await client.writeEvent("orders-2", "OrderPlaced", { order: 2 });

  const resolved = await client.getEvents("$ce-orders");
  assertEquals(
    resolved.map((
      { streamId, positionStreamId, positionEventNumber, data },
    ) => [
      streamId,
      positionStreamId,
      positionEventNumber,
      data,
    ]),
    [
      ["orders-1", "$ce-orders", 0, { order: 1 }],
      ["orders-2", "$ce-orders", 1, { order: 2 }],
    ],
  );
  const links = await client.readEventsForward(
    "$ce-orders",
    0,
    10,
    false,
    "rich",
  );
  assertEquals(links.events.map((event) => event.eventType), ["$>", "$>"]);
});

testClient("checkStreamExists() tells", async (client) => {
  assertEquals(await client.checkStreamExists("orders-1"), false);
  await client.writeEvent("orders-1", "OrderPlaced", { a: 1 });
  assertEquals(await client.checkStreamExists("orders-1"), true);
});

testClient(
  "deleteStream() deletes; the stream can be reopened",
  async (client) => {
    await client.writeEvents("orders-1", eventsOf(3));
    await client.deleteStream("orders-1");
    assertEquals(await client.checkStreamExists("orders-1"), false);
    await client.writeEvent("orders-1", "OrderPlaced", { again: true });
    assertEquals(contentsOf(await client.getEvents("orders-1", 0)), [[3, {
      again: true,
    }]]);
  },
);

testClient("deleteStream() for good leaves 410", async (client) => {
  await client.writeEvents("orders-1", eventsOf(3));
  await client.deleteStream("orders-1", true);
  assertEquals(await statusOf(() => client.checkStreamExists("orders-1")), 410);
  assertEquals(await statusOf(() => client.getEvents("orders-1")), 410);
  assertEquals(
    await statusOf(() =>
      client.writeEvent("orders-1", "OrderPlaced", { a: 1 })
    ),
    410,
  );
});

testClient("deleteStream() of no stream fails", async (client) => {
  const error = await assertRejects(() => client.deleteStream("nothing"));
  assertInstanceOf(error, Error);
  assertEquals(error.message, "Stream does not exist");
});

testClient("reading no stream is 404", async (client) => {
  assertEquals(await statusOf(() => client.getEvents("nothing")), 404);
  assertEquals(await statusOf(() => client.getAllStreamEvents("nothing")), 404);
});

testClient("a wrong password is 401", async (_client, { url }) => {
  const stranger = createPromiseClient(url, {
    username: "admin",
    password: "wrong",
  });
  assertEquals(await statusOf(() => stranger.ping()), 401);
  assertEquals(
    await statusOf(() => stranger.writeEvent("orders-1", "OrderPlaced", {})),
    401,
  );
});
