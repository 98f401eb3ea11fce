import { assertEquals } from "@std/assert";
import type { AllPage, PageRange, StreamPage } from "../../model/feed.ts";
import { allPageLinks, streamPageLinks } from "./links.ts";
import { headPage } from "../../../tests/support/recorded_events.ts";

function linksOf(range: PageRange, page: Partial<StreamPage>): string[] {
  return streamPageLinks(headPage([], { range, ...page }), "S")
    .map((link) => `${link.relation} ${link.uri}`);
}

/** The example of a stream with 50 events and pages of 20. */
function ofFifty(kind: "backward" | "forward", from: number, entries: number) {
  const isEndOfStream = kind === "forward" ? from + 19 >= 49 : from - 19 <= 0;
  return linksOf({ kind, from, count: 20 }, {
    head: 49,
    isEndOfStream,
    hasEntries: entries > 0,
  }).slice(2, -1);
}

Deno.test("streamPageLinks() lists self and first in front, metadata last", () => {
  assertEquals(linksOf({ kind: "head", count: 5 }, { head: 4 }), [
    "self S",
    "first S/head/backward/5",
    "previous S/5/forward/5",
    "metadata S/metadata",
  ]);
  assertEquals(
    linksOf({ kind: "head", count: 5 }, { head: -1 })[2],
    "previous S/0/forward/5",
  );
});

Deno.test("streamPageLinks() of backward pages lead on as recorded", () => {
  assertEquals(ofFifty("backward", 49, 20), [
    "last S/0/forward/20",
    "next S/29/backward/20",
    "previous S/50/forward/20",
  ]);
  assertEquals(ofFifty("backward", 29, 20), [
    "last S/0/forward/20",
    "next S/9/backward/20",
    "previous S/30/forward/20",
  ]);
  assertEquals(ofFifty("backward", 9, 10), ["previous S/10/forward/20"]);
  assertEquals(ofFifty("backward", 19, 20), ["previous S/20/forward/20"]);
  assertEquals(ofFifty("backward", 60, 9), [
    "last S/0/forward/20",
    "next S/40/backward/20",
    "previous S/50/forward/20",
  ]);
  assertEquals(ofFifty("backward", 100, 0), [
    "last S/0/forward/20",
    "next S/80/backward/20",
    "previous S/50/forward/20",
  ]);
});

Deno.test("streamPageLinks() of forward pages lead on as recorded", () => {
  assertEquals(ofFifty("forward", 0, 20), ["previous S/20/forward/20"]);
  assertEquals(ofFifty("forward", 30, 20), [
    "last S/0/forward/20",
    "next S/29/backward/20",
    "previous S/50/forward/20",
  ]);
  assertEquals(ofFifty("forward", 50, 0), [
    "last S/0/forward/20",
    "next S/49/backward/20",
  ]);
});

Deno.test("streamPageLinks() counts exactly up to the largest event number", () => {
  const from = 9223372036854775807n;
  assertEquals(
    linksOf({ kind: "backward", from, count: 20 }, {
      head: 3,
      isEndOfStream: false,
    }).slice(2, 5),
    [
      "last S/0/forward/20",
      "next S/9223372036854775787/backward/20",
      "previous S/4/forward/20",
    ],
  );
  assertEquals(
    linksOf({ kind: "forward", from, count: 20 }, {
      head: 3,
      isEndOfStream: true,
    }).slice(2, 4),
    ["last S/0/forward/20", "next S/9223372036854775806/backward/20"],
  );
});

Deno.test("allPageLinks() writes positions as 32 hex digits", () => {
  const page: AllPage = {
    range: { kind: "head", count: 3 },
    entries: [],
    updatedUs: undefined,
    next: { commit: 0xd9422, prepare: 0xd9422 },
    previous: { commit: 2 ** 40, prepare: 0x7fffffffffffffffn },
    hasLast: true,
    version: { head: 1 },
    cache: { kind: "head", maxAgeSeconds: undefined, isPublic: false },
  };
  assertEquals(allPageLinks(page, "A").map((link) => link.uri), [
    "A",
    "A/head/backward/3",
    "A/00000000000000000000000000000000/forward/3",
    "A/00000000000D942200000000000D9422/backward/3",
    "A/00000100000000007FFFFFFFFFFFFFFF/forward/3",
    "A/metadata",
  ]);
});
