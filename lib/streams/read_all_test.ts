import { assert, assertEquals } from "@std/assert";
import type { AllPage, AllPosition, AllRange } from "../model/feed.ts";
import { LIMITS } from "../model/limits.ts";
import { anEvent } from "../../tests/support/events.ts";
import {
  ADMIN,
  anAllRead,
  aUser,
  createServiceFixture,
  entriesOf,
  linkEvents,
  namesOf,
  type ServiceFixture,
} from "../../tests/support/stream_service.ts";
import type { Caller, ReadAllCommand } from "./outcomes.ts";

async function readAll(
  { service }: ServiceFixture,
  changes: Partial<ReadAllCommand> = {},
  caller: Caller = ADMIN,
): Promise<AllPage> {
  const outcome = await service.readAll(caller, anAllRead(changes));
  assert(outcome.kind === "page", outcome.kind);
  return outcome.page;
}

const START: AllPosition = { commit: 0, prepare: 0 };

function head(count: number): AllRange {
  return { kind: "head", count };
}

function forward(from: AllPosition, count: number): AllRange {
  return { kind: "forward", from, count };
}

function backward(from: AllPosition, count: number): AllRange {
  return { kind: "backward", from, count };
}

async function writeSome(fixture: ServiceFixture): Promise<void> {
  await fixture.append("a", [1, 2]);
  await fixture.append("b", [3]);
  await fixture.describe("a", { $maxCount: 1 });
  await fixture.append("$sys", [4]);
  await fixture.softDelete("b");
  await fixture.hardDelete("b");
}

/** Everything that `writeSome` writes, newest first. */
const ALL = [
  "9223372036854775807@b",
  "0@$$b",
  "0@$sys",
  "0@$$a",
  "0@b",
  "1@a",
  "0@a",
];

Deno.test("the whole log shows what streams hide, and no system lists", async () => {
  const fixture = createServiceFixture();
  await writeSome(fixture);
  const page = await readAll(fixture);
  assertEquals(namesOf(page.entries), ALL);
  assertEquals(page.updatedUs, fixture.clock.nowUs());
});

Deno.test("paging backward by next meets everything once", async () => {
  const fixture = createServiceFixture();
  await writeSome(fixture);
  for (const count of [1, 2, 3, 7, 8]) {
    const names: string[] = [];
    let range: AllRange | undefined = head(count);
    while (range !== undefined) {
      const page: AllPage = await readAll(fixture, { range });
      names.push(...namesOf(page.entries));
      assertEquals(page.hasLast, page.next !== undefined);
      assertEquals(page.hasLast, page.entries.length === count);
      range = page.next && backward(page.next, count);
    }
    assertEquals(names, ALL);
  }
});

Deno.test("paging forward by previous meets everything once", async () => {
  const fixture = createServiceFixture();
  await writeSome(fixture);
  for (const count of [1, 2, 3, 7, 8]) {
    const names: string[] = [];
    let range: AllRange | undefined = forward(START, count);
    while (range !== undefined) {
      const page: AllPage = await readAll(fixture, { range });
      names.push(...namesOf(page.entries).toReversed());
      const isFull = page.entries.length === count;
      assertEquals(page.cache.kind, isFull ? "immutable" : "head");
      assertEquals(page.previous?.prepare, page.previous && 0);
      range = page.previous && forward(page.previous, count);
    }
    assertEquals(names, ALL.toReversed());
  }
});

Deno.test("a forward page leads back to what came before it", async () => {
  const fixture = createServiceFixture();
  await writeSome(fixture);
  const first = await readAll(fixture, { range: forward(START, 3) });
  assertEquals([first.next, first.hasLast], [undefined, false]);
  assert(first.previous !== undefined);
  const second = await readAll(fixture, { range: forward(first.previous, 3) });
  assert(second.next !== undefined);
  const back = await readAll(fixture, { range: backward(second.next, 3) });
  assertEquals(namesOf(back.entries), namesOf(first.entries));
  assert(back.previous !== undefined);
  const again = await readAll(fixture, { range: forward(back.previous, 3) });
  assertEquals(namesOf(again.entries), namesOf(second.entries));
});

Deno.test("a head page leads on to what is written next", async () => {
  const fixture = createServiceFixture();
  await fixture.append("a", [1]);
  const { previous } = await readAll(fixture);
  assert(previous !== undefined);
  assertEquals(previous.commit, previous.prepare);
  const empty = await readAll(fixture, { range: forward(previous, 20) });
  assertEquals([empty.entries.length, empty.previous], [0, undefined]);
  assertEquals(empty.next, {
    commit: previous.commit,
    prepare: 0x7fff_ffff_ffff_ffffn,
  });
  assertEquals(empty.updatedUs, undefined);
  await fixture.append("a", [2]);
  const page = await readAll(fixture, { range: forward(previous, 20) });
  assertEquals(namesOf(page.entries), ["1@a"]);
});

Deno.test("places beyond everything", async () => {
  const fixture = createServiceFixture();
  await writeSome(fixture);
  const beyond = { commit: 2n ** 63n - 1n, prepare: 2n ** 63n - 1n };
  const above = await readAll(fixture, { range: backward(beyond, 20) });
  assertEquals(namesOf(above.entries), ALL);
  assertEquals([above.cache.kind, above.version !== undefined], ["head", true]);
  const after = await readAll(fixture, { range: forward(beyond, 20) });
  assertEquals([after.entries.length, after.hasLast], [0, true]);
  const before = await readAll(fixture, { range: backward(START, 20) });
  assertEquals([before.entries.length, before.hasLast], [0, false]);
});

Deno.test("an empty log", async () => {
  const fixture = createServiceFixture();
  for (const range of [head(20), forward(START, 20), backward(START, 20)]) {
    const page = await readAll(fixture, { range });
    assertEquals(page.entries.length, 0);
    assertEquals(page.version?.head ?? -1, -1);
  }
});

Deno.test("what may be kept of the whole log, and for how long", async () => {
  const fixture = createServiceFixture();
  await writeSome(fixture);
  const page = await readAll(fixture, { range: head(3) });
  assertEquals(page.cache, {
    kind: "head",
    maxAgeSeconds: undefined,
    isPublic: false,
    isMixed: false,
  });
  const { lastPosition } = await fixture.store.readEnd();
  assertEquals(page.version, { head: lastPosition, contents: undefined });
  assert(page.next !== undefined);
  const older = await readAll(fixture, { range: backward(page.next, 3) });
  assertEquals([older.cache.kind, older.version], ["immutable", undefined]);
  const refused = await fixture.service.readAll(undefined, anAllRead());
  assertEquals(refused.kind, "unauthorized");
});

for (const withBodies of [true, false]) {
  Deno.test(`links in the whole log are not followed, bodies ${withBodies}`, async () => {
    const fixture = createServiceFixture();
    await fixture.append("a", [1]);
    await fixture.appendEvents("s", linkEvents(10, ["0@a", "7@a", "x"]));
    const page = await readAll(fixture, { withBodies });
    assertEquals(namesOf(page.entries), ["2@s", "1@s", "0@s", "0@a"]);
  });
}

Deno.test("the whole log shows a reader what they may read", async () => {
  const fixture = createServiceFixture();
  await fixture.describe("$all", { $acl: { $r: "$all" } });
  await fixture.append("open", [1]);
  await fixture.append("secret", [2]);
  await fixture.describe("secret", { $acl: { $r: "team", $mr: [] } });
  await fixture.appendEvents("s", linkEvents(10, ["0@secret"]));
  const namesFor = async (caller: Parameters<typeof readAll>[2]) => {
    const page = await readAll(fixture, {}, caller);
    assertEquals(page.cache.isPublic, false);
    return namesOf(page.entries);
  };
  assertEquals(await namesFor(ADMIN), [
    "0@s",
    "0@$$secret",
    "0@secret",
    "0@open",
    "0@$$$all",
  ]);
  assertEquals(await namesFor(aUser("u", ["team"])), [
    "0@s",
    "0@secret",
    "0@open",
  ]);
  const other = aUser("other");
  assertEquals(await namesFor(other), ["0@s", "0@open"]);
  // What is left out is not looked for further on, and the page leads there.
  const page = await readAll(fixture, { range: head(2) }, other);
  assertEquals(namesOf(page.entries), ["0@s"]);
  assert(page.next !== undefined);
  const older = await readAll(
    fixture,
    { range: backward(page.next, 2) },
    other,
  );
  assertEquals(namesOf(older.entries), ["0@open"]);
  assertEquals(older.cache.kind, "head");
});

Deno.test("a page of big events comes in parts, both ways", async () => {
  const fixture = createServiceFixture();
  const data = "x".repeat(LIMITS.pageBytesMax / 4 + 1);
  for (let number = 0; number < 12; number++) {
    await fixture.appendEvents("s", [anEvent(number, { data })]);
  }
  const second = await readAll(fixture, { range: forward(START, 1) });
  assert(second.previous !== undefined);
  const ranges = [head(11), forward(second.previous, 10), forward(START, 20)];
  for (const range of ranges) {
    const big = await readAll(fixture, { range });
    const small = await readAll(fixture, { range, withBodies: false });
    assert(big.moreEntries !== undefined);
    assert(big.entries.length < small.entries.length);
    const { entries: _, moreEntries: __, ...bigFlags } = big;
    const { entries: ___, ...smallFlags } = small;
    assertEquals(bigFlags, smallFlags);
    const entries = await entriesOf(big);
    assertEquals(namesOf(entries), namesOf(small.entries));
    assert(entries.every(({ original }) => original.data.length > 10));
  }
});
