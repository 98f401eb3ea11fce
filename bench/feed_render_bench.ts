/**
 * Rendering of what is read most: a feed of 20 events and one event. The
 * baseline makes the same feed with JSON.stringify.
 *
 * @module
 */

import { renderEvent } from "../lib/formats/atom/event_body.ts";
import { feedOfStream } from "../lib/formats/atom/feed.ts";
import { renderFeedJson } from "../lib/formats/atom/feed_json.ts";
import { renderFeedXml } from "../lib/formats/atom/feed_xml.ts";
import { eventPage } from "../lib/web/event_page.tsx";
import { eventRowOf, rowSizesFor } from "../lib/web/event_row.ts";
import { feedPage } from "../lib/web/feed_page.tsx";
import { renderPage } from "../lib/web/frame.tsx";
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
const FRAME = {
  prefix: "",
  login: "admin",
  isSession: true,
  isForm: false,
  csrf: "mark",
  path: "/streams/orders-1",
};
Deno.bench({
  name: "feed as a page",
  group: "feed of 20",
  fn: () => {
    const feed = feedOfStream(PAGE, "");
    const made = { feedStream: feed.streamName, sizes: rowSizesFor(20) };
    const page = feedPage({
      prefix: "",
      feed,
      rows: feed.entries.map((event) => eventRowOf(event, feed.refs, made)),
      leftOutCount: 0,
      asked: {},
      viewQuery: "",
      isOldestFirst: false,
      mayExport: true,
      isHead: true,
    });
    flat(renderPage(page, FRAME));
  },
});
Deno.bench({
  name: "event as a page",
  group: "event",
  fn: () => {
    const page = eventPage({ prefix: "", baseUrl: BASE, event: EVENT });
    flat(renderPage(page, FRAME));
  },
});

/** Makes the engine join the text, as sending it would. */
function flat(body: unknown): void {
  if (typeof body === "string") Number(body);
}
