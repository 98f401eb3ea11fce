/**
 * Reads the flags of a command line: `--flag value`, `--flag=value`, and for
 * booleans `--flag`, `--no-flag`, `--flag=true`, `--flag=false`. A boolean
 * never takes the argument after it. No flag may be given twice.
 *
 * @module
 */

import { suggestion } from "./nearest_name.ts";
import { describeValues } from "./option_value.ts";
import {
  environmentNameOf,
  OPTION_NAMES,
  type OptionName,
  OPTIONS,
} from "./options.ts";
import { UsageError } from "./usage_error.ts";

/**
 * The values of the given flags, still as text.
 *
 * @param args What follows the command.
 * @param accepted Options that the command has.
 * @throws {UsageError} If an argument is no flag of the command, is given
 * twice or lacks its value.
 */
export function readFlags(
  args: readonly string[],
  accepted: readonly OptionName[],
): Map<OptionName, string> {
  const values = new Map<OptionName, string>();
  for (let i = 0; i < args.length; i++) {
    const { typed, text } = splitArgument(args[i] ?? "");
    const { name, isNegated } = findFlag(typed, accepted);
    const row = OPTIONS[name];
    if (values.has(name)) {
      throw new UsageError(`Option --${row.flag} is given twice`);
    }
    if (isNegated && text !== undefined) {
      throw new UsageError(`Option ${typed} takes no value`);
    }
    if (text !== undefined) values.set(name, text);
    else if (row.kind === "boolean") {
      values.set(name, isNegated ? "false" : "true");
    } else {
      const next = args[++i];
      if (next === undefined || next.startsWith("--")) {
        throw new UsageError(
          `Option ${typed} lacks its value: wanted ${describeValues(row)}`,
        );
      }
      values.set(name, next);
    }
  }
  return values;
}

function splitArgument(
  argument: string,
): { typed: string; text: string | undefined } {
  const separatorIndex = argument.indexOf("=");
  if (!argument.startsWith("-") || separatorIndex < 0) {
    return { typed: argument, text: undefined };
  }
  return {
    typed: argument.slice(0, separatorIndex),
    text: argument.slice(separatorIndex + 1),
  };
}

function findFlag(
  typed: string,
  accepted: readonly OptionName[],
): { name: OptionName; isNegated: boolean } {
  if (!typed.startsWith("-")) {
    throw new UsageError(`Unexpected argument "${typed}": wanted an option`);
  }
  for (const name of accepted) {
    const { flag, kind } = OPTIONS[name];
    if (kind === "secret") {
      if (typed !== `--${flag}`) continue;
      throw new UsageError(
        `Option ${typed} is a secret, and command lines are seen by others: ` +
          `set ${environmentNameOf(flag)} instead`,
      );
    }
    if (typed === `--${flag}`) return { name, isNegated: false };
    if (kind === "boolean" && typed === `--no-${flag}`) {
      return { name, isNegated: true };
    }
  }
  if (OPTION_NAMES.some((name) => typed === `--${OPTIONS[name].flag}`)) {
    throw new UsageError(`Option ${typed} is not one of this command`);
  }
  const flags = accepted.filter((name) => OPTIONS[name].kind !== "secret").map((
    name,
  ) => `--${OPTIONS[name].flag}`);
  throw new UsageError(`Unknown option ${typed}${suggestion(typed, flags)}`);
}
