/**
 * Persistent subscriptions by the client, against a real app.
 *
 * @module
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { ClientError } from "../../lib/client/mod.ts";
import { firstOf, listOf, notingFetch, openEmbedded } from "./embedded.ts";

const GROUP = { streamName: "orders", groupName: "billing" };

function orders(count: number) {
  return Array.from({ length: count }, (_, order) => ({
    eventType: "OrderPlaced",
    data: { order },
  }));
}

Deno.test("subscriptions are made, changed, shown and deleted", async () => {
  await using embedded = await openEmbedded();
  const { subscriptions } = embedded.client();
  await subscriptions.create(GROUP, { maxRetryCount: 3 });
  const again = await assertRejects(
    () => subscriptions.create(GROUP),
    ClientError,
  );
  assertEquals(again.code, "alreadyExists");
  const { config } = await subscriptions.info(GROUP);
  assertEquals((config as { maxRetryCount: number }).maxRetryCount, 3);
  await subscriptions.update(GROUP, { maxRetryCount: 4 });
  const list = await subscriptions.list("orders");
  assertEquals(list.map(({ groupName }) => groupName), ["billing"]);
  assertEquals((await subscriptions.list()).length, 1);
  await subscriptions.delete(GROUP);
  const gone = await assertRejects(
    () => subscriptions.info(GROUP),
    ClientError,
  );
  assertEquals(gone.code, "notFound");
});

Deno.test("consume() gives each message until it is acknowledged", async () => {
  await using embedded = await openEmbedded();
  const client = embedded.client<{ OrderPlaced: { order: number } }>();
  await client.append(
    "orders",
    orders(20).map((order) => ({ ...order, eventType: "OrderPlaced" })),
  );
  await client.subscriptions.create(GROUP);
  const seen: number[] = [];
  // Each connection answers one of its messages, and drops the others.
  while (seen.length < 20) {
    for await (const { event, ack } of client.consume(GROUP)) {
      seen.push(event.data.order);
      await ack();
      await ack();
      break;
    }
  }
  assertEquals(new Set(seen).size, 20);
  const info = await client.subscriptions.info(GROUP);
  assertEquals(info["totalInFlightMessages"], 0);
});

Deno.test("nack() parks, retries or skips; parked messages come again", async () => {
  await using embedded = await openEmbedded();
  const client = embedded.client();
  await client.append("orders", orders(3));
  await client.subscriptions.create(GROUP);
  const seen: unknown[] = [];
  for await (const { event, ack, nack } of client.consume(GROUP)) {
    const { order } = event.data as { order: number };
    seen.push(order);
    if (seen.length === 5) {
      await ack();
      break;
    }
    if (seen.length === 4) await client.subscriptions.replayParked(GROUP);
    if (order === 0) await nack("park");
    else if (order === 1) await nack("skip");
    else if (seen.filter((one) => one === 2).length === 1) await nack();
    else await ack();
  }
  assertEquals(seen, [0, 1, 2, 2, 0]);
});

Deno.test("acks that are given together go out together", async () => {
  await using embedded = await openEmbedded();
  const { fetch, asked } = notingFetch(embedded.fetch);
  const client = embedded.client({ fetch });
  await client.append("orders", orders(250));
  await client.subscriptions.create(GROUP);
  const messages = await firstOf(
    client.consume(GROUP, { bufferSize: 250 }),
    250,
  );
  asked.length = 0;
  await Promise.all(messages.map(({ ack }) => ack()));
  const acks = asked.filter((url) => url.includes("/ack?ids="));
  // The first alone, then as many at a time as an address may hold.
  assertEquals(acks.length, 4);
});

Deno.test("consume() passes links to events that are gone", async () => {
  await using embedded = await openEmbedded();
  const client = embedded.client();
  await client.append("orders-1", orders(1));
  await client.append("orders-2", orders(2));
  await client.delete("orders-1", { isHard: true });
  const group = { streamName: "$ce-orders", groupName: "g" };
  await client.subscriptions.create(group, { resolveLinktos: true });
  const events: string[] = [];
  for await (const { event, ack } of client.consume(group)) {
    events.push(`${event.eventNumber}@${event.streamName}`);
    await ack();
    if (events.length === 2) break;
  }
  assertEquals(events, ["0@orders-2", "1@orders-2"]);
});

Deno.test("consume() of no subscription is refused", async () => {
  await using embedded = await openEmbedded();
  const client = embedded.client();
  const error = await assertRejects(
    () => listOf(client.consume(GROUP)),
    ClientError,
  );
  assertEquals(error.code, "notFound");
  assert(error.message.includes("404"));
});
