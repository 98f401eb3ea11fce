/**
 * Reads the arguments of a command: `--flag value`, `--flag=value`, and for
 * booleans `--flag`, `--no-flag`, `--flag=true`, `--flag=false`. A boolean
 * never takes the argument after it. A flag may be given again only if its row
 * is repeatable: its values are joined by commas. Everything else is an
 * operand, and so is everything after `--`.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { UsageError } from "../failures.ts";
import { suggestion } from "./nearest_name.ts";
import { describeValues } from "./option_value.ts";
import {
  environmentNameOf,
  OPTION_NAMES,
  type OptionRow,
  OPTIONS,
} from "./options.ts";

/** What a command takes. */
export interface AcceptedArguments {
  /** Its options by the names that the code has for them. */
  readonly rows: Readonly<Record<string, OptionRow>>;
  /** How many operands it may have at most. */
  readonly operandsMax: number;
}

/** Arguments, still as text. */
export interface ReadArguments {
  /** Values of the given flags, by the names of their options. */
  readonly flags: ReadonlyMap<string, string>;
  readonly operands: readonly string[];
}

/**
 * The flags and operands of a command line.
 *
 * @param args What follows the command.
 * @throws {UsageError} If an argument is not a flag of the command, is given
 * twice or lacks its value, or if there are too many operands.
 */
export function readArguments(
  args: readonly string[],
  accepted: AcceptedArguments,
): ReadArguments {
  const { rows, operandsMax } = accepted;
  const flags = new Map<string, string>();
  const operands: string[] = [];
  const { tokens } = parseArgs({
    args: [...args],
    options: Object.fromEntries(
      Object.values(rows).map(({ flag, kind }) => [
        flag,
        { type: kind === "boolean" ? "boolean" : "string" },
      ]),
    ),
    // Refusals are ours: they name what was meant.
    strict: false,
    tokens: true,
  });
  for (const token of tokens) {
    if (token.kind === "positional") takeOperand(token.value);
    else if (token.kind === "option") {
      // As it was typed: of `-abc` the tokens are `-a`, `-b` and `-c`.
      const [typed = ""] = (args[token.index] ?? "").split("=", 1);
      takeFlag(typed, token.value, token.inlineValue === true);
    } else if (operandsMax === 0) findFlag("--", rows);
  }
  return { flags, operands };

  function takeFlag(
    typed: string,
    value: string | undefined,
    isInline: boolean,
  ): void {
    const { name, row, isNegated } = findFlag(typed, rows);
    const former = flags.get(name);
    const isRepeatable = row.kind === "text" && row.isRepeatable === true;
    if (former !== undefined && !isRepeatable) {
      throw new UsageError(`Option --${row.flag} is given twice`);
    }
    if (isNegated && value !== undefined) {
      throw new UsageError(`Option ${typed} takes no value`);
    }
    const text = value ?? (isNegated ? "false" : "true");
    const isMissing = value === undefined
      ? row.kind !== "boolean"
      : !isInline && value.startsWith("--");
    if (isMissing) {
      throw new UsageError(
        `Option ${typed} lacks its value: expected ${describeValues(row)}`,
      );
    }
    flags.set(name, former === undefined ? text : `${former},${text}`);
  }

  function takeOperand(operand: string): void {
    if (operands.length === operandsMax) {
      throw new UsageError(
        `Unexpected argument "${operand}"` +
          (operandsMax === 0 ? ": expected an option" : ""),
      );
    }
    operands.push(operand);
  }
}

function findFlag(
  typed: string,
  rows: Readonly<Record<string, OptionRow>>,
): { name: string; row: OptionRow; isNegated: boolean } {
  for (const [name, row] of Object.entries(rows)) {
    const { flag, kind } = row;
    if (kind === "secret") {
      if (typed !== `--${flag}`) continue;
      throw new UsageError(
        `Option ${typed} is a secret, and command lines are seen by others: ` +
          `set ${environmentNameOf(flag)} instead`,
      );
    }
    if (typed === `--${flag}`) return { name, row, isNegated: false };
    if (kind === "boolean" && typed === `--no-${flag}`) {
      return { name, row, isNegated: true };
    }
  }
  if (OPTION_NAMES.some((name) => typed === `--${OPTIONS[name].flag}`)) {
    throw new UsageError(`Option ${typed} is not one of this command`);
  }
  const flags = Object.values(rows).filter((row) => row.kind !== "secret").map((
    row,
  ) => `--${row.flag}`);
  throw new UsageError(`Unknown option ${typed}${suggestion(typed, flags)}`);
}
