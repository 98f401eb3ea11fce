/**
 * Appending, deleting and metadata by the client, against a real app: nothing
 * is lost or doubled when answers are.
 *
 * @module
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { ClientError, type NewEvent } from "../../lib/client/mod.ts";
import { listOf, notingFetch, openEmbedded } from "./embedded.ts";

interface Orders {
  OrderPlaced: { readonly order: number };
  OrderPaid: { readonly amount: number };
}

function placed(count: number): NewEvent<Orders>[] {
  return Array.from({ length: count }, (_, order) => ({
    eventType: "OrderPlaced",
    data: { order },
    eventId: `11111111-1111-4111-8111-${String(order).padStart(12, "0")}`,
  }));
}

/** The error that a promise is rejected with. */
async function errorOf(promise: Promise<unknown>): Promise<ClientError> {
  return await assertRejects(() => promise, ClientError);
}

Deno.test("append() numbers events, and read() gives them back with their types", async () => {
  await using embedded = await openEmbedded();
  const client = embedded.client<Orders>();
  assertEquals(
    await client.append("order-1", [
      { eventType: "OrderPlaced", data: { order: 1 }, metadata: { by: "me" } },
      { eventType: "OrderPaid", data: { amount: 42 } },
    ]),
    { firstEventNumber: 0, lastEventNumber: 1 },
  );
  const events = await listOf(client.read("order-1"));
  const shown = events.map((event) => {
    switch (event.eventType) {
      // Each case knows the data of its type.
      case "OrderPlaced":
        return event.data.order;
      case "OrderPaid":
        return event.data.amount;
    }
  });
  assertEquals(shown, [1, 42]);
  assertEquals(events.map(({ metadata }) => metadata), [
    { by: "me" },
    undefined,
  ]);
});

Deno.test("append() whose answers are lost writes once, with the same ids", async () => {
  await using embedded = await openEmbedded();
  const { fetch, asked } = notingFetch(embedded.fetch, async (count, send) => {
    const response = await send();
    if (count >= 3) return response;
    await response.body?.cancel();
    throw new TypeError("connection reset");
  });
  for (const expectedVersion of ["any", "noStream"] as const) {
    asked.length = 0;
    const client = embedded.client({ fetch });
    const stream = `lost-${expectedVersion}`;
    const result = await client.append(stream, [
      { eventType: "t", data: { n: 1 } },
      { eventType: "t", data: { n: 2 } },
    ], { expectedVersion });
    assertEquals(result, { firstEventNumber: 0, lastEventNumber: 1 });
    assertEquals(asked.length, 4);
    assertEquals((await listOf(client.read(stream))).length, 2);
  }
});

Deno.test("append() tells a conflict at once, with the version there is", async () => {
  await using embedded = await openEmbedded();
  const { fetch, asked } = notingFetch(embedded.fetch);
  const client = embedded.client<Orders>({ fetch });
  await client.append("order-1", placed(3));
  asked.length = 0;
  const error = await errorOf(
    client.append("order-1", {
      eventType: "OrderPaid",
      data: { amount: 1 },
    }, { expectedVersion: 7 }),
  );
  assertEquals(error.code, "wrongExpectedVersion");
  assertEquals(error.currentVersion, 2);
  assertEquals(error.isInconclusive, false);
  assertEquals(asked.length, 1);
});

Deno.test("appendAll() sends batches that follow each other, and is repeatable", async () => {
  await using embedded = await openEmbedded();
  const { fetch, asked } = notingFetch(embedded.fetch);
  const client = embedded.client<Orders>({ fetch });
  const counts: number[] = [];
  const options = {
    batchEvents: 4,
    expectedVersion: "noStream",
    onBatch: (count: number) => counts.push(count),
  } as const;
  assertEquals(await client.appendAll("order-1", placed(10), options), 10);
  assertEquals(asked.length, 3);
  assertEquals(counts, [4, 8, 10]);
  assertEquals(await client.appendAll("order-1", placed(10), options), 10);
  const orders = (await listOf(client.read("order-1"))).map(({ data }) => data);
  assertEquals(orders, placed(10).map(({ data }) => data));
});

Deno.test("appendAll() cuts batches by length, and sends bytes alone", async () => {
  await using embedded = await openEmbedded();
  const { fetch, asked } = notingFetch(embedded.fetch);
  const client = embedded.client({ fetch });
  const bytes = new Uint8Array([0, 255, 10]);
  const events = [
    { eventType: "t", data: { text: "x".repeat(60) } },
    { eventType: "t", data: { text: "x".repeat(60) } },
    { eventType: "été", data: bytes },
    { eventType: "t", data: { text: "x" } },
    { eventType: "t", data: "text" },
  ];
  await client.appendAll("mixed", events, { batchLength: 50 });
  assertEquals(asked.length, 4);
  const read = await listOf(client.read("mixed"));
  assertEquals(read.map(({ isJson }) => isJson), [
    true,
    true,
    false,
    true,
    false,
  ]);
  const [, , third, , fifth] = read;
  assert(third !== undefined && fifth !== undefined);
  assertEquals(third.eventType, "été");
  assertEquals(third.data, undefined);
  assertEquals(await client.readBytes(third), bytes);
  assertEquals(
    await client.readBytes(fifth),
    new TextEncoder().encode("text"),
  );
});

Deno.test("append() refuses what cannot be one request", async () => {
  await using embedded = await openEmbedded();
  const client = embedded.client();
  const bytes = new Uint8Array(1);
  const cases = [
    client.append("s", []),
    client.append("s", [
      { eventType: "t", data: bytes },
      { eventType: "t", data: {} },
    ]),
    client.append("s", { eventType: "t", data: bytes, metadata: {} }),
    client.append("s", { eventType: "", data: {} }),
  ];
  for (const promise of cases) {
    assertEquals((await errorOf(promise)).code, "invalid");
  }
  const large = { eventType: "t", data: { text: "x".repeat(5_000_000) } };
  assertEquals((await errorOf(client.append("s", large))).code, "tooLarge");
  assertEquals((await errorOf(listOf(client.read("s")))).code, "notFound");
});

Deno.test("delete() hides a stream, or ends it for good", async () => {
  await using embedded = await openEmbedded();
  const client = embedded.client();
  const event = { eventType: "t", data: {} };
  await client.append("s", event);
  await client.delete("s", { expectedVersion: 0 });
  assertEquals((await errorOf(listOf(client.read("s")))).code, "notFound");
  assertEquals((await client.append("s", event)).firstEventNumber, 1);
  const conflict = await errorOf(client.delete("s", { expectedVersion: 0 }));
  assertEquals(conflict.code, "wrongExpectedVersion");
  await client.delete("s", { isHard: true });
  assertEquals((await errorOf(listOf(client.read("s")))).code, "deleted");
  assertEquals((await errorOf(client.append("s", event))).code, "deleted");
  assertEquals(
    (await errorOf(client.delete("s", { isHard: true }))).code,
    "deleted",
  );
});

Deno.test("delete() is repeated only where nothing newer can be hidden by it", async () => {
  await using embedded = await openEmbedded();
  const losing = () =>
    notingFetch(embedded.fetch, async (count, send) => {
      const response = await send();
      if (count > 0) return response;
      await response.body?.cancel();
      throw new TypeError("connection reset");
    });
  for (
    const [options, requests] of [
      [{}, 1],
      [{ expectedVersion: 0 }, 2],
      [{ isHard: true }, 2],
    ] as const
  ) {
    const { fetch, asked } = losing();
    const stream = JSON.stringify(options);
    await embedded.client().append(stream, { eventType: "t", data: {} });
    const deleted = embedded.client({ fetch }).delete(stream, options);
    if (requests > 1) await deleted;
    else {
      const error = await errorOf(deleted);
      assertEquals([error.code, error.isInconclusive], ["unavailable", true]);
    }
    assertEquals(asked.length, requests, stream);
  }
});

Deno.test("metadata is replaced if it has the version that was read", async () => {
  await using embedded = await openEmbedded();
  const client = embedded.client();
  const none = await client.readMetadata("s");
  assertEquals([none.metadata, none.version], [{}, "noStream"]);
  await client.writeMetadata("s", { $maxCount: 2, own: [1] }, {
    expectedVersion: none.version,
  });
  const first = await client.readMetadata("s");
  assertEquals(first.metadata, { $maxCount: 2, own: [1] });
  assertEquals(first.version, 0);
  const late = await errorOf(
    client.writeMetadata("s", {}, { expectedVersion: none.version }),
  );
  assertEquals(late.code, "wrongExpectedVersion");
});
