/**
 * Persistent subscriptions as metrics: each group by its names, as many as
 * labels may tell apart; the others together.
 *
 * @module
 */

import { LIMITS } from "../model/limits.ts";
import type { GroupCounts } from "../model/subscription_group.ts";
import { labelsText, type MetricFamily, type MetricType } from "./metric.ts";

type Count = Exclude<keyof GroupCounts, "group">;

const FAMILIES: readonly [Count, string, MetricType, string][] = [
  [
    "waitingCount",
    "waiting",
    "gauge",
    "Messages that were read and wait for a consumer.",
  ],
  [
    "inFlightCount",
    "in_flight",
    "gauge",
    "Messages that consumers have not answered.",
  ],
  [
    "parkedCount",
    "parked",
    "gauge",
    "Parked messages, as they were counted last.",
  ],
  ["consumerCount", "consumers", "gauge", "Consumers that are pushed to."],
  [
    "lagEvents",
    "lag_events",
    "gauge",
    "Events of the source that are not done.",
  ],
  [
    "deliveredTotal",
    "delivered_total",
    "counter",
    "Messages that were handed out, each time.",
  ],
  [
    "retriedTotal",
    "retried_total",
    "counter",
    "Messages that are to be handed out again.",
  ],
  [
    "ackedTotal",
    "acked_total",
    "counter",
    "Messages that were acknowledged or skipped.",
  ],
  ["parkedTotal", "parked_total", "counter", "Messages that were parked."],
];

/** Characters of a name in a label. */
const LABEL_LENGTH_MAX = 100;

/** The counts of all groups. */
export function subscriptionFamilies(
  groups: readonly GroupCounts[],
): MetricFamily[] {
  const named = groups.slice(0, LIMITS.subscriptionMetricsMax);
  const others = groups.slice(LIMITS.subscriptionMetricsMax);
  return FAMILIES.map(([count, name, type, help]) => {
    const samples = named.flatMap((group) => {
      const value = group[count];
      return value === undefined ? [] : [sampleOf(group.group, value)];
    });
    if (others.length > 0) {
      const sum = others.reduce(
        (total, group) => total + (group[count] ?? 0),
        0,
      );
      samples.push(sampleOf({ streamName: "", groupName: "" }, sum));
    }
    return { name: `quipu_subscription_${name}`, help, type, samples };
  });
}

function sampleOf(
  { streamName, groupName }: GroupCounts["group"],
  value: number,
) {
  const labels = labelsText({
    stream: streamName.slice(0, LABEL_LENGTH_MAX),
    group: groupName.slice(0, LABEL_LENGTH_MAX),
  });
  return { suffix: "", labels, value };
}
