/**
 * How often caches have what is asked for, as metrics.
 *
 * @module
 */

import type { CacheStatus } from "../store/maintenance.ts";
import { labelsText, type MetricFamily } from "./metric.ts";

/** Hits and misses by the name of the cache. */
export function cacheFamilies(
  caches: Readonly<Record<string, CacheStatus>>,
): MetricFamily[] {
  const samplesOf = (member: "hits" | "misses") =>
    Object.entries(caches).map(([cache, status]) => ({
      suffix: "",
      labels: labelsText({ cache }),
      value: status[member],
    }));
  return [
    {
      name: "quipu_cache_hits_total",
      help: "Times that a cache had what was asked for.",
      type: "counter",
      samples: samplesOf("hits"),
    },
    {
      name: "quipu_cache_misses_total",
      help: "Times that a cache did not have what was asked for.",
      type: "counter",
      samples: samplesOf("misses"),
    },
  ];
}
