/**
 * All rows that need large stores, in the order of the table.
 *
 * @module
 */

import { join } from "@std/path";
import { type LargeResult, type LargeRow, largeText } from "./large_row.ts";
import { IDLE_ROWS, namesOf, SCAN_ROWS, STORE_ROWS } from "./rows.ts";
import { measureScans } from "./scan_rows.ts";
import { measureIdle, measureLargeStore } from "./store_rows.ts";

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
  readonly print: (line: string) => void;
}): Promise<LargeResult[]> {
  const { directory, rounds, rowNames } = options;
  const results: LargeResult[] = [];
  const take = (some: readonly LargeResult[]) => {
    for (const result of some) {
      if (!rowNames.includes(result.row.name)) continue;
      results.push(result);
      options.print(largeText(result));
    }
  };
  const wants = (rows: Readonly<Record<string, LargeRow>>) =>
    namesOf(rows).some((name) => rowNames.includes(name));
  if (wants(SCAN_ROWS)) {
    take(await measureScans(join(directory, "stream"), rounds));
  }
  if (wants(STORE_ROWS)) take(await measureLargeStore(directory, options));
  if (wants(IDLE_ROWS)) take(await measureIdle());
  return results;
}
