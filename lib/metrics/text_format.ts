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

/** Writes families, one after the other; those without numbers are left out. */
export function encodeMetrics(families: Iterable<MetricFamily>): string {
  let text = "";
  for (const { name, help, type, samples } of families) {
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
