import { assertEquals, assertStringIncludes } from "@std/assert";
import { parseXml } from "./xml/xml_parse.ts";
import {
  HTML_CONTENT_SECURITY_POLICY,
  htmlHead,
  renderEventHtml,
  renderFeedHtml,
} from "./html.ts";
import { feedOfStream } from "./atom/feed.ts";
import {
  headPage,
  plainEvent,
  recordedEvent,
} from "../../tests/support/recorded_events.ts";

const BASE = "http://127.0.0.1:2113";
const HOSTILE = `"><script>alert(1)</script><img src=x onerror='alert(2)'>`;

/** Checks that the page's elements nest, as XML: void ones are closed first. */
function assertNests(html: string): void {
  const xml = html.replace("<!DOCTYPE html>", "").replace(
    /<meta [^>]*>/g,
    "",
  ).replace(/<style>[^<]*<\/style>/, "");
  assertEquals(parseXml(xml).kind, "document", xml);
}

function feedHtml(page: Parameters<typeof feedOfStream>[0]): string {
  return String(renderFeedHtml(feedOfStream(page, BASE)));
}

Deno.test("HTML_CONTENT_SECURITY_POLICY names the hash of the style", async () => {
  const style = /<style>([^<]*)<\/style>/.exec(htmlHead("x"))?.[1] ?? "";
  const digest = await crypto.subtle.digest(
    "SHA-256",
    new TextEncoder().encode(style),
  );
  const hash = btoa(String.fromCharCode(...new Uint8Array(digest)));
  assertStringIncludes(HTML_CONTENT_SECURITY_POLICY, `'sha256-${hash}'`);
});

Deno.test("renderFeedHtml() links pages and events and shows data", () => {
  const html = feedHtml(
    headPage([plainEvent({ eventNumber: 30, data: '{"a":"<b>"}' })], {
      isEndOfStream: false,
    }),
  );
  assertNests(html);
  assertStringIncludes(
    html,
    `<a href="${BASE}/streams/s1/10/backward/20"><bdi>Older</bdi></a>`,
  );
  assertStringIncludes(
    html,
    `<a href="${BASE}/streams/s1/31/forward/20"><bdi>Newer</bdi></a>`,
  );
  assertStringIncludes(
    html,
    `<a href="${BASE}/streams/s1/30"><bdi>30@s1</bdi></a>`,
  );
  assertStringIncludes(html, '{\n  "a": "&lt;b&gt;"\n}');
  assertStringIncludes(html, "2026-11-21 17:01:36.00003 UTC");
});

Deno.test("renderFeedHtml() says so when there is nothing", () => {
  const html = feedHtml(headPage([]));
  assertNests(html);
  assertStringIncludes(html, "No events here.");
  assertStringIncludes(html, "<span><bdi>Older</bdi></span>");
});

Deno.test("HTML pages escape everything that comes from events", () => {
  const event = plainEvent({
    streamName: HOSTILE,
    eventType: HOSTILE,
    data: HOSTILE,
    metadata: HOSTILE,
  });
  for (
    const html of [
      feedHtml(headPage([event], { streamName: HOSTILE })),
      renderEventHtml(event, BASE),
    ]
  ) {
    assertNests(html);
    assertEquals(/<script|<img/.test(html), false);
  }
});

Deno.test("renderFeedHtml() cuts long data short and links to all of it", () => {
  const html = feedHtml(
    headPage([plainEvent({ data: `"${"x".repeat(50_000)}"` })]),
  );
  assertNests(html);
  assertEquals(html.length < 15_000, true);
  assertStringIncludes(html, "Show all");
});

Deno.test("renderFeedHtml() names a broken link's target", () => {
  const original = recordedEvent({ eventType: "$>", data: "4@gone" });
  const link = { streamName: "gone", eventNumber: 4 };
  const html = feedHtml(headPage([{ original, link, target: undefined }]));
  assertNests(html);
  assertStringIncludes(html, "4@gone");
  assertStringIncludes(html, "is gone");
});

Deno.test("renderEventHtml() leads to its neighbours and shows metadata", () => {
  const html = renderEventHtml(
    plainEvent({ eventNumber: 3, metadata: '{"m":1}' }),
    BASE,
  );
  assertNests(html);
  assertStringIncludes(html, `href="${BASE}/streams/s1/2"`);
  assertStringIncludes(html, `href="${BASE}/streams/s1/4"`);
  assertStringIncludes(html, '{\n  "m": 1\n}');
  assertNests(
    renderEventHtml(plainEvent({ eventNumber: 2 ** 63, data: "" }), BASE),
  );
});
