import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { feedOfStream } from "../formats/atom/feed.ts";
import { parseXml } from "../formats/xml/xml_parse.ts";
import type { ResolvedEvent } from "../model/feed.ts";
import {
  headPage,
  plainEvent,
  recordedEvent,
} from "../../tests/support/recorded_events.ts";
import { eventPage } from "./event_page.tsx";
import { eventRowOf, rowSizesFor } from "./event_row.ts";
import { feedPage } from "./feed_page.tsx";
import { type Frame, type Page, renderPage } from "./frame.tsx";
import { loginPage } from "./login_form.tsx";
import { problemPage } from "./problem_page.tsx";
import { streamsPage } from "./streams_page.tsx";

/** Text that would be more than text where it is not escaped. */
const HOSTILE = [
  "<script>alert(1)</script>",
  `"><img src=x onerror=alert(1)>`,
  "' onmouseover='alert(1)' x='",
  "</pre></details><svg onload=alert(1)>",
  "</title><style>*{display:none}</style>",
  "javascript:alert(1)",
  "<!--",
  "]]>",
  "&lt;b&gt;&#60;i&#62;",
  "{{7*7}}${7*7}",
  "\u202egnp.exe",
  "\0\b\u001b[31m",
  "\ud800",
];

const FRAME: Frame = {
  prefix: "/prefix",
  login: "admin",
  isSession: true,
  isForm: false,
  csrf: "mark",
  path: "/streams/s1",
};

/** A page whose elements nest; void ones are closed first. */
function nesting(page: Page, frame = FRAME): string {
  const html = renderPage(page, frame);
  const xml = html.replace("<!DOCTYPE html>\n", "")
    .replace(/<(meta|link|img|input)\b([^>]*)>/g, "<$1$2/>")
    .replace(/ (open|hidden|required|download|checked)(?=[ >/])/g, ' $1=""')
    // deno-lint-ignore no-control-regex
    .toWellFormed().replace(/[\0-\x08\x0b-\x1f]/g, "");
  assertEquals(parseXml(xml).kind, "document", xml);
  return html;
}

/** What a page has besides text: tags with their attributes. */
function tagsOf(html: string): string[] {
  return [...html.matchAll(/<[^>]*>/g)].map(([tag]) => tag);
}

function feedHtml(
  entries: readonly ResolvedEvent[],
  streamName = "s1",
): string {
  const feed = feedOfStream(headPage(entries, { streamName }), "/prefix");
  const made = { feedStream: streamName, sizes: rowSizesFor(entries.length) };
  return nesting(feedPage({
    prefix: "/prefix",
    feed,
    rows: entries.map((event) => eventRowOf(event, feed.refs, made)),
    leftOutCount: 0,
    asked: { filterType: streamName, asOf: streamName },
    viewQuery: "",
    isOldestFirst: false,
    mayExport: true,
    isHead: true,
  }));
}

for (const text of HOSTILE) {
  Deno.test(`pages show ${JSON.stringify(text)} as text, wherever it stands`, () => {
    const data = JSON.stringify({ [text]: [text, { x: text }] });
    const event = plainEvent({
      streamName: text.toWellFormed(),
      eventType: text,
      data,
      metadata: JSON.stringify({ $correlationId: text, $causationId: text }),
    });
    const raw = plainEvent({ data: text.toWellFormed() });
    const original = recordedEvent({ eventType: "$>" });
    const link = { streamName: text.toWellFormed(), eventNumber: 1 };
    const gone = { original, link, target: undefined };
    const listed = { name: text, streamName: text, head: 0, lastAtUs: 0 };
    const login = { prefix: "/prefix", csrf: "mark", path: text, login: text };
    const pages = [
      feedHtml([event, raw, gone], text.toWellFormed()),
      ...[event, raw, gone].map((one) =>
        nesting(eventPage({ prefix: "", baseUrl: "http://h", event: one }))
      ),
      nesting(streamsPage({
        prefix: "",
        order: "name",
        typed: text,
        streams: [listed],
        next: text,
        isContinued: true,
      })),
      nesting(loginPage({ ...login, problem: text })),
      nesting(problemPage({ status: 401, text }, { ...FRAME, path: text }), {
        ...FRAME,
        login: text,
        path: text,
      }),
    ];
    const plain = [
      feedHtml([plainEvent(), plainEvent(), plainEvent()]),
    ];
    for (const html of [...pages, ...plain]) {
      const tags = tagsOf(html);
      for (const tag of tags) {
        assert(!/\son\w+\s*=/i.test(tag.replace(/"[^"]*"/g, '""')), tag);
        assert(!/(?:href|src|action)="\s*javascript:/i.test(tag), tag);
        assert(!/^<(?:svg|style|iframe|object|base)\b/i.test(tag), tag);
        const isOwn = /^<img src="\/prefix\/web\/assets\//.test(tag) ||
          !tag.startsWith("<img");
        assert(isOwn, tag);
      }
      for (const script of tags.filter((tag) => tag.startsWith("<script"))) {
        assert(
          /^<script type="module" src="\/prefix\/web\/assets\/[\w.]+">$/
            .test(script),
          script,
        );
      }
    }
  });
}

Deno.test("a long event is previewed, and has a page of its own", () => {
  const data = JSON.stringify({ text: "x".repeat(500_000) });
  const html = feedHtml([plainEvent({ data })]);
  assert(html.length < 15_000, String(html.length));
  assertStringIncludes(html, "Show all");
  const page = nesting(
    eventPage({ prefix: "", baseUrl: "http://h", event: plainEvent({ data }) }),
  );
  assert(page.length < 200_000, String(page.length));
  assertStringIncludes(page, "The first 131 kB of 500 kB");
});

Deno.test("a page of 1000 events stays below a megabyte", () => {
  const data = JSON.stringify({ text: "x".repeat(500) });
  const events = Array.from(
    { length: 1000 },
    (_, eventNumber) => plainEvent({ eventNumber, data }),
  );
  const { length } = feedHtml(events);
  assert(length < 1_000_000, String(length));
});

Deno.test("data is a tree whose text is the JSON itself", () => {
  const data = '{\n  "a": 1.50,\n  "big": 12345678901234567890,\n  "a": [],' +
    '\n  "b": [\n    true,\n    null,\n    {}\n  ]\n}';
  const html = nesting(
    eventPage({ prefix: "", baseUrl: "http://h", event: plainEvent({ data }) }),
  );
  const tree = /<pre class="payload">(.*?)<\/pre>/s.exec(html)?.[1] ?? "";
  const text = tree.replace(/<[^>]*>/g, "").replaceAll("&quot;", '"');
  assertEquals(text.replace(/\s/g, ""), data.replace(/\s/g, ""));
  assertEquals(tree.match(/<details open/g)?.length, 2);
});

Deno.test("JSON that is deep, long or none is shown all the same", () => {
  const deep = '{"a":'.repeat(70) + "1" + "}".repeat(70);
  const long = JSON.stringify({ a: Array.from({ length: 9000 }, () => 1) });
  for (const data of [deep, long, "[1,2]", "plain", '{"a":', ""]) {
    const event = plainEvent({ data });
    const page = eventPage({ prefix: "", baseUrl: "http://h", event });
    const html = nesting(page);
    assert(!html.includes("<details open"), data.slice(0, 20));
  }
});

Deno.test("links whose events are gone are one row", () => {
  const gone = (eventNumber: number): ResolvedEvent => ({
    original: recordedEvent({ eventNumber, eventType: "$>" }),
    link: { streamName: "gone", eventNumber },
    target: undefined,
  });
  const html = feedHtml([gone(4), gone(3), plainEvent(), gone(1)]);
  assertStringIncludes(html, "2 links to events that are gone");
  assertStringIncludes(html, "1 link to an event that is gone");
  assertStringIncludes(html, "<bdi>4@gone</bdi>");
});
