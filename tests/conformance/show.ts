/**
 * Shows where answers are not as recorded:
 *
 *   deno run --allow-all tests/conformance/show.ts [area …]
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
import { areaNames } from "./recording.ts";

if (import.meta.main) {
  for (const area of Deno.args.length > 0 ? Deno.args : areaNames()) {
    const result = await replayArea(area, openTarget, DEVIATIONS);
    for (const { scenario, steps } of result.scenarios) {
      for (const step of steps) {
        if (step.verdict.kind !== "mismatch") continue;
        print(`${area}, ${scenario.name}, ${describeStep(step)}`);
      }
    }
    print(`${area}: ${JSON.stringify(countVerdicts(stepsOf([result])))}`);
  }
}

function print(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}
