/**
 * Runs of projections, from events to states, checkpoints and emitted events.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { QuipuError } from "../../model/errors.ts";
import type { ReadRequest, ReadResult } from "../../store/event_store.ts";
import {
  createRunFixture,
  hasState,
  textsOf,
} from "../../../tests/support/projection_runs.ts";

const SUM = "when({$init:()=>({n:0}), evt(s,e){s.n+=e.data.n}})";

Deno.test("a run folds what is there and what comes, and goes on after a stop", async () => {
  const fixture = createRunFixture();
  await fixture.append("a-1", 1, 2);
  const first = await fixture.start(`fromStream('a-1').${SUM}`);
  await hasState(first, '{"n":3}');
  await fixture.append("a-1", 4);
  await hasState(first, '{"n":7}');
  assertEquals(first.status.position, { streams: [["a-1", 2]] });
  await first.stop({ withCheckpoint: true });
  assertEquals(first.status.phase, "stopped");
  assertEquals(first.status.lastCheckpoint, { streams: [["a-1", 2]] });
  await fixture.append("a-1", 8);
  const second = await fixture.start(`fromStream('a-1').${SUM}`, {
    version: 2,
  });
  await hasState(second, '{"n":15}');
  assertEquals(second.status.eventsProcessed, 1);
  await second.stop({ withCheckpoint: false });
  assertEquals(textsOf(await fixture.read("$projections-p-checkpoint")), [
    '$ProjectionCheckpoint [{"n":7},{"n":7}]',
  ]);
});

Deno.test("a run emits, and not twice after a stop without a checkpoint", async () => {
  const fixture = createRunFixture();
  await fixture.append("a-1", 1, 2);
  const query = "fromCategory('a').foreachStream().when({$init:()=>({n:0})," +
    "evt(s,e){s.n+=e.data.n; emit('out','sum',{n:s.n}); linkTo('links',e)}})";
  const first = await fixture.start(query);
  await hasState(first, '{"n":3}', "a-1");
  await first.stop({ withCheckpoint: false });
  await fixture.append("a-2", 5);
  const second = await fixture.start(query);
  await hasState(second, '{"n":5}', "a-2");
  await second.stop({ withCheckpoint: true });
  assertEquals(textsOf(await fixture.read("out")), [
    'sum {"n":1}',
    'sum {"n":3}',
    'sum {"n":5}',
  ]);
  assertEquals(textsOf(await fixture.read("links")), [
    "$> 0@a-1",
    "$> 1@a-1",
    "$> 0@a-2",
  ]);
});

Deno.test("a run reads the log, without system streams and links", async () => {
  const fixture = createRunFixture();
  await fixture.append("a-1", 1);
  await fixture.append("$system", 50);
  await fixture.append("b-1", 2);
  const run = await fixture.start(`fromAll().${SUM}`);
  await hasState(run, '{"n":3}');
  const any = await fixture.start(
    "fromAll().when({$init:()=>0, $any(s,e){return s+1}})",
    { name: "any", number: 8 },
  );
  await hasState(any, "2");
  await run.stop({ withCheckpoint: true });
  await any.stop({ withCheckpoint: true });
});

Deno.test("a run waits while the store can be read by nobody, and leaves nothing out", async () => {
  const fixture = createRunFixture({ limits: { projectionRetryMs: 1 } });
  const { store } = fixture;
  const read = store.readStream.bind(store);
  let count = 0;
  Object.assign(store, {
    readStream(request: ReadRequest): Promise<ReadResult> {
      // Every second one, so that streams are read whose neighbours are not.
      const isRefused = ++count <= 8 && count % 2 === 1;
      return isRefused
        ? Promise.reject(new QuipuError("storeReadOnly", "Not now"))
        : read(request);
    },
  });
  await fixture.append("a-1", 1, 2);
  await fixture.append("a-2", 4);
  const run = await fixture.start(`fromStreams('a-1','a-2').${SUM}`);
  await hasState(run, '{"n":7}');
  await run.stop({ withCheckpoint: true });
  assertEquals([run.status.phase, count > 1], ["stopped", true]);
});
