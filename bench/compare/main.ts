/**
 * The comparison: quipu beside PostgreSQL with message-db, what else one could
 * run for the same purpose; same work, same machine, both synced before each
 * answer, over TCP on 127.0.0.1, each driven by the driver that suits it.
 *
 * Ends with 1 when something cannot be run, with 2 for options it does not
 * know, with 130 after SIGINT or SIGTERM.
 *
 * @module
 */

import { optionsOrExit, print, reasonOf } from "../command_line.ts";
import { type ComparedResult, compareRow } from "./compare_row.ts";
import { fetchMessageDb, installMessageDb } from "./message_db.ts";
import { type CompareOptions, parseOptions, USAGE } from "./options.ts";
import { findPrograms, Postgres } from "./postgres.ts";
import { PUBLISHED, resultsJson, rowText } from "./report.ts";
import { COMPARED_ROWS } from "./rows.ts";

/** So that PostgreSQL's account may enter what ours has made. */
const ENTERED_BY_ALL = 0o755;
/** Exit code after a signal. */
const STOPPED = 130;

/** Set once a signal ends the comparison. */
let stopping: Promise<void> | undefined;

/** Leaves neither servers nor files behind. */
function stopOnSignal(stack: AsyncDisposableStack): void {
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(signal, () => {
      stopping ??= stack.disposeAsync().finally(() => Deno.exit(STOPPED));
    });
  }
}

async function runComparison(options: CompareOptions): Promise<void> {
  const programs = findPrograms();
  await using stack = new AsyncDisposableStack();
  stopOnSignal(stack);
  const directory = await Deno.makeTempDir({
    prefix: "quipu-compare-",
    ...(options.directory === undefined ? {} : { dir: options.directory }),
  });
  stack.defer(() => Deno.remove(directory, { recursive: true }));
  await Deno.chmod(directory, ENTERED_BY_ALL);
  const messageDb = options.messageDbDirectory ??
    await fetchMessageDb(directory);
  const postgres = await Postgres.start(programs, directory);
  stack.defer(() => postgres.stop());
  await installMessageDb(postgres, messageDb);
  const versions = {
    postgres: postgres.version,
    messageDb: (await postgres.query("SELECT message_store_version()")).trim(),
  };
  print(`${versions.postgres}, message-db ${versions.messageDb}\n`);
  const results: ComparedResult[] = [];
  for (const compared of COMPARED_ROWS) {
    if (!options.rowNames.includes(compared.name)) continue;
    const result = await compareRow(compared, postgres, {
      options,
      directory,
      stack,
    });
    results.push(result);
    print(rowText(result));
  }
  print(PUBLISHED);
  if (options.jsonFile !== undefined) {
    await Deno.writeTextFile(options.jsonFile, resultsJson(results, versions));
  }
}

if (import.meta.main) {
  const options = optionsOrExit(parseOptions, USAGE);
  try {
    await runComparison(options);
  } catch (error) {
    // What a signal has stopped fails: that is no news.
    await stopping;
    print(reasonOf(error));
    Deno.exit(1);
  }
}
