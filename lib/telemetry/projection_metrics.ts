/**
 * Projections as metrics: each by its name, as many as labels may tell apart;
 * the others together.
 *
 * @module
 */

import { LIMITS } from "../model/limits.ts";
import type { ProjectionCounts } from "../model/projection_counts.ts";
import { labelsText, type MetricFamily, type MetricType } from "./metric.ts";

const FAMILIES: readonly [
  string,
  MetricType,
  string,
  (counts: ProjectionCounts) => number | undefined,
][] = [
  [
    "running",
    "gauge",
    "Whether the projection processes events: 1 or 0.",
    ({ isRunning }) => Number(isRunning),
  ],
  [
    "faulted",
    "gauge",
    "Whether a fault has stopped the projection: 1 or 0.",
    ({ isFaulted }) => Number(isFaulted),
  ],
  [
    "events_processed",
    "gauge",
    "Events that its handlers took since it was last started.",
    ({ eventsProcessed }) => eventsProcessed,
  ],
  [
    "lag_events",
    "gauge",
    "Events of the source that are not processed.",
    ({ lagEvents }) => lagEvents,
  ],
];

/** Characters of a name in a label. */
const LABEL_LENGTH_MAX = 100;

/** The counts of all projections. */
export function projectionFamilies(
  projections: readonly ProjectionCounts[],
): MetricFamily[] {
  const named = projections.slice(0, LIMITS.projectionMetricsMax);
  const others = projections.slice(LIMITS.projectionMetricsMax);
  return FAMILIES.map(([name, type, help, valueOf]) => {
    const samples = named.flatMap((counts) => {
      const value = valueOf(counts);
      return value === undefined ? [] : [sampleOf(counts.name, value)];
    });
    if (others.length > 0) {
      const sum = others.reduce(
        (total, counts) => total + (valueOf(counts) ?? 0),
        0,
      );
      samples.push(sampleOf("", sum));
    }
    return { name: `quipu_projection_${name}`, help, type, samples };
  });
}

function sampleOf(name: string, value: number) {
  const labels = labelsText({ projection: name.slice(0, LABEL_LENGTH_MAX) });
  return { suffix: "", labels, value };
}
