/**
 * Appending events to a stream or to its metadata (spec: streams §2, §9.1).
 *
 * @module
 */

import { ROLE_ADMINS } from "../model/principal.ts";
import { isMetastream, isSystemStream } from "../model/stream_names.ts";
import type { StreamContext } from "./context.ts";
import type { AppendCommand, AppendOutcome, Caller } from "./outcomes.ts";
import { rightsChangeOfAppend } from "./rights_change.ts";

/**
 * Appends events, if the caller may write the stream.
 *
 * @throws {QuipuError} As `EventStore.append` does.
 */
export async function append(
  { store, access }: StreamContext,
  caller: Caller,
  command: AppendCommand,
): Promise<AppendOutcome> {
  const { streamName } = command;
  // Nothing is waited for that is known: each wait is one of every append.
  const state = store.local?.peekState(streamName) ??
    await store.readState(streamName);
  const mayWrite = access.peekMayChange(caller, "write", streamName, state) ??
    await access.mayChange(caller, "write", streamName, state);
  if (!mayWrite) return { kind: "unauthorized" };
  // Few streams say who may do what, and this is asked for each append.
  const mayChangeRights = isSystemStream(streamName);
  // Administrators alone bring back what was truncated or deleted.
  const keepsTruncation = mayChangeRights && isMetastream(streamName) &&
    !caller?.roles.has(ROLE_ADMINS);
  const result = await store.append(
    keepsTruncation ? { ...command, keepsTruncation } : command,
  );
  if (!("firstEventNumber" in result)) return result;
  const { firstEventNumber } = result;
  if (!mayChangeRights) return { kind: "written", firstEventNumber };
  const rights = await rightsChangeOfAppend(store, {
    streamName,
    firstEventNumber,
    count: command.events.length,
  });
  return rights === undefined
    ? { kind: "written", firstEventNumber }
    : { kind: "written", firstEventNumber, rights };
}
