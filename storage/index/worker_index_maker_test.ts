/**
 * Index files made in a worker: the same bytes as those made here, and none
 * lost when the worker fails.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { type Logger, SILENT_LOGGER } from "../../lib/model/logger.ts";
import {
  aMetadataEvent,
  anEvent,
  createTestClock,
  createTestIds,
} from "../../tests/support/events.ts";
import { type Random, withSeed } from "../../tests/support/random.ts";
import { openStore } from "../mod.ts";
import {
  createWorkerIndexMaker,
  type IndexMaker,
} from "./worker_index_maker.ts";

const NAMES = ["cart-", "größe-", "x-", "", "訂單-", "long-".repeat(40)];

/** What is done with a stream, the same in each store. */
type Step =
  | {
    readonly type: "append";
    readonly streamName: string;
    readonly count: number;
    readonly length: number;
  }
  | { readonly type: "describe"; readonly streamName: string }
  | {
    readonly type: "delete";
    readonly streamName: string;
    readonly mode: "soft" | "hard";
  };

function randomSteps(random: Random): Step[] {
  return Array.from({ length: 300 }, () => {
    const streamCount = random.pick([1, 3, 500]);
    const streamName = random.pick(NAMES) + "s" +
      random.integer(1, streamCount);
    if (random.chance(0.05)) return { type: "describe", streamName };
    if (random.chance(0.05)) {
      return {
        type: "delete",
        streamName,
        mode: random.pick(["soft", "hard"]),
      };
    }
    const count = random.chance(0.02)
      ? random.integer(200, 900)
      : random.integer(1, 9);
    return {
      type: "append",
      streamName,
      count,
      length: random.integer(0, 400),
    };
  });
}

/** Makes a store in a new directory, and returns its index files. */
async function indexFilesAfter(
  steps: readonly Step[],
  indexMaker: IndexMaker | undefined,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const directory = await Deno.makeTempDir({ prefix: "quipu-maker-" });
  try {
    const store = await openStore({
      directory,
      segmentSizeBytes: 32 * 1024,
      clock: createTestClock(),
      newEventId: createTestIds(),
      logger: SILENT_LOGGER,
      ...(indexMaker !== undefined && { indexMaker }),
    });
    let number = 0;
    const expectedVersion = "any";
    for (const step of steps) {
      const { streamName } = step;
      if (step.type === "delete") {
        await store.deleteStream({
          streamName,
          expectedVersion,
          mode: step.mode,
        });
      } else if (step.type === "describe") {
        const events = [aMetadataEvent(number++, { $maxCount: 5 })];
        await store.append({
          streamName: `$$${streamName}`,
          expectedVersion,
          events,
        });
      } else {
        const { count, length } = step;
        const events = Array.from(
          { length: count },
          () => anEvent(number++, { data: JSON.stringify("x".repeat(length)) }),
        );
        await store.append({ streamName, expectedVersion, events });
      }
    }
    await store.close();
    const files = new Map<string, Uint8Array>();
    const segments = join(directory, "segments");
    for (const { name } of Deno.readDirSync(segments)) {
      assert(!name.endsWith(".tmp"), "No temporary file is left");
      if (!name.endsWith(".idx")) continue;
      files.set(name, Deno.readFileSync(join(segments, name)));
    }
    return files;
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

function assertSameFiles(
  made: ReadonlyMap<string, Uint8Array>,
  wanted: ReadonlyMap<string, Uint8Array>,
): void {
  assertEquals([...made.keys()].sort(), [...wanted.keys()].sort());
  for (const [name, bytes] of wanted) {
    assertEquals(made.get(name)?.length, bytes.length);
    const isSame = made.get(name)?.every((byte, at) => byte === bytes[at]);
    assert(isSame, `The files ${name} differ`);
  }
}

/** Remembers warnings. */
class Told {
  readonly lines: string[] = [];
  readonly logger: Logger = {
    ...SILENT_LOGGER,
    warn: (event, fields) => {
      this.lines.push(`${event} ${fields?.["reason"]}`);
    },
  };
}

Deno.test("a worker makes the same index files as this thread", async () => {
  await withSeed(async (random) => {
    const steps = randomSteps(random);
    const told = new Told();
    const maker = createWorkerIndexMaker({
      entriesMin: 0,
      logger: told.logger,
    });
    const made = await indexFilesAfter(steps, maker);
    assertEquals(told.lines, []);
    assert(made.size > 3, "Several segments were sealed");
    assertSameFiles(made, await indexFilesAfter(steps, undefined));
  });
});

/** A worker that runs a text. */
function workerOf(source: string): () => Worker {
  const url = "data:application/javascript," + encodeURIComponent(source);
  return () => new Worker(url, { type: "module" });
}

const FAILING: Record<string, () => Worker> = {
  "cannot be started": () => {
    throw new Error("no thread is left");
  },
  "has no module": () =>
    new Worker(new URL("./no_such_worker.js", import.meta.url), {
      type: "module",
    }),
  "throws when it begins": workerOf("throw new Error('at once')"),
  "throws after a sign of life": workerOf(
    `onmessage = () => {
       postMessage({ type: "working" });
       setTimeout(() => { throw new Error("later") });
     }`,
  ),
  "refuses to work": workerOf(
    "onmessage = () => postMessage({ type: 'failed', reason: 'no memory' })",
  ),
  "says nothing": workerOf("onmessage = () => {}"),
  "leaves half a file": workerOf(
    `onmessage = ({ data }) => {
       Deno.writeTextFileSync(data.path + ".tmp", "rubbish");
       throw new Error("killed");
     }`,
  ),
  "forgets lists": workerOf(
    `onmessage = () =>
       postMessage({ type: "made", offsets: new Uint32Array(1) })`,
  ),
};

const SOME_STEPS: readonly Step[] = Array.from(
  { length: 40 },
  (_, index) => ({
    type: "append",
    streamName: `cart-${index % 7}`,
    count: 10,
    length: 100,
  }),
);

for (const [title, startWorker] of Object.entries(FAILING)) {
  Deno.test(`a worker that ${title} costs nothing but time`, async () => {
    const told = new Told();
    const maker = createWorkerIndexMaker({
      entriesMin: 0,
      startWorker,
      silenceMsMax: title === "says nothing" ? 20 : 60_000,
      logger: told.logger,
    });
    const made = await indexFilesAfter(SOME_STEPS, maker);
    assertEquals(told.lines.length, 1, "It is told once");
    assertSameFiles(made, await indexFilesAfter(SOME_STEPS, undefined));
  });
}
