/**
 * `quipu verify`: checks a store that no server has open, and tells what is
 * wrong.
 *
 * @module
 */

import type { DatabaseAddress } from "../store/database_url.ts";
import type { Finding, VerifyReport } from "../store/maintenance.ts";
import { showBytes, showCount, showDuration } from "../text/quantities.ts";
import { EXIT_CODES } from "./failures.ts";
import { defineTask } from "./offline_work.ts";
import type { OptionValues } from "./options/options.ts";
import { actAsOwner, databaseOf } from "./shared_store.ts";

export const VERIFY = defineTask({
  name: "verify",
  summary: "Check every file of the store and report damage",
  details: "Reads every byte of the store and changes nothing. The exit code " +
    "is 3 if anything is damaged or broken.",
  own: {
    isDeep: {
      flag: "deep",
      kind: "boolean",
      help: "Compare indexes entry by entry with the log, too",
    },
  },
  online: "POST /admin/verify",
}, async (call) => {
  const { values, work } = call;
  const database = databaseOf(values);
  if (database !== undefined) return await verifyTables(values, database);
  const { directory } = call;
  const { verifyDirectory } = await import(
    "../../storage/maintenance/verify/verify_directory.ts"
  );
  const { isDeep } = values;
  const { report, tookMs } = await work((control) =>
    verifyDirectory({ directory, isDeep }, control)
  );
  return {
    json: { directory, tookMs, ...report },
    text: showReport(report, tookMs),
    exitCode: report.isClean ? EXIT_CODES.ok : EXIT_CODES.damaged,
  };
});

/** Verifies a store in PostgreSQL, as the owner of its schema. */
async function verifyTables(values: OptionValues, address: DatabaseAddress) {
  const { verifyDatabase } = await import(
    "../../storage/postgres/verify.ts"
  );
  return await actAsOwner(values, address, async (owner) => {
    const report = await verifyDatabase(owner, address.schema);
    const { findings, isClean, eventCount, streamCount } = report;
    return {
      json: { directory: values.directory, ...report },
      text: findings.map(({ what, count }) => `${showCount(count)} ${what}\n`)
        .join("") +
        `Checked ${showCount(eventCount, "event")} of ` +
        `${showCount(streamCount, "stream")}\n` +
        (isClean ? "Nothing is damaged\n" : ""),
      exitCode: isClean ? EXIT_CODES.ok : EXIT_CODES.damaged,
    };
  });
}

/** A report in words, a finding in two lines. */
function showReport(report: VerifyReport, tookMs: number): string {
  const { findings, checkedBytes, segmentCount, eventCount } = report;
  const { damageCount, brokenCount, noticeCount } = report;
  const lines = findings.flatMap(showFinding);
  const unlisted = damageCount + brokenCount + noticeCount - findings.length;
  if (unlisted > 0) lines.push(`and ${showCount(unlisted)} more`);
  lines.push(
    `Checked ${showCount(eventCount, "event")} in ` +
      `${showCount(segmentCount, "segment")}${
        report.isDeep ? ", entry by entry" : ""
      }: ` +
      `${showBytes(checkedBytes)} in ${showDuration(tookMs)}, ` +
      `${showBytes(checkedBytes / Math.max(tookMs, 1) * 1000)}/s`,
    report.isClean
      ? "Nothing is damaged"
      : `${showCount(damageCount)} damaged, ${showCount(brokenCount)} to ` +
        "rebuild: see quipu repair --help",
  );
  return lines.join("\n") + "\n";
}

function showFinding(finding: Finding): string[] {
  const { severity, kind, file, offset, position, what, advice } = finding;
  const where = [
    file,
    offset === undefined ? undefined : `offset ${offset}`,
    position === undefined ? undefined : `position ${position}`,
  ].filter((part) => part !== undefined).join(", ");
  const place = where === "" ? "" : `${where}: `;
  return [`${severity} (${kind}): ${place}${what}`, `    ${advice}`];
}
