/**
 * Appending events to a stream or to its metadata (spec: streams §2, §9.1).
 *
 * @module
 */

import type { StreamContext } from "./context.ts";
import type { AppendCommand, AppendOutcome, Caller } from "./outcomes.ts";

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
  const state = await store.readState(streamName);
  if (!await access.mayChange(caller, "write", streamName, state)) {
    return { kind: "unauthorized" };
  }
  const result = await store.append(command);
  return "firstEventNumber" in result
    ? { kind: "written", firstEventNumber: result.firstEventNumber }
    : result;
}
