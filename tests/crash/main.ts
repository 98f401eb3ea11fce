/**
 * `deno task kill [rounds]`: `kill -9` under load, 500 times unless said
 * otherwise, with figures.
 *
 * @module
 */

import { assert } from "@std/assert";
import { withSeed } from "../support/random.ts";
import { killRounds } from "./kill_rounds.ts";

function print(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(line + "\n"));
}

const rounds = Number(Deno.args[0] ?? "500");
assert(rounds > 0, "Wanted: a number of rounds");
await withSeed(async (random, seed) => {
  print(`${rounds} rounds, seed ${seed}`);
  const figures = await killRounds(rounds, random, (round) => {
    if (round % 50 === 0) print(`${round} rounds`);
  });
  print(
    `${figures.rounds} rounds, ${figures.eventsAcknowledged} events ` +
      `acknowledged, ${figures.eventsFound} found, 0 violations`,
  );
});
