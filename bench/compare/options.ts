/**
 * Options of the comparison.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { chosenRows } from "../command_line.ts";
import { COMPARED_ROWS } from "./rows.ts";

const ROW_NAMES = COMPARED_ROWS.map((row) => row.name);
const SECONDS_MAX = 60;
const ROUNDS_MAX = 100;

export const USAGE = `Usage: deno task bench:compare [options]

  --seconds N         time that each run is measured for (default 3)
  --rounds N          turns that each contestant has in each row (default 3)
  --only A,B          only these rows: ${ROW_NAMES.join(", ")}
  --dir DIR           where stores and database are kept meanwhile: a real disk
                      (default: the system's directory for temporary files)
  --message-db DIR    unpacked message-db, with its database/ (default: the
                      package from npm, by message_db.lock)
  --json FILE         write all figures to a file
  --help              this text
`;

export interface CompareOptions {
  readonly measureMs: number;
  readonly rounds: number;
  readonly rowNames: readonly string[];
  readonly directory: string | undefined;
  readonly messageDbDirectory: string | undefined;
  readonly jsonFile: string | undefined;
}

/**
 * Options that the command line says.
 *
 * @returns undefined if help is asked for.
 * @throws {TypeError | RangeError} If an option is unknown or its value bad.
 */
export function parseOptions(
  args: readonly string[],
): CompareOptions | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seconds: { type: "string", default: "3" },
      rounds: { type: "string", default: "3" },
      only: { type: "string" },
      dir: { type: "string" },
      "message-db": { type: "string" },
      json: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return undefined;
  return {
    measureMs: 1000 * numberOf("--seconds", values.seconds, SECONDS_MAX),
    rounds: Math.ceil(numberOf("--rounds", values.rounds, ROUNDS_MAX)),
    rowNames: chosenRows(values.only, ROW_NAMES),
    directory: values.dir,
    messageDbDirectory: values["message-db"],
    jsonFile: values.json,
  };
}

function numberOf(option: string, text: string, most: number): number {
  const value = Number(text);
  if (!(value > 0 && value <= most)) {
    throw new RangeError(
      `Bad ${option}: "${text}", wanted more than 0, ${most} at most`,
    );
  }
  return value;
}
