/**
 * `deno task failover [ROUNDS]`: failovers for as long as it takes; 100 by
 * default. `QUIPU_SEED` repeats the choices of clients.
 *
 * @module
 */

import { withSeed } from "../support/random.ts";
import { runRounds } from "./rounds.ts";

const rounds = Number(Deno.args[0] ?? 100);
function tell(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}

await withSeed(async (random) => {
  const { answeredCount, eventCount } = await runRounds(
    rounds,
    random,
    tell,
  );
  tell(
    `${rounds} rounds, ${answeredCount} answers, ${eventCount} events`,
  );
});
