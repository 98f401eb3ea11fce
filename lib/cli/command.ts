/**
 * A command: one object, in a file of its own, with its usage text and its
 * action. `commands.ts` lists them all.
 *
 * @module
 */

import type { ExitCode } from "./failures.ts";
import type {
  OptionName,
  OptionRow,
  OptionValues,
  ValuesOf,
} from "./options/options.ts";
import type { ResolvedOptions } from "./options/resolve_options.ts";

/** An argument of a command that is not an option. */
export interface OperandRow {
  /** Stands for it in usage texts and messages, such as `TARGET`. */
  readonly label: string;
  /** A description without a final period. */
  readonly help: string;
  readonly isOptional?: boolean;
  /** The words that it may be, for completion. */
  readonly words?: readonly string[];
}

/** What usage texts and the reader of the command line know of a command. */
export interface CommandRow {
  /** Its name: the first argument. */
  readonly name: string;
  /** Its action in words, without a final period. */
  readonly summary: string;
  /** Details for its own usage text, in sentences. */
  readonly details?: string;
  /** Options of the program that it takes as flags. */
  readonly options: readonly OptionName[];
  /** Meanings of options that differ from those for `serve`. */
  readonly meanings?: Partial<Readonly<Record<OptionName, string>>>;
  /** Options that it alone has, as flags and nowhere else. */
  readonly own?: Readonly<Record<string, OptionRow>>;
  /** Operands in their order, by the names that the code has for them. */
  readonly operands?: Readonly<Record<string, OperandRow>>;
  /** How to have a running server do it, for a directory that is in use. */
  readonly online?: string;
}

/** The arguments of a call. */
export interface CommandCall<Row = CommandRow> extends ResolvedOptions {
  /** Options of the program and those of the command, by their names. */
  readonly values:
    & OptionValues
    & (Row extends { readonly own: infer Own } ? ValuesOf<Own> : unknown);
  /** Variables of the program; options among them are in `values`. */
  readonly environment: Readonly<Record<string, string>>;
  readonly operands: Row extends { readonly operands: infer Operands } ? {
      readonly [Name in keyof Operands]: Operands[Name] extends
        { readonly isOptional: true } ? string | undefined : string;
    }
    : Readonly<Record<never, never>>;
}

/** A command as the program runs it. */
export interface Command extends CommandRow {
  /**
   * Runs it to its end; absent for what `run.ts` answers from the tables.
   *
   * @returns The exit code, if it is not 0.
   * @throws {RunError | UsageError | QuipuError} For what a user can
   * understand; anything else is a bug.
   */
  readonly run?: (call: CommandCall) => Promise<ExitCode | void>;
}

/** Makes a command whose `run` knows the options and operands of its row. */
export function defineCommand<const Row extends CommandRow>(
  row: Row,
  run: (call: CommandCall<Row>) => Promise<ExitCode | void>,
): Command {
  // Options and operands are decoded by the command's own row.
  return { ...row, run: run as Command["run"] & object };
}
