/**
 * Options that `quipu user` alone has.
 *
 * @module
 */

import type { OptionRow } from "./options/options.ts";
import { SERVER_OPTIONS } from "./server_access.ts";

/** By the names that the code has for them. */
export const USER_OPTIONS = {
  passwordFile: {
    flag: "password-file",
    group: "Command",
    kind: "text",
    valueName: "FILE",
    default: undefined,
    help: "File with the user's new password in its first line; - for " +
      "standard input",
  },
  groups: {
    flag: "groups",
    group: "Command",
    kind: "text",
    valueName: "GROUPS",
    default: undefined,
    help: "Groups of a user that is added, with commas between them",
  },
  fullName: {
    flag: "full-name",
    group: "Command",
    kind: "text",
    valueName: "NAME",
    default: undefined,
    help: "Full name of a user that is added",
  },
  url: {
    flag: "url",
    group: "Command",
    kind: "text",
    form: "url",
    valueName: "URL",
    default: undefined,
    help: "Change users of the server at this address",
  },
  login: {
    flag: "user",
    group: "Command",
    kind: "text",
    valueName: "LOGIN",
    default: "admin",
    help: "Who asks the server: a member of $admins",
    needs: "url",
  },
  userPasswordFile: {
    flag: "user-password-file",
    group: "Command",
    kind: "text",
    valueName: "FILE",
    default: undefined,
    help: "File with that user's password in its first line",
    needs: "url",
  },
  ...SERVER_OPTIONS,
} as const satisfies Record<string, OptionRow>;
