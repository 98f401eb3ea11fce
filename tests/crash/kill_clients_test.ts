/**
 * The program killed under the load of several processes: see
 * `kill_rounds.ts`. `deno task kill` does it 500 times.
 *
 * @module
 */

import { assertGreater } from "@std/assert";
import { withSeed } from "../support/random.ts";
import { killRounds } from "./kill_rounds.ts";

Deno.test("twenty kills under the load of three processes lose nothing that was answered", async () => {
  await withSeed(async (random) => {
    const figures = await killRounds(20, random);
    assertGreater(figures.eventsAcknowledged, 500);
  });
});
