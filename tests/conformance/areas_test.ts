/**
 * Replays everything recorded: one test an area, one step a scenario; every
 * step matches or is a listed deviation. At the end this list must be
 * true, and of what concerns streams 99 in 100 steps must match outright.
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
import { areaNames } from "./recording.ts";
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

for (const area of areaNames()) {
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

function isComparable({ verdict }: JudgedExchange): boolean {
  return verdict.kind !== "deviation" ||
    verdict.deviation.demandedBy === undefined;
}

function resultOf(area: string): Promise<AreaResult> {
  let result = results.get(area);
  if (result === undefined) {
    result = replayArea(area, openTarget, DEVIATIONS);
    results.set(area, result);
  }
  return result;
}

function allResults(): Promise<AreaResult[]> {
  return Promise.all(areaNames().map(resultOf));
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
