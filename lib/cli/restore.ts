/**
 * `quipu restore`: makes a store of a backup.
 *
 * @module
 */

import { showBytes, showCount, showDuration } from "../text/quantities.ts";
import { timeLine } from "./backup.ts";
import { parseLogPoint } from "./log_point.ts";
import { defineTask } from "./offline_work.ts";
import { kindOfInput, openInput } from "./named_files.ts";

export const RESTORE = defineTask({
  name: "restore",
  summary: "Create a store from a backup",
  details: "Checks the backup first, and refuses a directory that is not " +
    "empty. With --to, the events of one request are restored together or " +
    "not at all. A backup from standard input is stored before it is " +
    "restored, which takes its size twice.",
  options: ["segmentSizeBytes"],
  meanings: {
    directory: "Directory for the store: one that is empty, or made now",
  },
  own: {
    to: {
      flag: "to",
      kind: "text",
      valueName: "POINT",
      help: "Restore events before this log position, or written before " +
        "this time, such as 2026-03-01T12:00:00Z",
    },
  },
  operands: {
    backup: {
      label: "BACKUP",
      help: "Directory of the backup, or a tar file of one; - for one " +
        "that comes by standard input",
    },
  },
}, async ({ directory, values, operands, work, parts }) => {
  const { restoreDirectory } = await import(
    "../../storage/maintenance/backup/directories.ts"
  );
  const { segmentSizeBytes, to } = values;
  const { backup } = operands;
  const point = to === undefined ? undefined : parseLogPoint(to, "to");
  const { report, tookMs } = await work(async (control) => {
    const isStream = kindOfInput(backup) === "stream";
    return await restoreDirectory({
      backup: isStream ? await openInput(backup, control.signal) : backup,
      directory,
      point,
      segmentSizeBytes,
      ...parts,
    }, control);
  });
  const { end, backupEnd, segmentCount, streamCount, copiedBytes } = report;
  return {
    json: { backup, directory, tookMs, ...report },
    text: `Restored ${showCount(streamCount, "stream")} in ` +
      `${showCount(segmentCount, "segment")} with ${
        showBytes(copiedBytes)
      } to ` +
      `${directory} in ${showDuration(tookMs)}\n` +
      (end === backupEnd
        ? `Everything up to position ${end}, where the backup ends\n`
        : `Up to position ${end}; the backup goes on to ${backupEnd}\n`) +
      timeLine(report.lastCreatedAtUs),
    audit: { event: "store.restored", about: { backup } },
  };
});
