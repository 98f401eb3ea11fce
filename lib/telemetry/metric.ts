/**
 * What a metric is: a family of numbers under one name, told apart by labels.
 * Names, units and types follow the conventions of Prometheus.
 *
 * @module
 */

/** How the numbers of a family behave. */
export type MetricType = "counter" | "gauge" | "histogram";

/** One number. */
export interface Sample {
  /** What follows the family's name; empty but for histograms. */
  readonly suffix: string;
  /** As `labelsText` writes them; empty for none. */
  readonly labels: string;
  readonly value: number;
}

export interface MetricFamily {
  /** `quipu_…` with its unit; `…_total` for a counter. */
  readonly name: string;
  /** What it says, in one line. */
  readonly help: string;
  readonly type: MetricType;
  readonly samples: readonly Sample[];
}

/** Says how things are at the moment; may be asked at any time. */
export type MetricSource = () =>
  | readonly MetricFamily[]
  | Promise<readonly MetricFamily[]>;

/** A family with one number and no labels. */
export function singleMetric(
  type: "counter" | "gauge",
  name: string,
  help: string,
  value: number,
): MetricFamily {
  return { name, help, type, samples: [{ suffix: "", labels: "", value }] };
}

/**
 * Writes labels: `{route="/ping",status="200"}`.
 *
 * @param labels By name; values may be any text.
 */
export function labelsText(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([name, value]) =>
    `${name}="${escapeLabel(value)}"`
  );
  return `{${pairs.join(",")}}`;
}

function escapeLabel(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll("\n", "\\n")
    .replaceAll('"', '\\"');
}
