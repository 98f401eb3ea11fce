/**
 * Shows where answers are not as recorded:
 *
 *   deno run --allow-all tests/conformance/show.ts [area …] [--pending]
 *
 * @module
 */

import {
  countVerdicts,
  describeStep,
  replayArea,
  stepsOf,
} from "./area_result.ts";
import { openTarget } from "./app_target.ts";
import { DEVIATIONS } from "./deviations.ts";
import { PENDING, replayedAreas } from "./pending.ts";

if (import.meta.main) {
  const isPendingShown = Deno.args.includes("--pending");
  const wanted = Deno.args.filter((arg) => !arg.startsWith("--"));
  for (const area of wanted.length > 0 ? wanted : replayedAreas()) {
    const result = await replayArea(area, openTarget, {
      deviations: DEVIATIONS,
      pending: PENDING,
    });
    for (const { scenario, steps } of result.scenarios) {
      for (const step of steps) {
        const { kind } = step.verdict;
        if (kind !== "mismatch" && !(isPendingShown && kind === "pending")) {
          continue;
        }
        print(`${area}, ${scenario.name}, ${describeStep(step)}`);
      }
    }
    print(`${area}: ${JSON.stringify(countVerdicts(stepsOf([result])))}`);
  }
}

function print(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}
