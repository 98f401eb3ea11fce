/**
 * Reading and writing what is known about a stream (spec: streams §9).
 *
 * @module
 */

import { metastreamOf } from "../model/stream_names.ts";
import { append } from "./append.ts";
import type { StreamContext } from "./context.ts";
import type {
  AppendCommand,
  AppendOutcome,
  Caller,
  MetadataOutcome,
  ReadEventCommand,
} from "./outcomes.ts";
import { readEvent } from "./read_event.ts";

/**
 * Writes metadata: appends to the metastream of `command.streamName`.
 *
 * @throws {QuipuError} As `EventStore.append` does.
 */
export function appendMetadata(
  context: StreamContext,
  caller: Caller,
  command: AppendCommand,
): Promise<AppendOutcome> {
  const streamName = metastreamOf(command.streamName);
  return append(context, caller, { ...command, streamName });
}

/**
 * Reads metadata: an event of the metastream of `command.streamName`.
 *
 * @throws {QuipuError} As `EventStore.readEvent` does.
 */
export async function readMetadata(
  context: StreamContext,
  caller: Caller,
  command: ReadEventCommand,
): Promise<MetadataOutcome> {
  const { store, access } = context;
  const streamName = metastreamOf(command.streamName);
  const outcome = await readEvent(context, caller, { ...command, streamName });
  if (outcome.kind !== "notFound") return outcome;
  const described = await store.readState(command.streamName);
  if (described.head < 0) return outcome;
  const state = await store.readState(streamName);
  const readable = await access.readAccess(caller, streamName, state);
  return {
    kind: "noMetadata",
    cache: {
      kind: "head",
      maxAgeSeconds: state.metadata.cacheControlSeconds,
      isPublic: readable === "public",
    },
  };
}
