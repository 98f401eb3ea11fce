/**
 * Events that a projection writes: their ids and their metadata (spec:
 * projections §6.3).
 *
 * @module
 */

import { createHash } from "node:crypto";
import { readJsonMembers } from "../../model/json_members.ts";
import type { ProposedEvent } from "../../model/event.ts";
import {
  CORRELATION_ID,
  correlationIdOf,
} from "../../streams/system_streams.ts";
import type { ProjectionEvent } from "../engine/messages.ts";
import type { SourcePosition } from "../contract.ts";
import {
  type EventPlace,
  membersOf,
  versionMemberOf,
  type WriterMark,
} from "./positions.ts";

/** The event that has an event written. */
export interface Cause {
  readonly at: EventPlace;
  /** Names the event for good, among those of the source. */
  readonly key: string;
  /** Behind the event. */
  readonly position: SourcePosition;
  /** Undefined: it is none that could be named. */
  readonly event: Pick<ProjectionEvent, "eventId" | "metadata"> | undefined;
}

/** An event to be written. */
export interface Emission {
  readonly streamName: string;
  readonly eventId: string;
  readonly eventType: string;
  readonly isJson: boolean;
  readonly data: string;
  readonly metadata: string;
  readonly cause: Pick<Cause, "at" | "position">;
  /** Whether the projection keeps the stream for itself: no right is asked. */
  readonly isOwn?: true;
  /** Told its number once it is written, or was found as written before. */
  readonly onWritten?: (eventNumber: number) => void;
}

/** Name space of the ids of emitted events: a UUID made for it, as bytes. */
const NAME_SPACE = Uint8Array.of(
  0x5d,
  0x1e,
  0x0b,
  0x7c,
  0x3c,
  0x2f,
  0x4e,
  0x0a,
  0x9b,
  0x64,
  0x21,
  0xd8,
  0x77,
  0xa5,
  0xc0,
  0x13,
);

/** A UUID of version 5: the same for the same texts. */
export function nameId(...texts: readonly (string | number)[]): string {
  const digest = createHash("sha1").update(NAME_SPACE)
    .update(texts.join("\0")).digest();
  digest[6] = (digest[6] ?? 0) & 0x0f | 0x50;
  digest[8] = (digest[8] ?? 0) & 0x3f | 0x80;
  const hex = digest.toString("hex", 0, 16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${
    hex.slice(16, 20)
  }-${hex.slice(20)}`;
}

/** Members that the projection itself says something with. */
const OWN_MEMBERS = ["$v", "$s", "$c", "$p", "$causedBy"];

/**
 * Metadata of an event that a projection writes.
 *
 * @param mark Undefined: of a projection that is not kept.
 * @param cause Undefined: it names none.
 * @param own The caller's, an object as JSON.
 */
export function metadataOf(
  mark: WriterMark | undefined,
  position: SourcePosition,
  cause?: Cause,
  own?: string,
): string {
  const members = mark === undefined ? [] : [versionMemberOf(mark)];
  members.push(membersOf(position));
  const ownMembers = own === undefined
    ? new Map<string, string>()
    : readJsonMembers(own);
  for (const [name, value] of ownMembers) {
    if (OWN_MEMBERS.includes(name)) continue;
    members.push(`${JSON.stringify(name)}:${value}`);
  }
  if (cause?.event !== undefined) {
    members.push(`"$causedBy":"${cause.event.eventId}"`);
    const correlationId = ownMembers.has(CORRELATION_ID)
      ? undefined
      : correlationIdOf(cause.event.metadata);
    if (correlationId !== undefined) {
      members.push(`"${CORRELATION_ID}":${correlationId}`);
    }
  }
  return `{${members.join(",")}}`;
}

/** The event as the store takes it. */
export function proposedOf(
  { eventId, eventType, isJson, data, metadata }: Emission,
): ProposedEvent {
  return { eventId, eventType, isJson, data, metadata };
}

/** Metadata of an ordinary stream that a projection makes. */
const PLAIN_METADATA = '{"$acl":{}}';
/** Metadata of a system stream that it makes: everybody reads it. */
const SYSTEM_ACL = '"$acl":{"$r":"$all","$mr":"$all"}';

/** What a made stream's metadata says. */
export function madeMetadataOf(
  streamName: string,
  { truncateBefore, maxCount }: {
    readonly truncateBefore?: number;
    readonly maxCount?: number;
  } = {},
): string {
  const members: string[] = [];
  if (truncateBefore !== undefined) members.push(`"$tb":${truncateBefore}`);
  if (maxCount !== undefined) members.push(`"$maxCount":${maxCount}`);
  const acl = streamName.startsWith("$")
    ? SYSTEM_ACL
    : PLAIN_METADATA.slice(1, -1);
  return `{${[...members, acl].join(",")}}`;
}
