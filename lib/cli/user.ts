/**
 * `quipu user`: users of a store that no server has open, or of a server.
 *
 * @module
 */

import { SYSTEM_TIMERS } from "../runtime/system_clock.ts";
import { escapeControls } from "../telemetry/escape_controls.ts";
import type { UserOutcome } from "../users/contract.ts";
import type { ShownUser, UserAdministration } from "../users/offline_users.ts";
import { type CommandCall, defineCommand } from "./command.ts";
import { RunError, UsageError } from "./failures.ts";
import {
  directoryOf,
  printResult,
  STORE_IS_THERE,
  STORE_OPTIONS,
  storePartsOf,
  TASK_OPTIONS,
} from "./offline_work.ts";
import { firstLineOf } from "./named_files.ts";
import {
  loginPasswordOption,
  openClient,
  type ServerClient,
  serverOptions,
  usersOfServer,
} from "./server_client.ts";
import { isInputTerminal, readSecret } from "./terminal.ts";

const ROW = {
  name: "user",
  summary: "Add, list or disable users, or replace a lost password",
  details:
    "Works on a store that no server has open and needs no login, only " +
    "the right to write its files. Passwords are typed, or read from " +
    "standard input or a file, never passed as arguments. With --url a " +
    "running server makes the change.",
  options: [...STORE_OPTIONS, "segmentSizeBytes"],
  meanings: STORE_IS_THERE,
  own: {
    passwordFile: {
      flag: "password-file",
      kind: "text",
      valueName: "FILE",
      help: "File with the user's new password in its first line; - for " +
        "standard input",
    },
    groups: {
      flag: "groups",
      kind: "text",
      valueName: "GROUPS",
      help: "Groups of a user that is added, with commas between them",
    },
    fullName: {
      flag: "full-name",
      kind: "text",
      valueName: "NAME",
      help: "Full name of a user that is added",
    },
    ...serverOptions({
      url: "Change users of the server at this address",
      groups: "$admins",
    }),
    userPasswordFile: loginPasswordOption("user-password-file"),
    isJson: TASK_OPTIONS.isJson,
  },
  operands: {
    action: {
      label: "ACTION",
      help: "add, list, reset-password, enable or disable",
      words: ["add", "list", "reset-password", "enable", "disable"],
    },
    login: {
      label: "LOGIN",
      help: "The user; not for list",
      isOptional: true,
    },
  },
  online: "quipu user ACTION --url URL, or /users/",
} as const;

type Call = CommandCall<typeof ROW>;

/** What an action works with. */
interface ActionCall {
  readonly login: string;
  /** Empty unless the action asks for one. */
  readonly password: string;
  readonly values: Call["values"];
}

interface Action {
  /** Whether the user is to be given a password. */
  readonly givesPassword?: true;
  /** What is said when it is done, before the login; absent for `list`. */
  readonly done?: string;
  change?(
    users: UserAdministration,
    call: ActionCall,
  ): Promise<UserOutcome["kind"]>;
}

const ACTIONS: Readonly<Record<string, Action>> = {
  "add": {
    givesPassword: true,
    done: "Added",
    change(users, { login, password, values: { fullName, groups } }) {
      const list = groups?.split(",").map((group) => group.trim());
      return users.add({ login, fullName, groups: list, password });
    },
  },
  "list": {},
  "reset-password": {
    givesPassword: true,
    done: "Changed the password of",
    change: (users, { login, password }) =>
      users.resetPassword({ login, newPassword: password }),
  },
  "enable": {
    done: "Enabled",
    change: (users, { login }) => users.enable(login),
  },
  "disable": {
    done: "Disabled",
    change: (users, { login }) => users.disable(login),
  },
};

export const USER = defineCommand(ROW, async (call) => {
  const { values } = call;
  const action = actionOf(call);
  using client = values.url === undefined
    ? undefined
    : await clientOf(call, values.url);
  // Before the store is opened: nobody types while it is locked.
  const password = action.givesPassword ? await newPasswordOf(call) : "";
  if (client !== undefined) {
    await act(usersOfServer(await client.users()), { action, password, call });
    return;
  }
  const { openStore } = await import("../../storage/mod.ts");
  const { requireStore } = await import(
    "../../storage/maintenance/scavenge/scavenge_directory.ts"
  );
  const { openOfflineUsers } = await import("../users/offline_users.ts");
  const directory = directoryOf(values);
  const { segmentSizeBytes } = values;
  const parts = storePartsOf(values);
  await requireStore(directory, "change users of");
  await using store = await openStore({
    directory,
    segmentSizeBytes,
    ...parts,
  });
  using users = openOfflineUsers({ store, timers: SYSTEM_TIMERS, ...parts });
  await act(users, { action, password, call });
});

function actionOf({ values, origins, operands }: Call): Action {
  const { action: name, login } = operands;
  const action = Object.hasOwn(ACTIONS, name) ? ACTIONS[name] : undefined;
  if (action === undefined) {
    throw new UsageError(
      `Unknown action "${name}": expected one of ` +
        Object.keys(ACTIONS).join(", "),
    );
  }
  if (action.change === undefined && login !== undefined) {
    throw new UsageError(`Unexpected argument "${login}": list takes none`);
  }
  if (action.change !== undefined && login === undefined) {
    throw new UsageError(`LOGIN is missing: the user to ${name}`);
  }
  if (values.url !== undefined && origins.directory === "flag") {
    throw new UsageError("Options --url and --db exclude each other: give one");
  }
  return action;
}

async function act(
  users: UserAdministration,
  { action, password, call: { values, operands } }: {
    readonly action: Action;
    readonly password: string;
    readonly call: Call;
  },
): Promise<void> {
  const { action: name, login = "" } = operands;
  if (action.change === undefined) {
    const listed = await users.list();
    const text = listed.map(lineOf).join("");
    printResult(values, { json: { users: listed }, text });
    return;
  }
  const kind = await action.change(users, { login, password, values });
  if (kind !== "success") throw new RunError(REASONS[kind](login));
  printResult(values, {
    json: { action: name, login },
    text: `${action.done} ${escapeControls(login)}\n`,
  });
}

const REASONS = {
  notFound: (login: string) => `There is no user "${login}"`,
  conflict: (login: string) =>
    `There is a user "${login}" already, with another password`,
  unauthorized: () =>
    "The server refuses the login, or the user is not an administrator",
  tryAgain: (login: string) =>
    `The user "${login}" was changed at the same time: try again`,
} satisfies Record<
  Exclude<UserOutcome["kind"], "success">,
  (login: string) => string
>;

function lineOf({ login, groups, isDisabled }: ShownUser): string {
  const notes = [...(groups ?? []), ...(isDisabled ? ["(disabled)"] : [])];
  return escapeControls([login, ...notes].join(" ")) + "\n";
}

async function clientOf({ values }: Call, url: string): Promise<ServerClient> {
  const { login, userPasswordFile } = values;
  return await openClient({
    ...values,
    url,
    password: () =>
      userPasswordFile === undefined
        ? readSecret(`Password of ${login}: `)
        : firstLineOf(userPasswordFile),
  });
}

async function newPasswordOf({ values, operands }: Call): Promise<string> {
  const { passwordFile } = values;
  if (passwordFile !== undefined && passwordFile !== "-") {
    return firstLineOf(passwordFile);
  }
  const password = await readSecret(`New password of ${operands.login}: `);
  const isTyped = passwordFile === undefined && isInputTerminal();
  if (isTyped && await readSecret("Once more: ") !== password) {
    throw new RunError("The two passwords differ: nothing was changed");
  }
  return password;
}
