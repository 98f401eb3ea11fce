/**
 * Deleting a stream (spec: streams §4).
 *
 * @module
 */

import type { StreamContext } from "./context.ts";
import type { Caller, DeleteCommand, DeleteOutcome } from "./outcomes.ts";
import { readRights } from "./rights_change.ts";

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
  const before = await readRights(store, streamName);
  const result = await store.deleteStream({
    streamName,
    expectedVersion,
    mode,
  });
  if (result.kind !== "done") return result;
  const after = await readRights(store, streamName);
  return before === after ? result : { ...result, rights: { before, after } };
}
