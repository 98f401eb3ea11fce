/**
 * The commands of the program: one row each.
 *
 * @module
 */

import {
  OPTION_NAMES,
  type OptionName,
  type OptionRow,
  type ValueOf,
} from "./options/options.ts";
import { SERVER_OPTIONS } from "./server_access.ts";
import { USER_OPTIONS } from "./user_options.ts";

/** What may follow a command besides options. */
export interface OperandRow {
  /** Stands for it in usage texts and messages, such as `TARGET`. */
  readonly label: string;
  /** What it is, without a final period. */
  readonly help: string;
  readonly isOptional?: boolean;
}

/** What is known of one command. */
export interface CommandRow {
  /** What it does, without a final period. */
  readonly summary: string;
  /** More of what it does, for its own usage text: sentences. */
  readonly details?: string;
  /** Options of the program that it takes as flags. */
  readonly options: readonly OptionName[];
  /** What an option means here, where that is not what it means to `serve`. */
  readonly meanings?: Partial<Readonly<Record<OptionName, string>>>;
  /** Options that it alone has, as flags and nowhere else. */
  readonly own?: Readonly<Record<string, OptionRow>>;
  /** Operands in their order, by the names that the code has for them. */
  readonly operands?: Readonly<Record<string, OperandRow>>;
  /** How to have a running server do it; for when one has the directory. */
  readonly online?: string;
}

/** Options of the program for a command that works on a directory. */
const STORE_OPTIONS = [
  "directory",
  "logLevel",
  "logFormat",
  "configFile",
] as const satisfies readonly OptionName[];

/** Of a command that makes no store. */
const STORE_IS_THERE = {
  directory: "Directory of the store, which must be there",
} as const;

/** Own options of every command that works for a while and tells a result. */
const TASK_OPTIONS = {
  isJson: {
    flag: "json",
    group: "Command",
    kind: "boolean",
    default: false,
    help: "Print the result as one line of JSON",
  },
  isQuiet: {
    flag: "quiet",
    group: "Command",
    kind: "boolean",
    default: false,
    help: "Show no progress",
  },
} as const satisfies Record<string, OptionRow>;

/** All commands by name, in the order of the usage text. */
export const COMMANDS = {
  serve: {
    summary: "Run the server until it is told to stop (Ctrl-C or SIGTERM)",
    options: OPTION_NAMES,
  },
  verify: {
    summary: "Check everything that is on disk, and say what is wrong",
    details: "Reads every byte of the store and changes nothing. Ends with " +
      "exit code 3 when anything is damaged or broken.",
    options: STORE_OPTIONS,
    meanings: STORE_IS_THERE,
    own: {
      isDeep: {
        flag: "deep",
        group: "Command",
        kind: "boolean",
        default: false,
        help: "Compare indexes entry by entry with the log, too",
      },
      ...TASK_OPTIONS,
    },
    online: "POST /admin/verify",
  },
  repair: {
    summary: "Say how a damaged store can be mended, and do it with --yes",
    details: "Keeps all events that are whole, at their positions and with " +
      "their numbers; makes indexes and KV again; and says which positions " +
      "and events are lost. What it takes out is kept in lost/. Without --yes " +
      "nothing is changed. Ends with exit code 3 when anything is left to " +
      "repair.",
    options: STORE_OPTIONS,
    meanings: STORE_IS_THERE,
    own: {
      isConfirmed: {
        flag: "yes",
        group: "Command",
        kind: "boolean",
        default: false,
        help: "Do it",
      },
      ...TASK_OPTIONS,
    },
  },
  compact: {
    summary: "Give back the room that the KV's file does not use any more",
    options: STORE_OPTIONS,
    meanings: STORE_IS_THERE,
    own: TASK_OPTIONS,
  },
  backup: {
    summary: "Copy the store to a directory, or a running server's with --url",
    details: "Only what the directory does not have yet is copied, and what " +
      "was interrupted goes on. Every copied record is checked. The " +
      "backup that was there stays good until the new one is whole.",
    options: STORE_OPTIONS,
    meanings: STORE_IS_THERE,
    own: {
      url: {
        flag: "url",
        group: "Command",
        kind: "text",
        form: "url",
        valueName: "URL",
        default: undefined,
        help: "Back up the store of the server at this address",
      },
      login: {
        flag: "user",
        group: "Command",
        kind: "text",
        valueName: "LOGIN",
        default: "admin",
        help: "Who asks the server: a member of $admins or $backup",
        needs: "url",
      },
      passwordFile: {
        flag: "password-file",
        group: "Command",
        kind: "text",
        valueName: "FILE",
        default: undefined,
        help: "File with the user's password in its first line",
        needs: "url",
      },
      ...SERVER_OPTIONS,
      keep: {
        flag: "keep",
        group: "Command",
        kind: "integer",
        default: 0,
        least: 0,
        most: 10_000,
        help:
          "Take each backup in a directory of its own in TARGET, and keep " +
          "so many of them; 0: TARGET is the backup",
      },
      ...TASK_OPTIONS,
    },
    operands: {
      target: { label: "TARGET", help: "Directory to keep the backup in" },
    },
    online: "quipu backup TARGET --url URL, or GET /admin/backup",
  },
  restore: {
    summary: "Make a store of a backup",
    details: "Checks the backup first, and refuses a directory that is not " +
      "empty. With --to, what one request wrote is restored whole or not at " +
      "all. A backup that comes by standard input is kept until it is whole: " +
      "it takes room for it twice.",
    options: [...STORE_OPTIONS, "segmentSizeBytes"],
    meanings: {
      directory: "Directory for the store: one that is empty, or made now",
    },
    own: {
      to: {
        flag: "to",
        group: "Command",
        kind: "text",
        valueName: "POINT",
        default: undefined,
        help: "Restore what stands before this log position, or was written " +
          "before this time, such as 2026-03-01T12:00:00Z",
      },
      ...TASK_OPTIONS,
    },
    operands: {
      backup: {
        label: "BACKUP",
        help: "Directory of the backup, or a tar file of one; - for one " +
          "that comes by standard input",
      },
    },
  },
  export: {
    summary: "Write events as lines of JSON, to be read or imported",
    details: "What one request wrote is exported whole, as far as it is " +
      "selected, or not at all. Options that select are met all at once. A " +
      "stream or category that never was is refused. Changes nothing.",
    options: STORE_OPTIONS,
    meanings: STORE_IS_THERE,
    own: {
      stream: {
        flag: "stream",
        group: "Command",
        kind: "text",
        valueName: "NAME",
        default: undefined,
        help: "Only this stream; not together with " +
          "--category",
        excludes: "category",
      },
      category: {
        flag: "category",
        group: "Command",
        kind: "text",
        valueName: "NAME",
        default: undefined,
        help: "Only the streams of this category",
      },
      from: {
        flag: "from",
        group: "Command",
        kind: "text",
        valueName: "TIME",
        default: undefined,
        help: "Only what was written at this time or later",
      },
      to: {
        flag: "to",
        group: "Command",
        kind: "text",
        valueName: "POINT",
        default: undefined,
        help: "Only what stands before this log position, or was written " +
          "before this time",
      },
      withSystem: {
        flag: "with-system",
        group: "Command",
        kind: "boolean",
        default: false,
        help: "Streams of the system, too: users, tokens, settings, and the " +
          "metadata of every stream with its access list",
      },
      ...TASK_OPTIONS,
    },
    operands: {
      file: {
        label: "FILE",
        help: "File to write, which must not exist; without it, or as -, " +
          "standard output",
        isOptional: true,
      },
    },
    online: "GET /admin/export",
  },
  import: {
    summary: "Write events of an export to a store, empty or not",
    details: "Events keep numbers, ids and, where the store holds no later " +
      "ones, times. Events that exist already are recognised, so an import that " +
      "was interrupted is run again. A line that does not fit ends it.",
    options: [...STORE_OPTIONS, "segmentSizeBytes"],
    own: {
      withSystem: {
        flag: "with-system",
        group: "Command",
        kind: "boolean",
        default: false,
        help: "Write streams of the system, too: users, tokens, settings and " +
          "metadata. The author of the export decides on all rights",
      },
      ...TASK_OPTIONS,
    },
    operands: {
      file: { label: "FILE", help: "File to read; - for standard input" },
    },
  },
  scavenge: {
    summary: "Give back what was deleted, or has become too old or too many",
    details:
      "Removes what $maxAge, $maxCount, $tb and deletes hide; numbers, " +
      "positions and links of what stays do not change. Stopped halfway, it " +
      "goes on from there the next time.",
    options: [...STORE_OPTIONS, "segmentSizeBytes"],
    meanings: STORE_IS_THERE,
    own: TASK_OPTIONS,
    online: "POST /admin/scavenge",
  },
  user: {
    summary: "Add, list or disable users, or replace a lost password",
    details: "Works on a store that no server has open, and asks for no " +
      "login: whoever can write its files may. Passwords are typed, or come " +
      "by standard input or from a file, never as arguments. With --url a " +
      "running server is asked.",
    options: [...STORE_OPTIONS, "segmentSizeBytes"],
    meanings: STORE_IS_THERE,
    own: { ...USER_OPTIONS, isJson: TASK_OPTIONS.isJson },
    operands: {
      action: {
        label: "ACTION",
        help: "add, list, reset-password, enable or disable",
      },
      login: {
        label: "LOGIN",
        help: "The user; not for list",
        isOptional: true,
      },
    },
    online: "quipu user ACTION --url URL, or /users/",
  },
  help: {
    summary: "Show what the program can do, or one of its commands",
    options: [],
    operands: {
      command: {
        label: "COMMAND",
        help: "The command to show",
        isOptional: true,
      },
    },
  },
  version: {
    summary: "Show the version",
    options: [],
  },
} as const satisfies Record<string, CommandRow>;

export type CommandName = keyof typeof COMMANDS;

/** Values of the options that a command alone has. */
export type OwnValues<Name extends CommandName> = typeof COMMANDS[Name] extends
  { readonly own: infer Own }
  ? { readonly [Option in keyof Own]: ValueOf<Own[Option]> }
  : Readonly<Record<never, never>>;

/** A command's operands. */
export type OperandValues<Name extends CommandName> =
  typeof COMMANDS[Name] extends { readonly operands: infer Operands } ? {
      readonly [Operand in keyof Operands]: Operands[Operand] extends
        { readonly isOptional: true } ? string | undefined : string;
    }
    : Readonly<Record<never, never>>;

/** All command names, in the order of the table. */
export const COMMAND_NAMES = Object.keys(COMMANDS) as readonly CommandName[];

/** Whether there is such a command. */
export function isCommandName(name: string): name is CommandName {
  return Object.hasOwn(COMMANDS, name);
}
