/**
 * Power lost before every call of the workload: see `sweep.ts`.
 *
 * @module
 */

import { assert } from "@std/assert";
import { openStoreOn } from "../../storage/mod.ts";
import { newSeed, withSeed } from "../support/random.ts";
import { changesIn, listCalls, losePowerAt, noFigures } from "./sweep.ts";

Deno.test("power lost before every call loses nothing that was answered", async () => {
  const figures = noFigures();
  const calls = await listCalls(openStoreOn);
  const seed = newSeed();
  for (const callIndex of changesIn(calls)) {
    await withSeed(
      (random) =>
        losePowerAt(openStoreOn, callIndex, {
          losses: ["nothing is kept", "everything is kept", random, random],
          figures,
        }),
      seed,
    );
  }
  assert(figures.runs > 150 && figures.answered > 500, "There was something");
});
