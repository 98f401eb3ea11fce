/**
 * Rendering of what is read most: a feed of 20 events and one event. The
 * baseline makes the same feed with JSON.stringify.
 *
 * @module
 */

import { renderEvent } from "../lib/formats/atom/event_body.ts";
import { renderEventHtml, renderFeedHtml } from "../lib/formats/html.ts";
import { feedOfStream } from "../lib/formats/atom/feed.ts";
import { renderFeedJson } from "../lib/formats/atom/feed_json.ts";
import { renderFeedXml } from "../lib/formats/atom/feed_xml.ts";
import { headPage, plainEvent } from "../tests/support/recorded_events.ts";

const BASE = "http://127.0.0.1:2113";
const DATA = JSON.stringify(
  {
    orderId: "8d1e2c1a-55f1-4a4e-9a3b-0f3a1c2d4e5f",
    customer: "Alice Example",
    amount: 1234.5,
    items: [{ sku: "abc-1", quantity: 2 }, { sku: "def-2", quantity: 1 }],
    note: "a few words about nothing",
  },
  null,
  2,
);
const EVENTS = Array.from({ length: 20 }, (_, index) =>
  plainEvent({
    streamName: "orders-1",
    eventNumber: 1019 - index,
    eventType: "order-placed",
    data: DATA,
    metadata: '{\n  "correlationId": "8d1e2c1a"\n}',
  }));
const PAGE = headPage(EVENTS, {
  streamName: "orders-1",
  isEndOfStream: false,
});
const [EVENT = plainEvent()] = EVENTS;
const PLAIN = JSON.parse(
  String(renderFeedJson(feedOfStream(PAGE, BASE), "none")),
);

Deno.bench({
  name: "JSON.stringify of the finished feed",
  group: "feed of 20",
  baseline: true,
  fn: () => {
    JSON.stringify(PLAIN, null, 2);
  },
});
for (const embed of ["none", "content", "body", "pretty"] as const) {
  Deno.bench({
    name: `feed as JSON, embed=${embed}`,
    group: "feed of 20",
    fn: () => {
      flat(renderFeedJson(feedOfStream(PAGE, BASE), embed));
    },
  });
}
for (const embed of ["none", "content"] as const) {
  Deno.bench({
    name: `feed as XML, embed=${embed}`,
    group: "feed of 20",
    fn: () => {
      flat(renderFeedXml(feedOfStream(PAGE, BASE), embed));
    },
  });
}
Deno.bench({
  name: "feed as HTML",
  group: "feed of 20",
  fn: () => {
    flat(renderFeedHtml(feedOfStream(PAGE, BASE)));
  },
});

for (
  const form of ["json", "atomJson", "atomXml", "eventJson", "xml"] as const
) {
  Deno.bench({
    name: `event as ${form}`,
    group: "event",
    fn: () => {
      flat(renderEvent(EVENT, form, { baseUrl: BASE, embed: "none" }));
    },
  });
}
Deno.bench({
  name: "event as HTML",
  group: "event",
  fn: () => {
    flat(renderEventHtml(EVENT, BASE));
  },
});

/** Makes the engine join the text, as sending it would. */
function flat(body: unknown): void {
  if (typeof body === "string") Number(body);
}
