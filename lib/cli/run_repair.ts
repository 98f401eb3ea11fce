/**
 * `quipu repair`: says what is wrong with a store and what can be done about
 * it, and does it when it is told to.
 *
 * @module
 */

import type { JobControl, RepairReport } from "../store/maintenance.ts";
import { showCount } from "../text/quantities.ts";
import { EXIT_CODES, type ExitCode } from "./exit_codes.ts";
import type { CommandCall } from "./run_program.ts";
import {
  directoryOf,
  printResult,
  workLong,
  type Workplace,
} from "./workplace.ts";

/** Mends the store in a directory, or says how it would. */
export type RepairStore = (
  request: { readonly directory: string; readonly isConfirmed: boolean },
  control: JobControl,
) => Promise<RepairReport>;

/** Runs `quipu repair`. */
export async function runRepair(
  { options, own }: CommandCall<"repair">,
  workplace: Workplace,
  repairStore: RepairStore,
): Promise<ExitCode> {
  const directory = directoryOf(options.values);
  const { isConfirmed } = own;
  const report = await workLong(
    workplace,
    own,
    (control) => repairStore({ directory, isConfirmed }, control),
  );
  printResult(workplace, own, {
    json: { directory, ...report },
    text: showRepair(report),
  });
  const isLeft = report.unrepaired.length > 0 ||
    (report.isNeeded && !report.isDone);
  return isLeft ? EXIT_CODES.damaged : EXIT_CODES.ok;
}

/** A repair in words. */
export function showRepair(report: RepairReport): string {
  const { isNeeded, isDone, actions, lostPositions, lostEvents } = report;
  if (!isNeeded) return "Nothing is to be repaired\n";
  const lines = actions.map(({ kind, file, what }) =>
    `${kind} ${file}: ${what}`
  );
  for (const { from, to } of lostPositions) {
    lines.push(`lost: positions ${from} to ${to}`);
  }
  for (const { streamName, from, to } of lostEvents) {
    const numbers = from === to ? `event ${from}` : `events ${from} to ${to}`;
    lines.push(`lost: ${numbers} of ${JSON.stringify(streamName)}`);
  }
  for (const { streamName, from, to } of report.renumberedEvents) {
    lines.push(
      `renumbered: event ${from} of ${JSON.stringify(streamName)} is ${to}`,
    );
  }
  const unlisted = report.lostEventCount -
    lostEvents.reduce((sum, { from, to }) => sum + to - from + 1, 0);
  if (unlisted > 0) lines.push(`lost: ${showCount(unlisted)} more events`);
  for (const { file, what } of report.unrepaired) {
    lines.push(`cannot be repaired: ${file ?? "the store"}: ${what}`);
  }
  lines.push(
    isDone
      ? `Done: ${report.note ?? "lost/"} says what was done`
      : "Nothing was done yet: quipu repair --yes does it",
  );
  return lines.join("\n") + "\n";
}
