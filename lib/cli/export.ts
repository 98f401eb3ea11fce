/**
 * `quipu export`: writes events as lines of JSON.
 *
 * @module
 */

import type { Logger } from "../model/logger.ts";
import type { DatabaseAddress } from "../store/database_url.ts";
import { exportEvents, type ExportSink } from "../store/export_events.ts";
import type { JobControl } from "../store/maintenance.ts";
import type { ExportReport, ExportSelection } from "../store/transfer.ts";
import { showCount, showDuration } from "../text/quantities.ts";
import { UsageError } from "./failures.ts";
import { parseLogPoint, parseTime } from "./log_point.ts";
import { defineTask } from "./offline_work.ts";
import { openOutput } from "./named_files.ts";
import { limitsOf } from "./options/limit_options.ts";
import type { OptionValues } from "./options/options.ts";
import { databaseOf, openSharedStore } from "./shared_store.ts";

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
}, async (call) => {
  const { values, operands, work, parts } = call;
  const database = databaseOf(values);
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
      const sink = (text: string) => output.write(text);
      const report = database === undefined
        ? await exportDirectory({
          directory: call.directory,
          segmentSizeBytes,
          selection,
          sink,
          ...parts,
        }, control)
        : await exportDatabase(values, database, {
          ...parts,
          selection,
          sink,
          control,
        });
      await output.finish();
      return report;
    } finally {
      output.close();
    }
  });
  const { file } = operands;
  return {
    json: { directory: values.directory, file: path, tookMs, ...report },
    // Readers of the events on standard output want nothing else there.
    text: path === undefined
      ? ""
      : `Exported ${showCount(report.eventCount, "event")} up to position ` +
        `${report.end} to ${path} in ${showDuration(tookMs)}\n` +
        leftOutText(report.leftOutCount),
    audit: { event: "store.exported", about: { file, stream, category } },
  };
});

async function exportDatabase(
  values: OptionValues,
  address: DatabaseAddress,
  { logger, ...asked }: {
    readonly logger: Logger;
    readonly selection: ExportSelection;
    readonly sink: ExportSink;
    readonly control: JobControl;
  },
): Promise<ExportReport> {
  await using store = await openSharedStore(values, {
    address,
    limits: limitsOf(values),
    logger,
    isTool: true,
  });
  return await exportEvents(store, asked);
}

/** The line about events that need `--with-system`. */
export function leftOutText(count: number): string {
  return count === 0 ? "" : `Left out ${showCount(count, "event")} of the ` +
    "system (users, rights, metadata, deletes): --with-system includes them\n";
}
