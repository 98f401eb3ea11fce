/**
 * `quipu verify`: checks a store that no server has open, and tells what is
 * wrong.
 *
 * @module
 */

import type {
  Finding,
  JobControl,
  VerifyReport,
  VerifyRequest,
} from "../store/maintenance.ts";
import { showBytes, showCount, showDuration } from "../text/quantities.ts";
import { EXIT_CODES, type ExitCode } from "./exit_codes.ts";
import type { CommandCall } from "./run_program.ts";
import {
  directoryOf,
  printResult,
  workLong,
  type Workplace,
} from "./workplace.ts";

/** Checks the store in a directory. */
export type VerifyStore = (
  request: VerifyRequest & { readonly directory: string },
  control: JobControl,
) => Promise<VerifyReport>;

/** Runs `quipu verify`. */
export async function runVerify(
  { options, own }: CommandCall<"verify">,
  workplace: Workplace,
  verifyStore: VerifyStore,
): Promise<ExitCode> {
  const directory = directoryOf(options.values);
  const { isDeep } = own;
  const startedAtMs = workplace.progress.nowMs();
  const report = await workLong(
    workplace,
    own,
    (control) => verifyStore({ directory, isDeep }, control),
  );
  const tookMs = workplace.progress.nowMs() - startedAtMs;
  printResult(workplace, own, {
    json: { directory, tookMs: Math.round(tookMs), ...report },
    text: showReport(report, tookMs),
  });
  return report.isClean ? EXIT_CODES.ok : EXIT_CODES.damaged;
}

/** A report in words, a finding in two lines. */
export function showReport(report: VerifyReport, tookMs: number): string {
  const { findings, checkedBytes, segmentCount, eventCount } = report;
  const { damageCount, brokenCount, noticeCount } = report;
  const lines = findings.flatMap(showFinding);
  const unlisted = damageCount + brokenCount + noticeCount - findings.length;
  if (unlisted > 0) lines.push(`and ${showCount(unlisted)} more`);
  lines.push(
    `Checked ${showCount(eventCount)} events in ${showCount(segmentCount)} ` +
      `segments${report.isDeep ? ", entry by entry" : ""}: ` +
      `${showBytes(checkedBytes)} in ${showDuration(tookMs)}, ` +
      `${showBytes(checkedBytes / Math.max(tookMs, 1) * 1000)}/s`,
    report.isClean
      ? "Nothing is damaged"
      : `${showCount(damageCount)} damaged, ${showCount(brokenCount)} to be ` +
        "mended: see quipu repair --help",
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
