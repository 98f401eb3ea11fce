/**
 * `quipu export` and `quipu import`: events as lines of JSON.
 *
 * @module
 */

import { UsageError } from "./options/usage_error.ts";
import type { JobControl } from "../store/maintenance.ts";
import type {
  ExportReport,
  ExportSelection,
  ImportReport,
} from "../store/transfer.ts";
import { showCount, showDuration } from "../text/quantities.ts";
import { parseLogPoint, parseTime } from "./log_point.ts";
import type { CommandCall } from "./run_program.ts";
import {
  directoryOf,
  printResult,
  workLong,
  type Workplace,
} from "./workplace.ts";

/** Where text goes. */
export interface TextOutput {
  write(text: string): Promise<void>;
  /** Makes permanent what was written. */
  finish(): Promise<void>;
  /** Lets go of it, finished or not. */
  close(): void;
}

/** Where bytes come from. */
export interface ByteInput {
  readonly bytes: AsyncIterable<Uint8Array>;
  /** How many; 0 if that is not known. */
  readonly length: number;
}

/** What the commands need of the rest of the program. */
export interface TransferTools {
  exportDirectory(
    options: {
      readonly directory: string;
      readonly segmentSizeBytes: number;
      readonly selection: ExportSelection;
      readonly sink: (text: string) => Promise<void>;
    },
    control: JobControl,
  ): Promise<ExportReport>;
  importDirectory(
    options: {
      readonly directory: string;
      readonly segmentSizeBytes: number;
      readonly withSystem: boolean;
    } & ByteInput,
    control: JobControl,
  ): Promise<ImportReport>;
  /** Refuses a file where none should be. */
  checkExportFile(path: string): void;
  /** Creates a file; undefined is standard output. */
  openOutput(path: string | undefined): Promise<TextOutput>;
  /** Opens a file; `-` is standard input. The signal ends it. */
  openInput(operand: string, signal: AbortSignal): Promise<ByteInput>;
}

/** Runs `quipu export`. */
export async function runExport(
  { options, own, operands }: CommandCall<"export">,
  workplace: Workplace,
  tools: TransferTools,
): Promise<void> {
  const directory = directoryOf(options.values);
  const { segmentSizeBytes } = options.values;
  const path = pathOf(operands.file);
  if (path === undefined && own.isJson) {
    throw new UsageError("--json needs a file: standard output has the events");
  }
  const selection = selectionOf(own);
  const startedAtMs = workplace.progress.nowMs();
  const report = await workLong(workplace, own, async (control) => {
    if (path !== undefined) tools.checkExportFile(path);
    const output = await tools.openOutput(path);
    try {
      const sink = (text: string) => output.write(text);
      const report = await tools.exportDirectory(
        { directory, segmentSizeBytes, selection, sink },
        control,
      );
      await output.finish();
      return report;
    } finally {
      output.close();
    }
  });
  const tookMs = workplace.progress.nowMs() - startedAtMs;
  // Who reads the events wants nothing else.
  if (path === undefined) return;
  printResult(workplace, own, {
    json: { directory, file: path, tookMs: Math.round(tookMs), ...report },
    text: `Exported ${showCount(report.eventCount)} events up to position ` +
      `${report.end} to ${path} in ${showDuration(tookMs)}\n` +
      leftOutText(report.leftOutCount),
  });
}

function selectionOf(own: CommandCall<"export">["own"]): ExportSelection {
  const { stream, category, from, to, withSystem } = own;
  return {
    withSystem,
    ...(stream !== undefined && { streamName: stream }),
    ...(category !== undefined && { category }),
    ...(from !== undefined && { fromUs: parseTime(from, "from") }),
    ...(to !== undefined && { to: parseLogPoint(to, "to") }),
  };
}

/** Runs `quipu import`. */
export async function runImport(
  { options, own, operands }: CommandCall<"import">,
  workplace: Workplace,
  tools: TransferTools,
): Promise<void> {
  const directory = directoryOf(options.values);
  const { segmentSizeBytes } = options.values;
  const startedAtMs = workplace.progress.nowMs();
  const report = await workLong(workplace, own, async (control) => {
    const input = await tools.openInput(operands.file, control.signal);
    return await tools.importDirectory(
      { directory, segmentSizeBytes, withSystem: own.withSystem, ...input },
      control,
    );
  });
  const tookMs = workplace.progress.nowMs() - startedAtMs;
  const { importedCount, knownCount, end } = report;
  printResult(workplace, own, {
    json: { directory, tookMs: Math.round(tookMs), ...report },
    text: `Imported ${showCount(importedCount)} events to ${directory} in ` +
      `${showDuration(tookMs)}; ${showCount(knownCount)} were there\n` +
      (own.withSystem ? madeText(report) : leftOutText(report.leftOutCount)) +
      `The store ends at position ${end}\n`,
  });
}

function madeText(
  { userCount, rightsCount, settingsCount }: ImportReport,
): string {
  return `Of the system: ${showCount(userCount)} users, ` +
    `${showCount(rightsCount)} access lists and ` +
    `${showCount(settingsCount)} settings\n`;
}

function leftOutText(count: number): string {
  return count === 0 ? "" : `Left out ${showCount(count)} events of the ` +
    "system (users, rights, metadata, deletes): --with-system takes them\n";
}

function pathOf(operand: string | undefined): string | undefined {
  return operand === "-" ? undefined : operand;
}
