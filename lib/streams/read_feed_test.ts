import { assert, assertEquals } from "@std/assert";
import type { PageRange, PageVersion } from "../model/feed.ts";
import { LIMITS } from "../model/limits.ts";
import {
  ADMIN,
  aFeedRead,
  createServiceFixture,
  entriesOf,
  namesOf,
  readPage,
} from "../../tests/support/stream_service.ts";
import { anEvent } from "../../tests/support/events.ts";

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

/** `head/5`, `3/backward/2`, `3/forward/2` */
function rangeOf(text: string): PageRange {
  const [from, kind, count] = text.split("/");
  if (from === "head") return { kind: "head", count: Number(kind) };
  assert(kind === "forward" || kind === "backward");
  return { kind, from: BigInt(from ?? 0), count: Number(count) };
}

/**
 * Pages of a stream of `length` events, as recorded: range; numbers shown, the
 * newest first; "i" immutable, "e" end of stream, "h" head of stream.
 */
const PAGES: readonly [number, string, number[], string][] = [
  [1, "head/20", [0], "eh"],
  [1, "head/5", [0], "eh"],
  [1, "0/forward/20", [0], "eh"],
  [1, "3/forward/2", [], "eh"],
  [1, "4/backward/3", [], ""],
  [1, "0/backward/20", [0], "ie"],
  [1, "19/backward/20", [0], "e"],
  [1, "44/backward/20", [], ""],
  [1, "100/forward/20", [], "eh"],
  [5, "0/forward/5", [4, 3, 2, 1, 0], "ieh"],
  [5, "0/forward/4", [3, 2, 1, 0], "i"],
  [5, "3/forward/2", [4, 3], "ieh"],
  [5, "4/backward/3", [4, 3, 2], "i"],
  [5, "4/backward/5", [4, 3, 2, 1, 0], "ie"],
  [5, "2/backward/2", [2, 1], "i"],
  [21, "head/5", [20, 19, 18, 17, 16], "h"],
  [21, "20/forward/20", [20], "eh"],
  [21, "1/backward/20", [1, 0], "ie"],
  [5, "99999999999/forward/20", [], "eh"],
  [5, "9223372036854775807/forward/20", [], "eh"],
  [5, "9223372036854775807/backward/20", [], ""],
];

function flagsOf(page: {
  version: PageVersion | undefined;
  isEndOfStream: boolean;
  isHeadOfStream: boolean;
}): string {
  return (page.version === undefined ? "i" : "") +
    (page.isEndOfStream ? "e" : "") + (page.isHeadOfStream ? "h" : "");
}

for (const [length, range, numbers, flags] of PAGES) {
  Deno.test(`page ${range} of ${length} events`, async () => {
    const fixture = createServiceFixture();
    await fixture.append("s", upTo(length));
    const page = await readPage(fixture, { range: rangeOf(range) });
    assertEquals(namesOf(page.entries), numbers.map((number) => `${number}@s`));
    assertEquals(flagsOf(page), flags);
    assertEquals(page.hasEntries, numbers.length > 0);
    assertEquals(page.head, length - 1);
    const isImmutable = flags.includes("i");
    assertEquals(page.cache.kind, isImmutable ? "immutable" : "head");
    assertEquals(page.version?.head, isImmutable ? undefined : length - 1);
  });
}

Deno.test("backward pages are dated by the newest event, forward by the oldest", async () => {
  const fixture = createServiceFixture();
  for (const number of upTo(3)) {
    fixture.clock.advanceMs(1000);
    await fixture.append("s", [number]);
  }
  const nowUs = fixture.clock.nowUs();
  const backward = await readPage(fixture);
  const forward = await readPage(fixture, { range: rangeOf("1/forward/9") });
  const empty = await readPage(fixture, { range: rangeOf("9/forward/9") });
  assertEquals(backward.updatedUs, nowUs);
  assertEquals(forward.updatedUs, nowUs - 1_000_000);
  assertEquals(empty.updatedUs, undefined);
});

/** Metadata of a stream of five events; range; numbers; flags; hidden. */
const HIDING: readonly [unknown, string, number[], string, boolean][] = [
  [{ $maxCount: 2 }, "head/20", [4, 3], "eh", false],
  [{ $maxCount: 2 }, "head/2", [4, 3], "eh", false],
  [{ $maxCount: 2 }, "head/1", [4], "h", false],
  [{ $maxCount: 2 }, "0/forward/20", [4, 3], "eh", false],
  [{ $maxCount: 2 }, "0/forward/3", [], "i", true],
  [{ $maxCount: 2 }, "0/forward/4", [3], "i", false],
  [{ $maxCount: 2 }, "2/backward/2", [], "ie", true],
  [{ $tb: 3 }, "head/20", [4, 3], "eh", false],
  [{ $tb: 100 }, "head/20", [], "eh", true],
  [{ $tb: 100 }, "0/forward/20", [], "", true],
  [{ $tb: 100 }, "0/backward/20", [], "ie", true],
  [{ $tb: 4, $maxCount: 3 }, "head/20", [4], "eh", false],
  [{ $maxCount: "x" }, "head/20", [4, 3, 2, 1, 0], "eh", false],
  [{ $maxCount: 0 }, "head/20", [4, 3, 2, 1, 0], "eh", false],
];

for (const [metadata, range, numbers, flags, isHidden] of HIDING) {
  Deno.test(`page ${range} of five events under ${JSON.stringify(metadata)}`, async () => {
    const fixture = createServiceFixture();
    await fixture.append("s", upTo(5));
    await fixture.describe("s", metadata);
    const page = await readPage(fixture, { range: rangeOf(range) });
    assertEquals(namesOf(page.entries), numbers.map((number) => `${number}@s`));
    assertEquals(flagsOf(page), flags);
    assertEquals(page.isHidden, isHidden);
  });
}

Deno.test("expired events are hidden, and end the pages that miss them", async () => {
  const fixture = createServiceFixture();
  await fixture.append("s", [0, 1, 2]);
  fixture.clock.advanceMs(60_000);
  await fixture.append("s", [3, 4]);
  await fixture.describe("s", { $maxAge: 30 });
  const whole = await readPage(fixture);
  assertEquals(namesOf(whole.entries), ["4@s", "3@s"]);
  const partial = await readPage(fixture, { range: rangeOf("head/3") });
  assertEquals(namesOf(partial.entries), ["4@s", "3@s"]);
  assertEquals(flagsOf(partial), "eh");
  const visible = await readPage(fixture, { range: rangeOf("head/2") });
  assertEquals(flagsOf(visible), "h");
  const forward = await readPage(fixture, { range: rangeOf("1/forward/3") });
  assertEquals(namesOf(forward.entries), ["3@s"]);
  assertEquals(forward.updatedUs, fixture.clock.nowUs());

  fixture.clock.advanceMs(60_000);
  const expired = await readPage(fixture);
  assertEquals(expired.entries, []);
  assertEquals(flagsOf(expired), "eh");
  assertEquals(expired.version, {
    head: 4,
    firstVisible: 5,
    contents: undefined,
  });
  assertEquals(expired.isHidden, false);
});

Deno.test("missing, deleted and reopened streams", async () => {
  const fixture = createServiceFixture();
  const kindOf = async (streamName: string) =>
    (await fixture.service.readFeed(undefined, aFeedRead({ streamName }))).kind;
  assertEquals(await kindOf("s"), "notFound");
  await fixture.describe("s", { custom: 1 });
  assertEquals(await kindOf("s"), "notFound");
  await fixture.append("s", [0, 1, 2]);
  assertEquals(await kindOf("s"), "page");
  await fixture.softDelete("s");
  assertEquals(await kindOf("s"), "notFound");
  await fixture.append("s", [9]);
  assertEquals(namesOf((await readPage(fixture)).entries), ["3@s"]);
  await fixture.hardDelete("s");
  assertEquals(await kindOf("s"), "deleted");
  assertEquals(
    (await fixture.service.readFeed(ADMIN, aFeedRead({ streamName: "$$s" })))
      .kind,
    "deleted",
  );
});

Deno.test("metadata reopens a soft-deleted stream without showing its events", async () => {
  const fixture = createServiceFixture();
  await fixture.append("s", [0, 1, 2]);
  await fixture.softDelete("s");
  await fixture.describe("s", { custom: 1 });
  const page = await readPage(fixture);
  assertEquals([page.entries.length, page.head], [0, 2]);
});

Deno.test("a metastream shows its newest event only", async () => {
  const fixture = createServiceFixture();
  await fixture.describe("s", { a: 1 });
  await fixture.describe("s", { a: 2 });
  const page = await readPage(fixture, { streamName: "$$s" });
  assertEquals(namesOf(page.entries), ["1@$$s"]);
});

Deno.test("a stream's metadata says how long its head page may be kept", async () => {
  const fixture = createServiceFixture();
  await fixture.append("s", [1]);
  await fixture.describe("s", { $cacheControl: 60 });
  const page = await readPage(fixture);
  assertEquals(page.cache, {
    kind: "head",
    maxAgeSeconds: 60,
    isPublic: true,
    isMixed: false,
  });
  await fixture.describe("s", { $acl: { $r: "team" } });
  const secret = await readPage(fixture, {}, ADMIN);
  assertEquals(secret.cache, {
    kind: "head",
    maxAgeSeconds: undefined,
    isPublic: false,
    isMixed: false,
  });
});

for (const range of ["head/12", "11/backward/10", "1/forward/9"]) {
  for (const resolveLinks of [true, false]) {
    Deno.test(`page ${range} of big events comes in parts, links ${resolveLinks}`, async () => {
      const fixture = createServiceFixture();
      const data = "x".repeat(LIMITS.pageBytesMax / 4 + 1);
      for (const number of upTo(12)) {
        fixture.clock.advanceMs(1);
        const event = number === 6
          ? anEvent(number, { eventType: "$>", isJson: false, data: "0@s" })
          : anEvent(number, { data });
        await fixture.appendEvents("s", [event]);
      }
      const command = { range: rangeOf(range), resolveLinks };
      const big = await readPage(fixture, command);
      const small = await readPage(fixture, { ...command, withBodies: false });
      assert(big.entries.length < small.entries.length);
      const { entries: _, moreEntries: __, ...bigFlags } = big;
      const { entries: ___, ...smallFlags } = small;
      assertEquals(bigFlags, smallFlags);
      const entries = await entriesOf(big);
      assertEquals(namesOf(entries), namesOf(small.entries));
      for (const { original, target } of entries) {
        const bytes = (target ?? original).data.length;
        assertEquals(bytes > 3, resolveLinks || original.eventNumber !== 6);
      }
    });
  }
}

Deno.test("a page without bodies holds all of its entries", async () => {
  const fixture = createServiceFixture();
  const data = "x".repeat(LIMITS.pageBytesMax / 2);
  await fixture.appendEvents("s", upTo(5).map((n) => anEvent(n, { data })));
  const page = await readPage(fixture, { withBodies: false });
  assertEquals(page.entries.length, 5);
  assertEquals(page.moreEntries, undefined);
  assertEquals(page.entries[0]?.original.data.length, 0);
});
