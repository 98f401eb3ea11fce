/**
 * Projections that are killed at random moments while events come: afterwards
 * states are those of a fold in plain code, and what was emitted is there once
 * and in order, whatever hid or took away events meanwhile.
 *
 * @module
 */

import { assertEquals, assertRejects } from "@std/assert";
import type { RecordedEvent } from "../../lib/model/event.ts";
import type { ProjectionRun } from "../../lib/projections/run.ts";
import type { openProjectionRuns } from "../../lib/projections/running/projection_runs.ts";
import { nameId } from "../../lib/projections/running/emissions.ts";
import { openStore } from "../../storage/mod.ts";
import type {
  EventStore,
  MaintainedStore,
} from "../../lib/store/event_store.ts";
import { SILENT_LOGGER } from "../../lib/model/logger.ts";
import { aMetadataEvent, createTestClock } from "../support/events.ts";
import { createCrashingStore } from "../support/crashing_store.ts";
import { loadPatchedRuns, type RunPatch } from "../support/patched_runs.ts";
import {
  caughtUp,
  createRunFixture,
  hasState,
  type RunFixture,
  textsOf,
} from "../support/projection_runs.ts";
import { type Random, withSeed } from "../support/random.ts";

type OpenRuns = typeof openProjectionRuns;

const STREAMS = ["a-0", "a-1", "a-2"];
const LIVES = 6;
/** Of 5 ms: a life ends when it is killed, or everything is taken. */
const LIFE_WAITS_MAX = 1_000;
const SCAVENGE = { report: () => {}, signal: new AbortController().signal };

/** An event of the source. */
interface Sent {
  readonly streamName: string;
  readonly eventNumber: number;
  readonly n: number;
}

/** A projection, and what it must come to. */
interface Subject {
  readonly query: string;
  /** States by partition. */
  states(events: readonly Sent[]): Map<string, string>;
  /** Texts of what it emits, by stream. */
  emitted(events: readonly Sent[]): Map<string, string[]>;
  /** Ids of what it emits to one stream, if they are known beforehand. */
  ids?(events: readonly Sent[]): string[];
}

const COUNT: Subject = {
  query: "fromStreams('a-2','a-0','a-1').when({$init:()=>({n:0,last:-1})," +
    "evt(s,e){s.n+=e.data.n; s.last=e.data.n}})",
  states(events) {
    const n = events.reduce((sum, event) => sum + event.n, 0);
    return new Map([["", JSON.stringify({ n, last: events.at(-1)?.n ?? -1 })]]);
  },
  emitted: () => new Map(),
};

const PARTED: Subject = {
  query: "fromCategory('a').foreachStream().when({$init:()=>({n:0})," +
    "evt(s,e){s.n+=e.data.n;" +
    "if (e.data.n%3!==0) emit('out','sum',{n:s.n,of:e.streamId})}})",
  states(events) {
    const sums = new Map<string, number>();
    for (const { streamName, n } of events) {
      sums.set(streamName, (sums.get(streamName) ?? 0) + n);
    }
    return new Map(
      [...sums].map(([name, n]) => [name, JSON.stringify({ n })]),
    );
  },
  emitted(events) {
    const sums = new Map<string, number>();
    const out: string[] = [];
    for (const { streamName: of, n } of events) {
      const sum = (sums.get(of) ?? 0) + n;
      sums.set(of, sum);
      if (n % 3 !== 0) out.push(JSON.stringify({ n: sum, of }));
    }
    return new Map([["out", out]]);
  },
  ids: (events) =>
    events.flatMap(({ n }, place) =>
      n % 3 === 0 ? [] : [nameId("p", 7, -1, `$ce-a ${place}`, 0)]
    ),
};

const LINKED: Subject = {
  query: "fromAll().partitionBy(e=>e.data.n%2?'odd':'even').when({" +
    "$init:()=>({n:0}), evt(s,e){s.n++; linkTo('links-'+e.data.n%2,e)}})",
  states(events) {
    const odd = events.filter(({ n }) => n % 2 === 1).length;
    const all = [["odd", odd], ["even", events.length - odd]] as const;
    return new Map(
      all.filter(([, n]) => n > 0).map(([key, n]) => [
        key,
        JSON.stringify({ n }),
      ]),
    );
  },
  emitted(events) {
    const links = new Map<string, string[]>();
    for (const { streamName, eventNumber, n } of events) {
      const name = `links-${n % 2}`;
      links.set(name, [
        ...links.get(name) ?? [],
        `${eventNumber}@${streamName}`,
      ]);
    }
    return links;
  },
};

/** A store with its source, and what became of the streams that are written. */
interface World {
  readonly store: MaintainedStore;
  readonly random: Random;
  readonly sent: Sent[];
  readonly counts: Map<string, number>;
}

function openMemoryStore(): Promise<MaintainedStore> {
  return openStore({
    directory: undefined,
    segmentSizeBytes: 4096,
    clock: createTestClock(),
    newEventId: () => crypto.randomUUID(),
    logger: SILENT_LOGGER,
  });
}

async function send(world: World): Promise<void> {
  const { store, random, sent, counts } = world;
  const streamName = random.pick(STREAMS);
  const count = random.integer(1, 3);
  const fixture = createRunFixture({ store });
  const numbers = Array.from({ length: count }, () => random.integer(0, 9));
  await fixture.append(streamName, ...numbers);
  for (const n of numbers) {
    const eventNumber = counts.get(streamName) ?? 0;
    counts.set(streamName, eventNumber + 1);
    sent.push({ streamName, eventNumber, n });
  }
}

/** One life that ends when the store says so, or by a stop. */
async function live(
  world: World,
  subject: Subject,
  openRuns: OpenRuns | undefined,
): Promise<void> {
  const { random, store } = world;
  const crashing = createCrashingStore(store, {
    appendCount: random.integer(1, 14),
    isLastWritten: random.chance(0.5),
  });
  const fixture = createRunFixture({
    store: crashing.store,
    ...(openRuns === undefined ? {} : { openRuns }),
  });
  const run = await start(fixture, subject, random);
  for (let step = 0; step < 6 && !crashing.hasCrashed; step++) {
    await send(world);
    await pause(random.integer(0, 15));
  }
  for (let waits = 0; waits < LIFE_WAITS_MAX; waits++) {
    if (crashing.hasCrashed || isDone(run, world)) break;
    await pause(5);
  }
  await run.stop({ withCheckpoint: random.chance(0.5) });
  assertEquals(run.status.reason, "");
}

function start(
  fixture: RunFixture,
  { query }: Subject,
  random: Random,
): Promise<ProjectionRun> {
  return fixture.start(query, {
    config: {
      checkpointHandledThreshold: random.integer(1, 5),
      maxWriteBatchLength: random.integer(1, 4),
      pendingEventsThreshold: random.integer(1, 10),
    },
  });
}

/** Hides or removes what was emitted. */
async function disturb(
  { store, random }: World,
  name: string,
): Promise<void> {
  if (random.chance(0.3)) {
    await store.append({
      streamName: "$$" + name,
      expectedVersion: "any",
      events: [aMetadataEvent(random.integer(1, 2 ** 40), { $maxCount: 2 })],
    });
  }
  const { head } = await store.readState(name);
  if (random.chance(0.4) && head >= 0) {
    await store.deleteStream({
      streamName: name,
      expectedVersion: "any",
      mode: "soft",
    });
  }
  if (random.chance(0.5)) {
    await store.maintenance.scavenge({}, SCAVENGE);
  }
}

/** Emitted events by their numbers, whenever they were seen. */
type Seen = Map<string, Map<number, RecordedEvent>>;

async function look(
  { store }: World,
  subject: Subject,
  sent: readonly Sent[],
  seen: Seen,
): Promise<void> {
  const fixture = createRunFixture({ store });
  for (const name of subject.emitted(sent).keys()) {
    const ofStream = seen.get(name) ?? new Map<number, RecordedEvent>();
    seen.set(name, ofStream);
    for (const event of await fixture.read(name)) {
      ofStream.set(event.eventNumber, event);
    }
  }
}

function textOf({ data }: RecordedEvent): string {
  return new TextDecoder().decode(data);
}

/** Lives, kills and disturbs; then everything is as it must be. */
async function checkLives(
  subject: Subject,
  random: Random,
  { openRuns, disturbs = false }: {
    readonly openRuns?: OpenRuns;
    readonly disturbs?: boolean;
  } = {},
): Promise<void> {
  const world: World = {
    store: await openMemoryStore(),
    random,
    sent: [],
    counts: new Map(),
  };
  await using _store = world.store;
  const seen: Seen = new Map();
  for (let life = 0; life < LIVES; life++) {
    await live(world, subject, openRuns);
    await look(world, subject, world.sent, seen);
    if (!disturbs) continue;
    const names = [...subject.emitted(world.sent).keys()];
    for (const name of names) await disturb(world, name);
  }
  const fixture = createRunFixture({
    store: world.store,
    ...(openRuns === undefined ? {} : { openRuns }),
  });
  const run = await start(fixture, subject, random);
  const states = [...subject.states(world.sent)].sort();
  await caughtUp(run, () => isDone(run, world));
  await run.stop({ withCheckpoint: true });
  await look(world, subject, world.sent, seen);
  const found: [string, string][] = [];
  for (const [name] of states) {
    found.push([name, (await run.state(name)).text]);
  }
  assertEquals(found, states);
  for (const [name, texts] of subject.emitted(world.sent)) {
    const { head } = await world.store.readState(name);
    assertEquals(head + 1, texts.length, `events of ${name}`);
    const ids = subject.ids?.(world.sent);
    for (const [number, event] of seen.get(name) ?? []) {
      assertEquals(textOf(event), texts[number], `${number}@${name}`);
      if (ids === undefined) continue;
      assertEquals(event.eventId, ids[number], `id of ${number}@${name}`);
    }
  }
}

/** Whether a run has taken everything up to the end of the source. */
function isDone({ status }: ProjectionRun, { counts }: World): boolean {
  const { position, progress, pendingWrites } = status;
  if (position === undefined || position === "completed") return false;
  if (pendingWrites > 0) return false;
  if (position.log !== undefined) return progress === 100;
  const places = new Map(position.streams);
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
  return places.has("$ce-a")
    ? places.get("$ce-a") === total - 1
    : [...counts].every(([name, count]) => places.get(name) === count - 1);
}

function pause(durationMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, durationMs));
}

for (
  const [name, subject] of Object.entries({
    "a fold": COUNT,
    "a fold by streams that emits": PARTED,
    "a fold by a function that links": LINKED,
  })
) {
  Deno.test(`${name} that is killed comes to the same as plain code`, async () => {
    await withSeed((random) => checkLives(subject, random));
  });
}

for (
  const [name, subject] of Object.entries({ emits: PARTED, links: LINKED })
) {
  Deno.test(`a projection that ${name} writes each event once, whatever is hidden or scavenged`, async () => {
    await withSeed((random) => checkLives(subject, random, { disturbs: true }));
  });
}

const BUGS: Readonly<Record<string, RunPatch & { subject: Subject }>> = {
  "a checkpoint before what it covers is written": {
    subject: PARTED,
    file: "run.ts",
    from: "this.#schedule.began();\n    await this.#settle(writer);",
    to: "this.#schedule.began();",
  },
  "an id that is another one each time": {
    subject: PARTED,
    file: "emissions.ts",
    from: 'texts.join("\\0")',
    to: 'texts.join("\\0") + crypto.randomUUID()',
  },
  "a position that is one too far": {
    subject: COUNT,
    file: "merged_source.ts",
    from: ": place + 1,",
    to: ": place + 2,",
  },
  "a position that is one too low": {
    subject: COUNT,
    file: "positions.ts",
    from: "this.places[at.streamIndex] = at.place;",
    to: "this.places[at.streamIndex] = at.place - 1;",
  },
};

for (const [name, { subject, ...patch }] of Object.entries(BUGS)) {
  Deno.test(`${name} is caught`, async () => {
    await using patched = await loadPatchedRuns(patch);
    const { openProjectionRuns: openRuns } = patched;
    await assertRejects(async () => {
      // Where it kills depends on the machine; mostly the first round tells.
      for (let round = 0; round < 50; round++) {
        await withSeed(
          (random) => checkLives(subject, random, { openRuns }),
          1 + round,
        );
      }
    });
  });
}

/** Copies each event, and counts by streams where they are parted. */
function copyQuery(source: string): string {
  return `${source}.when({$init:()=>({n:0}),` +
    "evt(s,e){s.n++; emit('out','seen',{n:e.data.n})}})";
}

/** The stream loses everything, and only remembers how many events it had. */
async function empty(store: MaintainedStore, streamName: string) {
  await store.deleteStream({
    streamName,
    expectedVersion: "any",
    mode: "soft",
  });
  await store.maintenance.scavenge({}, SCAVENGE);
  const { entries } = await store.readStream({
    streamName,
    from: 0,
    count: 10,
    direction: "forward",
    withBodies: true,
  });
  assertEquals(entries, []);
}

/** Runs until the process is killed as it writes a checkpoint of the root. */
async function liveUntilCheckpoint(
  store: EventStore,
  query: string,
  { threshold, isWritten }: {
    readonly threshold: number;
    readonly isWritten: boolean;
  },
): Promise<void> {
  const crashing = createCrashingStore(store, {
    isPoint: ({ streamName }) => streamName === "$projections-p-checkpoint",
    isLastWritten: isWritten,
  });
  const run = await createRunFixture({ store: crashing.store }).start(query, {
    config: { checkpointHandledThreshold: threshold },
  });
  await run.ended;
  assertEquals([run.status.phase, crashing.hasCrashed], ["stopped", true]);
}

async function checkIsThere(
  store: EventStore,
  query: string,
  { n, texts }: { readonly n: number; readonly texts: readonly string[] },
): Promise<void> {
  const fixture = createRunFixture({ store });
  await fixture.append("a-1", n);
  const run = await fixture.start(query);
  await caughtUp(
    run,
    async () => (await store.readState("out")).head === n - 1,
  );
  await run.stop({ withCheckpoint: true });
  assertEquals(textsOf(await fixture.read("out")), texts);
}

Deno.test("after a stop without a checkpoint nothing is written twice, though the stream was deleted and scavenged", async () => {
  await using store = await openMemoryStore();
  const fixture = createRunFixture({ store });
  const query = copyQuery("fromStream('a-1')");
  await fixture.append("a-1", 1, 2);
  const first = await fixture.start(query);
  await hasState(first, '{"n":2}');
  await first.stop({ withCheckpoint: false });
  await empty(store, "out");
  await checkIsThere(store, query, { n: 3, texts: ['seen {"n":3}'] });
});

Deno.test("after a crash nothing is written twice, though the stream was deleted and scavenged", async () => {
  await using store = await openMemoryStore();
  const query = copyQuery("fromStream('a-1')");
  await createRunFixture({ store }).append("a-1", 1, 2, 3);
  await liveUntilCheckpoint(store, query, { threshold: 3, isWritten: false });
  await empty(store, "out");
  await checkIsThere(store, query, { n: 4, texts: ['seen {"n":4}'] });
});

Deno.test("after a crash between the checkpoints of partitions and that of the root nothing is left out, though the stream was deleted and scavenged", async () => {
  await using store = await openMemoryStore();
  const query = copyQuery("fromCategory('a').foreachStream()");
  const fixture = createRunFixture({ store });
  await fixture.append("a-1", 1);
  await fixture.append("a-2", 2, 3);
  await liveUntilCheckpoint(store, query, { threshold: 3, isWritten: false });
  await empty(store, "out");
  await checkIsThere(store, query, { n: 4, texts: ['seen {"n":4}'] });
});

Deno.test("a second crash before everything came again changes nothing of that", async () => {
  await using store = await openMemoryStore();
  const query = copyQuery("fromStream('a-1')");
  await createRunFixture({ store }).append("a-1", 1, 2, 3, 4);
  await liveUntilCheckpoint(store, query, { threshold: 4, isWritten: false });
  await empty(store, "out");
  await liveUntilCheckpoint(store, query, { threshold: 2, isWritten: true });
  await checkIsThere(store, query, { n: 5, texts: ['seen {"n":5}'] });
});
