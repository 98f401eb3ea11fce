/**
 * Metrics as numbers that people read.
 *
 * @module
 */

import type { MetricFamily, Sample } from "../telemetry/metric.ts";
import { showDuration } from "../text/quantities.ts";
import { countText, Name, sizeText, Table } from "./components.tsx";
import type { Page } from "./frame.tsx";
import type { Html } from "./html.ts";

/** Rows of one family that the page shows. */
const ROWS_MAX = 50;

/** Makes the page. */
export function metricsPage(
  { prefix, families }: {
    readonly prefix: string;
    readonly families: readonly MetricFamily[];
  },
): Page {
  const shown = families.filter(({ samples }) => samples.length > 0);
  return {
    title: "Metrics",
    section: "maintenance",
    crumbs: [
      { text: "Maintenance", href: prefix + "/web/maintenance" },
      { text: "Metrics" },
    ],
    scripts: ["refresh.js"],
    body: (
      <>
        <div class="bar">
          <h1>Metrics</h1>
          <a class="push" href={prefix + "/metrics"}>
            As Prometheus reads them
          </a>
        </div>
        <div id="metrics" data-refresh="2000">
          <Table label="Metrics" heads={["What", "Of", { number: "Now" }]}>
            {shown.map((family) => <Rows family={family} />)}
          </Table>
        </div>
      </>
    ),
  };
}

function Rows({ family }: { readonly family: MetricFamily }): Html {
  const rows = family.type === "histogram"
    ? histogramRows(family)
    : family.samples.map(({ labels, value }): Row => [
      labels,
      valueText(family.name, value),
    ]);
  return (
    <>
      {rows.slice(0, ROWS_MAX).map(([labels, value], index) => (
        <tr>
          <td class="wide" title={family.name}>
            {index === 0 ? family.help : null}
          </td>
          <td class="wide mono">
            <Name>{labels.slice(1, -1).replaceAll('"', "")}</Name>
          </td>
          <td class="num">{value}</td>
        </tr>
      ))}
    </>
  );
}

type Row = readonly [labels: string, value: string];

/** The unit of a family stands at the end of its name. */
function valueText(name: string, value: number): string {
  if (/_bytes(_total)?$/.test(name)) return sizeText(value);
  if (/_(timestamp|start_time)_seconds$/.test(name)) {
    return new Date(value * 1000).toISOString().slice(0, 19).replace("T", " ");
  }
  if (/_seconds(_total)?$/.test(name)) return secondsText(value);
  return Number.isInteger(value) ? countText(value) : value.toPrecision(3);
}

function secondsText(seconds: number): string {
  if (seconds >= 1 || seconds === 0) return showDuration(seconds * 1000);
  return seconds >= 0.001
    ? `${+(seconds * 1e3).toPrecision(2)} ms`
    : `${+(seconds * 1e6).toPrecision(2)} µs`;
}

/** Count, median and 99th percentile of each histogram of a family. */
function histogramRows({ name, samples }: MetricFamily): Row[] {
  const buckets = new Map<string, { le: number; count: number }[]>();
  for (const sample of samples) {
    const bound = boundOf(sample);
    if (bound === undefined) continue;
    const key = sample.labels.replace(/,?le="[^"]*"/, "");
    const list = buckets.get(key) ?? [];
    list.push({ le: bound, count: sample.value });
    buckets.set(key, list);
  }
  return [...buckets].map(([labels, list]): Row => {
    const total = list.at(-1)?.count ?? 0;
    const below = (share: number) => {
      const found = list.find(({ count }) => count >= share * total);
      return total === 0 || found === undefined || found.le === Infinity
        ? "–"
        : `≤ ${valueText(name, found.le)}`;
    };
    return [
      labels,
      `${countText(total)}: half ${below(0.5)}, 99 % ${below(0.99)}`,
    ];
  });
}

function boundOf({ suffix, labels }: Sample): number | undefined {
  if (suffix !== "_bucket") return undefined;
  const [, bound] = /le="([^"]*)"/.exec(labels) ?? [];
  return bound === "+Inf" ? Infinity : Number(bound);
}
