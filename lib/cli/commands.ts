/**
 * The commands of the program: one row each.
 *
 * @module
 */

import { OPTION_NAMES, type OptionName } from "../config/options.ts";

/** What is known of one command. */
export interface CommandRow {
  /** What it does, without a final period. */
  readonly summary: string;
  /** Options that it takes as flags. */
  readonly options: readonly OptionName[];
  /** What may follow it besides options, for usage texts. */
  readonly operands?: string;
}

/** All commands by name, in the order of the usage text. */
export const COMMANDS = {
  serve: {
    summary: "Run the server until it is told to stop (Ctrl-C or SIGTERM)",
    options: OPTION_NAMES,
  },
  help: {
    summary: "Show what the program can do, or one of its commands",
    options: [],
    operands: "[command]",
  },
  version: {
    summary: "Show the version",
    options: [],
  },
} as const satisfies Record<string, CommandRow>;

export type CommandName = keyof typeof COMMANDS;

/** All command names, in the order of the table. */
export const COMMAND_NAMES = Object.keys(COMMANDS) as readonly CommandName[];

/** Whether there is such a command. */
export function isCommandName(name: string): name is CommandName {
  return Object.hasOwn(COMMANDS, name);
}
