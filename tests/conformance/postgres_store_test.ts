/**
 * The recorded answers over a store in PostgreSQL.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { createLateStore } from "../support/late_store.ts";
import {
  openEmptyPostgres,
  testWithPostgres,
} from "../support/postgres_server.ts";
import { openAppTarget } from "./app_target.ts";
import { describeStep, replayArea, stepsOf } from "./area_result.ts";
import { DEVIATIONS } from "./deviations.ts";
import { areaNames } from "./recording.ts";

/** Runs queries for minutes, and says little of a store: `store_test.ts`. */
const SLOW_AREA = "projections";

await testWithPostgres("recorded answers", () => {
  Deno.test("replays over a store in PostgreSQL", async (test) => {
    for (const area of areaNames()) {
      if (area === SLOW_AREA) continue;
      await test.step(area, async () => {
        const result = await replayArea(area, openOnPostgres, DEVIATIONS);
        const wrong = stepsOf([result])
          .filter(({ verdict }) => verdict.kind === "mismatch");
        assertEquals(wrong.length, 0, wrong.map(describeStep).join("\n"));
      });
    }
  });
});

function openOnPostgres() {
  return openAppTarget((options) =>
    createLateStore(openEmptyPostgres(options), {
      positions: "opaque",
      ordinals: "gapless",
    })
  );
}
