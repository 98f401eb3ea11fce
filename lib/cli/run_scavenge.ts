/**
 * `quipu scavenge`: gives back what nobody can see any more, in a store that no
 * server has open.
 *
 * @module
 */

import type { JobControl, ScavengeReport } from "../store/maintenance.ts";
import { showBytes, showCount, showDuration } from "../text/quantities.ts";
import { EXIT_CODES, type ExitCode } from "./exit_codes.ts";
import type { CommandCall } from "./run_program.ts";
import {
  directoryOf,
  printResult,
  workLong,
  type Workplace,
} from "./workplace.ts";

/** Scavenges the store in a directory. */
export type ScavengeStore = (
  options: { readonly directory: string; readonly segmentSizeBytes: number },
  control: JobControl,
) => Promise<ScavengeReport>;

/** Runs `quipu scavenge`. */
export async function runScavenge(
  { options, own }: CommandCall<"scavenge">,
  workplace: Workplace,
  scavengeStore: ScavengeStore,
): Promise<ExitCode> {
  const directory = directoryOf(options.values);
  const { segmentSizeBytes } = options.values;
  const startedAtMs = workplace.progress.nowMs();
  const report = await workLong(
    workplace,
    own,
    (control) => scavengeStore({ directory, segmentSizeBytes }, control),
  );
  const tookMs = workplace.progress.nowMs() - startedAtMs;
  printResult(workplace, own, {
    json: { directory, tookMs: Math.round(tookMs), ...report },
    text: showReport(report, tookMs),
  });
  return report.isComplete ? EXIT_CODES.ok : EXIT_CODES.failure;
}

/** A report in words. */
export function showReport(report: ScavengeReport, tookMs: number): string {
  const { segmentCount, scavengedCount, removedCount, freedBytes, skipped } =
    report;
  const lines = skipped.map(({ segment, reason }) =>
    `segment ${segment} was skipped: ${reason}`
  );
  lines.push(
    `Removed ${showCount(removedCount)} events from ` +
      `${showCount(scavengedCount)} of ${showCount(segmentCount)} segments ` +
      `in ${showDuration(tookMs)}: ${showBytes(Math.max(0, freedBytes))} ` +
      "are free again",
  );
  return lines.join("\n") + "\n";
}
