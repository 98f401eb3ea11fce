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
import { MIGRATE } from "./migrate.ts";
import { POSTGRES } from "./postgres.ts";
import { APPEND } from "./client_commands/append.ts";
import { READ } from "./client_commands/read.ts";
import { BENCH } from "./client_commands/bench.ts";
import { LOGIN, LOGOUT } from "./client_commands/login.ts";
import { STATUS } from "./client_commands/status.ts";
import { STREAM } from "./client_commands/stream.ts";
import { STREAMS } from "./client_commands/streams.ts";
import { SUBSCRIBE } from "./client_commands/subscribe.ts";
import { SUBSCRIPTION } from "./client_commands/subscription.ts";
import { PROJECTION } from "./client_commands/projection.ts";
import { TOKEN } from "./client_commands/token.ts";
import { TAIL } from "./client_commands/tail.ts";
import { SHELLS } from "./completion.ts";
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

/** As `HELP` is. */
const COMPLETION: Command = {
  name: "completion",
  summary: "Print the completion of a shell: bash, zsh or fish",
  details:
    "For bash: source <(quipu completion bash). For zsh: put its output " +
    "as _quipu into a directory of $fpath. For fish: put it into " +
    "~/.config/fish/completions/quipu.fish.",
  options: [],
  operands: {
    shell: { label: "SHELL", help: "bash, zsh or fish", words: SHELLS },
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
  MIGRATE,
  SCAVENGE,
  PROJECT,
  POSTGRES,
  USER,
  APPEND,
  READ,
  TAIL,
  SUBSCRIBE,
  STREAMS,
  STREAM,
  SUBSCRIPTION,
  PROJECTION,
  TOKEN,
  LOGIN,
  LOGOUT,
  STATUS,
  BENCH,
  COMPLETION,
  HELP,
  VERSION,
];
