/**
 * `quipu token`: tokens of a user.
 *
 * @module
 */

import { actionOf, needed } from "./actions.ts";
import { type ClientCall, defineClientCommand } from "./client_command.ts";
import { print, printFacts, printList } from "./output.ts";

const ROW = {
  name: "token",
  summary: "List, create or revoke tokens, which stand for a login",
  details: "A token that is created is printed once, and can never be shown " +
    "again. Needs a login with a password: tokens manage no tokens.",
  own: {
    of: {
      flag: "of",
      kind: "text",
      valueName: "LOGIN",
      help: "User whose tokens they are; default: the one that is logged in",
    },
    label: {
      flag: "label",
      kind: "text",
      valueName: "TEXT",
      help: "create: what it is for",
    },
    scopes: {
      flag: "scopes",
      kind: "text",
      valueName: "SCOPES",
      help:
        "create: what it allows, of feeds, read, append, metrics, backup, " +
        "with commas; default: what the user may do",
    },
    expiresDays: {
      flag: "expires",
      kind: "integer",
      default: 30,
      least: 1,
      most: 366,
      help: "create: days until it expires",
    },
  },
  operands: {
    action: {
      label: "ACTION",
      help: "list, create or revoke",
      words: ["list", "create", "revoke"],
    },
    tokenId: { label: "ID", help: "Of the token to revoke", isOptional: true },
  },
} as const;

type Call = ClientCall<typeof ROW>;

const ACTIONS: Readonly<Record<string, (call: Call) => Promise<void>>> = {
  async list({ client, values }) {
    const column = (head: string, member: string) => ({
      head,
      of: (item: Readonly<Record<string, unknown>>) =>
        String(item[member] ?? ""),
    });
    printList(await client.users.listTokens(values.of), [
      column("ID", "tokenId"),
      column("LABEL", "label"),
      column("READ-ONLY", "readOnly"),
      column("SCOPES", "scopes"),
      column("EXPIRES", "expires"),
    ], values);
  },
  async create({ client, values }) {
    const { label, scopes, expiresDays, isJson } = values;
    const created = await client.users.createToken({
      label,
      scopes: scopes?.split(",").map((scope) => scope.trim()),
      expiresInSeconds: expiresDays * 24 * 3600,
    }, values.of);
    print(isJson ? JSON.stringify(created) + "\n" : `${created.token}\n`);
  },
  async revoke({ client, values, operands }) {
    const tokenId = needed(operands.tokenId, "ID");
    await client.users.revokeToken(tokenId, values.of);
    printFacts({ tokenId, done: "revoked" }, values);
  },
};

export const TOKEN = defineClientCommand(
  ROW,
  (call) => actionOf(ACTIONS, call.operands.action)(call),
);
