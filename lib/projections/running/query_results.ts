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

/** Results of all partitions, in order; they may be more than memory holds. */
export interface QueryResults {
  readonly count: number;
  /** So many of them from an index on, which are there. */
  read(from: number, count: number): Promise<readonly QueryResult[]>;
}

type EventContent = Omit<ProposedEvent, "eventId">;

/** Events that belong together. */
interface EventSet {
  readonly count: number;
  read(from: number, count: number): Promise<readonly EventContent[]>;
}

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
  results: QueryResults,
): Promise<void> {
  const { mark, isTransient, definition } = parts;
  const version = isTransient ? "" : `${versionMemberOf(mark)},`;
  const metadata = `{${version}"$ph":1,"$cp":true}`;
  const set: EventSet = isPerStream(definition)
    ? await writeStreamResults(parts, results)
    : {
      count: results.count,
      read: async (from, count) =>
        (await results.read(from, count)).map((one) => resultOf(one, metadata)),
    };
  const eof = { eventType: EOF_TYPE, isJson: true, data: "", metadata };
  await writeSet(parts, streamsOf(parts).common, {
    count: set.count + 1,
    async read(from, count) {
      const isWithEnd = from + count > set.count;
      const events = await set.read(from, count - Number(isWithEnd));
      return isWithEnd ? [...events, eof] : events;
    },
  });
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

/** Writes the result of each stream to its own one; the links to them. */
async function writeStreamResults(
  parts: QueryResultsParts,
  { count, read }: QueryResults,
): Promise<EventSet> {
  const version = parts.isTransient ? "" : `${versionMemberOf(parts.mark)},`;
  const metadataOf = (partition: string, index: number) =>
    `{${version}"$m":"bs","$c":${parts.until},` +
    `"$s":[{"":${index}},{${JSON.stringify(partition)}:-1}]}`;
  const numbers: number[] = [];
  while (numbers.length < count) {
    const size = Math.min(PART_COUNT, count - numbers.length);
    for (const result of await read(numbers.length, size)) {
      const [partition] = result;
      const metadata = metadataOf(partition, numbers.length);
      const event = resultOf(result, metadata);
      numbers.push(
        await writeSet(parts, streamsOf(parts).of(partition), {
          count: 1,
          read: () => Promise.resolve([event]),
        }),
      );
    }
  }
  return {
    count,
    read: async (from, count) =>
      (await read(from, count)).map(([partition], index) => ({
        eventType: LINK_TYPE,
        isJson: false,
        data: `${numbers[from + index]}@${streamsOf(parts).of(partition)}`,
        metadata: metadataOf(partition, from + index),
      })),
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
  set: EventSet,
): Promise<number> {
  const { store } = parts;
  if (streamsOf(parts).isNamed) await store.requireWritable(streamName);
  await store.catchUp();
  const { head, metadata, metadataNumber } = await store.readState(streamName);
  const isOurs = head >= 0 && await isOfEpoch(parts, streamName, head);
  if (isOurs && await isLastSet(parts, streamName, { head, set })) {
    return head - set.count + 1;
  }
  const isHidden = firstOf(metadata) > head;
  if (head < 0 ? metadataNumber < 0 : !isOurs && !isHidden) {
    await describe(parts, streamName, head);
  }
  for (let from = 0; from < set.count; from += PART_COUNT) {
    const first = head + 1 + from;
    const events = await set.read(from, Math.min(PART_COUNT, set.count - from));
    const { kind } = await store.append({
      streamName,
      expectedVersion: first === 0 ? "noStream" : first - 1,
      events: events.map((event, index) => ({
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
  { head, set }: { readonly head: number; readonly set: EventSet },
): Promise<boolean> {
  const first = head - set.count + 1;
  if (first < 0) return false;
  for (let from = 0; from < set.count; from += PART_COUNT) {
    const wanted = await set.read(
      from,
      Math.min(PART_COUNT, set.count - from),
    );
    for (let left = wanted.length; left > 0;) {
      const last = first + from + left - 1;
      const { entries } = await store.readBackward(streamName, last, left);
      if (entries.length === 0) return false;
      for (const { event, ordinal } of entries) {
        const one = wanted[--left];
        const isSame = one !== undefined && ordinal === first + from + left &&
          event.eventType === one.eventType &&
          decodeUtf8Leniently(event.data) === one.data;
        if (!isSame) return false;
      }
    }
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
