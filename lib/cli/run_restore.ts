/**
 * `quipu restore`: makes a store of a backup.
 *
 * @module
 */

import type { JobControl } from "../store/maintenance.ts";
import type { LogPoint, RestoreReport } from "../store/transfer.ts";
import { showBytes, showCount, showDuration } from "../text/quantities.ts";
import { parseLogPoint } from "./log_point.ts";
import { timeLine } from "./run_backup.ts";
import type { ByteInput } from "./run_transfer.ts";
import type { CommandCall } from "./run_program.ts";
import {
  directoryOf,
  printResult,
  workLong,
  type Workplace,
} from "./workplace.ts";

/** What the command needs of the rest of the program. */
export interface RestoreTools {
  /** Makes a store of a backup: a path, or what comes. */
  restoreDirectory(
    options: {
      readonly backup: string | ByteInput;
      readonly directory: string;
      readonly point: LogPoint | undefined;
      readonly segmentSizeBytes: number;
    },
    control: JobControl,
  ): Promise<RestoreReport>;
  /** What an operand leads to; `-` is standard input. */
  kindOfInput(operand: string): "file" | "directory" | "stream";
  /** Opens what comes as a stream. The signal ends it. */
  openInput(operand: string, signal: AbortSignal): Promise<ByteInput>;
}

/** Runs `quipu restore`. */
export async function runRestore(
  { options, own, operands }: CommandCall<"restore">,
  workplace: Workplace,
  tools: RestoreTools,
): Promise<void> {
  const directory = directoryOf(options.values);
  const { segmentSizeBytes } = options.values;
  const { backup } = operands;
  const point = own.to === undefined ? undefined : parseLogPoint(own.to, "to");
  const startedAtMs = workplace.progress.nowMs();
  const report = await workLong(
    workplace,
    own,
    async (control) => {
      const isStream = tools.kindOfInput(backup) === "stream";
      return await tools.restoreDirectory({
        backup: isStream
          ? await tools.openInput(backup, control.signal)
          : backup,
        directory,
        point,
        segmentSizeBytes,
      }, control);
    },
  );
  const tookMs = workplace.progress.nowMs() - startedAtMs;
  const { end, backupEnd, segmentCount, streamCount, copiedBytes } = report;
  printResult(workplace, own, {
    json: { backup, directory, tookMs: Math.round(tookMs), ...report },
    text: `Restored ${showCount(streamCount)} streams in ` +
      `${showCount(segmentCount)} segments with ${showBytes(copiedBytes)} to ` +
      `${directory} in ${showDuration(tookMs)}\n` +
      (end === backupEnd
        ? `Everything up to position ${end}, where the backup ends\n`
        : `Up to position ${end}; the backup goes on to ${backupEnd}\n`) +
      timeLine(report.lastCreatedAtUs),
  });
}
