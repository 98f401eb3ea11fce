/**
 * The metrics as a table: from what a server over a store in memory tells, and
 * from the parts of the program that say nothing there.
 *
 * @module
 */

import { createApp } from "../../lib/embed/server.ts";
import { openStore } from "../../lib/embed/store.ts";
import { readProcessUsage } from "../../lib/runtime/process.ts";
import type { MetricFamily } from "../../lib/telemetry/metric.ts";
import { processFamilies } from "../../lib/telemetry/process_metrics.ts";
import { projectionFamilies } from "../../lib/telemetry/projection_metrics.ts";
import { RequestMetrics } from "../../lib/telemetry/request_metrics.ts";
import {
  connectionFamilies,
  StoreMetrics,
} from "../../lib/telemetry/store_metrics.ts";
import { subscriptionFamilies } from "../../lib/telemetry/subscription_metrics.ts";
import type { Rows } from "./markdown_table.ts";

type Described = Pick<MetricFamily, "name" | "type" | "help">;

/** What `/metrics` answers, without its numbers. */
async function served(): Promise<Described[]> {
  await using store = await openStore();
  await using app = await createApp({ store });
  const response = await app.fetch(
    new Request("http://127.0.0.1/metrics", {
      headers: { Authorization: `Basic ${btoa("admin:changeit")}` },
    }),
  );
  const heads = (await response.text())
    .matchAll(/^# HELP (\S+) (.*)\n# TYPE \S+ (\S+)$/gm);
  return [...heads].map(([, name = "", help = "", type = ""]) => ({
    name,
    help,
    type: type as Described["type"],
  }));
}

const families: readonly Described[] = [
  ...await served(),
  ...new RequestMetrics([]).families(),
  ...subscriptionFamilies([]),
  ...projectionFamilies([]),
  ...new StoreMetrics().families(),
  ...connectionFamilies({
    isReachable: true,
    failoverCount: 0,
    barrierMs: 0,
    tailAgeMs: 1,
    memberCount: 1,
  }),
  ...processFamilies(readProcessUsage(), { device: undefined, version: "" }),
];

/** Every metric once, by name. */
export const METRIC_ROWS: Rows = [
  ["Metric", "Type", "Is"],
  ...[...new Map(families.map((family) => [family.name, family])).values()]
    .toSorted((a, b) => a.name < b.name ? -1 : 1)
    .map(({ name, type, help }) => [`\`${name}\``, type, help]),
];
