/**
 * `quipu export`: writes events as lines of JSON.
 *
 * @module
 */

import type { ExportSelection } from "../store/transfer.ts";
import { showCount, showDuration } from "../text/quantities.ts";
import { UsageError } from "./failures.ts";
import { parseLogPoint, parseTime } from "./log_point.ts";
import { defineTask } from "./offline_work.ts";
import { openOutput } from "./named_files.ts";

export const EXPORT = defineTask({
  name: "export",
  summary: "Write events as lines of JSON, for reading or importing",
  details: "The selected events of one request are exported together or not " +
    "at all. Events must match every option that selects. A stream or " +
    "category that never existed is refused. Changes nothing.",
  own: {
    stream: {
      flag: "stream",
      kind: "text",
      valueName: "NAME",
      help: "Only this stream; not together with --category",
    },
    category: {
      flag: "category",
      kind: "text",
      valueName: "NAME",
      help: "Only the streams of this category",
      excludes: "stream",
    },
    from: {
      flag: "from",
      kind: "text",
      valueName: "TIME",
      help: "Only events written at this time or later",
    },
    to: {
      flag: "to",
      kind: "text",
      valueName: "POINT",
      help: "Only events before this log position, or written before this " +
        "time",
    },
    withSystem: {
      flag: "with-system",
      kind: "boolean",
      help: "Streams of the system, too: users, tokens, settings, and the " +
        "metadata of every stream with its access list",
    },
  },
  operands: {
    file: {
      label: "FILE",
      help: "File to write, which must not exist; without it, or as -, " +
        "standard output",
      isOptional: true,
    },
  },
  online: "GET /admin/export",
}, async ({ directory, values, operands, work, parts }) => {
  const { checkExportFile, exportDirectory } = await import(
    "../../storage/maintenance/transfer/directories.ts"
  );
  const { segmentSizeBytes, stream, category, from, to } = values;
  const path = operands.file === "-" ? undefined : operands.file;
  if (path === undefined && values.isJson) {
    throw new UsageError("--json needs a file: standard output has the events");
  }
  const selection: ExportSelection = {
    withSystem: values.withSystem,
    ...(stream !== undefined && { streamName: stream }),
    ...(category !== undefined && { category }),
    ...(from !== undefined && { fromUs: parseTime(from, "from") }),
    ...(to !== undefined && { to: parseLogPoint(to, "to") }),
  };
  const { report, tookMs } = await work(async (control) => {
    if (path !== undefined) checkExportFile(path);
    const output = await openOutput(path);
    try {
      const report = await exportDirectory({
        directory,
        segmentSizeBytes,
        selection,
        sink: (text) => output.write(text),
        ...parts,
      }, control);
      await output.finish();
      return report;
    } finally {
      output.close();
    }
  });
  const { file } = operands;
  return {
    json: { directory, file: path, tookMs, ...report },
    // Readers of the events on standard output want nothing else there.
    text: path === undefined
      ? ""
      : `Exported ${showCount(report.eventCount, "event")} up to position ` +
        `${report.end} to ${path} in ${showDuration(tookMs)}\n` +
        leftOutText(report.leftOutCount),
    audit: { event: "store.exported", about: { file, stream, category } },
  };
});

/** The line about events that need `--with-system`. */
export function leftOutText(count: number): string {
  return count === 0 ? "" : `Left out ${showCount(count, "event")} of the ` +
    "system (users, rights, metadata, deletes): --with-system includes them\n";
}
