import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { validate } from "@std/uuid";
import { anEvent, testUuid } from "../../tests/support/events.ts";
import {
  ADMIN,
  aFeedRead,
  aUser,
  createServiceFixture,
  entriesOf,
  linkEvents,
  namesOf,
  readPage,
  type ServiceFixture,
} from "../../tests/support/stream_service.ts";
import { LIMITS } from "../model/limits.ts";

async function writeCarts(fixture: ServiceFixture): Promise<void> {
  await fixture.append("cart-1", [1]);
  await fixture.append("cart-2", [2, 3]);
  await fixture.append("other", [4]);
}

const textOf = (bytes: Uint8Array | undefined): string =>
  new TextDecoder().decode(bytes);

/** Lists after `writeCarts`, newest first, with links followed. */
const LISTS: Record<string, readonly string[]> = {
  "$ce-cart": [
    "2@$ce-cart>1@cart-2",
    "1@$ce-cart>0@cart-2",
    "0@$ce-cart>0@cart-1",
  ],
  "$et-tested": [
    "3@$et-tested>0@other",
    "2@$et-tested>1@cart-2",
    "1@$et-tested>0@cart-2",
    "0@$et-tested>0@cart-1",
  ],
  "$streams": [
    "2@$streams>0@other",
    "1@$streams>0@cart-2",
    "0@$streams>0@cart-1",
  ],
  "$category-cart": ["1@$category-cart", "0@$category-cart"],
};

for (const [streamName, wanted] of Object.entries(LISTS)) {
  Deno.test(`the events of ${streamName}`, async () => {
    const fixture = createServiceFixture();
    await writeCarts(fixture);
    for (const withBodies of [true, false]) {
      const page = await readPage(fixture, { streamName, withBodies });
      assertEquals(namesOf(page.entries), wanted);
      assertEquals(page.head, wanted.length - 1);
      assertEquals(page.cache.isPublic, true);
      for (const { original } of page.entries) {
        assertEquals(original.isJson, false);
        assert(validate(original.eventId), original.eventId);
      }
    }
    const plain = await readPage(fixture, { streamName, resolveLinks: false });
    assertEquals(
      namesOf(plain.entries),
      wanted.map((name) => name.split(">")[0] ?? ""),
    );
  });
}

Deno.test("what the events of system lists say", async () => {
  const fixture = createServiceFixture();
  await writeCarts(fixture);
  const said = async (streamName: string) => {
    const page = await readPage(fixture, { streamName });
    const { original, target } = page.entries[0] ?? {};
    return [
      original?.eventType,
      textOf(original?.data),
      textOf(original?.metadata),
      target?.eventId,
    ];
  };
  const causedBy = (number: number) => `"$causedBy":"${testUuid(number)}"`;
  assertEquals(await said("$ce-cart"), [
    "$>",
    "1@cart-2",
    `{"$o":"cart-2",${causedBy(3)}}`,
    testUuid(3),
  ]);
  assertEquals(await said("$et-tested"), [
    "$>",
    "0@other",
    `{${causedBy(4)}}`,
    testUuid(4),
  ]);
  assertEquals(await said("$streams"), [
    "$>",
    "0@other",
    `{${causedBy(4)}}`,
    testUuid(4),
  ]);
  assertEquals(await said("$category-cart"), [
    "$@",
    "cart-2",
    `{${causedBy(2)}}`,
    undefined,
  ]);
});

Deno.test("ids of list events stay, and differ", async () => {
  const fixture = createServiceFixture();
  await fixture.append("cart-1", Array.from({ length: 500 }, (_, n) => n));
  const read = async (streamName: string) => {
    const range = { kind: "head", count: 1000 } as const;
    const page = await readPage(fixture, { streamName, range });
    return page.entries.map(({ original }) => original.eventId);
  };
  const ids = [...await read("$ce-cart"), ...await read("$et-tested")];
  assertEquals(new Set(ids).size, 1000);
  await fixture.append("cart-2", [9000]);
  assertEquals((await read("$ce-cart")).slice(1), ids.slice(0, 500));
});

Deno.test("metadata and deletes in system lists", async () => {
  const fixture = createServiceFixture();
  await fixture.append("cart-1", [1]);
  await fixture.describe("cart-1", { custom: 1 });
  await fixture.append("cart-2", [2]);
  await fixture.softDelete("cart-2");
  await fixture.append("cart-3", [3]);
  await fixture.hardDelete("cart-3");
  const read = async (streamName: string) => {
    const page = await readPage(fixture, { streamName });
    return page.entries.map(({ original, target }) => [
      textOf(original.data) + (target === undefined ? "?" : ""),
      textOf(original.metadata).includes('"$deleted":-1'),
    ]);
  };
  const tombstone = "9223372036854775807@cart-3?";
  assertEquals(await read("$ce-cart"), [
    [tombstone, true],
    ["0@cart-3?", false],
    ["0@$$cart-2", true],
    ["0@cart-2?", false],
    ["0@$$cart-1", false],
    ["0@cart-1", false],
  ]);
  // These point at the stream that was described.
  assertEquals(await read("$et-$metadata"), [["0@cart-1", false]]);
  assertEquals(await read("$et-$deleted"), [
    [tombstone, true],
    ["0@cart-2?", true],
  ]);
  const page = await readPage(fixture, { streamName: "$et-$metadata" });
  assertEquals(page.entries[0]?.target?.eventId, testUuid(1));
  const about = await readPage(fixture, { streamName: "$ce-cart" });
  const said = textOf(about.entries[4]?.original.metadata);
  assert(said.startsWith('{"$o":"cart-1",'), said);
});

for (const withBodies of [true, false]) {
  Deno.test(`a category links to what its links link to, bodies ${withBodies}`, async () => {
    const fixture = createServiceFixture();
    await fixture.append("t", [1]);
    await fixture.appendEvents("cart-1", linkEvents(10, ["0@t", "garbage"]));
    const page = await readPage(fixture, {
      streamName: "$ce-cart",
      withBodies,
    });
    // The link that leads nowhere takes no number.
    assertEquals(namesOf(page.entries), ["0@$ce-cart>0@t"]);
    assertEquals(page.entries[0]?.target?.eventId, testUuid(1));
  });
}

Deno.test("a list without entries is like a stream never written", async () => {
  const fixture = createServiceFixture();
  for (const streamName of ["$ce-none", "$streams"]) {
    const command = aFeedRead({ streamName });
    const feed = await fixture.service.readFeed(ADMIN, command);
    assertEquals(feed.kind, "notFound");
  }
});

Deno.test("what the reader may not read is left out of lists", async () => {
  const fixture = createServiceFixture();
  await writeCarts(fixture);
  await fixture.describe("cart-2", { $acl: { $r: "team", $mr: "team" } });
  const read = async (
    streamName: string,
    caller?: Parameters<typeof readPage>[2],
  ) => {
    const page = await readPage(fixture, { streamName }, caller);
    return page.entries.map(({ original }) => original.eventNumber);
  };
  const team = aUser("u", ["team"]);
  for (const caller of [ADMIN, team]) {
    assertEquals(await read("$ce-cart", caller), [3, 2, 1, 0]);
    assertEquals(await read("$category-cart", caller), [1, 0]);
  }
  for (const caller of [undefined, aUser("u")]) {
    assertEquals(await read("$ce-cart", caller), [0]);
    assertEquals(await read("$et-tested", caller), [3, 0]);
    assertEquals(await read("$et-$metadata", caller), []);
    assertEquals(await read("$streams", caller), [2, 0]);
    assertEquals(await read("$category-cart", caller), [0]);
  }
  const range = { kind: "forward", from: 0, count: 4 } as const;
  const partial = await readPage(fixture, { streamName: "$ce-cart", range });
  assertEquals(partial.cache, {
    kind: "head",
    maxAgeSeconds: undefined,
    isPublic: false,
    isMixed: true,
  });
  const whole = await readPage(
    fixture,
    { streamName: "$ce-cart", range },
    team,
  );
  assertEquals([whole.cache.kind, whole.cache.isPublic], ["immutable", false]);
});

Deno.test("a list obeys what its own metadata says", async () => {
  const fixture = createServiceFixture();
  await writeCarts(fixture);
  await fixture.describe("$ce-cart", { $maxCount: 1, $acl: { $r: "$all" } });
  const page = await readPage(fixture, { streamName: "$ce-cart" });
  assertEquals(namesOf(page.entries), ["2@$ce-cart>1@cart-2"]);
  await fixture.describe("$ce-cart", { $acl: { $r: "team" } });
  const command = aFeedRead({ streamName: "$ce-cart" });
  const outcome = await fixture.service.readFeed(undefined, command);
  assertEquals(outcome.kind, "unauthorized");
});

Deno.test("one event of a list", async () => {
  const fixture = createServiceFixture();
  await writeCarts(fixture);
  const read = (streamName: string, resolveLinks: boolean) =>
    fixture.service.readEvent(undefined, {
      streamName,
      eventNumber: 1,
      resolveLinks,
    });
  const followed = await read("$ce-cart", true);
  assert(followed.kind === "event");
  assertEquals(namesOf([followed.event]), ["1@$ce-cart>0@cart-2"]);
  assertEquals(textOf(followed.event.target?.data), '{"n":2}');
  const plain = await read("$ce-cart", false);
  assert(plain.kind === "event");
  assertEquals(textOf(plain.event.original.data), "0@cart-2");
  assertEquals(
    plain.event.original.eventId,
    followed.event.original.eventId,
  );
  await fixture.describe("cart-2", { $acl: { $r: "team" } });
  assertEquals((await read("$ce-cart", true)).kind, "unauthorized");
  await fixture.hardDelete("cart-2");
  assertNotEquals((await read("$ce-cart", true)).kind, "event");
});

Deno.test("a list of big events comes in parts", async () => {
  const fixture = createServiceFixture();
  const data = "x".repeat(LIMITS.pageBytesMax / 2);
  for (let number = 0; number < 6; number++) {
    await fixture.appendEvents("cart-1", [anEvent(number, { data })]);
  }
  const page = await readPage(fixture, { streamName: "$ce-cart" });
  assert(page.moreEntries !== undefined);
  const entries = await entriesOf(page);
  assertEquals(entries.map(({ original }) => original.eventNumber), [
    5,
    4,
    3,
    2,
    1,
    0,
  ]);
  assert(entries.every(({ target }) => target?.data.length === data.length));
});
