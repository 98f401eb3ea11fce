/**
 * `quipu projection`: projections of a server.
 *
 * @module
 */

import { readOptionFile } from "../named_files.ts";
import { actionOf, needed } from "./actions.ts";
import { type ClientCall, defineClientCommand } from "./client_command.ts";
import { print, printFacts, printList } from "./output.ts";

const ROW = {
  name: "projection",
  summary: "List, show, create, start, stop or delete projections of a server",
  details: "quipu project runs one over the events of an export or of a " +
    "store, without a server that has it.",
  own: {
    query: {
      flag: "query",
      kind: "text",
      valueName: "FILE",
      help: "create: file with the query",
    },
    mode: {
      flag: "mode",
      kind: "choice",
      choices: ["continuous", "onetime"],
      default: "continuous",
      help: "create: whether it goes on with new events, or runs once",
    },
    emits: {
      flag: "emit",
      kind: "boolean",
      help: "create: let it write events",
    },
    tracks: {
      flag: "track-emitted-streams",
      kind: "boolean",
      help: "create: record the streams that it writes to",
    },
    hasCheckpoints: {
      flag: "checkpoints",
      kind: "boolean",
      help: "create: checkpoints of one that runs once; delete: with them",
    },
    deletesEmitted: {
      flag: "emitted-streams",
      kind: "boolean",
      help: "delete: with the streams that it wrote to, if they were recorded",
    },
    isDisabled: {
      flag: "disabled",
      kind: "boolean",
      help: "create: do not start it",
    },
    partition: {
      flag: "partition",
      kind: "text",
      valueName: "NAME",
      help: "state, result: that of this partition",
    },
  },
  operands: {
    action: {
      label: "ACTION",
      help:
        "list, info, query, state, result, create, enable, disable, reset " +
        "or delete",
      words: [
        "list",
        "info",
        "query",
        "state",
        "result",
        "create",
        "enable",
        "disable",
        "reset",
        "delete",
      ],
    },
    name: {
      label: "NAME",
      help: "The projection; not for list",
      isOptional: true,
    },
  },
} as const;

type Call = ClientCall<typeof ROW>;

const ACTIONS: Readonly<
  Record<string, (call: Call, name: string) => Promise<void>>
> = {
  list: listAll,
  async info({ client, values }, name) {
    const info = await client.projections.info(name);
    print(JSON.stringify(info, undefined, values.isJson ? 0 : 2) + "\n");
  },
  async query({ client, values }, name) {
    const query = await client.projections.query(name);
    print(
      values.isJson ? JSON.stringify({ name, query }) + "\n" : ended(query),
    );
  },
  async state({ client, values }, name) {
    print(ended(await client.projections.state(name, values.partition)));
  },
  async result({ client, values }, name) {
    print(ended(await client.projections.result(name, values.partition)));
  },
  create: changing("created", async ({ client, values }, name) => {
    await client.projections.create({
      name,
      query: readOptionFile(needed(values.query, "--query"), "the query "),
      mode: values.mode === "onetime" ? "onetime" : "continuous",
      emit: values.emits,
      checkpoints: values.hasCheckpoints,
      trackEmittedStreams: values.tracks,
      isEnabled: !values.isDisabled,
    });
  }),
  enable: changing(
    "enabled",
    ({ client }, name) => client.projections.enable(name),
  ),
  disable: changing(
    "disabled",
    ({ client }, name) => client.projections.disable(name),
  ),
  reset: changing(
    "reset",
    ({ client }, name) => client.projections.reset(name),
  ),
  delete: changing(
    "deleted",
    ({ client, values }, name) =>
      client.projections.delete(name, {
        checkpoints: values.hasCheckpoints,
        emittedStreams: values.deletesEmitted,
      }),
  ),
};

export const PROJECTION = defineClientCommand(ROW, async (call) => {
  const { action: word, name } = call.operands;
  const action = actionOf(ACTIONS, word);
  await action(call, word === "list" ? "" : needed(name, "NAME"));
});

async function listAll({ client, values }: Call): Promise<void> {
  const column = (head: string, member: string) => ({
    head,
    of: (item: Readonly<Record<string, unknown>>) => String(item[member] ?? ""),
  });
  printList(await client.projections.list(), [
    column("NAME", "name"),
    column("MODE", "mode"),
    column("STATUS", "status"),
    column("PROGRESS", "progress"),
    column("POSITION", "position"),
    column("REASON", "stateReason"),
  ], values);
}

/** An action that changes a projection, and what is said when it is done. */
function changing(
  done: string,
  act: (call: Call, name: string) => Promise<void>,
): (call: Call, name: string) => Promise<void> {
  return async (call, name) => {
    await act(call, name);
    printFacts({ name, done }, call.values);
  };
}

/** A text with the end of its line; nothing stays nothing. */
function ended(text: string): string {
  return text === "" || text.endsWith("\n") ? text : `${text}\n`;
}
