/**
 * `quipu subscription`: persistent subscriptions.
 *
 * @module
 */

import type { GroupId, SubscriptionSettings } from "../../client/mod.ts";
import { UsageError } from "../failures.ts";
import { actionOf, needed } from "./actions.ts";
import { type ClientCall, defineClientCommand } from "./client_command.ts";
import { print, printFacts, printList } from "./output.ts";

const ROW = {
  name: "subscription",
  summary: "List, show, create, change or delete persistent subscriptions",
  own: {
    settings: {
      flag: "set",
      kind: "text",
      isRepeatable: true,
      valueName: "NAME=VALUE",
      help: "create, update: a setting such as maxRetryCount=3; may be " +
        "repeated. Others keep what they are",
    },
  },
  operands: {
    action: {
      label: "ACTION",
      help: "list, info, create, update, delete or replay (of parked messages)",
      words: ["list", "info", "create", "update", "delete", "replay"],
    },
    stream: {
      label: "STREAM",
      help: "The stream; not needed for list",
      isOptional: true,
    },
    group: {
      label: "GROUP",
      help: "The group; not for list",
      isOptional: true,
    },
  },
} as const;

type Call = ClientCall<typeof ROW>;

const ACTIONS: Readonly<Record<string, (call: Call) => Promise<void>>> = {
  list: listAll,
  info: showInfo,
  create: change(
    "created",
    ({ client, values }, group) =>
      client.subscriptions.create(group, settingsOf(values.settings)),
  ),
  update: change("updated", async ({ client, values }, group) => {
    const { config } = await client.subscriptions.info(group);
    await client.subscriptions.update(group, {
      ...Object(config),
      ...settingsOf(values.settings),
    });
  }),
  delete: change(
    "deleted",
    ({ client }, group) => client.subscriptions.delete(group),
  ),
  replay: change(
    "replaying parked messages",
    ({ client }, group) => client.subscriptions.replayParked(group),
  ),
};

export const SUBSCRIPTION = defineClientCommand(
  ROW,
  (call) => actionOf(ACTIONS, call.operands.action)(call),
);

async function listAll({ client, operands, values }: Call): Promise<void> {
  const list = await client.subscriptions.list(operands.stream);
  const column = (head: string, member: string) => ({
    head,
    of: (item: Readonly<Record<string, unknown>>) => String(item[member] ?? ""),
  });
  printList(list, [
    column("STREAM", "eventStreamId"),
    column("GROUP", "groupName"),
    column("STATUS", "status"),
    column("CONSUMERS", "connectionCount"),
    column("PROCESSED", "totalItemsProcessed"),
    column("IN FLIGHT", "totalInFlightMessages"),
  ], values);
}

async function showInfo(call: Call): Promise<void> {
  const info = await call.client.subscriptions.info(groupOf(call));
  const { isJson } = call.values;
  print(JSON.stringify(info, undefined, isJson ? 0 : 2) + "\n");
}

/** An action that changes a subscription, and what is said when it is done. */
function change(
  done: string,
  act: (call: Call, group: GroupId) => Promise<void>,
): (call: Call) => Promise<void> {
  return async (call) => {
    const group = groupOf(call);
    await act(call, group);
    printFacts({ ...group, done }, call.values);
  };
}

function groupOf({ operands }: Call): GroupId {
  return {
    streamName: needed(operands.stream, "STREAM"),
    groupName: needed(operands.group, "GROUP"),
  };
}

/** @throws {UsageError} For a setting without a value. */
function settingsOf(text: string | undefined): SubscriptionSettings {
  const settings: Record<string, string | number | boolean> = {};
  for (const part of text?.split(",") ?? []) {
    const [, name, value = ""] = /^(\w+)=(.*)$/.exec(part) ?? [];
    if (name === undefined) {
      throw new UsageError(
        `Bad value "${part}" for --set: expected NAME=VALUE`,
      );
    }
    settings[name] = /^-?\d+$/.test(value)
      ? Number(value)
      : value === "true" || value === "false"
      ? value === "true"
      : value;
  }
  return settings;
}
