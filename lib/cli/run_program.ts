/**
 * From a command line to an exit code: finds the command, resolves its options,
 * runs it and explains what went wrong in one line.
 *
 * @module
 */

import { suggestion } from "../config/nearest_name.ts";
import type { ResolvedOptions } from "../config/resolve_options.ts";
import { resolveOptions } from "../config/resolve_options.ts";
import { UsageError } from "../config/usage_error.ts";
import { QuipuError } from "../model/errors.ts";
import {
  COMMAND_NAMES,
  type CommandName,
  COMMANDS,
  isCommandName,
} from "./commands.ts";
import { EXIT_CODES, type ExitCode, exitCodeOf } from "./exit_codes.ts";
import { RunError } from "./run_error.ts";
import { commandUsage, programUsage } from "./usage_text.ts";

/** What the program is given and where it talks to. */
export interface ProgramContext {
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly version: string;
  readFile(path: string): string;
  /** Shows what was asked for. */
  print(text: string): void;
  /** Says, in one line, why the program ends. */
  printFailure(message: string): void;
}

/** Commands that need more than the tables: the program's parts. */
type RunnableName = Exclude<CommandName, "help" | "version">;

/**
 * Runs a command to its end. Throws a `RunError` or `QuipuError` for what a
 * user can understand; anything else is a bug.
 */
export type CommandRunner = (options: ResolvedOptions) => Promise<void>;

/**
 * Runs the command that `context.args` names.
 *
 * @returns The exit code; never throws.
 */
export async function runProgram(
  context: ProgramContext,
  runners: Readonly<Record<RunnableName, CommandRunner>>,
): Promise<ExitCode> {
  const [first, ...args] = context.args;
  try {
    const name = commandOf(first);
    if (name === "version") {
      refuseOperands(args);
      context.print(`${context.version}\n`);
    } else if (name === "help") {
      context.print(helpOn(args, context.version));
    } else if (args.some(isHelpFlag)) {
      context.print(commandUsage(name));
    } else {
      const sources = {
        args,
        environment: context.environment,
        readFile: context.readFile,
      };
      await runners[name](resolveOptions(sources, COMMANDS[name].options));
    }
    return EXIT_CODES.ok;
  } catch (error) {
    context.printFailure(messageOf(error) + hintOf(error, first));
    return exitCodeOf(error);
  }
}

function isHelpFlag(argument: string): boolean {
  return argument === "--help" || argument === "-h";
}

function commandOf(argument: string | undefined): CommandName {
  if (argument === undefined) {
    throw new UsageError(
      `No command given: wanted one of ${COMMAND_NAMES.join(", ")}`,
    );
  }
  if (isHelpFlag(argument)) return "help";
  if (argument === "--version" || argument === "-V") return "version";
  if (isCommandName(argument)) return argument;
  if (argument.startsWith("-")) {
    throw new UsageError(
      `Unexpected ${argument}: wanted a command first, such as serve`,
    );
  }
  throw new UsageError(
    `Unknown command ${argument}${suggestion(argument, COMMAND_NAMES)}`,
  );
}

function helpOn(args: readonly string[], version: string): string {
  const [topic, ...rest] = args.filter((argument) => !isHelpFlag(argument));
  if (topic === undefined) return programUsage(version);
  refuseOperands(rest);
  return commandUsage(commandOf(topic));
}

function refuseOperands(args: readonly string[]): void {
  const [argument] = args;
  if (argument !== undefined) {
    throw new UsageError(`Unexpected argument "${argument}"`);
  }
}

function messageOf(error: unknown): string {
  const isExpected = error instanceof UsageError ||
    error instanceof QuipuError || error instanceof RunError;
  if (isExpected) return error.message;
  // A bug: whoever reports it needs the place, too.
  if (error instanceof Error) {
    return `Unexpected failure: ${error.stack ?? error.message}`;
  }
  return `Unexpected failure: ${String(error)}`;
}

function hintOf(error: unknown, command: string | undefined): string {
  if (!(error instanceof UsageError)) return "";
  const isCommand = command !== undefined && isCommandName(command);
  return isCommand ? ` (see quipu ${command} --help)` : " (see quipu --help)";
}
