/**
 * Options of the benches.
 *
 * @module
 */

import { parseArgs } from "node:util";

const SECONDS_MAX = 600;
const ROUNDS_MAX = 100;

/** The help text, with the names of all rows. */
export function usageOf(rowNames: readonly string[]): string {
  return `Usage: deno task bench:load [options]

  --seconds N     time that each run is measured for (default 3)
  --warmup N      seconds before that, not counted (default 0.5)
  --rounds N      runs of each server for each row; medians count (default 5)
  --only A,B      only these rows (default: all of them)
  --dir DIR       where stores are kept meanwhile: a real disk (default: the
                  system's directory for temporary files)
  --big-store DIR where stores of 10 and 1 million events are kept, and found
                  again by the next run: some 3 GB, made in two minutes
                  (default: below --dir, deleted at the end)
  --mem-db        let the server keep everything in memory
  --quipu FILE    a compiled server to run instead of main.ts
  --before DIR    also run the server of another checkout of the project, and
                  say how this one's rate and CPU time compare
  --paired        only these two, in turns, and fail where a request takes more
                  than 5 % more CPU time: median over the rounds (needs --before)
  --profile DIR   write a CPU profile of the server for each row
  --json FILE     write all figures to a file
  --record        put them into docs/figures.json, for the documents
  --seed N        seed of the event ids (default 1)
  --help          this text

--mem-db, --quipu, --before, --paired and --profile are for rows over HTTP whose
names begin with append, event and feed.

Rows:
${rowNames.map((name) => `  ${name}\n`).join("")}`;
}

export interface BenchOptions {
  readonly measureMs: number;
  readonly warmupMs: number;
  readonly rounds: number;
  /** Names of rows, in the order of the table. */
  readonly rowNames: readonly string[];
  readonly directory: string | undefined;
  /** Where large stores are kept; undefined: nowhere. */
  readonly bigStoreDirectory: string | undefined;
  readonly isInMemory: boolean;
  /** A compiled server; undefined: `main.ts`. */
  readonly serverBinary: string | undefined;
  /** Root of another checkout to compare with. */
  readonly beforeDirectory: string | undefined;
  /** Whether it and the server under test are all that runs. */
  readonly isPaired: boolean;
  readonly profileDirectory: string | undefined;
  readonly jsonFile: string | undefined;
  readonly isRecorded: boolean;
  readonly seed: number;
}

/**
 * Options that the command line says.
 *
 * @param known Names of all rows.
 * @returns undefined if help is asked for.
 * @throws {TypeError | RangeError} If an option is unknown or its value bad.
 */
export function parseOptions(
  args: readonly string[],
  known: readonly string[],
): BenchOptions | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seconds: { type: "string", default: "3" },
      warmup: { type: "string", default: "0.5" },
      rounds: { type: "string", default: "5" },
      only: { type: "string" },
      dir: { type: "string" },
      "big-store": { type: "string" },
      "mem-db": { type: "boolean", default: false },
      quipu: { type: "string" },
      before: { type: "string" },
      paired: { type: "boolean", default: false },
      profile: { type: "string" },
      json: { type: "string" },
      record: { type: "boolean", default: false },
      seed: { type: "string", default: "1" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return undefined;
  if (values.paired && values.before === undefined) {
    throw new TypeError("Option --paired needs --before");
  }
  return {
    measureMs: 1000 * numberOf("--seconds", values.seconds, SECONDS_MAX),
    warmupMs: 1000 * numberOf("--warmup", values.warmup, SECONDS_MAX),
    rounds: Math.max(
      1,
      Math.trunc(numberOf("--rounds", values.rounds, ROUNDS_MAX)),
    ),
    rowNames: chosenRows(values.only, known),
    directory: values.dir,
    bigStoreDirectory: values["big-store"],
    isInMemory: values["mem-db"],
    serverBinary: values.quipu,
    beforeDirectory: values.before,
    isPaired: values.paired,
    profileDirectory: values.profile,
    jsonFile: values.json,
    isRecorded: values.record,
    seed: Math.trunc(numberOf("--seed", values.seed, 2 ** 31)),
  };
}

function numberOf(option: string, text: string, most: number): number {
  const value = Number(text);
  if (!(value >= 0 && value <= most)) {
    throw new RangeError(`Bad ${option}: "${text}", wanted 0 to ${most}`);
  }
  return value;
}

function chosenRows(
  only: string | undefined,
  known: readonly string[],
): readonly string[] {
  if (only === undefined) return known;
  const wanted = only.split(",");
  const unknown = wanted.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new RangeError(
      `Bad --only: no row "${unknown}", wanted some of ${known.join(", ")}`,
    );
  }
  return known.filter((name) => wanted.includes(name));
}
