import { assertEquals } from "@std/assert";
import { parseXml } from "../xml/xml_parse.ts";
import { renderDescription } from "./description.ts";
import { type EventForm, renderEvent } from "./event_body.ts";
import { feedOfStream } from "./feed.ts";
import { renderFeedXml } from "./feed_xml.ts";
import {
  headPage,
  plainEvent,
  recordedEvent,
  type TestEvent,
} from "../../../tests/support/recorded_events.ts";

const BASE = "http://127.0.0.1:2113";
const OPTIONS = { baseUrl: BASE, embed: "none" } as const;

function bodyOf(form: EventForm, event: TestEvent = {}): string {
  const body = renderEvent(plainEvent(event), form, OPTIONS);
  return typeof body === "string" ? body : new TextDecoder().decode(body);
}

Deno.test("renderEvent() as application/json is the data", () => {
  const cases: [TestEvent, string][] = [
    [{ data: '{"n":1.0}' }, '{\n  "n": 1.0\n}'],
    [{ data: '{a : "1"}' }, '{\n  "a": "1"\n}'],
    [{ data: "[]" }, "[]"],
    [{ data: "42" }, "42"],
    [{ data: '"text"' }, '"text"'],
    [{ data: "null" }, '"null"'],
    [{ data: "<a><b>1</b></a>" }, '"<a><b>1</b></a>"'],
    [{ data: '{"a":' }, '"{\\"a\\":"'],
    [{ data: "" }, '""'],
    [{ data: '{"a":1}', isJson: false }, '"{\\"a\\":1}"'],
    [{ data: new Uint8Array([0xff]), isJson: false }, '"\ufffd"'],
  ];
  for (const [event, wanted] of cases) {
    assertEquals(bodyOf("json", event), wanted);
  }
});

Deno.test("renderEvent() as XML has the data's elements", () => {
  const cases: [TestEvent, string][] = [
    [{ data: "{}" }, "<data />"],
    [{ data: '{"x":1}' }, "<data><x>1</x></data>"],
    [{ data: "[1,2]" }, "<data><data>1</data><data>2</data></data>"],
    [{ data: "null" }, "<data>null</data>"],
    [{ data: "" }, "<data></data>"],
    [{ data: "a<b", isJson: false }, "<data>a&lt;b</data>"],
  ];
  for (const [event, wanted] of cases) {
    assertEquals(bodyOf("xml", event), wanted);
  }
});

Deno.test("renderEvent() as atom+json has content between summary and links", () => {
  const S = `${BASE}/streams/s1/0`;
  assertEquals(
    bodyOf("atomJson", { metadata: "m" }),
    JSON.stringify(
      {
        title: "0@s1",
        id: S,
        updated: "2026-11-21T17:01:36Z",
        author: { name: "EventStore" },
        summary: "T",
        content: {
          eventStreamId: "s1",
          eventNumber: 0,
          eventType: "T",
          eventId: "00000000-0000-4000-8000-000000000000",
          data: { a: "1" },
          metadata: "m",
        },
        links: [
          { uri: S, relation: "edit" },
          { uri: S, relation: "alternate" },
        ],
      },
      null,
      2,
    ),
  );
  assertEquals(
    bodyOf("atomJson", { isJson: false }).includes("content"),
    false,
  );
});

Deno.test("renderEvent() as atom+json adds the rich fields when asked", () => {
  const body = renderEvent(plainEvent(), "atomJson", {
    baseUrl: BASE,
    embed: "body",
  });
  const entry = JSON.parse(String(body));
  assertEquals(Object.keys(entry).slice(0, 4), [
    "eventId",
    "eventType",
    "eventNumber",
    "data",
  ]);
  assertEquals(entry.content.data, { a: "1" });
});

Deno.test("renderEvent() as atom+xml is written as recorded", () => {
  const S = `${BASE}/streams/s1/0`;
  assertEquals(
    bodyOf("atomXml", { data: '{"n":1}', metadata: '{"m":"x"}' }),
    '<?xml version="1.0" encoding="utf-8"?><atom:entry xmlns:atom="http://www.w3.org/2005/Atom">' +
      `<atom:title>0@s1</atom:title><atom:id>${S}</atom:id>` +
      "<atom:updated>2026-11-21T17:01:36Z</atom:updated>" +
      "<atom:author><atom:name>EventStore</atom:name></atom:author><atom:summary>T</atom:summary>" +
      `<atom:link href="${S}" rel="edit" /><atom:link href="${S}" rel="alternate" />` +
      '<atom:content type="application/xml"><eventStreamId>s1</eventStreamId>' +
      "<eventNumber>0</eventNumber><eventType>T</eventType>" +
      "<eventId>00000000-0000-4000-8000-000000000000</eventId>" +
      "<data><n>1</n></data><metadata><m>x</m></metadata></atom:content></atom:entry>",
  );
});

Deno.test("renderEvent() as event+json, event+xml and bytes", () => {
  assertEquals(
    JSON.parse(bodyOf("eventJson", { isJson: false, data: "{}" })).data,
    "{}",
  );
  assertEquals(
    bodyOf("eventXml", { isJson: false, data: "<&" }).endsWith(
      "<data>&lt;&amp;</data><metadata></metadata></event>",
    ),
    true,
  );
  const data = new Uint8Array([0, 255, 1]);
  assertEquals(renderEvent(plainEvent({ data }), "bytes", OPTIONS), data);
});

Deno.test("renderEvent() of a link gives the target's data, and its Atom entry no content", () => {
  const event = {
    original: recordedEvent({
      streamName: "l",
      eventType: "$>",
      isJson: false,
      data: "0@s1",
    }),
    link: { streamName: "s1", eventNumber: 0 },
    target: recordedEvent(),
  };
  assertEquals(renderEvent(event, "json", OPTIONS), '{\n  "a": "1"\n}');
  const entry = JSON.parse(String(renderEvent(event, "atomJson", OPTIONS)));
  assertEquals([entry.title, entry.summary, entry.content], [
    "0@s1",
    "$>",
    undefined,
  ]);
});

Deno.test("renderFeedXml() writes a feed as recorded", () => {
  const S = `${BASE}/streams/s1`;
  const page = headPage([plainEvent({ data: '{"n":1}', eventType: "$>" })]);
  assertEquals(
    renderFeedXml(feedOfStream(page, BASE), "content"),
    '<?xml version="1.0" encoding="utf-8"?><feed xmlns="http://www.w3.org/2005/Atom">' +
      `<title>Event stream 's1'</title><id>${S}</id><updated>2026-11-21T17:01:36Z</updated>` +
      "<author><name>EventStore</name></author>" +
      `<link href="${S}" rel="self" /><link href="${S}/head/backward/20" rel="first" />` +
      `<link href="${S}/1/forward/20" rel="previous" /><link href="${S}/metadata" rel="metadata" />` +
      `<entry><title>0@s1</title><id>${S}/0</id><updated>2026-11-21T17:01:36Z</updated>` +
      "<author><name>EventStore</name></author><summary>$&gt;</summary>" +
      `<link href="${S}/0" rel="edit" /><link href="${S}/0" rel="alternate" />` +
      '<content type="application/xml"><eventStreamId xmlns="">s1</eventStreamId>' +
      '<eventNumber xmlns="">0</eventNumber><eventType xmlns="">$&gt;</eventType>' +
      '<eventId xmlns="">00000000-0000-4000-8000-000000000000</eventId>' +
      '<data xmlns=""><n>1</n></data><metadata xmlns=""></metadata></content></entry></feed>',
  );
});

Deno.test("renderFeedXml() is well-formed whatever names, types and data are", () => {
  const hostile = "<a b=\"'&]]>\u0000\ud800\r";
  const page = headPage([
    plainEvent({
      streamName: hostile,
      eventType: hostile,
      data: hostile,
      metadata: hostile,
    }),
    plainEvent({
      data: JSON.stringify({ [hostile]: hostile, ["@" + hostile]: hostile }),
    }),
  ], { streamName: hostile });
  const xml = String(renderFeedXml(feedOfStream(page, BASE), "content"));
  assertEquals(parseXml(xml).kind, "document", xml);
});

Deno.test("renderDescription() is written as recorded", () => {
  const wanted = (groups: Record<string, unknown>) =>
    JSON.stringify(
      {
        title: "Description document for 'g $'",
        description:
          "The description document will be presented when no accept header is present or it was requested",
        _links: {
          self: {
            href: "/streams/g%20%24",
            supportedContentTypes: [
              "application/vnd.eventstore.streamdesc+json",
            ],
          },
          stream: {
            href: "/streams/g%20%24",
            supportedContentTypes: [
              "application/atom+xml",
              "application/vnd.eventstore.atom+json",
            ],
          },
          ...groups,
        },
      },
      null,
      2,
    );
  assertEquals(renderDescription("g $"), wanted({}));
  assertEquals(
    renderDescription("g $", ["grp"]),
    wanted({
      streamSubscription: [{
        href: "/subscriptions/g%20%24/grp",
        supportedContentTypes: [
          "application/vnd.eventstore.competingatom+xml",
          "application/vnd.eventstore.competingatom+json",
        ],
      }],
    }),
  );
});
