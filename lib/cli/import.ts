/**
 * `quipu import`: writes events of an export to a store.
 *
 * @module
 */

import { importEvents } from "../store/import_events.ts";
import type { ImportReport } from "../store/transfer.ts";
import { showCount, showDuration } from "../text/quantities.ts";
import { defineTask } from "./offline_work.ts";
import { leftOutText } from "./export.ts";
import { openInput } from "./named_files.ts";
import { limitsOf } from "./options/limit_options.ts";
import { databaseOf, openSharedStore } from "./shared_store.ts";

export const IMPORT = defineTask({
  name: "import",
  summary: "Write the events of an export to a new or existing store",
  details: "Events keep their numbers, their ids and, unless the store holds " +
    "later events, their times. Events that exist already are recognised, so " +
    "an interrupted import can be run again. An invalid line ends the import.",
  options: ["segmentSizeBytes"],
  // It makes the directory.
  meanings: {},
  own: {
    withSystem: {
      flag: "with-system",
      kind: "boolean",
      help: "Write streams of the system, too: users, tokens, settings and " +
        "metadata. The author of the export decides on all rights",
    },
  },
  operands: {
    file: { label: "FILE", help: "File to read; - for standard input" },
  },
}, async (call) => {
  const { values, operands, work, parts } = call;
  const database = databaseOf(values);
  const place = values.directory;
  const { importDirectory } = await import(
    "../../storage/maintenance/transfer/directories.ts"
  );
  const { segmentSizeBytes, withSystem } = values;
  const { file } = operands;
  const { report, tookMs } = await work(async (control) => {
    const input = await openInput(file, control.signal);
    if (database === undefined) {
      const { directory } = call;
      const files = { directory, segmentSizeBytes, ...parts };
      return await importDirectory({ ...files, withSystem, ...input }, control);
    }
    const { clock, logger } = parts;
    await using store = await openSharedStore(values, {
      address: database,
      limits: limitsOf(values),
      logger,
      isTool: true,
    });
    return await importEvents({ store }, {
      ...input,
      withSystem,
      clock,
      control,
    });
  });
  const { importedCount, knownCount, end } = report;
  return {
    json: { directory: place, tookMs, ...report },
    text: `Imported ${showCount(importedCount, "event")} to ${place} in ` +
      `${showDuration(tookMs)}; ${showCount(knownCount)} were already there\n` +
      (withSystem ? madeText(report) : leftOutText(report.leftOutCount)) +
      `The store ends at position ${end}\n`,
    audit: { event: "store.imported", about: { file } },
  };
});

function madeText(
  { userCount, rightsCount, settingsCount }: ImportReport,
): string {
  return `Of the system: ${showCount(userCount, "user")}, ` +
    `${showCount(rightsCount, "access list")} and ` +
    `${showCount(settingsCount, "setting")}\n`;
}
