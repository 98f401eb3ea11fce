import { assertEquals } from "@std/assert";
import {
  aProjection,
  BAD_QUERY,
  DEFINITION,
  openProjectionFixture,
} from "../../tests/support/projection_service.ts";
import { ADMIN, aUser } from "../../tests/support/stream_service.ts";

const DONE = { kind: "done", name: "p" } as const;

Deno.test("a projection is registered, kept as the original keeps it, and started", async () => {
  const fixture = await openProjectionFixture();
  assertEquals(await fixture.create({ emitEnabled: true }), DONE);
  assertEquals(await fixture.eventsOf("$projections-$all"), [
    "$ProjectionsInitialized ",
    "$ProjectionCreated p",
  ]);
  assertEquals(await fixture.eventsOf("$projections-p"), [
    "$ProjectionUpdated " + JSON.stringify({
      handlerType: "JS",
      query: "fromStream('s')",
      mode: "Continuous",
      enabled: true,
      sourceDefinition: DEFINITION,
      emitEnabled: true,
      checkpointsDisabled: false,
      trackEmittedStreams: false,
      epoch: -1,
      version: 0,
      runAs: { name: "admin", roles: ["admin", "$admins"] },
      checkpointHandledThreshold: 4000,
      checkpointUnhandledBytesThreshold: 10_000_000,
      pendingEventsThreshold: 5000,
      maxWriteBatchLength: 500,
    }),
  ]);
  const { settings } = fixture.runOf("p");
  const { number, version, epoch, runs, runAs } = settings;
  assertEquals([number, version, epoch, runs], [1, 0, -1, true]);
  assertEquals(runAs.login, "admin");
  assertEquals(fixture.statusOf(), "Running: ");
  await fixture.service.close();
});

Deno.test("each command writes one version, and enabling one that runs none", async () => {
  const fixture = await openProjectionFixture();
  await fixture.create();
  const steps: unknown[] = [];
  for (
    const command of [
      "enable",
      "disable",
      "disable",
      "enable",
      "reset",
      "abort",
      "abort",
      "enable",
    ] as const
  ) {
    await fixture.command(command);
    const { version, epoch, enabled = false } = await fixture.lastRecord();
    steps.push([command, version, epoch, enabled, fixture.statusOf()]);
  }
  assertEquals(steps, [
    ["enable", 0, -1, true, "Running: "],
    ["disable", 1, -1, false, "Stopped: "],
    ["disable", 2, -1, false, "Stopped: "],
    ["enable", 3, -1, true, "Running: "],
    ["reset", 4, 4, true, "Running: "],
    ["abort", 5, 4, false, "Aborted/Faulted: "],
    ["abort", 6, 4, false, "Aborted/Faulted: "],
    ["enable", 7, 4, true, "Running: "],
  ]);
  const runs = fixture.started.map(({ settings, stopped }) => [
    settings.version,
    settings.epoch,
    stopped?.withCheckpoint,
  ]);
  assertEquals(runs, [
    [0, -1, true],
    [3, -1, true],
    [4, 4, false],
    [7, 4, undefined],
  ]);
  await fixture.service.close();
});

Deno.test("a restart keeps everything: order, versions, who is enabled", async () => {
  const fixture = await openProjectionFixture();
  await fixture.create();
  await fixture.create({ name: "q", isEnabled: false });
  await fixture.create({ name: "t", mode: "Transient" });
  await fixture.command("reset");
  const again = await fixture.restart();
  const named = again.service.list("any").map(({ name }) => name);
  assertEquals(named.slice(5), ["p", "q"]);
  assertEquals(again.statusOf("p"), "Running: ");
  assertEquals(again.statusOf("q"), "Stopped: ");
  const { settings } = again.runOf("p");
  assertEquals([settings.number, settings.version, settings.epoch], [1, 1, 1]);
  assertEquals(again.runOf("q").settings.runs, false);
  await again.service.close();
});

Deno.test("a name that is created again goes on numbering", async () => {
  const fixture = await openProjectionFixture();
  await fixture.create();
  await fixture.command("disable");
  const removed = { name: "p", deletesStateStream: true } as const;
  const streams = { deletesCheckpointStream: true } as const;
  const outcome = await fixture.service.delete(ADMIN, {
    ...removed,
    ...streams,
    deletesEmittedStreams: true,
  });
  assertEquals(outcome, DONE);
  const last = await fixture.lastRecord();
  assertEquals(last.numberOfPrequisitesMetForDeletion, 1);
  assertEquals([last.deleting, last.deleteEmittedStreams], [true, undefined]);
  assertEquals(fixture.service.statistics("p"), undefined);
  await fixture.create();
  const { settings } = fixture.runOf("p");
  assertEquals([settings.number, settings.version], [3, 3]);
  assertEquals(await fixture.eventsOf("$projections-$all"), [
    "$ProjectionsInitialized ",
    "$ProjectionCreated p",
    "$ProjectionDeleted p",
    "$ProjectionCreated p",
  ]);
  const again = await fixture.restart();
  assertEquals(again.statistics().version, 3);
  await again.service.close();
});

Deno.test("refusals are in the original's words", async () => {
  const fixture = await openProjectionFixture();
  const { service } = fixture;
  await fixture.create();
  const removal = {
    deletesCheckpointStream: false,
    deletesStateStream: false,
    deletesEmittedStreams: false,
  };
  const nobody = aUser("dave");
  const answers = [
    await fixture.create(),
    await fixture.create({ name: undefined }),
    await fixture.create({ mode: "OneTime", name: "o", emitEnabled: true }),
    await service.create(nobody, aProjection({ name: "d" })),
    await service.create(undefined, aProjection({ mode: "Transient" })),
    await service.command(nobody, "p", "disable"),
    await service.command(undefined, "none", "disable"),
    await service.updateConfig(ADMIN, "p", { emitEnabled: true }),
    await service.delete(ADMIN, { name: "p", ...removal }),
    await service.delete(undefined, { name: "$by_category", ...removal }),
    await service.updateQuery(ADMIN, {
      name: "$streams",
      query: "last\n-",
      handlerType: undefined,
      emitEnabled: undefined,
    }),
    await fixture.create({ name: "$all" }),
    await fixture.create({ name: "p-checkpoint" }),
  ].map((outcome) =>
    "reason" in outcome ? `${outcome.kind}: ${outcome.reason}` : outcome.kind
  );
  assertEquals(answers, [
    "conflict: Duplicate projection name: p",
    "refused: Projection name is required",
    "refused: Emit requires checkpoints",
    "unauthorized",
    "unauthorized",
    "unauthorized",
    "notFound",
    "refused: Cannot update the config of a projection that hasn't been stopped or faulted.",
    "refused: Cannot delete a projection that hasn't been stopped or faulted.",
    "refused: We currently don't allow for the deletion of System Projections.",
    "refused: The lists of $streams are kept by the store itself, by its " +
    "default query. Another query cannot be set.",
    "refused: The name $all is the registry's",
    "refused: A name that ends with -checkpoint would be that of another " +
    "projection's stream",
  ]);
  await service.close();
});

Deno.test("a query that cannot be prepared is there, and a good one mends it", async () => {
  const fixture = await openProjectionFixture();
  assertEquals(await fixture.create({ query: BAD_QUERY }), DONE);
  assertEquals(fixture.statusOf(), "Faulted: It is bad");
  const { version, epoch, position } = fixture.statistics();
  assertEquals([version, epoch, position], [-1, -1, undefined]);
  await fixture.command("disable");
  assertEquals(fixture.statusOf(), "Faulted: It is bad");
  await fixture.command("enable");
  const update = {
    name: "p",
    query: "good",
    handlerType: undefined,
    emitEnabled: undefined,
  };
  assertEquals(await fixture.service.updateQuery(ADMIN, update), DONE);
  assertEquals(fixture.statusOf(), "Running: ");
  const bad = { ...update, query: BAD_QUERY };
  assertEquals(await fixture.service.updateQuery(ADMIN, bad), DONE);
  assertEquals(fixture.statusOf(), "Faulted/Stopped (Enabled): It is bad");
  const again = await fixture.restart();
  assertEquals(again.statusOf(), "Faulted: It is bad");
  await again.service.close();
});

Deno.test("two servers over one store: one runs it, the other takes over", async () => {
  const fixture = await openProjectionFixture();
  const other = await openProjectionFixture({
    store: fixture.store,
    clock: fixture.clock,
    newId: crypto.randomUUID.bind(crypto),
  });
  await fixture.create();
  await other.timers.pass(0);
  assertEquals(other.statusOf(), "Running: ");
  assertEquals(other.started.map(({ settings }) => settings.runs), [false]);
  await fixture.service.close();
  await other.timers.pass(1_000);
  assertEquals(other.runOf("p").settings.runs, true);
  const outcome = await other.service.command(ADMIN, "p", "disable");
  assertEquals(outcome, DONE);
  await other.service.close();
});
