/**
 * Replays a whole recorded area against one server and judges every step.
 *
 * @module
 */

import { lineOf } from "./difference.ts";
import type { Deviation } from "./deviations.ts";
import { type JudgedExchange, judgeExchange } from "./judge.ts";
import { familiesIn, readArea, type Scenario } from "./recording.ts";
import { replayScenario } from "./replay.ts";
import { ServerMade } from "./server_made.ts";
import type { Target } from "./target.ts";

/** A scenario with its judged steps. */
export interface ScenarioResult {
  readonly scenario: Scenario;
  readonly steps: readonly JudgedExchange[];
}

export interface AreaResult {
  readonly area: string;
  readonly scenarios: readonly ScenarioResult[];
}

/** Steps by verdict. */
export type VerdictCounts = Readonly<
  Record<JudgedExchange["verdict"]["kind"], number>
>;

/**
 * Areas that read what others wrote before them when they were recorded: the
 * lists of all streams, of an event type, of a category, and the whole log.
 */
export const PREPARED_BY: Readonly<Record<string, readonly string[]>> = {
  all: ["seeds"],
  auth: ["seeds", "stream-names"],
  "stream-names": ["seeds"],
};

/**
 * Replays the scenarios of an area in order, each family on a target of its
 * own.
 *
 * @param done Areas that were replayed before on the one server that all
 * targets are.
 */
export async function replayArea(
  area: string,
  openTarget: () => Promise<Target> | Target,
  deviations: readonly Deviation[],
  done: ReadonlySet<string> = new Set(),
): Promise<AreaResult> {
  const scenarios: ScenarioResult[] = [];
  const before = (PREPARED_BY[area] ?? []).filter((name) => !done.has(name));
  for (const family of familiesIn(area)) {
    await using target = await openTarget();
    for (const scenario of before.flatMap(readArea)) {
      await replayScenario(target, scenario);
    }
    for (const scenario of family) {
      scenarios.push(await judgeScenario(target, scenario, deviations));
    }
  }
  return { area, scenarios };
}

async function judgeScenario(
  target: Target,
  scenario: Scenario,
  deviations: readonly Deviation[],
): Promise<ScenarioResult> {
  const made = new ServerMade(scenario);
  const exchanges = await replayScenario(target, scenario);
  return {
    scenario,
    steps: exchanges.map((exchange) => ({
      exchange,
      verdict: judgeExchange(exchange, made, deviations),
    })),
  };
}

/** All judged steps of some areas, in order. */
export function stepsOf(results: readonly AreaResult[]): JudgedExchange[] {
  return results.flatMap(({ scenarios }) =>
    scenarios.flatMap(({ steps }) => steps)
  );
}

/** Counts steps by verdict. */
export function countVerdicts(steps: readonly JudgedExchange[]): VerdictCounts {
  const counts = {
    match: 0,
    defectAnswered: 0,
    deviation: 0,
    mismatch: 0,
  };
  for (const { verdict } of steps) counts[verdict.kind]++;
  return counts;
}

/** A step's request line and, where there are any, its differences. */
export function describeStep({ exchange, verdict }: JudgedExchange): string {
  const { request } = exchange.step;
  const headers = Object.entries(request.headers)
    .filter(([name]) => name !== "Authorization")
    .map(([name, value]) => `${name}: ${value}`);
  const lines = [
    `step ${exchange.stepIndex}: ${request.method} ${request.path} ` +
    `(${headers.join("; ")})`,
  ];
  if (verdict.kind === "mismatch") {
    lines.push(...verdict.differences.map((found) => `    ${lineOf(found)}`));
  }
  return lines.join("\n");
}
