/**
 * `quipu stream`: one stream, its metadata and its rights.
 *
 * @module
 */

import type { Client, StreamMetadata } from "../../client/mod.ts";
import { RunError, UsageError } from "../failures.ts";
import { readOptionFile } from "../named_files.ts";
import type { TextRow } from "../options/options.ts";
import { actionOf } from "./actions.ts";
import { expectedVersionOf } from "./append.ts";
import { type ClientCall, defineClientCommand } from "./client_command.ts";
import { parseExactly } from "./input_events.ts";
import { print, printFacts } from "./output.ts";

const OWN = {
  set: {
    flag: "set",
    kind: "text",
    valueName: "FILE",
    help: "meta: replace the metadata by the JSON object in this file",
  },
  readers: rolesOption("readers", "read it"),
  writers: rolesOption("writers", "append to it"),
  deleters: rolesOption("deleters", "delete it"),
  metaReaders: rolesOption("meta-readers", "read its metadata"),
  metaWriters: rolesOption("meta-writers", "write its metadata"),
  isHard: {
    flag: "hard",
    kind: "boolean",
    help: "delete: for good; the name can never be used again",
  },
  expected: {
    flag: "expect",
    kind: "text",
    valueName: "VERSION",
    default: "any",
    help: "delete: version that the stream must have",
  },
  before: {
    flag: "before",
    kind: "integer",
    default: 0,
    least: 0,
    most: Number.MAX_SAFE_INTEGER,
    help: "truncate: number of the first event that stays",
  },
} as const;

function rolesOption(flag: string, may: string) {
  return {
    flag,
    kind: "text",
    valueName: "ROLES",
    help: `acl: groups and logins that may ${may}, with commas; none for ` +
      "administrators alone, default for the default right",
  } as const satisfies TextRow;
}

const ROW = {
  name: "stream",
  summary: "Show a stream, change its metadata or rights, or delete it",
  own: OWN,
  operands: {
    action: {
      label: "ACTION",
      help: "info, meta, acl, delete or truncate",
      words: ["info", "meta", "acl", "delete", "truncate"],
    },
    stream: { label: "STREAM", help: "The stream" },
  },
} as const;

type Call = ClientCall<typeof ROW>;

const ACTIONS: Readonly<Record<string, (call: Call) => Promise<void>>> = {
  info: showInfo,
  meta: showOrSetMetadata,
  acl: showOrSetRights,
  delete: deleteStream,
  truncate,
};

export const STREAM = defineClientCommand(
  ROW,
  (call) => actionOf(ACTIONS, call.operands.action)(call),
);

async function showInfo({ client, operands, values }: Call): Promise<void> {
  const { stream: streamName } = operands;
  const edge = async (direction: "forward" | "backward") => {
    const events = client.read(streamName, { direction, count: 1 });
    return (await events.next()).value ?? undefined;
  };
  const last = await edge("backward");
  const first = await edge("forward");
  const { metadata } = await client.readMetadata(streamName);
  printFacts({
    streamName,
    lastEventNumber: last?.link?.eventNumber ?? last?.eventNumber,
    firstEventNumber: first?.link?.eventNumber ?? first?.eventNumber,
    firstCreatedAt: first?.createdAt,
    lastCreatedAt: last?.createdAt,
    lastEventType: last?.eventType,
    maxCount: numberOf(metadata["$maxCount"]),
    maxAgeSeconds: numberOf(metadata["$maxAge"]),
    truncateBefore: numberOf(metadata["$tb"]),
    hasRights: metadata["$acl"] !== undefined,
  }, values);
}

function numberOf(value: unknown): number | undefined {
  return typeof value === "number" ? value : undefined;
}

async function showOrSetMetadata(
  { client, operands: { stream }, values }: Call,
): Promise<void> {
  if (values.set === undefined) {
    const { text } = await client.readMetadata(stream);
    print(
      JSON.stringify(parseExactly(text), undefined, indentOf(values)) + "\n",
    );
    return;
  }
  const metadata = parseObject(readOptionFile(values.set), values.set);
  await client.writeMetadata(stream, metadata);
  printFacts({ streamName: stream, metadata: "replaced" }, values);
}

function indentOf({ isJson }: { readonly isJson: boolean }): number {
  return isJson ? 0 : 2;
}

function parseObject(
  text: string,
  path: string,
): Readonly<Record<string, unknown>> {
  try {
    const value = parseExactly(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) {
      return value as Readonly<Record<string, unknown>>;
    }
  } catch {
    // Said below.
  }
  throw new RunError(`Cannot use "${path}": it is not a JSON object`);
}

/** Members of an access list, by the options that set them. */
const RIGHTS = {
  readers: "$r",
  writers: "$w",
  deleters: "$d",
  metaReaders: "$mr",
  metaWriters: "$mw",
} as const;

async function showOrSetRights(
  { client, operands: { stream }, values }: Call,
): Promise<void> {
  const changes = Object.entries(RIGHTS).flatMap(([name, member]) => {
    const roles = values[name as keyof typeof RIGHTS];
    return roles === undefined ? [] : [{ member, roles }];
  });
  if (changes.length === 0) {
    const { metadata } = await client.readMetadata(stream);
    const acl = metadata["$acl"] ?? {};
    print(JSON.stringify(acl, undefined, indentOf(values)) + "\n");
    return;
  }
  await changeMetadata(client, stream, (metadata) => {
    const acl: Record<string, unknown> = { ...Object(metadata["$acl"]) };
    for (const { member, roles } of changes) {
      if (roles === "default") delete acl[member];
      else {
        acl[member] = roles === "none"
          ? []
          : roles.split(",").map((role) => role.trim());
      }
    }
    return { ...metadata, $acl: acl };
  });
  printFacts({ streamName: stream, rights: "changed" }, values);
}

/** Tries of a change that others overtake. */
const CHANGE_TRIES = 5;

/** Changes metadata; what others write at the same time is kept. */
async function changeMetadata(
  client: Client,
  stream: string,
  change: (metadata: StreamMetadata["metadata"]) => StreamMetadata["metadata"],
): Promise<void> {
  for (let tries = 1;; tries++) {
    const { text, version } = await client.readMetadata(stream);
    // Each number as it is: `$tb` of a deleted stream has more digits than one
    // holds.
    const metadata = parseExactly(text) as StreamMetadata["metadata"];
    try {
      await client.writeMetadata(stream, change(metadata), {
        expectedVersion: version,
      });
      return;
    } catch (error) {
      const { code } = Object(error);
      if (code !== "wrongExpectedVersion" || tries === CHANGE_TRIES) {
        throw error;
      }
    }
  }
}

async function deleteStream(
  { client, operands: { stream }, values, signal }: Call,
): Promise<void> {
  await client.delete(stream, {
    isHard: values.isHard,
    expectedVersion: expectedVersionOf(values.expected),
    signal,
  });
  const deleted = values.isHard ? "for good" : "until it is written again";
  printFacts({ streamName: stream, deleted }, values);
}

async function truncate(
  { client, operands: { stream }, values: { before, isJson } }: Call,
): Promise<void> {
  if (before === 0) throw new UsageError("truncate needs --before NUMBER");
  await changeMetadata(
    client,
    stream,
    (metadata) => ({ ...metadata, $tb: before }),
  );
  printFacts({ streamName: stream, truncateBefore: before }, { isJson });
}
