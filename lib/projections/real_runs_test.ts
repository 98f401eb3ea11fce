/** The service with queries that really run. */

import { assertEquals, assertMatch } from "@std/assert";
import { anEvent, createTestClock } from "../../tests/support/events.ts";
import { createModelStore } from "../../tests/support/model_store.ts";
import { aProjection } from "../../tests/support/projection_service.ts";
import { ADMIN } from "../../tests/support/stream_service.ts";
import { LIMITS, type Limits } from "../model/limits.ts";
import { SILENT_LOGGER } from "../model/logger.ts";
import { SYSTEM_TIMERS } from "../runtime/system_clock.ts";
import type { EventStore } from "../store/event_store.ts";
import type { ProjectionService } from "./contract.ts";
import { openProjectionRuns } from "./running/projection_runs.ts";
import { openProjections } from "./service.ts";

const QUERY = "fromStream('s').when({ $init() { return { n: 0 }; }, " +
  "$any(state) { state.n++; emit('out', 'seen', state); return state; } })";

function openServer(
  store: EventStore,
  limits: Partial<Limits> = {},
): Promise<ProjectionService> {
  const parts = {
    store,
    clock: createTestClock(),
    timers: SYSTEM_TIMERS,
    newId: () => crypto.randomUUID(),
    limits: { ...LIMITS, projectionRetryMs: 10, ...limits },
  };
  const runs = openProjectionRuns(parts);
  return openProjections({
    ...parts,
    logger: SILENT_LOGGER,
    mode: "all",
    runs,
  });
}

async function stateBecomes(
  service: ProjectionService,
  expected: string,
): Promise<void> {
  const found = await service.watch(ADMIN, "p", "state", "");
  if (found.kind !== "found") throw new Error(found.kind);
  for (;;) {
    const view = await found.view.next();
    if (view === undefined) throw new Error("The feed has ended");
    if (view.text === expected) break;
  }
  found.view.close();
}

function openStore(): EventStore {
  return createModelStore({
    clock: createTestClock(),
    newEventId: () => crypto.randomUUID(),
  });
}

Deno.test("the memory of engines counts towards the bound on all", async () => {
  const store = openStore();
  const service = await openServer(store, { projectionsMemoryBytesMax: 1 });
  const events = [anEvent(0)];
  await store.append({ streamName: "s", expectedVersion: "any", events });
  await service.create(ADMIN, aProjection({ query: QUERY, emitEnabled: true }));
  await stateBecomes(service, '{"n":1}');
  let reason = "";
  for (let count = 0; count < 1000 && reason === ""; count++) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    reason = service.statistics("p")?.stateReason ?? "";
  }
  assertMatch(reason, /^The projections take more memory than they may, 1 /);
  await service.close();
  await store.close();
});

Deno.test("a server that takes a projection over goes on where the other stopped", async () => {
  const store = openStore();
  const append = async (number: number) => {
    const events = [anEvent(number)];
    await store.append({ streamName: "s", expectedVersion: "any", events });
  };
  const one = await openServer(store);
  const other = await openServer(store);
  await append(0);
  const command = aProjection({ query: QUERY, emitEnabled: true });
  assertEquals((await one.create(ADMIN, command)).kind, "done");
  await Promise.any([
    stateBecomes(one, '{"n":1}'),
    stateBecomes(other, '{"n":1}'),
  ]);
  const [owner, heir] = one.counts().find(({ name }) => name === "p")?.isRunning
    ? [one, other]
    : [other, one];
  assertEquals(heir.statistics("p")?.status, "Running");
  await owner.close();
  await append(1);
  await stateBecomes(heir, '{"n":2}');
  assertEquals(heir.statistics("p")?.eventsProcessedAfterRestart, 1);
  await heir.close();
  const { head } = await store.readState("out");
  assertEquals(head, 1);
  await store.close();
});
