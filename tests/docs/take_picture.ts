/**
 * Takes the picture that the README shows: a stream in a browser.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { startServer } from "../support/program.ts";
import { openBrowser } from "../ui/browser.ts";

/** So that the README is quick to load. */
const SIZE_BYTES_MAX = 200_000;

const EVENTS: readonly (readonly [type: string, data: unknown])[] = [
  ["OrderPlaced", { order: 1, customer: "Ada", items: 3 }],
  ["PaymentReceived", { order: 1, amount: 42.5, currency: "EUR" }],
  ["AddressCorrected", { order: 1, city: "London", postcode: "W1J 7NT" }],
  ["ItemReserved", { order: 1, sku: "khipu-12", warehouse: "Cusco" }],
  ["ItemReserved", { order: 1, sku: "cord-blue", warehouse: "Cusco" }],
  ["OrderPacked", { order: 1, parcels: 1, weight: 0.8 }],
  ["OrderShipped", { order: 1, carrier: "Chasqui", tracking: "CQ-1532" }],
  ["OrderDelivered", { order: 1, signedBy: "A. Lovelace" }],
];

await using server = await startServer(["--mem-db"]);
const response = await fetch(`${server.url}/streams/order-1`, {
  method: "POST",
  headers: { "Content-Type": "application/vnd.eventstore.events+json" },
  body: JSON.stringify(
    EVENTS.map(([eventType, data]) => ({
      eventId: crypto.randomUUID(),
      eventType,
      data,
      metadata: { $correlationId: "checkout-1" },
    })),
  ),
});
await response.body?.cancel();
assertEquals(response.status, 201);

await using browser = await openBrowser(server.url);
await using tab = await browser.openTab({ height: 640 });
const { page } = tab;
await tab.open("/web/login");
await page.fill("main [name=login]", "admin");
await page.fill("main [name=password]", "changeit");
await tab.follow("main button[type=submit]");
await tab.open("/streams/order-1");
await page.click("#events li:nth-child(2) summary");
const picture = await page.screenshot();
assert(picture.length < SIZE_BYTES_MAX, `${picture.length} bytes`);
Deno.writeFileSync(new URL("../../docs/web.png", import.meta.url), picture);
