/**
 * Events and bodies that the micro benches share: orders of about 200 bytes
 * and of about 10 KB, as JSON and as XML.
 *
 * @module
 */

import type { ProposedEvent } from "../../lib/model/event.ts";
import { Random } from "../load/random.ts";

/** Bytes of data of the two sizes of event. */
export const SMALL_DATA_BYTES = 200;
export const LARGE_DATA_BYTES = 10 * 1024;

const random = new Random([2024, 11]);
const uuidBytes = new Uint8Array(36);

/** A new event id; the same ones in every run. */
export function nextEventId(): string {
  random.writeUuid(uuidBytes, 0);
  return new TextDecoder().decode(uuidBytes);
}

/** An order as compact JSON of about the given length. */
export function orderJson(dataBytes: number): string {
  const lines = [];
  for (let size = 120; size < dataBytes; size += 77) {
    lines.push({
      sku: `sku-${10_000 + lines.length}`,
      name: 'Notebook, "A5"',
      quantity: 1 + lines.length % 4,
      price: 9.95,
    });
  }
  return JSON.stringify({
    orderId: "ord-20417733",
    customer: { id: "c-88213", name: "Ada Lovelace" },
    currency: "EUR",
    total: 129.9,
    express: true,
    lines,
  });
}

/** The same order as XML. */
export function orderXml(dataBytes: number): string {
  const order = JSON.parse(orderJson(dataBytes));
  const lines = order.lines.map((
    line: { sku: string; quantity: number; price: number },
  ) =>
    `<lines><sku>${line.sku}</sku><name>Notebook, &quot;A5&quot;</name>` +
    `<quantity>${line.quantity}</quantity><price>${line.price}</price></lines>`
  ).join("");
  return `<orderId>${order.orderId}</orderId><customer><id>c-88213</id>` +
    `<name>Ada Lovelace</name></customer><currency>EUR</currency>` +
    `<total>129.9</total><express>true</express>${lines}`;
}

/** A proposed event with new id. */
export function proposedEvent(dataBytes: number): ProposedEvent {
  return {
    eventId: nextEventId(),
    eventType: "order-placed",
    isJson: true,
    data: orderJson(dataBytes),
    metadata: "",
  };
}

/** Body of `events+json`. */
export function eventsJsonBody(count: number, dataBytes: number): string {
  const events = Array.from({ length: count }, () => proposedEvent(dataBytes));
  return `[${
    events.map(({ eventId, eventType, data }) =>
      `{"eventId":"${eventId}","eventType":"${eventType}","data":${data}}`
    ).join()
  }]`;
}

/** Body of `events+xml`. */
export function eventsXmlBody(count: number, dataBytes: number): string {
  const event = () =>
    `<Event><EventId>${nextEventId()}</EventId>` +
    `<EventType>order-placed</EventType>` +
    `<Data>${orderXml(dataBytes)}</Data></Event>`;
  return `<Events>${Array.from({ length: count }, event).join("")}</Events>`;
}
