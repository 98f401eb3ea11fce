/**
 * Who may see and run projections, and how long they run: rights, leases,
 * modes of the server, built-in and transient ones.
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  aProjection,
  DEFINITION,
  openProjectionFixture,
  type ProjectionFixture,
} from "../../tests/support/projection_service.ts";
import { aMetadataEvent } from "../../tests/support/events.ts";
import { settle } from "../../tests/support/manual_timers.ts";
import { ADMIN, aUser } from "../../tests/support/stream_service.ts";
import { QuipuError } from "../model/errors.ts";
import { LIMITS } from "../model/limits.ts";
import type { Caller, StateFeed } from "./contract.ts";
import { SYSTEM_TIMERS } from "../runtime/system_clock.ts";
import { ProjectionEngine } from "./engine/engine.ts";
import { INITIAL_BYTES } from "./engine/quick_js.ts";
import type { CurrentUser } from "./run_as.ts";
import type { ProjectionOptions } from "./service.ts";

const DAVE = aUser("dave");
const DONE = { kind: "done", name: "p" } as const;

/** Opens another server over the same store. */
function openOther({ store, clock }: ProjectionFixture) {
  const newId = crypto.randomUUID.bind(crypto);
  return openProjectionFixture({ store, clock, newId });
}

async function watch(
  { service }: ProjectionFixture,
  caller: Caller = ADMIN,
): Promise<StateFeed> {
  const found = await service.watch(caller, "p", "state", "");
  if (found.kind === "found") return found.view;
  throw new Error(found.kind);
}

Deno.test("a feed shows the state now, then each change, until the projection is deleted", async () => {
  const fixture = await openProjectionFixture();
  await fixture.create();
  const run = fixture.runOf("p");
  run.show("1");
  const feed = await watch(fixture);
  assertEquals((await feed.next())?.text, "1");
  const next = feed.next();
  run.show("1");
  run.show("2");
  assertEquals((await next)?.text, "2");
  const last = feed.next();
  await fixture.command("disable");
  await fixture.service.delete(ADMIN, {
    name: "p",
    deletesCheckpointStream: false,
    deletesStateStream: false,
    deletesEmittedStreams: false,
  });
  assertEquals(await last, undefined);
  await fixture.service.close();
});

Deno.test("a feed goes on with the run that follows, and ends when the server stops", async () => {
  const fixture = await openProjectionFixture();
  await fixture.create();
  const feed = await watch(fixture);
  assertEquals((await feed.next())?.text, "");
  const next = feed.next();
  await fixture.command("reset");
  fixture.runOf("p").show("3");
  assertEquals((await next)?.text, "3");
  const last = feed.next();
  fixture.service.endWaiting();
  assertEquals(await last, undefined);
  await fixture.service.close();
});

Deno.test("the state is for its creator, administrators and readers of its results", async () => {
  const fixture = await openProjectionFixture();
  const { service, store } = fixture;
  const command = aProjection({ mode: "Transient" });
  assertEquals(await service.create(DAVE, command), DONE);
  const kinds = async () => {
    const callers = [DAVE, ADMIN, aUser("eve"), aUser("fay", ["some"])];
    const found = [];
    for (const caller of [...callers, undefined]) {
      found.push((await service.state(caller, "p", "")).kind);
      found.push((await service.log(caller, "p")).kind);
    }
    return found.filter((_, index) => index % 2 === 0);
  };
  const [yes, no] = ["found", "unauthorized"];
  assertEquals(await kinds(), [yes, yes, no, no, no]);
  await store.append({
    streamName: "$$$projections-p-result",
    expectedVersion: "any",
    events: [aMetadataEvent(1, { $acl: { $r: "some" } })],
  });
  assertEquals(await kinds(), [yes, yes, no, yes, no]);
  await service.close();
});

Deno.test("a feed ends when the right to see the state is lost", async () => {
  const fixture = await openProjectionFixture();
  const { store } = fixture;
  await fixture.create();
  const describe = async (id: number, role: string) => {
    const events = [aMetadataEvent(id, { $acl: { $r: role } })];
    const streamName = "$$$projections-p-result";
    await store.append({ streamName, expectedVersion: "any", events });
  };
  await describe(1, "some");
  const feed = await watch(fixture, aUser("fay", ["some"]));
  assertEquals((await feed.next())?.text, "");
  const next = feed.next();
  await describe(2, "others");
  fixture.runOf("p").show("1");
  assertEquals(await next, undefined);
  await fixture.service.close();
});

Deno.test("a transient projection counts its versions, is nowhere kept, and goes when nobody asks", async () => {
  const fixture = await openProjectionFixture();
  const { service, timers } = fixture;
  const command = aProjection({ mode: "Transient", emitEnabled: true });
  assertEquals(await service.create(DAVE, command), DONE);
  const { settings } = fixture.runOf("p");
  const { number, version, config, hasCheckpoints } = settings;
  assertEquals([number, version, config.emitEnabled], [-1, 0, false]);
  assertEquals(hasCheckpoints, false);
  assertEquals(await service.command(DAVE, "p", "reset"), DONE);
  const other = await service.command(aUser("eve"), "p", "reset");
  assertEquals(other, { kind: "unauthorized" });
  const { version: reset, epoch } = fixture.statistics();
  assertEquals([reset, epoch], [1, 1]);
  assertEquals(await fixture.eventsOf("$projections-$all"), []);
  await timers.pass(LIMITS.projectionTransientMs - 1);
  assertEquals(fixture.statusOf(), "Running: ");
  await timers.pass(LIMITS.projectionTransientMs + 60_000);
  assertEquals(service.statistics("p"), undefined);
  assertEquals(fixture.runOf("p").isDisposed, true);
  assertEquals(timers.waitingCount, 0);
  await service.close();
});

Deno.test("a query that has finished is run anew by a new text, as after a reset", async () => {
  const fixture = await openProjectionFixture();
  await fixture.create({ mode: "OneTime" });
  fixture.runOf("p").become({ phase: "completed", position: "completed" });
  assertEquals(fixture.statusOf(), "Completed/Stopped/Writing results: ");
  const update = {
    name: "p",
    query: "other",
    handlerType: undefined,
    emitEnabled: undefined,
  };
  assertEquals(await fixture.service.updateQuery(ADMIN, update), DONE);
  const { settings } = fixture.runOf("p");
  assertEquals([settings.query, settings.epoch], ["other", 1]);
  await fixture.service.close();
});

Deno.test("a fault is shown, and enabling takes the same event again", async () => {
  const fixture = await openProjectionFixture();
  await fixture.create();
  fixture.runOf("p").become({ phase: "faulted", reason: "broken" });
  assertEquals(fixture.statusOf(), "Faulted (Enabled): broken");
  const [counts] = fixture.service.counts().filter(({ name }) => name === "p");
  assertEquals([counts?.isRunning, counts?.isFaulted], [false, true]);
  await fixture.command("enable");
  assertEquals(fixture.statusOf(), "Running: ");
  fixture.runOf("p").become({ phase: "faulted", reason: "broken" });
  await fixture.command("disable");
  assertEquals(fixture.statusOf(), "Stopped/Faulted: ");
  await fixture.service.close();
});

Deno.test("thresholds that are left out stay, and only those of a stopped one change", async () => {
  const fixture = await openProjectionFixture();
  const { service } = fixture;
  await fixture.create({ isEnabled: false });
  const changed = await service.updateConfig(ADMIN, "p", {
    checkpointHandledThreshold: 2,
  });
  assertEquals(changed, DONE);
  const found = service.config(ADMIN, "p");
  const view = found.kind === "found" ? found.view : undefined;
  assertEquals(view?.checkpointHandledThreshold, 2);
  assertEquals(view?.pendingEventsThreshold, 5000);
  await fixture.command("enable");
  const { config, version } = fixture.runOf("p").settings;
  assertEquals([config.checkpointHandledThreshold, version], [2, 2]);
  await service.close();
});

Deno.test("a projection has the rights that its creator has now, and none without them", async () => {
  let user: CurrentUser = aUser("admin", ["$admins", "new"]);
  let changed = (_login: string) => {};
  const fixture = await openProjectionFixture({
    findUser: () => Promise.resolve(user),
    onLoginChange: (listener) => changed = listener,
  });
  await fixture.create();
  const roles = () => [...fixture.runOf("p").settings.runAs.roles];
  assertEquals(roles(), ["admin", "$admins", "new"]);
  changed("admin");
  await settle();
  assertEquals(fixture.started.length, 1);
  user = "disabled";
  changed("admin");
  await settle();
  assertEquals(
    fixture.statusOf(),
    "Faulted (Enabled): The user 'admin', whose rights it has, is disabled",
  );
  user = aUser("admin", ["$admins"]);
  changed("admin");
  await settle();
  assertEquals(fixture.statusOf(), "Running: ");
  assertEquals(roles(), ["admin", "$admins"]);
  await fixture.service.close();
});

Deno.test("a lease that is lost cuts the run off, and it starts again when it can", async () => {
  const fixture = await openProjectionFixture();
  await fixture.create();
  const { lease } = fixture.runOf("p").settings;
  const { leases } = fixture.store;
  if (lease === undefined) throw new Error("It runs without a lease");
  await leases.release(lease);
  const taken = await leases.acquire(lease.name, 60_000);
  await fixture.timers.pass(10_000);
  assertEquals(fixture.started.map(({ stopped }) => stopped), [
    { withCheckpoint: false },
  ]);
  assertEquals(fixture.statusOf(), "Running: ");
  if (taken !== undefined) await leases.release(taken);
  await fixture.timers.pass(LIMITS.projectionRetryMs);
  assertEquals(fixture.started.length, 2);
  await fixture.service.close();
});

Deno.test("commands at another server are followed", async () => {
  const fixture = await openProjectionFixture();
  await fixture.create();
  const other = await openOther(fixture);
  const command = async (name: "disable" | "enable" | "reset") => {
    assertEquals(await other.service.command(ADMIN, "p", name), DONE);
    await settle();
  };
  await command("disable");
  assertEquals(fixture.runOf("p").stopped, { withCheckpoint: true });
  assertEquals(fixture.statusOf(), "Stopped: ");
  assertEquals(
    await fixture.service.command(ADMIN, "p", "enable"),
    DONE,
  );
  assertEquals((await fixture.lastRecord()).version, 2);
  await other.service.command(ADMIN, "p", "disable");
  await settle();
  const removal = {
    name: "p",
    deletesCheckpointStream: false,
    deletesStateStream: false,
    deletesEmittedStreams: false,
  };
  assertEquals(await other.service.delete(ADMIN, removal), DONE);
  await settle();
  assertEquals(fixture.service.statistics("p"), undefined);
  await other.service.close();
  await fixture.service.close();
});

Deno.test("a server of system projections runs those alone whose name starts with $", async () => {
  const fixture = await openProjectionFixture({ mode: "system" });
  await fixture.create();
  await fixture.create({ name: "$own" });
  assertEquals(fixture.statusOf(), "Stopped: ");
  assertEquals(fixture.runOf("p").settings.runs, false);
  assertEquals(fixture.statusOf("$own"), "Running: ");
  await fixture.service.close();
});

Deno.test("over a read-only store nothing runs and nothing is changed", async () => {
  const fixture = await openProjectionFixture();
  await fixture.create();
  await fixture.service.close();
  const { store, clock } = fixture;
  const { service, ...again } = await openProjectionFixture({
    store,
    clock,
    isReadOnly: true,
  });
  assertEquals(again.statusOf(), "Stopped: ");
  const create = aProjection({ name: "q", mode: "Transient" });
  const error = await assertRejects(
    () => service.create(ADMIN, create),
    QuipuError,
  );
  assertEquals(error.code, "storeReadOnly");
  await assertRejects(() => service.command(ADMIN, "p", "reset"), QuipuError);
  await service.close();
});

Deno.test("the lists of the index are shown as running; stopping one changes its status alone", async () => {
  const fixture = await openProjectionFixture();
  const { service } = fixture;
  const lists = service.list("any").map(({ name, status }) =>
    `${name} ${status}`
  );
  assertEquals(lists, [
    "$streams Running",
    "$stream_by_category Running",
    "$by_category Running",
    "$by_event_type Running",
    "$by_correlation_id Stopped",
  ]);
  const disabled = await service.command(ADMIN, "$by_category", "disable");
  assertEquals(disabled.kind, "done");
  assertEquals(fixture.statusOf("$by_category"), "Stopped: ");
  const update = {
    name: "$by_category",
    query: "first\r\n-",
    handlerType: undefined,
    emitEnabled: undefined,
  };
  assertEquals((await service.updateQuery(ADMIN, update)).kind, "done");
  const again = await fixture.restart();
  assertEquals(again.statusOf("$by_category"), "Stopped: ");
  assertEquals(again.statusOf("$streams"), "Running: ");
  const found = await again.service.state(ADMIN, "$streams", "");
  const view = found.kind === "found" ? found.view : undefined;
  const { lastPosition } = await fixture.store.readEnd();
  assertEquals(view?.text, "");
  assertEquals(view?.position, {
    log: { commit: lastPosition, prepare: lastPosition },
  });
  await again.service.close();
});

Deno.test("the projection of correlation ids is registered when it is first enabled", async () => {
  const fixture = await openProjectionFixture();
  const { service } = fixture;
  const name = "$by_correlation_id";
  const outcome = await service.command(ADMIN, name, "enable");
  assertEquals(outcome.kind, "done");
  const { settings } = fixture.runOf(name);
  const { number, version, runs, runAs } = settings;
  assertEquals([number, version, runs], [1, 1, true]);
  assertEquals(runAs.login, "$system");
  assertEquals(settings.query.includes('property = "$correlationId"'), true);
  const again = await fixture.restart();
  assertEquals(again.statusOf(name), "Running: ");
  assertEquals(again.service.list("any").length, 5);
  await again.service.close();
});

Deno.test("as many run at the same time as may; one that stops makes room", async () => {
  const limits = { ...LIMITS, projectionsRunningMax: 1, projectionsMax: 7 };
  const fixture = await openProjectionFixture({ limits });
  await fixture.create();
  await fixture.create({ name: "q" });
  assertEquals(
    fixture.statusOf("q"),
    "Faulted (Enabled): As many projections run as may at the same time: 1",
  );
  assertEquals(await fixture.create({ name: "r" }), {
    kind: "refused",
    reason: "There are as many projections as there may be: 7",
  });
  await fixture.command("disable");
  const enabled = await fixture.service.command(ADMIN, "q", "enable");
  assertEquals(enabled.kind, "done");
  assertEquals(fixture.statusOf("q"), "Running: ");
  await fixture.service.close();
});

Deno.test("if all take too much memory together, the largest stops with a reason", async () => {
  const limits = { ...LIMITS, projectionsMemoryBytesMax: 100 };
  const fixture = await openProjectionFixture({ limits });
  await fixture.create();
  await fixture.create({ name: "q" });
  fixture.runOf("p").become({ memoryBytes: 70 });
  fixture.runOf("q").become({ memoryBytes: 30 });
  assertEquals(fixture.statusOf("q"), "Running: ");
  fixture.runOf("q").become({ memoryBytes: 31 });
  await settle();
  assertEquals(
    fixture.statusOf(),
    "Faulted (Enabled): The projections take more memory than they may, " +
      "100 bytes, and this one takes most of it, 70 bytes",
  );
  assertEquals(fixture.runOf("p").stopped, { withCheckpoint: true });
  assertEquals(fixture.statusOf("q"), "Running: ");
  await fixture.command("enable");
  assertEquals(fixture.statusOf(), "Running: ");
  await fixture.service.close();
});

/** Engines whose workers do nothing but end. */
function createIdleEngines() {
  const ended: string[] = [];
  const define: ProjectionOptions["define"] = (query) => {
    const worker: Worker = Object.assign(new EventTarget(), {
      onmessage: null,
      onmessageerror: null,
      onerror: null,
      postMessage() {},
      terminate() {
        ended.push(query.query);
      },
    });
    const engine = new ProjectionEngine(
      { query: query.query, canEmit: query.canEmit, limits: LIMITS },
      { timers: SYSTEM_TIMERS, startWorker: () => worker },
    );
    const defined = { query, engine, logs: [] };
    return Promise.resolve({ definition: DEFINITION, engine: defined });
  };
  return { ended, define };
}

Deno.test("the engine that a query was looked at in runs it, or ends", async () => {
  const { ended, define } = createIdleEngines();
  const fixture = await openProjectionFixture({ define });
  const { service, store } = fixture;
  await fixture.create({ query: "1" });
  assertEquals(fixture.runOf("p").settings.engine?.query.query, "1");
  await fixture.create({ name: "q", query: "2", isEnabled: false });
  assertEquals(ended, ["2"]);
  const update = {
    name: "p",
    query: "3",
    handlerType: undefined,
    emitEnabled: undefined,
  };
  const { append } = store;
  store.append = () => Promise.reject(new Error("full"));
  await assertRejects(() => service.updateQuery(ADMIN, update), Error, "full");
  store.append = append;
  await fixture.command("reset");
  assertEquals(ended, ["2", "3"]);
  assertEquals(fixture.runOf("p").settings.engine, undefined);
  assertEquals(await service.updateQuery(ADMIN, update), DONE);
  assertEquals(fixture.runOf("p").settings.engine?.query.query, "3");
  await service.close();
});

Deno.test("a deletion that a crash cut short is ended by the next start", async () => {
  const fixture = await openProjectionFixture();
  const { store } = fixture;
  await fixture.create({ emitEnabled: true, trackEmittedStreams: true });
  await fixture.command("disable");
  const append = async (streamName: string, data: string) => {
    const eventId = crypto.randomUUID();
    const event = { eventId, eventType: "e", isJson: false, metadata: "" };
    const events = [{ ...event, data }];
    await store.append({ streamName, expectedVersion: "any", events });
  };
  await append("out", "");
  await append("$projections-p-emittedstreams", "out");
  const { deleteStream } = store;
  store.deleteStream = () => Promise.reject(new Error("cut off"));
  await assertRejects(() =>
    fixture.service.delete(ADMIN, {
      name: "p",
      deletesCheckpointStream: true,
      deletesStateStream: false,
      deletesEmittedStreams: true,
    })
  );
  store.deleteStream = deleteStream;
  const again = await fixture.restart();
  assertEquals(again.service.statistics("p"), undefined);
  for (const streamName of ["out", "$projections-p-emittedstreams"]) {
    const { metadata } = await store.readState(streamName);
    assertEquals(Number(metadata.truncateBefore) > 0, true, streamName);
  }
  const names = await again.eventsOf("$projections-$all");
  assertEquals(names.at(-1), "$ProjectionDeleted p");
  await again.service.close();
});

Deno.test("as many projections as may run have the memory that each takes at least", () => {
  const { projectionsRunningMax, projectionsMemoryBytesMax } = LIMITS;
  const least = projectionsRunningMax * INITIAL_BYTES;
  assert(least < projectionsMemoryBytesMax, `${least} bytes`);
});

Deno.test("lines that queries logged are kept over a restart of the run, the last of them", async () => {
  const limits = { ...LIMITS, projectionLogKeptMax: 3 };
  const fixture = await openProjectionFixture({ limits });
  await fixture.create();
  const line = (text: string) => ({ atMs: 0, event: "", text });
  fixture.runOf("p").log.push(line("1"), line("2"));
  await fixture.command("reset");
  fixture.runOf("p").log.push(line("3"), line("4"));
  const found = await fixture.service.log(ADMIN, "p");
  const lines = found.kind === "found" ? found.view : [];
  assertEquals(lines.map(({ text }) => text), ["2", "3", "4"]);
  await fixture.service.close();
});
