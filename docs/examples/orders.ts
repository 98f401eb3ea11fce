/**
 * A shop: orders as streams of events, a total that follows them, and billing
 * that several processes could share. Runs on Deno and on Node:
 *
 *   deno run --allow-net docs/examples/orders.ts http://127.0.0.1:2113
 *
 * Programs of their own import it from "@quipu-store/quipu/client".
 *
 * @module
 */

import process from "node:process";
import { Client, ClientError } from "../../lib/client/mod.ts";

/** Types of events, and the data of each. */
interface ShopEvents {
  OrderPlaced: { readonly customer: string; readonly cents: number };
  OrderPaid: { readonly cents: number };
  OrderCancelled: { readonly reason: string };
}

const client = new Client<ShopEvents>({
  url: process.argv.slice(2),
  credentials: { login: "admin", password: "changeit" },
});
const category = `order${crypto.randomUUID().slice(0, 8)}`;

/** What is known of an order: a fold over its events. */
async function loadOrder(stream: string) {
  const order = { cents: 0, paid: 0, isCancelled: false, version: -1 };
  for await (const event of client.read(stream)) {
    switch (event.eventType) {
      case "OrderPlaced":
        order.cents = event.data.cents;
        break;
      case "OrderPaid":
        order.paid += event.data.cents;
        break;
      case "OrderCancelled":
        order.isCancelled = true;
    }
    order.version = event.eventNumber;
  }
  return order;
}

/** Decides on what is known; if that has changed meanwhile, decides anew. */
async function pay(stream: string, cents: number): Promise<string> {
  for (;;) {
    const order = await loadOrder(stream);
    if (order.isCancelled) return "refused: it was cancelled";
    if (order.paid + cents > order.cents) return "refused: too much";
    try {
      await client.append(stream, { eventType: "OrderPaid", data: { cents } }, {
        expectedVersion: order.version,
      });
      return "accepted";
    } catch (error) {
      const isOvertaken = error instanceof ClientError &&
        error.code === "wrongExpectedVersion";
      if (!isOvertaken) throw error;
    }
  }
}

function say(text: string): void {
  process.stdout.write(text + "\n");
}

// Three orders: what is in one request is written whole or not at all.
for (const [number, cents] of [[1, 1000], [2, 2000], [3, 3000]] as const) {
  await client.append(`${category}-${number}`, {
    eventType: "OrderPlaced",
    data: { customer: `customer ${number}`, cents },
    metadata: { by: "the example" },
  }, { expectedVersion: "noStream" });
}
await client.append(`${category}-3`, {
  eventType: "OrderCancelled",
  data: { reason: "too slow" },
});
say(`pay 2 twice: ${await pay(`${category}-2`, 1500)}`);
// Two at the same time: one of them decides again, and refuses.
const answers = await Promise.all([1, 2].map(() => pay(`${category}-1`, 700)));
say(`pay 1 at once: ${answers.sort().join(", ")}`);
say(`pay 3: ${await pay(`${category}-3`, 1)}`);

// A total over all orders, that goes on for as long as the program runs.
let open = 0;
const caughtUp = new AbortController();
const feed = client.follow(`$ce-${category}`, {
  signal: caughtUp.signal,
  onCaughtUp: () => caughtUp.abort(),
});
try {
  for await (const event of feed) {
    if (event.eventType === "OrderPlaced") open += event.data.cents;
    if (event.eventType === "OrderPaid") open -= event.data.cents;
  }
} catch (error) {
  if (!(error instanceof ClientError) || error.code !== "aborted") throw error;
}
say(`open: ${open} cents; to go on after ${feed.place}`);

// Work that several processes share: each message goes to one of them.
const group = { streamName: `$ce-${category}`, groupName: "billing" };
await client.subscriptions.create(group, { resolveLinktos: true });
let billed = 0;
for await (const { event, ack } of client.consume(group)) {
  if (event.eventType === "OrderPlaced") billed++;
  await ack();
  if (event.eventType === "OrderPlaced" && billed === 3) break;
}
say(`billed: ${billed} orders`);
