/**
 * Deleting a stream (spec: streams §4).
 *
 * @module
 */

import type { StreamContext } from "./context.ts";
import type { Caller, DeleteCommand, DeleteOutcome } from "./outcomes.ts";

/**
 * Deletes a stream, if the caller may.
 *
 * @throws {QuipuError} As `EventStore.deleteStream` does.
 */
export async function deleteStream(
  { store, access }: StreamContext,
  caller: Caller,
  command: DeleteCommand,
): Promise<DeleteOutcome> {
  const { streamName, expectedVersion, isHard } = command;
  const state = await store.readState(streamName);
  if (!await access.mayChange(caller, "delete", streamName, state)) {
    return { kind: "unauthorized" };
  }
  const mode = isHard ? "hard" : "soft";
  return await store.deleteStream({ streamName, expectedVersion, mode });
}
