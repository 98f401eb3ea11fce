/**
 * The conformance kit: sends everything that was recorded to any server, and
 * reports by area how far it answers as Event Store 4.0.2 did.
 *
 * @module
 */

import {
  type AreaResult,
  countVerdicts,
  describeStep,
  PREPARED_BY,
  replayArea,
  stepsOf,
  type VerdictCounts,
} from "./area_result.ts";
import { DEVIATIONS } from "./deviations.ts";
import { SCAVENGE_DEVIATION } from "./projection_deviations.ts";
import { areaNames } from "./recording.ts";
import { serverTarget } from "./target.ts";

/** What the kit is asked for. */
export interface KitOptions {
  /** Of the server, whose store should be new. */
  readonly url: string;
  /** Default: all. */
  readonly areas?: readonly string[];
  /** Whether intended differences of Quipu count as wrong, too. */
  readonly isStrict?: boolean;
  /** Is told of each area when it is done. */
  readonly onArea?: (report: AreaReport) => void;
}

/** How a server answers in one area. */
export interface AreaReport {
  readonly area: string;
  readonly steps: number;
  readonly counts: VerdictCounts;
  /** Each step that is wrong, in words. */
  readonly wrong: readonly string[];
}

/**
 * Replays areas against a server, one after the other.
 *
 * @throws {RangeError} For an area that does not exist.
 */
export async function runKit(
  { url, areas = areaNames(), isStrict = false, onArea }: KitOptions,
): Promise<readonly AreaReport[]> {
  const unknown = areas.find((area) => !areaNames().includes(area));
  if (unknown !== undefined) {
    throw new RangeError(
      `There is no area "${unknown}": take some of ${areaNames().join(", ")}`,
    );
  }
  const deviations = isStrict ? [] : [...DEVIATIONS, SCAVENGE_DEVIATION];
  const reports: AreaReport[] = [];
  const done = new Set<string>();
  for (const area of ordered(areas)) {
    const target = () => serverTarget(url);
    const result = await replayArea(area, target, deviations, done);
    for (const name of [area, ...PREPARED_BY[area] ?? []]) done.add(name);
    const report = reportOf(result);
    onArea?.(report);
    reports.push(report);
  }
  return reports;
}

/** Areas that list what others wrote first, before there is more to list. */
function ordered(areas: readonly string[]): string[] {
  const listing = ["seeds", "stream-names", "auth", "all"];
  return [
    ...listing.filter((area) => areas.includes(area)),
    ...areas.filter((area) => !listing.includes(area)),
  ];
}

function reportOf(result: AreaResult): AreaReport {
  const steps = stepsOf([result]);
  return {
    area: result.area,
    steps: steps.length,
    counts: countVerdicts(steps),
    wrong: result.scenarios.flatMap(({ scenario, steps }) =>
      steps.filter(({ verdict }) => verdict.kind === "mismatch")
        .map((step) => `${scenario.name}, ${describeStep(step)}`)
    ),
  };
}
