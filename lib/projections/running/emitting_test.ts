/**
 * What projections write, to which streams, and what keeps them from it (spec:
 * projections §6.3, §6.4, §8).
 *
 * @module
 */

import { assertEquals, assertStringIncludes } from "@std/assert";
import {
  anEvent,
  createTestClock,
  testUuid,
} from "../../../tests/support/events.ts";
import { createModelStore } from "../../../tests/support/model_store.ts";
import {
  createRunFixture,
  faultOf,
  hasState,
  type RunFixture,
  textsOf,
} from "../../../tests/support/projection_runs.ts";
import { aUser } from "../../../tests/support/stream_service.ts";

const COPY = "fromStream('a-1').when({$init:()=>({n:0})," +
  "evt(s,e){s.n++; emit('out','seen',{n:e.data.n})}})";

function metadataOf(
  events: readonly { readonly metadata: Uint8Array }[],
): string[] {
  return events.map(({ metadata }) => new TextDecoder().decode(metadata));
}

async function metadataTextOf(
  { store }: RunFixture,
  streamName: string,
): Promise<string> {
  const { metadataNumber } = await store.readState(streamName);
  const entry = await store.readEvent("$$" + streamName, metadataNumber);
  return entry === undefined ? "" : textsOf([entry.event])[0] ?? "";
}

Deno.test("emitted events name their cause, position and correlation", async () => {
  const fixture = createRunFixture();
  await fixture.appendEvents("a-1", [
    {
      eventId: testUuid(1),
      data: '{"n":1}',
      metadata: '{"$correlationId":"c", "x":1}',
    },
    { eventId: testUuid(2), data: '{"n":2}' },
  ]);
  const run = await fixture.start(
    "fromStreams('b-1','a-1').when({$init:()=>({n:0}), evt(s,e){s.n++;" +
      "emit('out','seen',{n:s.n},{own:[1, 2],$causedBy:'x',$v:'1:1:1:1'});" +
      "linkTo('links',e,{$correlationId:'mine'}); copyTo('copies',e);" +
      "linkStreamTo('refs',e.streamId)}})",
    { number: 3, epoch: 4, version: 5 },
  );
  await hasState(run, '{"n":2}');
  await run.stop({ withCheckpoint: true });
  const position = (place: number) =>
    `{"$v":"3:4:5:3","$s":{"b-1":-1,"a-1":${place}}`;
  const out = await fixture.read("out");
  assertEquals(metadataOf(out), [
    `${position(0)},"own":[1,2],"$causedBy":"${testUuid(1)}",` +
    '"$correlationId":"c"}',
    `${position(1)},"own":[1,2],"$causedBy":"${testUuid(2)}"}`,
  ]);
  assertEquals(out.map(({ isJson }) => isJson), [true, true]);
  const links = await fixture.read("links");
  assertEquals(textsOf(links), ["$> 0@a-1", "$> 1@a-1"]);
  assertEquals(
    metadataOf(links)[0],
    `${position(0)},"$correlationId":"mine","$causedBy":"${testUuid(1)}"}`,
  );
  const copies = await fixture.read("copies");
  assertEquals(textsOf(copies), ['evt {"n":1}', 'evt {"n":2}']);
  assertEquals(copies[0]?.isJson, false);
  assertEquals(textsOf(await fixture.read("refs")), ["$@ a-1", "$@ a-1"]);
  assertEquals(textsOf(await fixture.read("$projections-p-order")), [
    "$> 0@a-1",
    "$> 1@a-1",
  ]);
  assertEquals(await metadataTextOf(fixture, "out"), '$metadata {"$acl":{}}');
  assertEquals(
    await metadataTextOf(fixture, "$projections-p-order"),
    '$metadata {"$acl":{"$r":"$all","$mr":"$all"}}',
  );
});

Deno.test("a stream that somebody else has written to stops the projection, and it goes on once that is mended", async () => {
  const fixture = createRunFixture();
  await fixture.append("out", 0);
  await fixture.append("a-1", 1);
  const reason =
    "The 'out' stream managed by projection 7 has been written to from the outside.";
  const before = await fixture.start(COPY);
  assertEquals(await faultOf(before), reason);
  await fixture.store.deleteStream({
    streamName: "out",
    expectedVersion: "any",
    mode: "soft",
  });
  const mended = await fixture.start(COPY, { version: 1 });
  await hasState(mended, '{"n":1}');
  await fixture.append("a-1", 2);
  await hasState(mended, '{"n":2}');
  await fixture.append("out", 0);
  await fixture.append("a-1", 3);
  assertEquals(await faultOf(mended), reason);
  assertEquals(textsOf(await fixture.read("out")), [
    'evt {"n":0}',
    'seen {"n":1}',
    'seen {"n":2}',
    'evt {"n":0}',
  ]);
});

Deno.test("two projections that emit to one stream: the second is stopped", async () => {
  const fixture = createRunFixture();
  await fixture.append("a-1", 1);
  const first = await fixture.start(COPY, { name: "first", number: 1 });
  await hasState(first, '{"n":1}');
  await first.stop({ withCheckpoint: true });
  const second = await fixture.start(COPY, { name: "second", number: 2 });
  assertEquals(
    await faultOf(second),
    "Multiple projections emitting to the same stream detected.  Stream: " +
      "'out'. Last event projection: '1'.  Emitting projection: '2'",
  );
});

Deno.test("after a reset what was emitted is hidden, and numbering goes on", async () => {
  const fixture = createRunFixture();
  await fixture.append("a-1", 1, 2);
  const first = await fixture.start(COPY);
  await hasState(first, '{"n":2}');
  await first.stop({ withCheckpoint: true });
  const second = await fixture.start(COPY, { epoch: 2, version: 2 });
  await hasState(second, '{"n":2}');
  await second.stop({ withCheckpoint: true });
  assertEquals((await fixture.read("out")).length, 4);
  assertEquals(
    await metadataTextOf(fixture, "out"),
    '$metadata {"$tb":2,"$acl":{}}',
  );
});

Deno.test("another type in recovery is a fault; fewer events are none", async () => {
  const fixture = createRunFixture();
  await fixture.append("a-1", 1, 2);
  const first = await fixture.start(COPY);
  await hasState(first, '{"n":2}');
  await first.stop({ withCheckpoint: false });
  const fewer = await fixture.start(
    COPY.replace("s.n++;", "s.n++; if (e.data.n>1)"),
  );
  await hasState(fewer, '{"n":2}');
  await fewer.stop({ withCheckpoint: false });
  const other = await fixture.start(COPY.replace("'seen'", "'other'"));
  assertEquals(
    await faultOf(other),
    "An event emitted in recovery for stream out differs from the originally " +
      `emitted event. Existing('seen', '{"$s":{"a-1":0}}'). ` +
      `New('other', '{"$s":{"a-1":0}}')`,
  );
  assertEquals((await fixture.read("out")).length, 2);
});

Deno.test("streams are tracked once, in the order of their first use", async () => {
  const fixture = createRunFixture();
  await fixture.append("a-1", 1, 2, 3);
  const query = "fromStream('a-1').when({$init:()=>({n:0}), evt(s,e){s.n++;" +
    "emit('o'+e.data.n%2,'t',{}); linkTo('l',e)}})";
  const config = { trackEmittedStreams: true };
  for (const version of [0, 1]) {
    const run = await fixture.start(query, { config, version });
    await hasState(run, '{"n":3}');
    await run.stop({ withCheckpoint: false });
  }
  assertEquals(
    textsOf(await fixture.read("$projections-p-emittedstreams")),
    ["$StreamTracked o1", "$StreamTracked l", "$StreamTracked o0"],
  );
});

Deno.test("results are written as they change, of partitions with links", async () => {
  const fixture = createRunFixture();
  await fixture.append("a-1", 1);
  await fixture.append("a-2", 7);
  await fixture.append("a-1", 0, 2);
  const query = "fromCategory('a').foreachStream().when({$init:()=>({n:0})," +
    "evt(s,e){s.n+=e.data.n}}).filterBy(s=>s.n<5).outputState()";
  for (const version of [0, 1]) {
    const run = await fixture.start(query, { version });
    await hasState(run, '{"n":3}', "a-1");
    assertEquals((await run.result("a-2")).text, "");
    await run.stop({ withCheckpoint: version === 1 });
  }
  const name = (partition: string) => `$projections-p-${partition}-result`;
  assertEquals(textsOf(await fixture.read(name("a-1"))), [
    'Result {"n":1}',
    'Result {"n":3}',
  ]);
  assertEquals(textsOf(await fixture.read(name("a-2"))), ["ResultRemoved "]);
  assertEquals(textsOf(await fixture.read("$projections-p-result")), [
    `$> 0@${name("a-1")}`,
    `$> 0@${name("a-2")}`,
    `$> 1@${name("a-1")}`,
  ]);
  assertEquals(textsOf(await fixture.read("$projections-p-partitions")), [
    "$partition a-1",
    "$partition a-2",
  ]);
});

Deno.test("faults of emitting say what was wrong, and leave the state before", async () => {
  const cases = [
    ["emit('', 't', {})", "Cannot write to a null stream id"],
    ["emit('$ce-x', 't', {})", "Failed to write events to stream: $ce-x"],
    [
      "emit('o', 't', {}, 'text')",
      "Failed to deserialize emitted event JSON",
    ],
  ] as const;
  for (const [call, reason] of cases) {
    const fixture = createRunFixture();
    await fixture.append("a-1", 1, 2);
    const run = await fixture.start(
      "fromStream('a-1').when({$init:()=>({n:0})," +
        `evt(s,e){ if (e.data.n===2) ${call}; s.n++}})`,
    );
    assertStringIncludes(await faultOf(run), reason);
  }
  const fixture = createRunFixture();
  await fixture.append("a-1", 1);
  const silent = await fixture.start(COPY, { config: { emitEnabled: false } });
  assertEquals(
    await faultOf(silent),
    "'emit' is not allowed by the projection/configuration/mode",
  );
});

Deno.test("a projection has the rights of its login, on what it reads and writes", async () => {
  const fixture = createRunFixture();
  const { store } = fixture;
  await fixture.append("a-1", 1);
  await fixture.append("secret", 1);
  for (const streamName of ["secret", "out"]) {
    await store.append({
      streamName: "$$" + streamName,
      expectedVersion: "any",
      events: [anEvent(2 ** 30, {
        eventType: "$metadata",
        data: '{"$acl":{"$r":"boss","$w":"boss"}}',
      })],
    });
  }
  const runAs = aUser("clerk");
  const writer = await fixture.start(COPY, { runAs });
  assertEquals(await faultOf(writer), 'Not authorized to write "out"');
  const query = COPY.replace("'a-1'", "'secret'");
  const reader = await fixture.start(query, { runAs, name: "reader" });
  assertEquals(await faultOf(reader), 'Not authorized to read "secret"');
  const boss = await fixture.start(query, { runAs: aUser("boss") });
  await hasState(boss, '{"n":1}');
  await boss.stop({ withCheckpoint: true });
});

Deno.test("a run whose lease is lost ends, and writes nothing more", async () => {
  const clock = createTestClock();
  const store = createModelStore({ clock, newEventId: crypto.randomUUID });
  const fixture = createRunFixture({ store });
  const lease = await store.leases.acquire("mine", 60_000);
  const run = await fixture.start(COPY, { lease });
  if (lease !== undefined) await store.leases.release(lease);
  await fixture.append("a-1", 1);
  await run.ended;
  assertEquals([run.status.phase, run.status.reason], ["stopped", ""]);
  assertEquals((await fixture.read("out")).length, 0);
});
