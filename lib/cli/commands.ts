/**
 * All commands of the program, in the order of the usage text.
 *
 * @module
 */

import { BACKUP } from "./backup.ts";
import type { Command } from "./command.ts";
import { COMPACT } from "./compact.ts";
import { EXPORT } from "./export.ts";
import { IMPORT } from "./import.ts";
import { POSTGRES } from "./postgres.ts";
import { PROJECT } from "./project.ts";
import { REPAIR } from "./repair.ts";
import { RESTORE } from "./restore.ts";
import { SCAVENGE } from "./scavenge.ts";
import { SERVE } from "./serve.ts";
import { USER } from "./user.ts";
import { VERIFY } from "./verify.ts";

/** Answered from this list, by `run.ts`. */
const HELP: Command = {
  name: "help",
  summary: "Show what the program can do, or one of its commands",
  options: [],
  operands: {
    command: {
      label: "COMMAND",
      help: "The command to show",
      isOptional: true,
    },
  },
};

const VERSION: Command = {
  name: "version",
  summary: "Show the version",
  options: [],
};

export const COMMANDS: readonly Command[] = [
  SERVE,
  VERIFY,
  REPAIR,
  COMPACT,
  BACKUP,
  RESTORE,
  EXPORT,
  IMPORT,
  SCAVENGE,
  PROJECT,
  POSTGRES,
  USER,
  HELP,
  VERSION,
];
