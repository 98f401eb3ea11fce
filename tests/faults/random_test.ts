/**
 * Random lives, for a few seconds; `deno task faults` takes longer.
 * `QUIPU_SEED` repeats one.
 *
 * @module
 */

import { assertGreater } from "@std/assert";
import { openStoreOn } from "../../storage/mod.ts";
import { newSeed, wantedSeed, withSeed } from "../support/random.ts";
import { liveRandomly } from "./random_life.ts";
import { noFigures } from "./sweep.ts";

const DURATION_MS = 6_000;

Deno.test("random lives with random faults and ends lose nothing that was answered", async () => {
  const figures = noFigures();
  const endAtMs = performance.now() + DURATION_MS;
  const firstSeed = newSeed();
  for (let count = 0; performance.now() < endAtMs; count++) {
    await withSeed(
      (random) => liveRandomly(openStoreOn, random, figures),
      (firstSeed + count) >>> 0,
    );
    if (wantedSeed() !== undefined) break;
  }
  assertGreater(figures.answered, 50);
});
