import { assert, assertEquals } from "@std/assert";
import { testUuid } from "../../tests/support/events.ts";
import {
  ADMIN,
  createServiceFixture,
  linkEvents,
  namesOf,
  type ServiceFixture,
} from "../../tests/support/stream_service.ts";
import type { Caller, EventOutcome, ReadEventCommand } from "./outcomes.ts";

async function readEvent(
  { service }: ServiceFixture,
  eventNumber: number | "head",
  changes: Partial<ReadEventCommand> = {},
): Promise<EventOutcome> {
  return await service.readEvent(undefined, {
    streamName: "s",
    eventNumber,
    resolveLinks: true,
    ...changes,
  });
}

Deno.test("readEvent() by number is immutable, the head is not", async () => {
  const fixture = createServiceFixture();
  await fixture.append("s", [10, 11]);
  await fixture.describe("s", { $cacheControl: 7 });
  const numbered = await readEvent(fixture, 0);
  assert(numbered.kind === "event");
  assertEquals(numbered.event.original.eventId, testUuid(10));
  assertEquals(numbered.version, undefined);
  assertEquals(numbered.cache, {
    kind: "immutable",
    maxAgeSeconds: 7,
    isPublic: true,
    isMixed: false,
  });
  const head = await readEvent(fixture, "head");
  assert(head.kind === "event");
  assertEquals(head.event.original.eventId, testUuid(11));
  assertEquals([head.version, head.cache.kind], [{ head: 1 }, "head"]);
});

Deno.test("readEvent() of what readers do not see is not found", async () => {
  const fixture = createServiceFixture();
  const kindOf = async (eventNumber: number | "head") =>
    (await readEvent(fixture, eventNumber)).kind;
  assertEquals(await kindOf("head"), "notFound");
  await fixture.append("s", [10, 11, 12]);
  assertEquals(await kindOf(2), "event");
  assertEquals(await kindOf(3), "notFound");
  assertEquals(await kindOf(2 ** 63), "notFound");
  await fixture.describe("s", { $maxCount: 1, $maxAge: 10 });
  assertEquals(await kindOf(1), "notFound");
  assertEquals(await kindOf("head"), "event");
  fixture.clock.advanceMs(10_001);
  assertEquals(await kindOf("head"), "notFound");
  assertEquals(await kindOf(2), "notFound");
  await fixture.softDelete("s");
  assertEquals(await kindOf(2), "notFound");
  await fixture.append("s", [13]);
  assertEquals([await kindOf(2), await kindOf(3)], ["notFound", "event"]);
  await fixture.hardDelete("s");
  assertEquals([await kindOf(3), await kindOf("head")], ["deleted", "deleted"]);
});

Deno.test("readEvent() follows a link, or finds nothing", async () => {
  const fixture = createServiceFixture();
  await fixture.append("t", [1]);
  await fixture.append("secret", [2]);
  await fixture.describe("secret", { $acl: { $r: "team" } });
  const targets = ["0@t", "5@t", "garbage", "0@secret"];
  await fixture.appendEvents("s", linkEvents(10, targets));
  const followed = await readEvent(fixture, 0);
  assert(followed.kind === "event");
  assertEquals(namesOf([followed.event]), ["0@s>0@t"]);
  assertEquals(followed.event.target?.eventId, testUuid(1));
  const kinds = await Promise.all(
    [1, 2, 3].map(async (number) => (await readEvent(fixture, number)).kind),
  );
  assertEquals(kinds, ["notFound", "notFound", "unauthorized"]);
  for (const number of [0, 1, 2, 3]) {
    const plain = await readEvent(fixture, number, { resolveLinks: false });
    assert(plain.kind === "event");
    assertEquals(namesOf([plain.event]), [`${number}@s`]);
  }
  const secret = await fixture.service.readEvent(ADMIN, {
    streamName: "s",
    eventNumber: 3,
    resolveLinks: true,
  });
  assert(secret.kind === "event");
  assertEquals(secret.cache.isPublic, false);
});

Deno.test("readMetadata() of what there is, of what there is not", async () => {
  const fixture = createServiceFixture();
  const read = (eventNumber: number | "head", caller: Caller = undefined) =>
    fixture.service.readMetadata(caller, {
      streamName: "s",
      eventNumber,
      resolveLinks: true,
    });
  assertEquals((await read("head")).kind, "notFound");
  await fixture.append("s", [1]);
  assertEquals(await read("head"), {
    kind: "noMetadata",
    cache: { kind: "head", maxAgeSeconds: undefined, isPublic: true },
  });
  await fixture.describe("s", { a: 1 });
  await fixture.describe("s", { a: 2, $cacheControl: 60 });
  const last = await read("head");
  assert(last.kind === "event");
  assertEquals(namesOf([last.event]), ["1@$$s"]);
  assertEquals(last.version, { head: 1 });
  // What the stream's head may be cached for says nothing of its metadata.
  assertEquals(last.cache.maxAgeSeconds, undefined);
  const numbered = await read(1);
  assert(numbered.kind === "event");
  assertEquals(numbered.cache.kind, "immutable");
  // Only the newest is kept; the older one counts as none.
  assertEquals((await read(0)).kind, "noMetadata");
  assertEquals((await read(2)).kind, "noMetadata");
  await fixture.softDelete("s");
  assertEquals((await read("head")).kind, "event");
  await fixture.hardDelete("s");
  assertEquals((await read("head")).kind, "deleted");
});

Deno.test("readMetadata() of a stream that was never written", async () => {
  const fixture = createServiceFixture();
  await fixture.describe("s", { a: 1 });
  await fixture.describe("s", { a: 2 });
  const read = async (eventNumber: number) =>
    (await fixture.service.readMetadata(undefined, {
      streamName: "s",
      eventNumber,
      resolveLinks: true,
    })).kind;
  assertEquals([await read(0), await read(1)], ["notFound", "event"]);
});
