/**
 * Streams that go with a projection when it is deleted (spec: projections §5).
 *
 * @module
 */

import type { EventStore } from "../store/event_store.ts";
import { LIMITS } from "../model/limits.ts";
import { decodeUtf8IfValid } from "../text/utf8.ts";
import type { DeleteCommand } from "./contract.ts";
import type { ProjectionRecord, RecordDeletion } from "./record.ts";
import { recordStreamOf } from "./registry.ts";

/** What a command does away with, of what it asks for. */
export function deletionOf(
  { config, mode }: ProjectionRecord,
  command: DeleteCommand,
): RecordDeletion {
  const { deletesCheckpointStream, deletesStateStream } = command;
  const deletesEmittedStreams = command.deletesEmittedStreams &&
    config.emitEnabled && config.trackEmittedStreams;
  const doneCount = mode === "Transient"
    ? 0
    : Number(deletesEmittedStreams) + Number(deletesCheckpointStream);
  return {
    deletesCheckpointStream,
    deletesStateStream,
    deletesEmittedStreams,
    doneCount,
  };
}

/**
 * Deletes them softly; what is gone already stays so.
 *
 * @throws {QuipuError} As `EventStore.deleteStream` does.
 */
export async function deleteStreamsOf(
  store: EventStore,
  name: string,
  { deletesCheckpointStream, deletesEmittedStreams }: RecordDeletion,
): Promise<void> {
  const own = recordStreamOf(name);
  if (deletesCheckpointStream) await deleteSoftly(store, `${own}-checkpoint`);
  if (!deletesEmittedStreams) return;
  const tracked = `${own}-emittedstreams`;
  for await (const streamName of readTracked(store, tracked)) {
    await deleteSoftly(store, streamName);
  }
  await deleteSoftly(store, `${tracked}-checkpoint`);
  await deleteSoftly(store, tracked);
}

async function* readTracked(
  store: EventStore,
  tracked: string,
): AsyncGenerator<string> {
  const { head } = await store.readState(tracked);
  for (let from = 0; from <= head;) {
    const { entries, continueFrom } = await store.readStream({
      streamName: tracked,
      from,
      count: LIMITS.pageEventsMax,
      direction: "forward",
      withBodies: true,
    });
    for (const { event: { data } } of entries) {
      const streamName = decodeUtf8IfValid(data);
      if (streamName !== undefined && streamName !== "") yield streamName;
    }
    from = continueFrom ?? from + LIMITS.pageEventsMax;
  }
}

async function deleteSoftly(
  store: EventStore,
  streamName: string,
): Promise<void> {
  const { head } = await store.readState(streamName);
  if (head < 0) return;
  await store.deleteStream({
    streamName,
    expectedVersion: "any",
    mode: "soft",
  });
}
