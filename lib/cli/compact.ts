/**
 * `quipu compact`: rewrites the KV's file without the space that it does not
 * use any more.
 *
 * @module
 */

import { showBytes } from "../text/quantities.ts";
import { defineTask } from "./offline_work.ts";

export const COMPACT = defineTask({
  name: "compact",
  summary: "Shrink the file of the KV: rewrite it without unused space",
}, async ({ directory, work }) => {
  const { compactCatalog } = await import(
    "../../storage/commit/compact_catalog.ts"
  );
  const { report } = await work((control) =>
    compactCatalog({ directory }, control)
  );
  const { file, bytesBefore, bytesAfter } = report;
  return {
    json: { directory, ...report },
    text: `${file}: ${showBytes(bytesBefore)} before, ` +
      `${showBytes(bytesAfter)} now\n`,
  };
});
