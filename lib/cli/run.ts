/**
 * From a command line to an exit code: finds the command, resolves its options
 * and operands, runs it and explains what went wrong in one line.
 *
 * @module
 */

import { QuipuError } from "../model/errors.ts";
import { readTextFile } from "./named_files.ts";
import { VERSION } from "../runtime/process.ts";
import { explainSystemError, systemCodeOf } from "../text/system_errors.ts";
import type { Command, CommandCall } from "./command.ts";
import { COMMANDS } from "./commands.ts";
import { completionScript, SHELLS } from "./completion.ts";
import {
  EXIT_CODES,
  type ExitCode,
  exitCodeOf,
  RunError,
  UsageError,
} from "./failures.ts";
import { suggestion } from "./options/nearest_name.ts";
import { resolveOptions } from "./options/resolve_options.ts";
import { printAnswer, printFailure } from "./terminal.ts";
import { commandUsage, programUsage } from "./usage_text.ts";

/** What the program is given. */
export interface ProgramInput {
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

/** Where the program talks to, and what it can do: others in tests. */
export interface ProgramParts {
  /** Shows what was asked for. */
  print(text: string): void;
  /** Says, in one line, why the program ends. */
  printFailure(message: string): void;
  readonly commands: readonly Command[];
}

const PARTS: ProgramParts = {
  print: printAnswer,
  printFailure,
  commands: COMMANDS,
};

/**
 * Runs the command that `input.args` names.
 *
 * @returns The exit code; never throws.
 */
export async function runProgram(
  input: ProgramInput,
  { print, printFailure, commands }: ProgramParts = PARTS,
): Promise<ExitCode> {
  const [first, ...args] = input.args;
  let command: Command | undefined;
  try {
    command = commandOf(first, commands);
    const { name } = command;
    if (name !== "help" && hasHelpFlag(args)) {
      print(commandUsage(command));
    } else if (name === "version") {
      refuseOperands(args);
      print(`${VERSION}\n`);
    } else if (name === "help") {
      print(helpOn(args, commands));
    } else if (name === "completion") {
      print(completionOn(args, commands));
    } else {
      const call = callOf(command, { ...input, args });
      return await command.run?.(call) ?? EXIT_CODES.ok;
    }
    return EXIT_CODES.ok;
  } catch (error) {
    printFailure(messageOf(error) + hintOf(error, command));
    return exitCodeOf(error);
  }
}

function callOf(
  { options, own = {}, operands = {} }: Command,
  input: ProgramInput,
): CommandCall {
  const rows = Object.entries(operands);
  const { operands: given, ...resolved } = resolveOptions({
    ...input,
    readFile: readTextFile,
  }, { options, own, operandsMax: rows.length });
  const named: Record<string, string | undefined> = {};
  for (const [at, [name, { label, help, isOptional }]] of rows.entries()) {
    const operand = given[at];
    const isMissing = operand === undefined && isOptional !== true;
    if (isMissing || operand === "") {
      throw new UsageError(`${label} is missing: ${help}`);
    }
    named[name] = operand;
  }
  return { ...resolved, operands: named, environment: input.environment };
}

/** Whether help is asked for; what follows `--` is no flag. */
function hasHelpFlag(args: readonly string[]): boolean {
  const end = args.indexOf("--");
  return (end < 0 ? args : args.slice(0, end)).some(isHelpFlag);
}

function isHelpFlag(argument: string): boolean {
  return argument === "--help" || argument === "-h";
}

function commandOf(
  argument: string | undefined,
  commands: readonly Command[],
): Command {
  const names = commands.map(({ name }) => name);
  if (argument === undefined) {
    throw new UsageError(
      `No command given: expected one of ${names.join(", ")}`,
    );
  }
  const wanted = isHelpFlag(argument)
    ? "help"
    : argument === "--version" || argument === "-V"
    ? "version"
    : argument;
  const command = commands.find(({ name }) => name === wanted);
  if (command !== undefined) return command;
  throw new UsageError(
    argument.startsWith("-")
      ? `Unexpected ${argument}: expected a command first, such as serve`
      : `Unknown command ${argument}${suggestion(argument, names)}`,
  );
}

function helpOn(
  args: readonly string[],
  commands: readonly Command[],
): string {
  const [topic, ...rest] = args.filter((argument) => !isHelpFlag(argument));
  if (topic === undefined) return programUsage(commands, VERSION);
  refuseOperands(rest);
  return commandUsage(commandOf(topic, commands));
}

function completionOn(
  [named, ...rest]: readonly string[],
  commands: readonly Command[],
): string {
  refuseOperands(rest);
  const shell = SHELLS.find((one) => one === named);
  if (shell !== undefined) return completionScript(shell, commands);
  throw new UsageError(
    named === undefined
      ? `SHELL is missing: expected one of ${SHELLS.join(", ")}`
      : `Unknown shell "${named}": expected one of ${SHELLS.join(", ")}`,
  );
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

function hintOf(error: unknown, command: Command | undefined): string {
  if (error instanceof UsageError) {
    const named = command === undefined ? "" : ` ${command.name}`;
    return ` (see quipu${named} --help)`;
  }
  const isLocked = error instanceof QuipuError &&
    error.code === "directoryLocked";
  if (!isLocked || command === undefined || command.name === "serve") return "";
  return command.online === undefined
    ? "; stop it first"
    : `; stop it first, or ask a running server by ${command.online}`;
}
