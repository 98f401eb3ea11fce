/**
 * Deleting a stream (spec: streams §4).
 *
 * @module
 */

import { SETTINGS_STREAM } from "./access.ts";
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
  const mayDelete = await access.mayChange(
    caller,
    "delete",
    streamName,
    state,
  );
  // Without `$settings` the built-in default rights hold, which are wider:
  // deleting it changes the rights of other streams, as writing it does.
  const mayChangeDefaults = streamName !== SETTINGS_STREAM ||
    await access.mayChange(caller, "write", streamName, state);
  if (!mayDelete || !mayChangeDefaults) return { kind: "unauthorized" };
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
