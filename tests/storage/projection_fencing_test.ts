/**
 * Two servers that both believe that a projection is theirs: the one whose
 * lease was taken over writes nothing any more, neither an event nor a
 * checkpoint.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { SILENT_LOGGER } from "../../lib/model/logger.ts";
import type { EventStore } from "../../lib/store/event_store.ts";
import { openStore } from "../../storage/mod.ts";
import { createTestClock } from "../support/events.ts";
import {
  createPostgresStore,
  openPostgresAt,
  testWithPostgres,
} from "../support/postgres_server.ts";
import {
  createRunFixture,
  hasState,
  textsOf,
} from "../support/projection_runs.ts";

const HOLD_MS = 60_000;
const NAME = "projection:p";
const QUERY = "fromStream('a-1').when({$init:()=>({n:0})," +
  "evt(s,e){s.n++; if (e.data.n > 1) emit('out','seen',{n:e.data.n})}})";

async function takeOver(store: EventStore) {
  const lease = await store.leases.acquire(NAME, HOLD_MS);
  assert(lease !== undefined);
  return lease;
}

/** @param other Another server's view of the same store, or the same one. */
async function checkFencing(
  store: EventStore,
  other: EventStore,
): Promise<void> {
  const late = createRunFixture({ store });
  const next = createRunFixture({ store: other });
  await late.append("a-1", 1);
  const lost = await takeOver(store);
  // One is to write a checkpoint when it has lost its lease, one an event.
  const stopped = await late.start(QUERY, { lease: lost });
  const emitting = await late.start(QUERY, { lease: lost });
  await hasState(stopped, '{"n":1}');
  await hasState(emitting, '{"n":1}');
  await store.leases.release(lost);
  const lease = await takeOver(other);
  await stopped.stop({ withCheckpoint: true });
  await next.append("a-1", 2);
  await emitting.ended;
  assertEquals([emitting.status.phase, emitting.status.reason], [
    "stopped",
    "",
  ]);
  for (const name of ["out", "$projections-p-checkpoint"]) {
    assertEquals((await other.readState(name)).head, -1, name);
  }
  const owner = await next.start(QUERY, { lease });
  await hasState(owner, '{"n":2}');
  await owner.stop({ withCheckpoint: true });
  assertEquals(textsOf(await next.read("out")), ['seen {"n":2}']);
  assertEquals(textsOf(await next.read("$projections-p-checkpoint")), [
    '$ProjectionCheckpoint [{"n":2},{"n":2}]',
  ]);
}

function openOn(directory: string | undefined) {
  return openStore({
    directory,
    segmentSizeBytes: 64 * 1024,
    clock: createTestClock(),
    newEventId: () => crypto.randomUUID(),
    logger: SILENT_LOGGER,
  });
}

const TITLE = "a projection whose lease was taken over writes nothing more";

Deno.test(`${TITLE}: in memory`, async () => {
  await using store = await openOn(undefined);
  await checkFencing(store, store);
});

Deno.test(`${TITLE}: on disk`, async () => {
  const directory = await Deno.makeTempDir({ prefix: "quipu_fencing_" });
  try {
    await using store = await openOn(directory);
    await checkFencing(store, store);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

await testWithPostgres("fencing of projections", () => {
  Deno.test(`${TITLE}: in PostgreSQL`, async () => {
    const url = await createPostgresStore();
    await using one = await openPostgresAt(url);
    await using other = await openPostgresAt(url);
    await checkFencing(one, other);
  });
});
