/**
 * `quipu compact`: makes the KV's file anew, without the room that it does not
 * use any more.
 *
 * @module
 */

import type { CompactReport, JobControl } from "../store/maintenance.ts";
import { showBytes } from "../text/quantities.ts";
import type { CommandCall } from "./run_program.ts";
import {
  directoryOf,
  printResult,
  workLong,
  type Workplace,
} from "./workplace.ts";

/** Compacts the KV of the store in a directory. */
export type CompactStore = (
  request: { readonly directory: string },
  control: JobControl,
) => Promise<CompactReport>;

/** Runs `quipu compact`. */
export async function runCompact(
  { options, own }: CommandCall<"compact">,
  workplace: Workplace,
  compactStore: CompactStore,
): Promise<void> {
  const directory = directoryOf(options.values);
  const report = await workLong(
    workplace,
    own,
    (control) => compactStore({ directory }, control),
  );
  const { file, bytesBefore, bytesAfter } = report;
  printResult(workplace, own, {
    json: { directory, ...report },
    text: `${file}: ${showBytes(bytesBefore)} before, ` +
      `${showBytes(bytesAfter)} now\n`,
  });
}
