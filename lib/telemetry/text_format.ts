/**
 * Metrics in the text format of Prometheus, version 0.0.4:
 *
 *   # HELP quipu_segments Segments of the log.
 *   # TYPE quipu_segments gauge
 *   quipu_segments 3
 *
 * @module
 */

import type { MetricFamily } from "./metric.ts";

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
