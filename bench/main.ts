/**
 * The benches: each row starts the servers that it compares, drives them in
 * turns, and prints its figure with its marks.
 *
 * Ends with 0; with 1 when a row missed its least mark or met errors; with 2
 * for options it does not know.
 *
 * @module
 */

import { type BenchOptions, parseOptions, usageOf } from "./options.ts";
import { recordFigures } from "./record.ts";
import { print, resultsJson, rowText } from "./report.ts";
import type { Bench, Measured } from "./row.ts";
import { BACKUP } from "./rows/backup.ts";
import { CROWD } from "./rows/crowd.ts";
import { HOSTILE_PROJECTIONS } from "./rows/hostile.ts";
import { HTTP } from "./rows/http.ts";
import { IDLE } from "./rows/idle.ts";
import { LARGE_STORE } from "./rows/large_store.ts";
import { LIVE } from "./rows/live.ts";
import { MESSAGE_DB } from "./rows/message_db.ts";
import { SCANS } from "./rows/scans.ts";
import { SCAVENGE } from "./rows/scavenge.ts";
import { SUBSCRIPTIONS } from "./rows/subscriptions.ts";

const BENCHES: readonly Bench[] = [
  ...HTTP,
  SCANS,
  LARGE_STORE,
  IDLE,
  LIVE,
  SUBSCRIPTIONS,
  HOSTILE_PROJECTIONS,
  BACKUP,
  SCAVENGE,
  CROWD,
  ...MESSAGE_DB,
];
const ROW_NAMES = BENCHES.flatMap(({ rows }) => rows.map(({ name }) => name));

/** Options; ends the program after having said why there are none. */
function optionsOrExit(): BenchOptions {
  const usage = usageOf(ROW_NAMES).trimEnd();
  try {
    const options = parseOptions(Deno.args, ROW_NAMES);
    if (options !== undefined) return options;
    print(usage);
    Deno.exit(0);
  } catch (error) {
    print(`${reasonOf(error)}\n\n${usage}`);
    Deno.exit(2);
  }
}

/** Runs all rows that are asked for. */
async function runBenches(options: BenchOptions): Promise<Measured[]> {
  const results: Measured[] = [];
  const wants = ({ name }: { readonly name: string }) =>
    options.rowNames.includes(name);
  for (const bench of BENCHES.filter(({ rows }) => rows.some(wants))) {
    const directory = await Deno.makeTempDir({
      prefix: "quipu-bench-",
      ...(options.directory === undefined ? {} : { dir: options.directory }),
    });
    try {
      const measured = await bench.measure({ options, directory, wants });
      for (const result of measured.filter(({ row }) => wants(row))) {
        results.push(result);
        print(rowText(result));
      }
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  }
  return results;
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

if (import.meta.main) {
  const options = optionsOrExit();
  try {
    const results = await runBenches(options);
    if (options.jsonFile !== undefined) {
      await Deno.writeTextFile(options.jsonFile, resultsJson(results));
    }
    if (options.isRecorded) recordFigures(results);
    const hasFailed = results.some(({ verdict }) => verdict === "failed");
    Deno.exit(hasFailed ? 1 : 0);
  } catch (error) {
    // A server that does not start is said in one line.
    print(reasonOf(error));
    Deno.exit(1);
  }
}
