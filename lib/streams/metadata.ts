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
  EventOutcome,
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
export function readMetadata(
  context: StreamContext,
  caller: Caller,
  command: ReadEventCommand,
): EventOutcome | Promise<EventOutcome> {
  const streamName = metastreamOf(command.streamName);
  return readEvent(context, caller, { ...command, streamName });
}
