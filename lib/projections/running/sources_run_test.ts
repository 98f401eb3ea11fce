/**
 * What runs read, in which order, and how their states are parted (spec:
 * projections §7.1, §7.2).
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import type { ProjectionRun } from "../run.ts";
import {
  caughtUp,
  createRunFixture,
  hasState,
  type RunFixture,
  textsOf,
} from "../../../tests/support/projection_runs.ts";

/** Names what it takes, in order. */
const NAMES = "when({$init:()=>[], $any(s,e){" +
  "s.push(e.sequenceNumber+'@'+e.streamId+(e.eventType==='evt'?'':' '+e.eventType))}})";

async function fill(fixture: RunFixture): Promise<void> {
  await fixture.append("a-1", 1);
  await fixture.append("b-1", 2);
  await fixture.append("a-2", 3, 4);
  await fixture.append("b-1", 5);
  await fixture.append("a-1", 6);
  await fixture.append("$sys", 7);
  await fixture.appendEvents("links", [
    { eventType: "$>", isJson: false, data: "1@a-2" },
    { eventType: "$>", isJson: false, data: "9@a-2" },
    { eventType: "$>", isJson: false, data: "0@none" },
    { eventType: "$>", isJson: false, data: "0@links" },
  ]);
}

const ALL = [
  "0@a-1",
  "0@b-1",
  "0@a-2",
  "1@a-2",
  "1@b-1",
  "1@a-1",
];

const SOURCES: readonly (readonly [string, readonly string[]])[] = [
  ["fromStream('a-2')", ["0@a-2", "1@a-2"]],
  ["fromStream('none')", []],
  ["fromStream('$sys')", ["0@$sys"]],
  ["fromStream('links')", ["1@a-2", "0@links $>"]],
  ["fromStreams('b-1','a-2','a-1')", ALL],
  ["fromStreams(['a-1','a-1','b-1'])", ["0@a-1", "0@b-1", "1@b-1", "1@a-1"]],
  ["fromCategory('a')", ["0@a-1", "0@a-2", "1@a-2", "1@a-1"]],
  ["fromCategories('b','a')", ALL],
  ["fromStream('$et-evt')", ALL],
  ["fromAll()", ALL],
];

Deno.test("sources are merged in the order of the log: at the start, live and after a restart", async (test) => {
  for (const [selector, names] of SOURCES) {
    await test.step(selector, async () => {
      const query = `${selector}.${NAMES}`;
      for (const when of ["before", "live", "between"]) {
        const fixture = createRunFixture();
        if (when === "before") await fill(fixture);
        const run = await fixture.start(query);
        await caughtUp(run, () => run.status.progress === 100);
        if (when === "between") {
          await run.stop({ withCheckpoint: true });
          await fill(fixture);
          const next = await fixture.start(query, { version: 2 });
          await expectNames(next, names, when);
        } else {
          if (when === "live") await fill(fixture);
          await expectNames(run, names, when);
        }
      }
    });
  }
});

async function expectNames(
  run: ProjectionRun,
  names: readonly string[],
  when: string,
): Promise<void> {
  const wanted = names.length === 0 ? "" : JSON.stringify(names);
  await hasState(run, wanted).catch(() => {});
  assertEquals((await run.state("")).text, wanted, when);
  await run.stop({ withCheckpoint: true });
}

Deno.test("types are read through their lists, to the same result and position", async () => {
  const fixture = createRunFixture();
  await fixture.append("a-1", 1);
  await fixture.appendEvents("a-1", [{ eventType: "other" }]);
  await fixture.append("b-1", 2);
  const query = "fromAll().when({$init:()=>({n:0})," +
    "evt(s){s.n++}, other(s){s.n+=10}, late(s){s.n+=100}})";
  const run = await fixture.start(query);
  await hasState(run, '{"n":12}');
  const { streams, log } = run.status.position as {
    streams: unknown;
    log: { commit: number; prepare: number };
  };
  assertEquals(streams, [["evt", 1], ["other", 0], ["late", -1]]);
  assertEquals(log.commit, log.prepare);
  await run.stop({ withCheckpoint: true });
  // A type that is new to the query begins where the others are.
  await fixture.appendEvents("a-1", [{ eventType: "newer" }]);
  const next = await fixture.start(
    query.replace("late(s)", "tested(s){s.n+=1000}, newer(s)"),
    { version: 1 },
  );
  await hasState(next, '{"n":112}');
  await next.stop({ withCheckpoint: true });
});

Deno.test("states of partitions are kept beyond memory, and beyond a stop", async () => {
  const fixture = createRunFixture({
    limits: {
      projectionPartitionsLiveMax: 1,
      projectionPartitionsCachedMax: 2,
      projectionBatchEventsMax: 3,
    },
  });
  const numbers = Array.from({ length: 40 }, (_, index) => index);
  for (const n of numbers) await fixture.append(`a-${n % 7}`, n);
  const query = "fromCategory('a').foreachStream().when({" +
    "$init:()=>({sum:0}), $created(s){s.made=1}, evt(s,e){s.sum+=e.data.n}})";
  const expected = (upTo: number, key: number) => {
    const sum = numbers.slice(0, upTo).filter((n) => n % 7 === key)
      .reduce((all, n) => all + n, 0);
    return JSON.stringify({ sum, made: 1 });
  };
  const first = await fixture.start(query);
  await caughtUp(first, () => first.status.eventsProcessed === 40);
  for (let key = 0; key < 7; key++) {
    assertEquals((await first.state(`a-${key}`)).text, expected(40, key));
  }
  await first.stop({ withCheckpoint: true });
  const next = await fixture.start(query, { version: 1 });
  await fixture.append("a-3", 1000);
  const sum = 3 + 10 + 17 + 24 + 31 + 38 + 1000;
  await hasState(next, JSON.stringify({ sum, made: 1 }), "a-3");
  assertEquals((await next.state("a-6")).text, expected(40, 6));
  assertEquals((await next.state("unknown")).text, "");
  await next.stop({ withCheckpoint: true });
  assertEquals(
    (await fixture.store.readState("$projections-p-a-3-checkpoint")).metadata
      .maxCount,
    2,
  );
});

Deno.test("a shared state and those of partitions agree after a stop", async () => {
  const fixture = createRunFixture();
  await fixture.append("a-1", 1);
  await fixture.append("a-2", 2);
  const query = "options({biState:true}); fromCategory('a').foreachStream()" +
    ".when({$init:()=>({n:0}), $initShared:()=>({all:0})," +
    "evt(s,e){s[0].n+=e.data.n; s[1].all+=e.data.n; return s}})";
  const first = await fixture.start(query);
  await hasState(first, '{"all":3}');
  await first.stop({ withCheckpoint: true });
  assertEquals(textsOf(await fixture.read("$projections-p-checkpoint")), [
    '$ProjectionCheckpoint [{"all":3}]',
  ]);
  const next = await fixture.start(query, { version: 1 });
  await fixture.append("a-2", 4);
  await hasState(next, '{"all":7}');
  assertEquals((await next.state("a-1")).text, '{"n":1}');
  assertEquals((await next.state("a-2")).text, '{"n":6}');
  await next.stop({ withCheckpoint: true });
});

Deno.test("states that are too many for a query without checkpoints are a fault", async () => {
  const fixture = createRunFixture({
    limits: { projectionPartitionsCachedMax: 2 },
  });
  for (let n = 0; n < 4; n++) await fixture.append(`a-${n}`, n);
  const run = await fixture.start(
    "fromCategory('a').foreachStream().when({evt(s){s.n=1}})",
    { mode: "Transient", hasCheckpoints: false, number: -1 },
  );
  await run.ended;
  assertEquals(run.status.phase, "faulted");
  assertEquals(run.status.reason.includes("more than 2"), true);
});

Deno.test("deletes are told once, whether they come before or while it runs", async () => {
  for (const mode of ["soft", "hard"] as const) {
    for (const isLive of [false, true]) {
      const fixture = createRunFixture();
      await fixture.append("a-1", 1);
      await fixture.append("a-2", 2);
      const query = "fromCategory('a').foreachStream().when({$init:()=>[]," +
        "evt(s,e){s.push(e.data.n)}, $deleted(s,e){s.push(e.partition)}})";
      const remove = () =>
        fixture.store.deleteStream({
          streamName: "a-1",
          expectedVersion: "any",
          mode,
        });
      if (!isLive) await remove();
      const run = await fixture.start(query);
      if (isLive) {
        await hasState(run, "[1]", "a-1");
        await remove();
      }
      await hasState(run, isLive ? '[1,"a-1"]' : '["a-1"]', "a-1");
      await fixture.append("a-2", 3);
      await hasState(run, "[2,3]", "a-2");
      await run.stop({ withCheckpoint: true });
    }
  }
});

Deno.test("a projection that does not run shows its last checkpoint", async () => {
  const fixture = createRunFixture();
  await fixture.append("a-1", 5);
  const query = "fromStream('a-1').when({evt(s,e){return e.data.n}})";
  const run = await fixture.start(query);
  await hasState(run, "5");
  const { definition } = run.status;
  await run.stop({ withCheckpoint: true });
  const still = await fixture.start(query, {
    runs: false,
    definition,
    lease: undefined,
  });
  assertEquals(await still.state(""), {
    text: "5",
    position: { streams: [["a-1", 0]] },
  });
  await still.ended;
  assertEquals(still.status.phase, "stopped");
});

Deno.test("checkpoints come after so many events, and so many bytes without a handler", async () => {
  const fixture = createRunFixture();
  await fixture.append("a-1", 1, 2, 3, 4, 5);
  const query = "fromStream('a-1').when({$init:()=>({n:0}), evt(s){s.n++}})";
  const run = await fixture.start(query, {
    config: {
      checkpointHandledThreshold: 2,
      checkpointUnhandledBytesThreshold: 100,
    },
  });
  await hasState(run, '{"n":5}');
  assertEquals(run.status.lastCheckpoint, { streams: [["a-1", 3]] });
  const data = JSON.stringify("x".repeat(60));
  await fixture.appendEvents("a-1", [
    { eventType: "none", data },
    { eventType: "none", data },
  ]);
  const last = { streams: [["a-1", 6]] };
  await caughtUp(
    run,
    () => JSON.stringify(run.status.lastCheckpoint) === JSON.stringify(last),
  );
  await run.stop({ withCheckpoint: false });
});
