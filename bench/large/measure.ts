/**
 * All rows that need large stores, in the order of the table.
 *
 * @module
 */

import { join } from "@std/path";
import { type LargeResult, largeText } from "./large_row.ts";
import { measureScans, SCAN_ROWS } from "./scan_rows.ts";
import { measureIdle, measureLargeStore, STORE_ROWS } from "./store_rows.ts";

const SCANS = Object.values(SCAN_ROWS).map(({ name }) => name);
const IDLE = [STORE_ROWS.memoryIdle.name, STORE_ROWS.cpuIdle.name];
const STORES = Object.values(STORE_ROWS).map(({ name }) => name)
  .filter((name) => !IDLE.some((idle) => idle === name));

/** Names of the rows. */
export const LARGE_ROW_NAMES: readonly string[] = [
  ...SCANS,
  ...STORES,
  ...IDLE,
];

/**
 * Measures rows; those that share a server are measured together.
 *
 * @param options `directory` keeps the stores: some 3 GB, made in two minutes.
 */
export async function measureLarge(options: {
  readonly directory: string;
  readonly rounds: number;
  readonly measureMs: number;
  readonly rowNames: readonly string[];
  readonly print: (text: string) => void;
}): Promise<LargeResult[]> {
  const { directory, rounds, rowNames } = options;
  const results: LargeResult[] = [];
  const take = (some: readonly LargeResult[]) => {
    for (const result of some) {
      if (!rowNames.includes(result.row.name)) continue;
      results.push(result);
      options.print(largeText(result) + "\n");
    }
  };
  const wants = (names: readonly string[]) =>
    names.some((name) => rowNames.includes(name));
  if (wants(SCANS)) {
    take(await measureScans(join(directory, "stream"), rounds));
  }
  if (wants(STORES)) take(await measureLargeStore(directory, options));
  if (wants(IDLE)) take(await measureIdle());
  return results;
}
