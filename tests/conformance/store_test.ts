/**
 * The recorded answers over the program's own stores instead of the model.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { SILENT_LOGGER } from "../../lib/model/logger.ts";
import { openStore } from "../../storage/mod.ts";
import { openAppTarget } from "./app_target.ts";
import { describeStep, replayArea, stepsOf } from "./area_result.ts";
import { DEVIATIONS } from "./deviations.ts";
import { SCAVENGE_DEVIATION } from "./projection_deviations.ts";
import { areaNames } from "./recording.ts";
import type { Target } from "./target.ts";

const SEGMENT_SIZE_BYTES = 1024 * 1024;

/**
 * Each of its queries starts an engine, which takes minutes in all. It is
 * replayed over the model in every run, and here when `QUIPU_REPLAY_ALL` is
 * set.
 */
const SLOW_AREA = "projections";
const AREAS = areaNames().filter((area) =>
  area !== SLOW_AREA || Deno.env.has("QUIPU_REPLAY_ALL")
);

Deno.test("replays over the store in memory", async (test) => {
  for (const area of AREAS) {
    await test.step(area, () => assertReplays(area, () => openOn(undefined)));
  }
});

Deno.test("replays over the store on disk", async (test) => {
  for (const area of AREAS) {
    await test.step(area, async () => {
      const directory = await Deno.makeTempDir({ prefix: "quipu_replay_" });
      try {
        await assertReplays(area, () => openOn(directory));
      } finally {
        await Deno.remove(directory, { recursive: true });
      }
    });
  }
});

function openOn(directory: string | undefined): Promise<Target> {
  return openAppTarget((options) =>
    openStore({
      ...options,
      directory,
      segmentSizeBytes: SEGMENT_SIZE_BYTES,
      logger: SILENT_LOGGER,
    })
  );
}

async function assertReplays(
  area: string,
  openTarget: () => Promise<Target>,
): Promise<void> {
  const result = await replayArea(area, openTarget, [
    ...DEVIATIONS,
    SCAVENGE_DEVIATION,
  ]);
  const wrong = stepsOf([result])
    .filter(({ verdict }) => verdict.kind === "mismatch");
  assertEquals(wrong.length, 0, wrong.map(describeStep).join("\n"));
}
