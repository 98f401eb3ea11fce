/**
 * `quipu repair`: shows the damage of a store and a plan to repair it, and
 * carries the plan out with `--yes`.
 *
 * @module
 */

import type { RepairReport } from "../store/maintenance.ts";
import { showCount } from "../text/quantities.ts";
import { EXIT_CODES } from "./failures.ts";
import { defineTask } from "./offline_work.ts";

export const REPAIR = defineTask({
  name: "repair",
  summary: "Show how a damaged store can be repaired; --yes repairs it",
  details: "Keeps all intact events with their positions and numbers, " +
    "rebuilds indexes and the KV, and lists the positions and events that " +
    "are lost. Removed files are kept in lost/. Without --yes nothing is " +
    "changed. The exit code is 3 while anything is left to repair.",
  own: {
    isConfirmed: { flag: "yes", kind: "boolean", help: "Carry out the repair" },
  },
}, async ({ directory, values, work, parts }) => {
  const { repairDirectory } = await import(
    "../../storage/maintenance/repair/repair_directory.ts"
  );
  const { isConfirmed } = values;
  const { report } = await work((control) =>
    repairDirectory({ directory, isConfirmed, ...parts }, control)
  );
  const isLeft = report.unrepaired.length > 0 ||
    (report.isNeeded && !report.isDone);
  return {
    json: { directory, ...report },
    text: showRepair(report),
    exitCode: isLeft ? EXIT_CODES.damaged : EXIT_CODES.ok,
    // Lost events may have been users or rights.
    ...(report.isDone && { audit: { event: "store.repaired" } }),
  };
});

/** A repair in words. */
function showRepair(report: RepairReport): string {
  const { isNeeded, isDone, actions, lostPositions, lostEvents } = report;
  if (!isNeeded) return "Nothing needs repair\n";
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
  if (unlisted > 0) {
    lines.push(
      `lost: ${showCount(unlisted)} more ${
        unlisted === 1 ? "event" : "events"
      }`,
    );
  }
  for (const { file, what } of report.unrepaired) {
    lines.push(`cannot be repaired: ${file ?? "the store"}: ${what}`);
  }
  lines.push(
    isDone
      ? `Done: ${report.note ?? "lost/"} says what was done`
      : "Nothing was changed yet: quipu repair --yes does it",
  );
  return lines.join("\n") + "\n";
}
