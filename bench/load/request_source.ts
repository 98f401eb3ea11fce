/**
 * Request bytes, built once for each connection. An append's event ids and
 * the number of its stream are patched in place before each POST; a GET is
 * sent as it stands.
 *
 * @module
 */

import type { AppendWork, ReadWork, Work } from "./job.ts";
import { Random, UUID_TEXT_BYTES } from "./random.ts";

/** Digits of a stream's number in its name. */
export const STREAM_DIGITS = 4;
/** Stands for an event id or a stream number until it is patched. */
const UUID_PLACE = "#".repeat(UUID_TEXT_BYTES);
const NUMBER_PLACE = "#".repeat(STREAM_DIGITS);
const HASH = 35;
const ZERO = 48;

/** One connection's requests. */
export interface RequestSource {
  /** The next request; valid until the next call. */
  next(): Uint8Array;
}

export interface ConnectionPlace {
  readonly port: number;
  readonly seed: number;
  /** Which of the connections it is, 0 or more. */
  readonly connection: number;
}

/** Requests of one connection for the work. */
export function createRequestSource(
  work: Work,
  place: ConnectionPlace,
): RequestSource {
  return work.kind === "append"
    ? createAppendSource(work, place)
    : createReadSource(work, place);
}

function createReadSource(
  work: ReadWork,
  place: ConnectionPlace,
): RequestSource {
  const requests = encodedRequests(work, place.port);
  // A stride without common divisors, so that connections spread over the list.
  let index = place.connection * 7919 % requests.length;
  return {
    next() {
      const request = requests[index];
      if (request === undefined) throw new Error("Cannot read: empty list");
      index = index + 1 === requests.length ? 0 : index + 1;
      return request;
    },
  };
}

/** All connections of a run send the same ones. */
const encoded = new WeakMap<ReadWork, readonly Uint8Array[]>();

function encodedRequests(work: ReadWork, port: number): readonly Uint8Array[] {
  let requests = encoded.get(work);
  if (requests === undefined) {
    requests = work.requests.map((request) => {
      const lines = [
        `GET ${request.path} HTTP/1.1`,
        `Host: 127.0.0.1:${port}`,
        ...Object.entries(request.headers).map(([name, value]) =>
          `${name}: ${value}`
        ),
      ];
      return new TextEncoder().encode(lines.join("\r\n") + "\r\n\r\n");
    });
    encoded.set(work, requests);
  }
  return requests;
}

function createAppendSource(
  work: AppendWork,
  place: ConnectionPlace,
): RequestSource {
  const body = appendBodyOf(work);
  const head = [
    `POST /streams/${work.streamPrefix}-${NUMBER_PLACE} HTTP/1.1`,
    `Host: 127.0.0.1:${place.port}`,
    `Content-Type: application/vnd.eventstore.events+${work.format}`,
    `Content-Length: ${body.length}`,
  ].join("\r\n") + "\r\n\r\n";
  const request = new TextEncoder().encode(head + body);
  const streamNumberAt = request.indexOf(HASH);
  const eventIdsAt = placesOf(head + body, UUID_PLACE);
  const random = new Random([place.seed, place.connection]);
  return {
    next() {
      let streamNumber = random.nextUint32() % work.streamCount;
      for (let digit = STREAM_DIGITS - 1; digit >= 0; digit--) {
        request[streamNumberAt + digit] = ZERO + streamNumber % 10;
        streamNumber = Math.trunc(streamNumber / 10);
      }
      for (const at of eventIdsAt) random.writeUuid(request, at);
      return request;
    },
  };
}

function appendBodyOf(work: AppendWork): string {
  const { eventsPerPost, format } = work;
  const order = orderOf(work.dataBytes);
  const event = format === "json" ? jsonEvent(order) : xmlEvent(order);
  const events = Array.from({ length: eventsPerPost }, () => event);
  return format === "json"
    ? `[${events.join()}]`
    : `<Events>${events.join("")}</Events>`;
}

function jsonEvent(order: Order): string {
  return `{"eventId":"${UUID_PLACE}","eventType":"order-placed",` +
    `"data":${JSON.stringify(order)}}`;
}

function xmlEvent(order: Order): string {
  return `<Event><EventId>${UUID_PLACE}</EventId>` +
    `<EventType>order-placed</EventType>` +
    `<Data>${membersXml(order)}</Data></Event>`;
}

/** Members as elements; an array as one element for each item. */
function membersXml(members: object): string {
  return Object.entries(members).map(([name, value]) => {
    const items: unknown[] = Array.isArray(value) ? value : [value];
    return items.map((item) => `<${name}>${contentXml(item)}</${name}>`)
      .join("");
  }).join("");
}

function contentXml(value: unknown): string {
  return typeof value === "object" && value !== null
    ? membersXml(value)
    : String(value).replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}

/** What the events say: members, numbers, nesting; ASCII only. */
interface Order {
  readonly orderId: string;
  readonly customer: { readonly id: string; readonly name: string };
  readonly currency: string;
  readonly total: number;
  readonly express: boolean;
  readonly lines: object[];
  readonly note?: string;
}

/** An order whose JSON has the given length. */
function orderOf(dataBytes: number): Order {
  const order: Order = {
    orderId: "ord-20417733",
    customer: { id: "c-88213", name: "Ada Lovelace" },
    currency: "EUR",
    total: 129.9,
    express: true,
    lines: [],
  };
  const rest = () => dataBytes - JSON.stringify(order).length;
  while (rest() > 110) {
    order.lines.push({
      sku: `sku-${10_000 + order.lines.length}`,
      name: 'Notebook, dotted, "A5"',
      quantity: 1 + order.lines.length % 4,
      price: 9.95,
      tags: ["paper", "office"],
    });
  }
  const padding = rest() - ',"note":""'.length;
  return padding > 0 ? { ...order, note: "n".repeat(padding) } : order;
}

/** Data of an event as the driver sends it, of the given length, 150 or more. */
export function orderJson(dataBytes: number): string {
  return JSON.stringify(orderOf(dataBytes));
}

/** Offsets of each occurrence; the text is ASCII, so characters are bytes. */
function placesOf(text: string, wanted: string): number[] {
  const places: number[] = [];
  for (
    let at = text.indexOf(wanted);
    at !== -1;
    at = text.indexOf(wanted, at + wanted.length)
  ) {
    places.push(at);
  }
  return places;
}
