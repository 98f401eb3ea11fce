/**
 * `deno task kill:projections [rounds]`: `kill -9` on a server with
 * projections, 200 times unless said otherwise.
 *
 * @module
 */

import { assert } from "@std/assert";
import { withSeed } from "../support/random.ts";
import { killProjectionRounds } from "./projection_rounds.ts";

function print(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(line + "\n"));
}

const rounds = Number(Deno.args[0] ?? "200");
assert(rounds > 0, "Wanted: a number of rounds");
await withSeed(async (random, seed) => {
  print(`${rounds} rounds, seed ${seed}`);
  const { events } = await killProjectionRounds(rounds, random, (round) => {
    if (round % 20 === 0) print(`${round} rounds`);
  });
  print(`${rounds} rounds, ${events} events, 0 violations`);
});
