/**
 * Changes of rights by writes, for the audit: the only place that knows
 * which streams say who may do what.
 *
 *   $settings     the default access lists
 *   $user-…       a user: its groups, and whether it may log in
 *   $tokens-…     a user's tokens
 *   $$…           the access list of a stream; of the streams above, also what
 *                 hides their events
 *
 * The event before a write and its last one are compared by their numbers, so
 * that of writes at the same time each is told as what it was.
 *
 * @module
 */

import type { RecordedEvent } from "../model/event.ts";
import type { EventStore } from "../store/event_store.ts";
import {
  decodeStreamMetadata,
  type StreamMetadata,
} from "../model/stream_metadata.ts";
import {
  describedStream,
  isMetastream,
  isSystemStream,
  originalOfMetastream,
} from "../model/stream_names.ts";
import { decodeJsonText } from "../text/utf8.ts";
import { SETTINGS_STREAM } from "./access.ts";
import type { RightsChange } from "./outcomes.ts";

/** Members that say who may do what, by streams that hold them. */
const MEMBERS: readonly (readonly [string, readonly string[]])[] = [
  ["$user-", ["groups", "disabled"]],
  ["$tokens-", ["tokens"]],
];
const SETTINGS_MEMBERS = ["$userStreamAcl", "$systemStreamAcl"];
/** Of a token: what it allows. Its hash is nobody's business. */
const TOKEN_MEMBERS = ["tokenId", "isReadOnly", "scopes", "expiresAtUs"];

/**
 * The change of rights that an append made.
 *
 * @returns Undefined if it changed none.
 */
export async function rightsChangeOfAppend(
  store: EventStore,
  { streamName, firstEventNumber, count }: {
    readonly streamName: string;
    readonly firstEventNumber: number;
    readonly count: number;
  },
): Promise<RightsChange | undefined> {
  if (!isSystemStream(streamName)) return undefined;
  const decode = decoderOf(streamName);
  if (decode === undefined) return undefined;
  const at = async (eventNumber: number) => {
    if (eventNumber < 0) return null;
    const entry = await store.readEvent(streamName, eventNumber);
    return entry === undefined ? null : decode(entry.event);
  };
  const before = await at(firstEventNumber - 1);
  const after = await at(firstEventNumber + count - 1);
  // Of users, tokens and settings, a write without a change can still have
  // made visible again what was hidden.
  const isAlwaysTold = saysRights(describedStream(streamName));
  return before === after && !isAlwaysTold ? undefined : { before, after };
}

/** A stream's rights at this moment, to compare deletes with. */
export async function readRights(
  store: EventStore,
  streamName: string,
): Promise<string | null> {
  const state = await store.readState(streamName);
  const own = encodeMetadata(state.metadata, saysRights(streamName));
  const content = saysRights(streamName) && state.head >= 0
    ? await store.readEvent(streamName, state.head)
    : undefined;
  const decode = decoderOf(streamName);
  const says = content && decode ? decode(content.event) : null;
  // A stream that was deleted for ever is nobody's any more.
  const end = state.isTombstoned ? "deleted for ever" : null;
  const all = [own, says, end].filter((text) => text !== null);
  return all.length === 0 ? null : all.join(" ");
}

/** Whether a stream itself holds users, tokens or settings. */
function saysRights(streamName: string): boolean {
  return membersOf(streamName) !== undefined;
}

function membersOf(streamName: string): readonly string[] | undefined {
  if (streamName === SETTINGS_STREAM) return SETTINGS_MEMBERS;
  return MEMBERS.find(([prefix]) => streamName.startsWith(prefix))?.[1];
}

function decoderOf(
  streamName: string,
): ((event: RecordedEvent) => string | null) | undefined {
  if (isMetastream(streamName)) {
    const hides = saysRights(originalOfMetastream(streamName));
    return (event) => encodeMetadata(decodeStreamMetadata(event), hides);
  }
  const names = membersOf(streamName);
  return names && ((event) => encodeMembers(event, names));
}

/** @param hides Whether what hides events takes rights away as well. */
function encodeMetadata(
  metadata: StreamMetadata,
  hides: boolean,
): string | null {
  const { acl, truncateBefore, maxCount, maxAgeSeconds } = metadata;
  const said = {
    $acl: acl,
    ...(hides && {
      $tb: textOf(truncateBefore),
      $maxCount: textOf(maxCount),
      $maxAge: textOf(maxAgeSeconds),
    }),
  };
  const text = JSON.stringify(said);
  return text === "{}" ? null : text;
}

function textOf(number: unknown): string | undefined {
  return number === undefined ? undefined : String(number);
}

function encodeMembers(
  event: RecordedEvent,
  names: readonly string[],
): string | null {
  const document = parseObject(decodeJsonText(event.data));
  if (document === undefined) return null;
  const { tokens } = document;
  const shown = Array.isArray(tokens)
    ? { ...document, tokens: tokens.map((token) => pick(token, TOKEN_MEMBERS)) }
    : document;
  return JSON.stringify(pick(shown, names));
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === "object" && parsed !== null
      ? { ...parsed }
      : undefined;
  } catch {
    return undefined;
  }
}

function pick(value: unknown, names: readonly string[]): unknown {
  if (typeof value !== "object" || value === null) return null;
  return Object.fromEntries(
    Object.entries(value).filter(([name]) => names.includes(name)),
  );
}
