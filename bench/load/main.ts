/**
 * Load bench: starts the server, the reference and a bare `Deno.serve` side
 * by side, drives them in turns, and prints a table with pass marks.
 *
 * Ends with 0; with 1 when a row missed its base mark or met errors; with 2
 * for options it does not know.
 *
 * @module
 */

import { optionsOrExit, print, reasonOf } from "../command_line.ts";
import type { LargeResult } from "../large/large_row.ts";
import { measureLarge } from "../large/measure.ts";
import { type BenchOptions, parseOptions, USAGE } from "./options.ts";
import { diskText, resultsJson, rowText } from "./report.ts";
import { ROWS } from "./rows.ts";
import { type RowResult, runRow } from "./run_row.ts";

interface BenchResults {
  readonly results: readonly RowResult[];
  readonly large: readonly LargeResult[];
}

/** Runs all rows that are asked for. */
async function runBench(options: BenchOptions): Promise<BenchResults> {
  const directory = await Deno.makeTempDir({
    prefix: "quipu-bench-",
    ...(options.directory === undefined ? {} : { dir: options.directory }),
  });
  const results: RowResult[] = [];
  let large: LargeResult[] = [];
  try {
    for (const row of ROWS) {
      if (!options.rowNames.includes(row.name)) continue;
      const result = await runRow(row, options, directory);
      results.push(result);
      print(rowText(result));
    }
    // Other checkouts take no part in those.
    large = options.isPaired ? [] : await measureLarge({
      ...options,
      directory: options.bigStoreDirectory ?? directory,
      print,
    });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
  if (results.length > 0 && !options.isPaired) print(diskText(results));
  if (options.jsonFile !== undefined) {
    await Deno.writeTextFile(options.jsonFile, resultsJson(results, large));
  }
  return { results, large };
}

/** The bench's results; a server that does not start is said in one line. */
async function resultsOrExit(options: BenchOptions): Promise<BenchResults> {
  try {
    return await runBench(options);
  } catch (error) {
    print(reasonOf(error));
    Deno.exit(1);
  }
}

if (import.meta.main) {
  const { results, large } = await resultsOrExit(
    optionsOrExit(parseOptions, USAGE),
  );
  const hasFailed = results.some((result) => result.verdict === "failed") ||
    large.some((result) => result.verdict === "short");
  Deno.exit(hasFailed ? 1 : 0);
}
