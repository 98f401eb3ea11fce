/**
 * Options of the scale bench.
 *
 * @module
 */

import { parseArgs } from "node:util";

const COUNT_MAX = 100_000_000;
const ROUNDS_MAX = 100;

export const USAGE = `Usage: deno task bench:scale [options]

  --events N    events of the large store (default 1000000)
  --streams N   streams that they are in, at most as many (default 100000)
  --only PART   appends or pages (default: both)
  --rounds N    turns that the two stores take (default 5)
  --dir DIR     where the stores are kept, and found again by the next run
                (default: a temporary directory, deleted at the end)
  --help        this text
`;

/** What the bench measures. */
export type ScalePart = "appends" | "pages";

export interface ScaleOptions {
  readonly eventCount: number;
  readonly streamCount: number;
  readonly rounds: number;
  readonly parts: readonly ScalePart[];
  readonly directory: string | undefined;
}

/**
 * Options that the command line says; undefined if help is asked for.
 *
 * @throws {TypeError | RangeError} If an option is unknown or its value bad.
 */
export function parseOptions(
  args: readonly string[],
): ScaleOptions | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      events: { type: "string", default: "1000000" },
      streams: { type: "string", default: "100000" },
      rounds: { type: "string", default: "5" },
      only: { type: "string" },
      dir: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return undefined;
  const eventCount = countOf("--events", values.events, COUNT_MAX);
  return {
    eventCount,
    streamCount: countOf("--streams", values.streams, eventCount),
    rounds: countOf("--rounds", values.rounds, ROUNDS_MAX),
    parts: partsOf(values.only),
    directory: values.dir,
  };
}

function countOf(option: string, text: string, most: number): number {
  const value = Number(text);
  if (!(Number.isInteger(value) && value >= 1 && value <= most)) {
    throw new RangeError(`Bad ${option}: "${text}", wanted 1 to ${most}`);
  }
  return value;
}

function partsOf(only: string | undefined): ScalePart[] {
  if (only === undefined) return ["appends", "pages"];
  if (only === "appends" || only === "pages") return [only];
  throw new RangeError(`Bad --only: "${only}", wanted appends or pages`);
}
