/**
 * Results of queries that have come to their end (spec: projections §8.3, §8.4).
 *
 * A result's id is made of its number in the stream, so that those of this
 * epoch are known when the query is run again. The same results are not written
 * twice; those of an earlier epoch are hidden.
 *
 * @module
 */

import type { ProposedEvent } from "../../model/event.ts";
import { LINK_TYPE } from "../../model/links.ts";
import {
  METADATA_EVENT_TYPE,
  type StreamMetadata,
} from "../../model/stream_metadata.ts";
import { metastreamOf } from "../../model/stream_names.ts";
import { decodeUtf8Leniently } from "../../text/utf8.ts";
import type { ProjectionDefinition } from "../engine/messages.ts";
import { type ResultStreams, resultStreamsOf } from "./effects.ts";
import { madeMetadataOf, nameId } from "./emissions.ts";
import { versionMemberOf, type WriterMark } from "./positions.ts";
import { RunFault } from "./run_fault.ts";
import type { RunStore } from "./run_store.ts";

/** What results are written with. */
export interface QueryResultsParts {
  readonly store: RunStore;
  readonly projection: string;
  readonly mark: WriterMark;
  readonly definition: ProjectionDefinition;
  /** Whether the projection is forgotten with the server. */
  readonly isTransient: boolean;
  /** End of the log that was read to. */
  readonly until: number;
  readonly newId: () => string;
}

/** A partition's result; undefined: there is none. */
export type QueryResult = readonly [
  partition: string,
  result: string | undefined,
];

type EventContent = Omit<ProposedEvent, "eventId">;

const EOF_TYPE = "$Eof";
/** Events that are appended, and read, at once. */
const PART_COUNT = 500;

/**
 * Writes the results of a query.
 *
 * @throws {RunFault} If they cannot be written.
 */
export async function writeQueryResults(
  parts: QueryResultsParts,
  results: readonly QueryResult[],
): Promise<void> {
  const { mark, isTransient, definition } = parts;
  const version = isTransient ? "" : `${versionMemberOf(mark)},`;
  const metadata = `{${version}"$ph":1,"$cp":true}`;
  const events: EventContent[] = [];
  if (isPerStream(definition)) {
    for (const [index, result] of results.entries()) {
      events.push(await writeStreamResult(parts, result, index));
    }
  } else events.push(...results.map((one) => resultOf(one, metadata)));
  events.push({ eventType: EOF_TYPE, isJson: true, data: "", metadata });
  await writeSet(parts, streamsOf(parts).common, events);
}

/** Whether each stream is run on its own. */
function isPerStream(
  { byStream, categories, catalogStream, options }: ProjectionDefinition,
): boolean {
  return byStream === true && !options.disableParallelism &&
    (categories.length > 0 || catalogStream !== undefined);
}

function streamsOf(
  { projection, definition }: QueryResultsParts,
): ResultStreams {
  return resultStreamsOf(projection, definition);
}

function resultOf(
  [, result]: QueryResult,
  metadata: string,
): EventContent {
  const data = result === undefined || result === "null" ? "" : result;
  return { eventType: "Result", isJson: true, data, metadata };
}

/** Writes the result of a stream to its own one; the link to it. */
async function writeStreamResult(
  parts: QueryResultsParts,
  result: QueryResult,
  index: number,
): Promise<EventContent> {
  const [partition] = result;
  const streamName = streamsOf(parts).of(partition);
  const version = parts.isTransient ? "" : `${versionMemberOf(parts.mark)},`;
  const metadata = `{${version}"$m":"bs","$c":${parts.until},` +
    `"$s":[{"":${index}},{${JSON.stringify(partition)}:-1}]}`;
  const number = await writeSet(parts, streamName, [
    resultOf(result, metadata),
  ]);
  return {
    eventType: LINK_TYPE,
    isJson: false,
    data: `${number}@${streamName}`,
    metadata,
  };
}

/**
 * Writes events that belong together, unless they are the stream's last ones.
 *
 * @returns Number of the first.
 */
async function writeSet(
  parts: QueryResultsParts,
  streamName: string,
  events: readonly EventContent[],
): Promise<number> {
  const { store } = parts;
  if (streamsOf(parts).isNamed) await store.requireWritable(streamName);
  await store.catchUp();
  const { head, metadata, metadataNumber } = await store.readState(streamName);
  const isOurs = head >= 0 && await isOfEpoch(parts, streamName, head);
  if (isOurs && await isLastSet(parts, streamName, { head, events })) {
    return head - events.length + 1;
  }
  const isHidden = firstOf(metadata) > head;
  if (head < 0 ? metadataNumber < 0 : !isOurs && !isHidden) {
    await describe(parts, streamName, head);
  }
  for (let from = 0; from < events.length; from += PART_COUNT) {
    const first = head + 1 + from;
    const { kind } = await store.append({
      streamName,
      expectedVersion: first === 0 ? "noStream" : first - 1,
      events: events.slice(from, from + PART_COUNT).map((event, index) => ({
        ...event,
        eventId: idOf(parts, streamName, first + index),
      })),
    });
    if (kind === "appended" || kind === "duplicate") continue;
    throw new RunFault(`Failed to write results to "${streamName}": ${kind}`);
  }
  return head + 1;
}

/** Whether a stream's last event is a result of this epoch. */
async function isOfEpoch(
  parts: QueryResultsParts,
  streamName: string,
  head: number,
): Promise<boolean> {
  const { entries } = await parts.store.readBackward(streamName, head, 1);
  const newest = entries[0]?.event;
  if (newest === undefined) return false;
  if (newest.eventId === idOf(parts, streamName, head)) return true;
  const isResult = newest.eventType === EOF_TYPE ||
    newest.eventType === "Result";
  if (isResult) return false;
  throw new RunFault(
    `The '${streamName}' stream managed by projection ${parts.mark.number}` +
      " has been written to from the outside.",
  );
}

async function isLastSet(
  { store }: QueryResultsParts,
  streamName: string,
  { head, events }: {
    readonly head: number;
    readonly events: readonly EventContent[];
  },
): Promise<boolean> {
  for (let left = events.length; left > 0;) {
    const from = head - events.length + left;
    if (from < 0) return false;
    const count = Math.min(left, PART_COUNT);
    const { entries } = await store.readBackward(streamName, from, count);
    for (const { event, ordinal } of entries) {
      const wanted = events[--left];
      const isSame = wanted !== undefined &&
        ordinal === head - events.length + left + 1 &&
        event.eventType === wanted.eventType &&
        decodeUtf8Leniently(event.data) === wanted.data;
      if (!isSame) return false;
      if (left === 0) break;
    }
    if (entries.length === 0) return false;
  }
  return true;
}

function firstOf({ truncateBefore = 0 }: StreamMetadata): number {
  return Number(truncateBefore);
}

/** Makes a stream of results, or hides those of an earlier epoch. */
async function describe(
  { store, newId }: QueryResultsParts,
  streamName: string,
  head: number,
): Promise<void> {
  const data = madeMetadataOf(
    streamName,
    head < 0 ? {} : { truncateBefore: head + 1 },
  );
  await store.append({
    streamName: metastreamOf(streamName),
    expectedVersion: "any",
    events: [{
      eventId: newId(),
      eventType: METADATA_EVENT_TYPE,
      isJson: true,
      data,
      metadata: "",
    }],
  });
}

function idOf(
  { projection, mark: { number, epoch } }: QueryResultsParts,
  streamName: string,
  eventNumber: number,
): string {
  return nameId(projection, number, epoch, "result", streamName, eventNumber);
}
