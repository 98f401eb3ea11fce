/**
 * Random histories on the real store and on the model side by side: every
 * answer is compared, and now and then everything that can be read. Stores are
 * closed and opened again, and machines lose power, at random moments.
 *
 * `QUIPU_SEED` repeats one history.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import type { EventStore } from "../../lib/store/event_store.ts";
import { SILENT_LOGGER } from "../../lib/model/logger.ts";
import { createFileDisk } from "../../storage/disk/file_disk.ts";
import { openKvCatalog } from "../../storage/commit/kv_catalog.ts";
import { createMemoryCatalog } from "../../storage/memory/memory_platform.ts";
import { createMemoryDisk } from "../../storage/memory/memory_platform.ts";
import { openStoreOn } from "../../storage/mod.ts";
import type { StorePlatform } from "../../storage/commit/platform.ts";
import { Machine } from "../faults/machine.ts";
import {
  createTestClock,
  createTestIds,
  type TestClock,
} from "../support/events.ts";
import {
  newSeed,
  type Random,
  wantedSeed,
  withSeed,
} from "../support/random.ts";
import { createRandomSteps } from "../support/random_steps.ts";
import {
  carryOut,
  compareLogs,
  compareStores,
  isRefusal,
  runModel,
  type StepOutcome,
  type TimedStep,
} from "../support/store_twins.ts";

/** Runs histories, each with a seed of its own, until the time is up. */
async function runHistories(
  durationMs: number,
  history: (random: Random) => Promise<void>,
): Promise<void> {
  const endAtMs = performance.now() + durationMs;
  const firstSeed = newSeed();
  let count = 0;
  do {
    await withSeed(history, (firstSeed + count) >>> 0);
    count++;
    // Disks in memory take turns of microtasks only: timers get theirs here.
    await new Promise((resolve) => setTimeout(resolve, 0));
  } while (wantedSeed() === undefined && performance.now() < endAtMs);
}

/** From a few records in a segment to a few hundred. */
function segmentSizeOf(random: Random): number {
  return random.pick([1024, 4096, 16_384, 262_144]);
}

/** A history in the making: its clock, what was asked, what was answered. */
class History {
  readonly clock: TestClock = createTestClock();
  readonly newEventId = createTestIds();
  readonly steps: TimedStep[] = [];
  readonly outcomes: (StepOutcome | undefined)[] = [];
  nowMs = 0;

  open(
    platform: StorePlatform,
    directory: string,
    segmentSizeBytes: number,
  ): Promise<EventStore> {
    return openStoreOn(platform, {
      directory,
      segmentSizeBytes,
      clock: this.clock,
      newEventId: this.newEventId,
      logger: SILENT_LOGGER,
    });
  }

  advance(durationMs: number): void {
    this.nowMs += durationMs;
    this.clock.advanceMs(durationMs);
  }

  /** Asks for a step without waiting for what comes of it. */
  ask(store: EventStore, step: TimedStep["step"]): Promise<void> {
    const index = this.steps.length;
    this.steps.push({ step, atMs: this.nowMs });
    this.outcomes.push(undefined);
    return carryOut(store, step).then((outcome) => {
      this.outcomes[index] = outcome;
    });
  }
}

/** Steps in bursts; between them everything is compared, or opened anew. */
async function runBeside(
  random: Random,
  options: {
    readonly platform: StorePlatform;
    readonly directory: string;
    readonly burstCount: number;
    /** Whether what was written outlives a close. */
    readonly isPermanent: boolean;
  },
): Promise<void> {
  const { platform, directory, burstCount, isPermanent } = options;
  const history = new History();
  const nextStep = createRandomSteps(random);
  const segmentSizeBytes = segmentSizeOf(random);
  let store = await history.open(platform, directory, segmentSizeBytes);
  try {
    for (let burst = 0; burst < burstCount; burst++) {
      history.advance(random.pick([0, 0, 1, 20]));
      const count = random.integer(1, 40);
      await Promise.all(
        Array.from({ length: count }, () => history.ask(store, nextStep())),
      );
      if (isPermanent && random.chance(0.2)) {
        await store.close();
        store = await history.open(platform, directory, segmentSizeBytes);
      }
      if (random.chance(0.2)) await compare();
    }
    await compare();
  } finally {
    await store.close();
  }

  async function compare(): Promise<void> {
    const model = await runModel(history.steps);
    assertEquals(history.outcomes, model.outcomes);
    await compareStores(store, model.store, random);
  }
}

Deno.test("random histories in memory are as in the model", async () => {
  await runHistories(2000, (random) =>
    runBeside(random, {
      platform: {
        disk: createMemoryDisk(),
        openCatalog: () => Promise.resolve(createMemoryCatalog()),
      },
      directory: "memory",
      burstCount: 10,
      isPermanent: false,
    }));
});

Deno.test("random histories on disk, closed and opened, are as in the model", async () => {
  await runHistories(3000, async (random) => {
    const directory = await Deno.makeTempDir({ prefix: "quipu-property-" });
    try {
      await runBeside(random, {
        platform: { disk: createFileDisk(), openCatalog: openKvCatalog },
        directory,
        burstCount: 8,
        isPermanent: true,
      });
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  });
});

const CRASH_DIRECTORY = "store";

/**
 * Loses power again and again. What was answered must be there; of what was
 * under way, some first part; nothing else, and no half of a batch.
 */
async function runWithCrashes(random: Random): Promise<void> {
  let platform = new Machine({
    directory: CRASH_DIRECTORY,
    turns: () => random.integer(0, 20),
  });
  const segmentSizeBytes = segmentSizeOf(random);
  const history = new History();
  const nextStep = createRandomSteps(random);
  for (let life = 0; life < 8; life++) {
    const store = await history.open(
      platform,
      CRASH_DIRECTORY,
      segmentSizeBytes,
    );
    await compareAfterCrash(store, history, random);
    // Records are timed when they are decided, not when they are asked for.
    history.advance(random.integer(0, 5));
    const asked: Promise<void>[] = [];
    const count = random.integer(0, 25);
    for (let index = 0; index < count; index++) {
      asked.push(history.ask(store, nextStep()));
      if (random.chance(0.2)) await turns(random.integer(0, 60));
    }
    // Rarely so long that everything is answered.
    await turns(random.integer(0, random.chance(0.2) ? 400 : 60));
    const after = platform.afterPowerLoss(random);
    // What the old machine still answers is no promise of the new one.
    const answered = [...history.outcomes];
    await Promise.all(asked);
    await store.close();
    history.outcomes.splice(0, answered.length, ...answered);
    if (random.chance(0.15)) after.rollBackCommits(random.integer(1, 4));
    platform = after;
  }
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await undefined;
}

/** Finds the part of the history that is left, and goes on from there. */
async function compareAfterCrash(
  store: EventStore,
  history: History,
  random: Random,
): Promise<void> {
  const length = await countEvents(store);
  const whole = await runModel(history.steps);
  const kept = whole.lengths.lastIndexOf(length);
  assert(kept >= 0, `The log ends in the middle of a batch: ${length} events`);
  // What needs no look at a stream is refused before others are answered.
  const lastAnswered = history.outcomes.findLastIndex((outcome) =>
    outcome !== undefined && !isRefusal(outcome)
  );
  const promised = whole.lengths[lastAnswered + 1] ?? 0;
  assert(length >= promised, `${promised} events promised, ${length} there`);
  for (const [index, outcome] of history.outcomes.entries()) {
    if (outcome !== undefined) assertEquals(outcome, whole.outcomes[index]);
  }
  history.steps.length = kept;
  history.outcomes.length = kept;
  const left = await runModel(history.steps);
  for (const [index, outcome] of left.outcomes.entries()) {
    history.outcomes[index] = outcome;
  }
  if (random.chance(0.3)) await compareStores(store, left.store, random);
  else await compareLogs(store, left.store, random);
}

async function countEvents(store: EventStore): Promise<number> {
  let count = 0;
  for (let from = 0, isAtEnd = false; !isAtEnd;) {
    const page = await store.readAll({
      from,
      count: 4096,
      direction: "forward",
      withBodies: false,
    });
    count += page.events.length;
    from = page.next;
    isAtEnd = page.isAtEnd;
  }
  return count;
}

Deno.test("a machine that loses power keeps what was answered, and only whole batches", async () => {
  await runHistories(4000, runWithCrashes);
});
