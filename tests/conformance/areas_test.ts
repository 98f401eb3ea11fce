/**
 * Replays everything recorded: one test an area, one step a scenario; every
 * step matches, is a listed deviation or pending. At the end these lists must be
 * true, and of what concerns streams 99 in 100 steps must match outright.
 *
 * `QUIPU_CONFORMANCE_URL=http://127.0.0.1:2113` replays against a server that
 * runs there, with an empty store, instead of an app in this process.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import {
  type AreaResult,
  countVerdicts,
  describeStep,
  replayArea,
  stepsOf,
  type VerdictCounts,
} from "./area_result.ts";
import { DEVIATIONS } from "./deviations.ts";
import type { JudgedExchange } from "./judge.ts";
import { NOT_BUILT, PENDING, replayedAreas } from "./pending.ts";
import { readArea } from "./recording.ts";
import { openTarget } from "./app_target.ts";

/**
 * Of these areas so many steps match outright. A deviation counts against it,
 * unless a standard of the web or an addition demands it: then there is nothing
 * to compare.
 */
const MATCH_SHARE_MIN = 0.99;
/** Steps that are set aside for that, judged by what is demanded. */
const SET_ASIDE: Readonly<Record<string, number>> = {
  "appending and reading": 61,
  "the whole stream surface": 24,
  "persistent subscriptions": 31,
  "projections": 43,
};
const MATCHING_AREAS: Record<string, readonly string[]> = {
  "appending and reading": [
    "seeds",
    "expected-version",
    "idempotency",
    "write-content-type",
    "write-fields",
    "write-xml",
    "write-errors",
    "negotiation",
    "feed",
    "embed",
    "caching",
    "stream-names",
  ],
  "the whole stream surface": [
    "delete",
    "metadata",
    "links",
    "all",
    "long-poll",
  ],
  "persistent subscriptions": ["subscriptions"],
  "projections": ["projections"],
};

const results = new Map<string, Promise<AreaResult>>();

for (const area of replayedAreas()) {
  Deno.test(`replay of ${area}`, async (test) => {
    const result = await resultOf(area);
    for (const { scenario, steps } of result.scenarios) {
      await test.step(scenario.name, () => {
        const wrong = steps.filter(({ verdict }) =>
          verdict.kind === "mismatch"
        );
        assertEquals(wrong.length, 0, wrong.map(describeStep).join("\n"));
      });
    }
    report(area, countVerdicts(stepsOf([result])));
  });
}

for (const [name, areas] of Object.entries(MATCHING_AREAS)) {
  Deno.test(`99 in 100 steps match outright where nothing else is demanded: ${name}`, async () => {
    const steps = stepsOf(await Promise.all(areas.map(resultOf)));
    const counts = countVerdicts(steps.filter(isComparable));
    report(name, counts);
    // What is set aside is counted, too: it must not grow unseen.
    const { deviation } = countVerdicts(steps);
    assertEquals(deviation - counts.deviation, SET_ASIDE[name]);
    const comparable = counts.match + counts.deviation + counts.mismatch;
    assert(comparable > 0, "Nothing was compared");
    assert(
      counts.match >= MATCH_SHARE_MIN * comparable,
      `${counts.match} of ${comparable} comparable steps match`,
    );
  });
}

Deno.test("every listed deviation is needed", async () => {
  const steps = stepsOf(await allResults());
  const used = new Set(
    steps.flatMap(({ verdict }) =>
      verdict.kind === "deviation" ? [verdict.deviation] : []
    ),
  );
  const unused = DEVIATIONS.filter((deviation) => !used.has(deviation));
  assertEquals(unused.map(({ title }) => title), []);
});

Deno.test("the page of differences tells of every listed deviation", () => {
  const page = Deno.readTextFileSync(
    new URL("../../docs/differences.md", import.meta.url),
  )
    .replaceAll(/\s+/g, " ");
  const untold = DEVIATIONS.filter(({ title }) => !page.includes(title));
  assertEquals(untold.map(({ title }) => title), []);
});

Deno.test("pending rules say how many steps are open", async () => {
  const steps = stepsOf(await allResults());
  const open = PENDING.map((rule) => ({
    need: rule.need,
    openSteps:
      steps.filter(({ verdict }) =>
        verdict.kind === "pending" && verdict.rule === rule
      ).length,
  }));
  const listed = PENDING.map(({ need, openSteps }) => ({ need, openSteps }));
  assertEquals(open, listed);
});

Deno.test("areas that are not built say how many steps they hold", () => {
  const counted = NOT_BUILT.map(({ area, need }) => ({
    area,
    need,
    steps: readArea(area).reduce((sum, { steps }) => sum + steps.length, 0),
  }));
  assertEquals(counted, NOT_BUILT);
  for (const { area, need, steps } of NOT_BUILT) {
    write(`${area}: ${steps} not replayed, they wait for ${need}`);
  }
});

function isComparable({ verdict }: JudgedExchange): boolean {
  return verdict.kind !== "deviation" ||
    verdict.deviation.demandedBy === undefined;
}

function resultOf(area: string): Promise<AreaResult> {
  let result = results.get(area);
  if (result === undefined) {
    const excuses = { deviations: DEVIATIONS, pending: PENDING };
    result = replayArea(area, openTarget, excuses);
    results.set(area, result);
  }
  return result;
}

function allResults(): Promise<AreaResult[]> {
  return Promise.all(replayedAreas().map(resultOf));
}

function report(name: string, counts: VerdictCounts): void {
  const line = Object.entries(counts)
    .map(([kind, count]) => `${count} ${kind}`)
    .join(", ");
  write(`${name}: ${line}`);
}

function write(line: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`${line}\n`));
}
