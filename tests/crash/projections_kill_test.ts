/**
 * Projections in a server that is killed: see `projection_rounds.ts`.
 *
 * `QUIPU_SEED` repeats the events and the delays.
 *
 * @module
 */

import { assertGreater } from "@std/assert";
import { withSeed } from "../support/random.ts";
import { killProjectionRounds } from "./projection_rounds.ts";

const ROUNDS = 10;

Deno.test("projections lose nothing and write nothing twice, whenever the server is killed", () =>
  withSeed(async (random) => {
    const { events } = await killProjectionRounds(ROUNDS, random);
    assertGreater(events, ROUNDS);
  }));
