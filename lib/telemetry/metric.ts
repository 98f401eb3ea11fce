/**
 * A metric: a family of numbers under one name, told apart by labels.
 * Names, units and types follow the conventions of Prometheus, and so does the
 * text format, version 0.0.4:
 *
 *   # HELP quipu_segments Segments of the log.
 *   # TYPE quipu_segments gauge
 *   quipu_segments 3
 *
 * @module
 */

/** How the numbers of a family behave. */
export type MetricType = "counter" | "gauge" | "histogram";

/** One number. */
export interface Sample {
  /** The suffix after the family's name; empty but for histograms. */
  readonly suffix: string;
  /** As `labelsText` writes them; empty for none. */
  readonly labels: string;
  readonly value: number;
}

export interface MetricFamily {
  /** `quipu_…` with its unit; `…_total` for a counter. */
  readonly name: string;
  /** Its meaning, in one line. */
  readonly help: string;
  readonly type: MetricType;
  readonly samples: readonly Sample[];
}

/** Says how things are at the moment; may be asked at any time. */
export type MetricSource = () =>
  | readonly MetricFamily[]
  | Promise<readonly MetricFamily[]>;

/** A number that goes up and down; a family without numbers if undefined. */
export function gauge(
  name: string,
  help: string,
  value: number | undefined,
): MetricFamily {
  return { name, help, type: "gauge", samples: samplesOf(value) };
}

/** A number that only grows. */
export function counter(
  name: string,
  help: string,
  value: number,
): MetricFamily {
  return { name, help, type: "counter", samples: samplesOf(value) };
}

function samplesOf(value: number | undefined): Sample[] {
  return value === undefined ? [] : [{ suffix: "", labels: "", value }];
}

/** Numbers that one label tells apart. */
export function samplesBy(
  label: string,
  values: Iterable<readonly [string, number]>,
): Sample[] {
  return [...values].map(([name, value]) => ({
    suffix: "",
    labels: labelsText({ [label]: name }),
    value,
  }));
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

/** `Content-Type` of the format. */
export const METRICS_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/**
 * Writes families, one after the other. Those without numbers are left out;
 * those of one name become one, with the words of the first.
 */
export function encodeMetrics(families: Iterable<MetricFamily>): string {
  const byName = new Map<string, MetricFamily>();
  for (const family of families) {
    const { name, samples } = family;
    const first = byName.get(name) ?? { ...family, samples: [] };
    byName.set(name, { ...first, samples: [...first.samples, ...samples] });
  }
  let text = "";
  for (const { name, help, type, samples } of byName.values()) {
    if (samples.length === 0) continue;
    text += `# HELP ${name} ${escapeHelp(help)}\n# TYPE ${name} ${type}\n`;
    for (const { suffix, labels, value } of samples) {
      text += `${name}${suffix}${labels} ${encodeNumber(value)}\n`;
    }
  }
  return text;
}

function escapeHelp(help: string): string {
  return help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}

function encodeNumber(value: number): string {
  if (value === Infinity) return "+Inf";
  return value === -Infinity ? "-Inf" : String(value);
}
