/**
 * Runs that come to an end: transient and one-time queries.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import {
  createRunFixture,
  type RunChanges,
  type RunFixture,
  textsOf,
} from "../../../tests/support/projection_runs.ts";

const TRANSIENT: RunChanges = {
  mode: "Transient",
  hasCheckpoints: false,
  number: -1,
};
const SUM = "when({$init:()=>({n:0}), evt(s,e){s.n+=e.data.n}})";
const RESULTS = "$projections-p-result";

async function complete(
  fixture: RunFixture,
  query: string,
  changes: RunChanges = TRANSIENT,
): Promise<void> {
  const run = await fixture.start(query, changes);
  await run.ended;
  assertEquals([run.status.phase, run.status.reason], ["completed", ""]);
  assertEquals(run.status.position, "completed");
}

Deno.test("a query writes its result once, and again when it differs", async () => {
  const fixture = createRunFixture();
  await fixture.append("a-1", 1, 2);
  const query = `fromStream('a-1').${SUM}`;
  await complete(fixture, query);
  await complete(fixture, query);
  assertEquals(textsOf(await fixture.read(RESULTS)), [
    'Result {"n":3}',
    "$Eof ",
  ]);
  await fixture.append("a-1", 4);
  await complete(fixture, query);
  assertEquals(textsOf(await fixture.read(RESULTS)).slice(2), [
    'Result {"n":7}',
    "$Eof ",
  ]);
  await complete(fixture, query, { ...TRANSIENT, epoch: 1 });
  const { metadata } = await fixture.store.readState(RESULTS);
  assertEquals(metadata.truncateBefore, 4);
  assertEquals((await fixture.read(RESULTS)).length, 6);
});

Deno.test("results of partitions, of nothing and filtered away", async () => {
  const fixture = createRunFixture();
  await fixture.append("a-1", 1, 2, 3);
  const cases = [
    [
      `fromStream('a-1').partitionBy(e=>e.data.n%2?'odd':'even').${SUM}`,
      ['Result {"n":4}', 'Result {"n":2}', "$Eof "],
    ],
    [`fromStream('none').${SUM}`, ["Result ", "$Eof "]],
    [`fromStream('a-1').${SUM}.filterBy(s=>s.n>9)`, ["Result ", "$Eof "]],
    [`fromAll().foreachStream().${SUM}`, ['Result {"n":6}', "$Eof "]],
  ] as const;
  for (const [index, [query, results]] of cases.entries()) {
    const name = `q${index}`;
    await complete(fixture, query, { ...TRANSIENT, name });
    const events = await fixture.read(`$projections-${name}-result`);
    assertEquals(textsOf(events), [...results], query);
  }
});

Deno.test("each stream of a catalogue has its result, and a link to it", async () => {
  const fixture = createRunFixture();
  await fixture.append("a-1", 1);
  await fixture.append("a-2", 2);
  await fixture.append("a-1", 3);
  await fixture.appendEvents(
    "cat",
    ["a-2", "a-1", "none", "a-2"].map((data) => ({
      eventType: "$@",
      isJson: false,
      data,
    })),
  );
  const queries = [
    [`fromStreamCatalog('cat').foreachStream().${SUM}`, ["a-2", "a-1"]],
    [`fromCategory('a').foreachStream().${SUM}`, ["a-1", "a-2"]],
    [`fromStreamsMatching(id=>id.startsWith('a-')).${SUM}`, ["a-1", "a-2"]],
  ] as const;
  for (const [index, [query, streams]] of queries.entries()) {
    const name = `q${index}`;
    await complete(fixture, query, { ...TRANSIENT, name });
    const events = await fixture.read(`$projections-${name}-result`);
    assertEquals(textsOf(events), [
      ...streams.map((stream) => `$> 0@$projections-${name}-${stream}-result`),
      "$Eof ",
    ], query);
    const own = await fixture.read(`$projections-${name}-a-1-result`);
    assertEquals(textsOf(own), ['Result {"n":4}']);
  }
});

Deno.test("a catalogue in a continuous projection cannot be prepared", async () => {
  const fixture = createRunFixture();
  const run = await fixture.start(
    `fromStreamCatalog('cat').foreachStream().${SUM}`,
  );
  await run.ended;
  const { phase, reason, isUnprepared } = run.status;
  assertEquals([phase, isUnprepared], ["faulted", true]);
  assertEquals(
    reason,
    "catalogStream is not supported in the projections mode",
  );
});

Deno.test("a one-time projection with checkpoints goes on where it was", async () => {
  const fixture = createRunFixture();
  await fixture.append("a-1", 1, 2);
  const changes = { mode: "OneTime", hasCheckpoints: true } as const;
  const query = "fromStream('a-1').when({$init:()=>({n:0})," +
    "evt(s,e){s.n+=e.data.n; emit('out','sum',s)}})";
  await complete(fixture, query, changes);
  await fixture.append("a-1", 4);
  await complete(fixture, query, { ...changes, version: 1 });
  assertEquals(textsOf(await fixture.read("out")), [
    'sum {"n":1}',
    'sum {"n":3}',
    'sum {"n":7}',
  ]);
});

Deno.test("a one-time projection writes the results of partitions that memory has let go of, too", async () => {
  const fixture = createRunFixture({
    limits: { projectionPartitionsCachedMax: 2 },
  });
  await fixture.append("a-1", 3, 1, 4, 1, 5, 9, 2, 6, 5);
  const changes = {
    mode: "OneTime",
    hasCheckpoints: true,
    config: { checkpointHandledThreshold: 2 },
  } as const;
  const query = "fromStream('a-1').partitionBy(e=>e.data.n)" +
    ".when({$init:()=>({n:0}), evt(s,e){s.n+=e.data.n}})";
  const results = (...numbers: number[]) => [
    ...numbers.map((n) => `Result {"n":${n}}`),
    "$Eof ",
  ];
  await complete(fixture, query, changes);
  const first = results(3, 2, 4, 10, 9, 2, 6);
  const name = "$projections-p-result";
  assertEquals(textsOf(await fixture.read(name)), first);
  // Nothing is new: nothing is written.
  await complete(fixture, query, { ...changes, version: 1 });
  assertEquals(textsOf(await fixture.read(name)), first);
  await fixture.append("a-1", 3);
  await complete(fixture, query, { ...changes, version: 2 });
  assertEquals(textsOf(await fixture.read(name)), [
    ...first,
    ...results(6, 2, 4, 10, 9, 2, 6),
  ]);
});
