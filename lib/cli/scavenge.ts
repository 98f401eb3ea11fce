/**
 * `quipu scavenge`: removes events that are no longer visible, in a store that no
 * server has open.
 *
 * @module
 */

import type { ScavengeReport } from "../store/maintenance.ts";
import { showBytes, showCount, showDuration } from "../text/quantities.ts";
import { EXIT_CODES } from "./failures.ts";
import { defineTask } from "./offline_work.ts";

export const SCAVENGE = defineTask({
  name: "scavenge",
  summary: "Remove deleted and expired events from disk",
  details: "Removes what $maxAge, $maxCount, $tb and deletes hide; numbers, " +
    "positions and links of the remaining events do not change. A scavenge " +
    "that is stopped continues from there the next time.",
  options: ["segmentSizeBytes"],
  online: "POST /admin/scavenge",
}, async ({ directory, values, work, parts }) => {
  const { openStore } = await import("../../storage/mod.ts");
  const { scavengeDirectory } = await import(
    "../../storage/maintenance/scavenge/scavenge_directory.ts"
  );
  const { segmentSizeBytes } = values;
  const { report, tookMs } = await work((control) =>
    scavengeDirectory(
      { directory, segmentSizeBytes, ...parts, openStore },
      control,
    )
  );
  return {
    json: { directory, tookMs, ...report },
    text: showReport(report, tookMs),
    exitCode: report.isComplete ? EXIT_CODES.ok : EXIT_CODES.failure,
  };
});

/** A report in words. */
function showReport(report: ScavengeReport, tookMs: number): string {
  const { segmentCount, scavengedCount, removedCount, freedBytes, skipped } =
    report;
  const lines = skipped.map(({ segment, reason }) =>
    `segment ${segment} was skipped: ${reason}`
  );
  lines.push(
    `Removed ${showCount(removedCount, "event")} from ` +
      `${showCount(scavengedCount)} of ${showCount(segmentCount, "segment")} ` +
      `in ${showDuration(tookMs)}: ${showBytes(Math.max(0, freedBytes))} ` +
      "are free again",
  );
  return lines.join("\n") + "\n";
}
