/**
 * `quipu user`: users of a store that no server has open, or of a server.
 *
 * @module
 */

import { UsageError } from "./options/usage_error.ts";
import { escapeControls } from "../telemetry/escape_controls.ts";
import { RunError } from "./run_error.ts";
import type { CommandCall } from "./run_program.ts";
import {
  firstLineOf,
  readOptionFile,
  type ServerAccess,
} from "./server_access.ts";
import type {
  ShownUser,
  UserAdministration,
  UserChangeKind,
} from "./user_administration.ts";
import { directoryOf, printResult, type Workplace } from "./workplace.ts";

/** What the command needs of the rest of the program. */
export interface UserTools {
  /** Works on the users of a store that no process has open. */
  withDirectory(
    options: { readonly directory: string; readonly segmentSizeBytes: number },
    work: (users: UserAdministration) => Promise<void>,
  ): Promise<void>;
  usersOfServer(server: ServerAccess): UserAdministration;
  readFile(path: string): string;
  isInputTerminal(): boolean;
  /** A line of standard input, not shown where it is typed. */
  readSecretLine(): Promise<string | undefined>;
}

const ACTIONS = ["add", "list", "reset-password", "enable", "disable"] as const;

type Action = typeof ACTIONS[number];
type Call = CommandCall<"user">;

/** Runs `quipu user`. */
export async function runUser(
  call: Call,
  workplace: Workplace,
  tools: UserTools,
): Promise<void> {
  const { options, own } = call;
  const action = actionOf(call);
  const ask = (prompt: string) => readSecret(prompt, { workplace, tools });
  const server = own.url === undefined
    ? undefined
    : await serverOf(own.url, call, { ask, tools });
  const changesPassword = action === "add" || action === "reset-password";
  // Before the store is opened: nobody types while it is locked.
  const password = changesPassword
    ? await newPasswordOf(call, { ask, tools })
    : "";
  const work = (users: UserAdministration) =>
    act(users, { action, password, call, workplace });
  if (server !== undefined) {
    using users = tools.usersOfServer(server);
    await work(users);
    return;
  }
  const directory = directoryOf(options.values);
  const { segmentSizeBytes } = options.values;
  await tools.withDirectory({ directory, segmentSizeBytes }, work);
}

function actionOf({ own, operands, options }: Call): Action {
  const { action, login } = operands;
  const known = ACTIONS.find((name) => name === action);
  if (known === undefined) {
    throw new UsageError(
      `Unknown action "${action}": expected one of ${ACTIONS.join(", ")}`,
    );
  }
  if (known === "list" ? login !== undefined : login === undefined) {
    throw new UsageError(
      known === "list"
        ? `Unexpected argument "${login}": list takes none`
        : `LOGIN is missing: the user to ${known}`,
    );
  }
  if (own.url !== undefined && options.origins.directory === "flag") {
    throw new UsageError("Options --url and --db exclude each other: give one");
  }
  return known;
}

async function act(
  users: UserAdministration,
  { action, password, call, workplace }: {
    readonly action: Action;
    readonly password: string;
    readonly call: Call;
    readonly workplace: Workplace;
  },
): Promise<void> {
  const { own, operands } = call;
  const { login = "" } = operands;
  if (action === "list") {
    const listed = await users.list();
    printResult(workplace, own, {
      json: { users: listed },
      text: listed.map(lineOf).join(""),
    });
    return;
  }
  const kind = await change(users, { action, login, password, own });
  if (kind !== "success") throw new RunError(REASONS[kind](login));
  printResult(workplace, own, {
    json: { action, login },
    text: `${DONE[action]} ${escapeControls(login)}\n`,
  });
}

function change(
  users: UserAdministration,
  { action, login, password, own }: {
    readonly action: Exclude<Action, "list">;
    readonly login: string;
    readonly password: string;
    readonly own: Call["own"];
  },
): Promise<UserChangeKind> {
  switch (action) {
    case "add": {
      const { fullName, groups } = own;
      const list = groups?.split(",").map((group) => group.trim());
      return users.add({ login, fullName, groups: list, password });
    }
    case "reset-password":
      return users.resetPassword({ login, newPassword: password });
    case "enable":
      return users.enable(login);
    case "disable":
      return users.disable(login);
  }
}

const DONE = {
  "add": "Added",
  "reset-password": "Changed the password of",
  "enable": "Enabled",
  "disable": "Disabled",
} satisfies Record<Exclude<Action, "list">, string>;

const REASONS = {
  notFound: (login: string) => `There is no user "${login}"`,
  conflict: (login: string) =>
    `There is a user "${login}" already, with another password`,
  unauthorized: () =>
    "The server refuses the login, or it is none of an administrator",
  tryAgain: (login: string) =>
    `The user "${login}" changes all the time: try again`,
} satisfies Record<
  Exclude<UserChangeKind, "success">,
  (login: string) => string
>;

function lineOf({ login, groups, isDisabled }: ShownUser): string {
  const notes = [...(groups ?? []), ...(isDisabled ? ["(disabled)"] : [])];
  return escapeControls([login, ...notes].join(" ")) + "\n";
}

type Ask = (prompt: string) => Promise<string>;

async function serverOf(
  url: string,
  { own }: Call,
  { ask, tools }: { readonly ask: Ask; readonly tools: UserTools },
): Promise<ServerAccess> {
  const { login, tokenFile, userPasswordFile, caCertFile } = own;
  const caCertificate = caCertFile === undefined
    ? undefined
    : readOptionFile(caCertFile, tools.readFile);
  if (tokenFile !== undefined) {
    const token = firstLineOf(tokenFile, tools.readFile);
    return { url, caCertificate, credentials: { token } };
  }
  const password = userPasswordFile === undefined
    ? await ask(`Password of ${login}: `)
    : firstLineOf(userPasswordFile, tools.readFile);
  return { url, caCertificate, credentials: { login, password } };
}

async function newPasswordOf(
  { own, operands }: Call,
  { ask, tools }: { readonly ask: Ask; readonly tools: UserTools },
): Promise<string> {
  const { passwordFile } = own;
  if (passwordFile !== undefined && passwordFile !== "-") {
    return firstLineOf(passwordFile, tools.readFile);
  }
  const password = await ask(`New password of ${operands.login}: `);
  const isTyped = passwordFile === undefined && tools.isInputTerminal();
  if (isTyped && await ask("Once more: ") !== password) {
    throw new RunError("The two passwords differ: nothing was changed");
  }
  return password;
}

async function readSecret(
  prompt: string,
  { workplace, tools }: {
    readonly workplace: Workplace;
    readonly tools: UserTools;
  },
): Promise<string> {
  const isTyped = tools.isInputTerminal();
  if (isTyped) workplace.progress.write(escapeControls(prompt));
  const line = await tools.readSecretLine();
  if (isTyped) workplace.progress.write("\n");
  if (line === undefined || line === "") {
    throw new RunError("No password came by standard input");
  }
  return line;
}
