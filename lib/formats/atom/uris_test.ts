import { assertEquals } from "@std/assert";
import { ATOM_JSON_HASH, formatUpdated, mediaTypeHash } from "./feed.ts";
import { eventUri, streamRef } from "./links.ts";

Deno.test("eventUri() of a tombstone ends in the largest 64-bit number", () => {
  assertEquals(
    eventUri(streamRef("http://h:1/p", "a b"), 2 ** 63),
    "http://h:1/p/streams/a%20b/9223372036854775807",
  );
});

Deno.test("formatUpdated() drops zeros at the end of the fraction", () => {
  const second = Date.UTC(2026, 10, 21, 17, 1, 36) * 1000;
  const cases: [number, string][] = [
    [second, "2026-11-21T17:01:36Z"],
    [second + 44_111, "2026-11-21T17:01:36.044111Z"],
    [second + 476_090, "2026-11-21T17:01:36.47609Z"],
    [second + 500_000, "2026-11-21T17:01:36.5Z"],
    [second + 1, "2026-11-21T17:01:36.000001Z"],
    [second - 1, "2026-11-21T17:01:35.999999Z"],
    [0, "1970-01-01T00:00:00Z"],
  ];
  for (const [timeUs, text] of cases) assertEquals(formatUpdated(timeUs), text);
});

Deno.test("mediaTypeHash() gives the published values", () => {
  assertEquals(ATOM_JSON_HASH, 248368668);
  assertEquals(mediaTypeHash("application/atom+xml"), -1296467268);
  assertEquals(mediaTypeHash("application/json"), -43840953);
  assertEquals(mediaTypeHash("text/html"), -1082243251);
});
