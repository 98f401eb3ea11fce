import { assert, assertEquals } from "@std/assert";
import { LIMITS } from "../model/limits.ts";
import { anEvent } from "../../tests/support/events.ts";
import {
  ADMIN,
  aUser,
  createServiceFixture,
  entriesOf,
  linkEvents,
  namesOf,
  readPage,
  type ServiceFixture,
} from "../../tests/support/stream_service.ts";

/** Links to every kind of target in "s", the newest first below. */
async function writeLinks(fixture: ServiceFixture): Promise<void> {
  await fixture.append("t", [1, 2, 3]);
  await fixture.describe("t", { $tb: 1 });
  await fixture.append("soft", [4]);
  await fixture.softDelete("soft");
  await fixture.append("hard", [5]);
  await fixture.hardDelete("hard");
  const targets = [
    "2@t",
    "0@t",
    "99@t",
    "0@none",
    "0@soft",
    "0@hard",
    "9223372036854775807@hard",
    "garbage",
  ];
  await fixture.appendEvents("s", linkEvents(10, targets));
  await fixture.append("s", [50]);
}

const RESOLVED = [
  "8@s",
  "7@s",
  "6@s>9223372036854775807@hard?",
  "5@s>0@hard?",
  "4@s>0@soft?",
  "3@s>0@none?",
  "2@s>99@t?",
  "1@s>0@t?",
  "0@s>2@t",
];

for (const withBodies of [true, false]) {
  Deno.test(`links are followed where they lead, bodies ${withBodies}`, async () => {
    const fixture = createServiceFixture();
    await writeLinks(fixture);
    const page = await readPage(fixture, { withBodies });
    assertEquals(namesOf(page.entries), RESOLVED);
    const found = page.entries.at(-1)?.target;
    assertEquals(found?.eventType, "tested");
    assertEquals(found?.data.length, withBodies ? 7 : 0);
  });
}

Deno.test("unfollowed links stand for themselves", async () => {
  const fixture = createServiceFixture();
  await writeLinks(fixture);
  const page = await readPage(fixture, { resolveLinks: false });
  const names = RESOLVED.map((name) => name.split(">")[0] ?? "");
  assertEquals(namesOf(page.entries), names);
});

Deno.test("a page is dated by the target of its link, if it has one", async () => {
  const fixture = createServiceFixture();
  await fixture.append("t", [1]);
  const writtenUs = fixture.clock.nowUs();
  fixture.clock.advanceMs(5000);
  await fixture.appendEvents("s", linkEvents(10, ["0@t"]));
  assertEquals((await readPage(fixture)).updatedUs, writtenUs);
  await fixture.appendEvents("s", linkEvents(20, ["0@none"]));
  assertEquals((await readPage(fixture)).updatedUs, undefined);
});

Deno.test("a link is not followed twice", async () => {
  const fixture = createServiceFixture();
  await fixture.append("t", [1]);
  await fixture.appendEvents("u", linkEvents(10, ["0@t"]));
  await fixture.appendEvents("s", linkEvents(20, ["0@u"]));
  const { entries: [entry] } = await readPage(fixture);
  assertEquals(entry?.target?.eventType, "$>");
});

Deno.test("expired targets are not found", async () => {
  const fixture = createServiceFixture();
  await fixture.append("t", [1]);
  await fixture.describe("t", { $maxAge: 10 });
  await fixture.appendEvents("s", linkEvents(10, ["0@t"]));
  assertEquals(namesOf((await readPage(fixture)).entries), ["0@s>0@t"]);
  fixture.clock.advanceMs(10_001);
  assertEquals(namesOf((await readPage(fixture)).entries), ["0@s>0@t?"]);
});

Deno.test("a page leaves out links that the reader may not follow", async () => {
  const fixture = createServiceFixture();
  await fixture.append("open", [1]);
  await fixture.append("secret", [2]);
  await fixture.describe("secret", { $acl: { $r: "team" } });
  await fixture.appendEvents("s", linkEvents(10, ["0@open", "7@secret"]));
  for (const caller of [undefined, aUser("u")]) {
    const partial = await readPage(fixture, {}, caller);
    assertEquals(namesOf(partial.entries), ["0@s>0@open"]);
    assertEquals(partial.cache.isPublic, false);
  }
  const page = await readPage(fixture, {}, aUser("u", ["team"]));
  assertEquals(page.entries.length, 2);
  // Others must not get it from a cache.
  assertEquals(page.cache.isPublic, false);
  const unfollowed = await readPage(fixture, { resolveLinks: false });
  assertEquals(unfollowed.entries.length, 2);
  assertEquals(unfollowed.cache.isPublic, true);
});

Deno.test("a link far down a big page is left out as well", async () => {
  const fixture = createServiceFixture();
  await fixture.append("secret", [1]);
  await fixture.describe("secret", { $acl: { $r: "team" } });
  await fixture.appendEvents("s", linkEvents(10, ["0@secret"]));
  const data = "x".repeat(LIMITS.pageBytesMax / 2);
  for (let number = 20; number < 25; number++) {
    await fixture.appendEvents("s", [anEvent(number, { data })]);
  }
  const partial = await readPage(fixture);
  assertEquals((await entriesOf(partial)).length, 5);
  assertEquals(partial.cache.isPublic, false);
  const page = await readPage(fixture, {}, ADMIN);
  assertEquals((await entriesOf(page)).length, 6);
});

Deno.test("a page of links to big events comes in parts", async () => {
  const fixture = createServiceFixture();
  const data = "x".repeat(LIMITS.pageBytesMax / 2);
  for (let number = 0; number < 8; number++) {
    await fixture.appendEvents("t", [anEvent(number, { data })]);
    await fixture.appendEvents("s", linkEvents(100 + number, [`${number}@t`]));
  }
  const page = await readPage(fixture);
  assert(page.moreEntries !== undefined);
  assertEquals(page.entries.length, 2);
  const entries = await entriesOf(page);
  assertEquals(entries.length, 8);
  assert(entries.every(({ target }) => target?.data.length === data.length));
  const light = await readPage(fixture, { withBodies: false });
  assertEquals([light.entries.length, light.moreEntries], [8, undefined]);
});

/** What leads to an event of "secret" by way of a list that everybody reads. */
const WAYS_TO_SECRET: Record<string, string> = {
  "its category": "0@$ce-secret",
  "the list of its type": "0@$et-tested",
  "the list of streams": "0@$streams",
  "the streams of its category": "0@$category-secret",
  "a category that holds a link to it": "0@$ce-open",
};

for (const [name, target] of Object.entries(WAYS_TO_SECRET)) {
  Deno.test(`a link to ${name} is followed by those who may read it`, async () => {
    const fixture = createServiceFixture();
    await fixture.append("secret-1", [1]);
    await fixture.appendEvents("open-1", linkEvents(5, ["0@secret-1"]));
    await fixture.describe("secret-1", { $acl: { $r: "team", $mr: "team" } });
    await fixture.appendEvents("s", linkEvents(10, [target]));
    await fixture.appendEvents("open-2", linkEvents(11, [target]));
    for (const streamName of ["s", "$ce-open"]) {
      const hidden = await readPage(fixture, { streamName });
      assertEquals(namesOf(hidden.entries), [], streamName);
      const shown = await readPage(
        fixture,
        { streamName },
        aUser("u", ["team"]),
      );
      const [entry] = shown.entries;
      assert(entry !== undefined);
      assertEquals(entry.link === undefined, false);
      assertEquals(shown.cache.isPublic, false);
    }
    const read = (caller: Parameters<typeof readPage>[2]) =>
      fixture.service.readEvent(caller, {
        streamName: "s",
        eventNumber: 0,
        resolveLinks: true,
      });
    assertEquals((await read(undefined)).kind, "unauthorized");
    const outcome = await read(aUser("u", ["team"]));
    assert(outcome.kind === "event");
    // What a list shows is the made event, not what it stands for.
    assertEquals(outcome.event.target?.streamName, target.slice(2));
    assertEquals(outcome.cache.isPublic, false);
  });
}

Deno.test("a category that links to itself has an end", async () => {
  const fixture = createServiceFixture();
  await fixture.append("cart-1", [1]);
  // An entry that comes later is nowhere yet, and the link is not listed.
  const links = linkEvents(10, ["0@$ce-cart", "1@$ce-cart"]);
  await fixture.appendEvents("cart-1", links);
  const page = await readPage(fixture, { streamName: "$ce-cart" });
  assertEquals(page.entries.length, 2);
});
