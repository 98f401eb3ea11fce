/**
 * `quipu scavenge`: removes events that are no longer visible, in a store that no
 * server has open.
 *
 * @module
 */

import type { Clock } from "../model/clock.ts";
import type { DatabaseAddress } from "../store/database_url.ts";
import type { JobControl, ScavengeReport } from "../store/maintenance.ts";
import { showBytes, showCount, showDuration } from "../text/quantities.ts";
import { EXIT_CODES } from "./failures.ts";
import { defineTask } from "./offline_work.ts";
import type { OptionValues } from "./options/options.ts";
import { actAsOwner, databaseOf } from "./shared_store.ts";

type Work = <Report>(
  work: (control: JobControl) => Promise<Report>,
) => Promise<{ readonly report: Report; readonly tookMs: number }>;

export const SCAVENGE = defineTask({
  name: "scavenge",
  summary: "Remove deleted and expired events from disk",
  details: "Removes what $maxAge, $maxCount, $tb and deletes hide; numbers, " +
    "positions and links of the remaining events do not change. A scavenge " +
    "that is stopped continues from there the next time.",
  options: ["segmentSizeBytes"],
  online: "POST /admin/scavenge",
}, async (call) => {
  const { values, work, parts } = call;
  const database = databaseOf(values);
  if (database !== undefined) {
    return await scavengeRows(call, database);
  }
  const { directory } = call;
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

/** Scavenges a store in PostgreSQL, as the owner of its schema. */
async function scavengeRows(
  { values, work, parts }: {
    readonly values: OptionValues;
    readonly work: Work;
    readonly parts: { readonly clock: Clock };
  },
  address: DatabaseAddress,
) {
  const { scavengeDatabase } = await import(
    "../../storage/postgres/scavenge.ts"
  );
  return await actAsOwner(values, address, async (owner) => {
    const { report, tookMs } = await work((control) =>
      scavengeDatabase(owner, {
        schema: address.schema,
        nowUs: parts.clock.nowUs(),
        control,
      })
    );
    return {
      json: { directory: values.directory, tookMs, ...report },
      text: `Removed ${showCount(report.removedCount, "event")} in ` +
        `${showDuration(tookMs)}; VACUUM gives their room back\n`,
    };
  });
}

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
