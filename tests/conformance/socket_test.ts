/**
 * What a socket adds to the answers, or takes from them: areas that use every
 * method and every kind of header, replayed over one.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { openSocketTarget } from "./app_target.ts";
import { describeStep, replayArea, stepsOf } from "./area_result.ts";
import { DEVIATIONS } from "./deviations.ts";

const AREAS = ["caching", "links", "negotiation", "seeds", "write-errors"];

for (const area of AREAS) {
  Deno.test(`replay of ${area} over a socket`, async () => {
    const result = await replayArea(area, openSocketTarget, DEVIATIONS);
    const wrong = stepsOf([result])
      .filter(({ verdict }) => verdict.kind === "mismatch");
    assertEquals(wrong.length, 0, wrong.map(describeStep).join("\n"));
  });
}
