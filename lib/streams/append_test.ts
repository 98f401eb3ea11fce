import { assertEquals, assertRejects } from "@std/assert";
import { anEvent } from "../../tests/support/events.ts";
import {
  ADMIN,
  createServiceFixture,
} from "../../tests/support/stream_service.ts";
import { QuipuError } from "../model/errors.ts";

Deno.test("append() tells where the events stand, however often it is asked", async () => {
  const { service } = createServiceFixture();
  const command = {
    streamName: "s",
    expectedVersion: "noStream",
    events: [anEvent(1), anEvent(2)],
  } as const;
  for (let repetition = 0; repetition < 3; repetition++) {
    assertEquals(await service.append(undefined, command), {
      kind: "written",
      firstEventNumber: 0,
    });
  }
  const other = { ...command, events: [anEvent(3)] };
  assertEquals(await service.append(undefined, other), {
    kind: "conflict",
    head: 1,
  });
});

Deno.test("append() to a deleted stream", async () => {
  const fixture = createServiceFixture();
  const { service } = fixture;
  const append = (expectedVersion: "any" | "streamExists") =>
    service.append(undefined, {
      streamName: "s",
      expectedVersion,
      events: [anEvent(9)],
    });
  await fixture.append("s", [1, 2]);
  await fixture.softDelete("s");
  assertEquals(await append("streamExists"), { kind: "deleted" });
  assertEquals(await append("any"), { kind: "written", firstEventNumber: 2 });
  await fixture.hardDelete("s");
  assertEquals(await append("any"), { kind: "deleted" });
});

Deno.test("appendMetadata() goes by the version of the metastream", async () => {
  const { service, store } = createServiceFixture();
  const append = (number: number, expectedVersion: number | "noStream") =>
    service.appendMetadata(undefined, {
      streamName: "s",
      expectedVersion,
      events: [anEvent(number, { data: `{"$maxCount":${number}}` })],
    });
  assertEquals(await append(7, "noStream"), {
    kind: "written",
    firstEventNumber: 0,
  });
  assertEquals(await append(8, 0), { kind: "written", firstEventNumber: 1 });
  assertEquals(await append(9, 0), { kind: "conflict", head: 1 });
  assertEquals((await store.readState("s")).metadata, { maxCount: 8 });
});

Deno.test("deleteStream() softly and for good", async () => {
  const fixture = createServiceFixture();
  const remove = (isHard: boolean, expectedVersion: number | "any") =>
    fixture.service.deleteStream(undefined, {
      streamName: "s",
      isHard,
      expectedVersion,
    });
  await fixture.append("s", [1]);
  assertEquals(await remove(false, 5), { kind: "conflict", head: 0 });
  assertEquals(await remove(false, 0), { kind: "done" });
  assertEquals(await remove(false, "any"), { kind: "done" });
  assertEquals(await remove(true, 0), {
    kind: "done",
    rights: { before: null, after: "deleted for ever" },
  });
  assertEquals(await remove(true, "any"), { kind: "deleted" });
});

Deno.test("system lists are written by nobody", async () => {
  const { service } = createServiceFixture();
  const command = {
    streamName: "$ce-cart",
    expectedVersion: "any",
    events: [anEvent(1)],
  } as const;
  assertEquals(await service.append(undefined, command), {
    kind: "unauthorized",
  });
  const error = await assertRejects(
    () => service.append(ADMIN, command),
    QuipuError,
  );
  assertEquals(error.code, "reservedStream");
});
