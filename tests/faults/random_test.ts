/**
 * Random lives, for a few seconds; `deno task faults` takes longer.
 * `QUIPU_SEED` repeats one.
 *
 * @module
 */

import { openStoreOn } from "../../storage/mod.ts";
import { newSeed, wantedSeed, withSeed } from "../support/random.ts";
import { liveRandomly } from "./random_life.ts";
import { noFigures } from "./sweep.ts";

const DURATION_MS = 6_000;
/** So many answers have to come, even if that takes longer. */
const ANSWERED_MIN = 50;

Deno.test("random lives with random faults and ends lose nothing that was answered", async () => {
  const figures = noFigures();
  const endAtMs = performance.now() + DURATION_MS;
  const firstSeed = newSeed();
  const isOver = () =>
    performance.now() >= endAtMs && figures.answered > ANSWERED_MIN;
  for (let count = 0; !isOver(); count++) {
    await withSeed(
      (random) => liveRandomly(openStoreOn, random, figures),
      (firstSeed + count) >>> 0,
    );
    if (wantedSeed() !== undefined) break;
  }
});
