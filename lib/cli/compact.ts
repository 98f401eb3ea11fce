/**
 * `quipu compact`: rewrites the KV's file without the space that it does not
 * use any more.
 *
 * @module
 */

import { showBytes } from "../text/quantities.ts";
import { defineCommand } from "./command.ts";
import {
  directoryOf,
  printResult,
  STORE_IS_THERE,
  STORE_OPTIONS,
  TASK_OPTIONS,
  workLong,
} from "./offline_work.ts";

export const COMPACT = defineCommand({
  name: "compact",
  summary: "Shrink the file of the KV: rewrite it without unused space",
  options: STORE_OPTIONS,
  meanings: STORE_IS_THERE,
  own: TASK_OPTIONS,
}, async ({ values }) => {
  const { compactCatalog } = await import(
    "../../storage/commit/compact_catalog.ts"
  );
  const directory = directoryOf(values);
  const { report } = await workLong(
    values,
    (control) => compactCatalog({ directory }, control),
  );
  const { file, bytesBefore, bytesAfter } = report;
  printResult(values, {
    json: { directory, ...report },
    text: `${file}: ${showBytes(bytesBefore)} before, ` +
      `${showBytes(bytesAfter)} now\n`,
  });
});
