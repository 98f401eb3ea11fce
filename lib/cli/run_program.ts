/**
 * From a command line to an exit code: finds the command, resolves its options
 * and operands, runs it and explains what went wrong in one line.
 *
 * @module
 */

import { suggestion } from "./options/nearest_name.ts";
import {
  resolveCommandLine,
  type ResolvedOptions,
} from "./options/resolve_options.ts";
import { UsageError } from "./options/usage_error.ts";
import { QuipuError } from "../model/errors.ts";
import { explainSystemError, systemCodeOf } from "../text/system_errors.ts";
import {
  COMMAND_NAMES,
  type CommandName,
  type CommandRow,
  COMMANDS,
  isCommandName,
  type OperandValues,
  type OwnValues,
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
export type RunnableName = Exclude<CommandName, "help" | "version">;

/** What a command is called with. */
export interface CommandCall<Name extends RunnableName> {
  readonly options: ResolvedOptions;
  readonly own: OwnValues<Name>;
  readonly operands: OperandValues<Name>;
}

/**
 * Runs a command to its end. Throws a `RunError`, `UsageError` or `QuipuError`
 * for what a user can understand; anything else is a bug.
 *
 * @returns The exit code, if it is not 0.
 */
export type CommandRunner<Name extends RunnableName> = (
  call: CommandCall<Name>,
) => Promise<ExitCode | void>;

/** What runs each command. */
export type CommandRunners = {
  readonly [Name in RunnableName]: CommandRunner<Name>;
};

/** Commands that work on files instead of serving them. */
export type OfflineName = Exclude<RunnableName, "serve">;

/** What runs each of those. */
export type OfflineRunners = Pick<CommandRunners, OfflineName>;

/**
 * Runs the command that `context.args` names.
 *
 * @returns The exit code; never throws.
 */
export async function runProgram(
  context: ProgramContext,
  runners: CommandRunners,
): Promise<ExitCode> {
  const [first, ...args] = context.args;
  try {
    const name = commandOf(first);
    if (name !== "help" && hasHelpFlag(args)) {
      context.print(commandUsage(name));
    } else if (name === "version") {
      refuseOperands(args);
      context.print(`${context.version}\n`);
    } else if (name === "help") {
      context.print(helpOn(args, context.version));
    } else {
      return await run(name, args, context, runners) ?? EXIT_CODES.ok;
    }
    return EXIT_CODES.ok;
  } catch (error) {
    context.printFailure(messageOf(error) + hintOf(error, first));
    return exitCodeOf(error);
  }
}

function run(
  name: RunnableName,
  args: readonly string[],
  context: ProgramContext,
  runners: CommandRunners,
): Promise<ExitCode | void> {
  const { environment, readFile } = context;
  const command: CommandRow = COMMANDS[name];
  const operandRows = Object.entries(command.operands ?? {});
  const line = resolveCommandLine({ args, environment, readFile }, {
    options: command.options,
    own: command.own ?? {},
    operandsMax: operandRows.length,
  });
  const operands: Record<string, string | undefined> = {};
  for (
    const [at, [key, { label, help, isOptional }]] of operandRows.entries()
  ) {
    operands[key] = line.operands[at];
    const isMissing = operands[key] === undefined && isOptional !== true;
    if (isMissing || operands[key] === "") {
      throw new UsageError(`${label} is missing: ${help}`);
    }
  }
  // Options and operands were decoded by the command's own rows, and each
  // runner takes what those of its command make.
  const runner = runners[name] as CommandRunner<RunnableName>;
  const { options, own } = line;
  return runner({ options, own, operands } as CommandCall<RunnableName>);
}

/** Whether help is asked for; what follows `--` is no flag. */
function hasHelpFlag(args: readonly string[]): boolean {
  const end = args.indexOf("--");
  return (end < 0 ? args : args.slice(0, end)).some(isHelpFlag);
}

function isHelpFlag(argument: string): boolean {
  return argument === "--help" || argument === "-h";
}

function commandOf(argument: string | undefined): CommandName {
  if (argument === undefined) {
    throw new UsageError(
      `No command given: expected one of ${COMMAND_NAMES.join(", ")}`,
    );
  }
  if (isHelpFlag(argument)) return "help";
  if (argument === "--version" || argument === "-V") return "version";
  if (isCommandName(argument)) return argument;
  if (argument.startsWith("-")) {
    throw new UsageError(
      `Unexpected ${argument}: expected a command first, such as serve`,
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
  if (isOfSystem(error)) return systemMessageOf(error);
  // A bug: whoever reports it needs the place, too.
  if (error instanceof Error) {
    return `Unexpected failure: ${error.stack ?? error.message}`;
  }
  return `Unexpected failure: ${String(error)}`;
}

/** Whether the operating system refused something: no room, no right, … */
function isOfSystem(error: unknown): error is Error {
  return systemCodeOf(error) !== undefined;
}

function systemMessageOf(error: Error): string {
  const advice = explainSystemError(error)?.split("; ")[1];
  return `Operating system error: ${error.message}` +
    (advice === undefined ? "" : `; ${advice}`);
}

function hintOf(error: unknown, command: string | undefined): string {
  const name = command !== undefined && isCommandName(command)
    ? command
    : undefined;
  if (error instanceof UsageError) {
    return name === undefined
      ? " (see quipu --help)"
      : ` (see quipu ${name} --help)`;
  }
  const isLocked = error instanceof QuipuError &&
    error.code === "directoryLocked";
  if (!isLocked || name === undefined || name === "serve") return "";
  const row: CommandRow = COMMANDS[name];
  return row.online === undefined
    ? "; stop it first"
    : `; stop it first, or ask a running server by ${row.online}`;
}
