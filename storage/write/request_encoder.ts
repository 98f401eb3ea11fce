/**
 * Decides, numbers and encodes requests in one synchronous step: nothing can
 * come between reading the state of a stream and appending to it.
 *
 * Later decisions build on earlier ones that are not committed yet, so an
 * answer is given only after all groups before its own are committed.
 *
 * @module
 */

import {
  brokenLinksOf,
  type LinkTargets,
} from "../../lib/store/broken_links.ts";
import { decideAppend, decideDelete } from "../../lib/model/decide_append.ts";
import type { ProposedEvent } from "../../lib/model/event.ts";
import {
  TOMBSTONE_EVENT_NUMBER,
  TRUNCATE_ALL,
} from "../../lib/model/event_number.ts";
import { QuipuError } from "../../lib/model/errors.ts";
import type { LinkTarget } from "../../lib/model/feed.ts";
import type {
  AppendRequest,
  AppendResult,
  DeleteRequest,
  DeleteResult,
} from "../../lib/store/event_store.ts";
import {
  METADATA_EVENT_TYPE,
  withTruncateBefore,
} from "../../lib/model/stream_metadata.ts";
import {
  keepTruncation,
  NOT_TRUNCATING_MESSAGE,
  softDeleteDataAfter,
} from "../../lib/model/metadata_writes.ts";
import {
  isMetastream,
  metastreamOf,
  originalOfMetastream,
} from "../../lib/model/stream_names.ts";
import { LIST_TOMBSTONED, NO_LIST } from "../index/list_directory.ts";
import { FLAG_TOMBSTONE } from "../log/record.ts";
import type { CommitGroup } from "./commit_group.ts";
import {
  decideImport,
  type ImportRunRequest,
  type ImportRunResult,
} from "../../lib/store/import_run.ts";
import type { NameRoom } from "./name_room.ts";
import {
  BatchEncoder,
  type BatchEncoderOptions,
  type BatchPart,
} from "./batch_encoder.ts";
import type { DecidedStream } from "./stream_states.ts";

interface RequestEncoderOptions extends BatchEncoderOptions {
  readonly newEventId: () => string;
  readonly nameRoom: NameRoom;
}

export class RequestEncoder {
  readonly #options: RequestEncoderOptions;
  readonly #batches: BatchEncoder;

  constructor(options: RequestEncoderOptions) {
    this.#options = options;
    this.#batches = new BatchEncoder(options);
  }

  /** Decides an append and, if it is to be written, encodes its batch. */
  append(group: CommitGroup, request: AppendRequest): AppendResult {
    const { lists, states } = this.#options;
    const { streamName } = request;
    const stream = states.decided(streamName);
    const decision = decideAppend(
      stream,
      request.expectedVersion,
      request.events,
    );
    if (decision.kind === "conflict" || decision.kind === "deleted") {
      return decision;
    }
    if (decision.kind === "duplicate") {
      return { kind: "duplicate", firstEventNumber: decision.first };
    }
    const events = request.keepsTruncation && isMetastream(streamName)
      ? this.#truncating(streamName, request.events)
      : request.events;
    this.#options.nameRoom.admit(streamName, events);
    const streamId = stream.id === NO_LIST
      ? lists.findOrCreate("stream", streamName)
      : stream.id;
    const reopening = isMetastream(streamName)
      ? this.#reopeningByMetadata(streamName, decision.first, events)
      : this.#reopeningByAppend(streamName, stream);
    const batch = { streamName, first: decision.first, count: events.length };
    const parts: BatchPart[] = [{
      streamId,
      streamName,
      firstEventNumber: decision.first,
      events,
      flags: 0,
      brokenLinks: brokenLinksOf(
        events,
        this.#linkTargets((link) => isOfBatch(link, batch)),
      ),
    }];
    if (reopening !== undefined) parts.push(reopening);
    this.#batches.encodeBatch(group, parts);
    return { kind: "appended", firstEventNumber: decision.first };
  }

  /** Decides a delete and, if it is to be done, encodes its batch. */
  deleteStream(group: CommitGroup, request: DeleteRequest): DeleteResult {
    const { lists, states, newEventId } = this.#options;
    const { streamName, expectedVersion, mode } = request;
    const stream = states.decided(streamName);
    const decision = decideDelete(stream, expectedVersion);
    if (decision.kind !== "delete") return decision;
    this.#options.nameRoom.admit(streamName, []);
    if (mode === "soft") {
      const newest = states.decidedMetadataEvent(streamName);
      const data = softDeleteDataAfter(newest, { ...stream, streamName });
      const batch = [this.#metadataEvent(streamName, data, 0)];
      this.#batches.encodeBatch(group, batch);
    } else {
      this.#batches.encodeBatch(group, [{
        streamId: lists.findOrCreate("stream", streamName),
        streamName,
        firstEventNumber: TOMBSTONE_EVENT_NUMBER,
        events: [{
          eventId: newEventId(),
          eventType: "$streamDeleted",
          isJson: false,
          data: "",
          metadata: "",
        }],
        flags: FLAG_TOMBSTONE,
      }]);
    }
    return { kind: "done" };
  }

  /** Decides an import and, if it fits, encodes the new events of its batch. */
  importRun(group: CommitGroup, request: ImportRunRequest): ImportRunResult {
    const { lists, states } = this.#options;
    const { session, events } = request;
    if (session.isBroken) return { kind: "broken" };
    const added = decideImport({
      nextOf(streamName) {
        const id = lists.find("stream", streamName);
        return id === NO_LIST ? 0 : lists.decidedNext[id] ?? 0;
      },
      isTombstoned(streamName) {
        const id = lists.find("stream", streamName);
        return id !== NO_LIST && lists.decidedFlags[id] === LIST_TOMBSTONED;
      },
      eventAt: (streamName, number) =>
        states.decidedEvent(lists.find("stream", streamName), number),
    }, events);
    if (!Array.isArray(added)) {
      session.isBroken = true;
      return { kind: "conflict", ...added };
    }
    let written: Set<string> | undefined;
    // Before anything is encoded: reading may fail.
    const brokenLinks = brokenLinksOf(
      added.map(({ event }) => event),
      this.#linkTargets(({ streamName, eventNumber }) => {
        written ??= new Set(added.map(linkOf));
        return written.has(linkOf({ streamName, eventNumber }));
      }),
    );
    for (const [index, numbered] of added.entries()) {
      this.#batches.encodeNumbered(group, numbered, {
        index,
        isLast: index === added.length - 1,
        isBrokenLink: brokenLinks?.has(index) === true,
      });
    }
    return {
      kind: "imported",
      importedCount: added.length,
      knownCount: events.length - added.length,
    };
  }

  /** The targets of links: decided events, and those of the same batch. */
  #linkTargets(isOfBatch: LinkTargets["isOfBatch"]): LinkTargets {
    const { states, clock } = this.#options;
    return {
      stateOf: (streamName) => states.decidedState(streamName),
      timeOf: ({ streamName, eventNumber }) =>
        states.decidedEntry(streamName, eventNumber)?.createdAtUs,
      isOfBatch,
      nowUs: () => clock.nowUs(),
    };
  }

  /**
   * The events of a metadata write, changed so that it truncates no less than
   * the metadata before it.
   *
   * @throws {QuipuError} `invalidRequest`, if that is impossible.
   */
  #truncating(
    metastream: string,
    events: readonly ProposedEvent[],
  ): readonly ProposedEvent[] {
    const described = originalOfMetastream(metastream);
    const { truncateBefore } = this.#options.states.decided(described);
    const kept = keepTruncation(events, truncateBefore);
    if (kept === undefined) {
      throw new QuipuError("invalidRequest", NOT_TRUNCATING_MESSAGE);
    }
    return kept;
  }

  /**
   * Appending to a soft-deleted stream reopens it: earlier events stay hidden
   * (spec: streams §4).
   */
  #reopeningByAppend(
    streamName: string,
    stream: DecidedStream,
  ): BatchPart | undefined {
    if (stream.truncateBefore < TRUNCATE_ALL) return undefined;
    const newest = this.#options.states.decidedMetadataEvent(streamName);
    const data = withTruncateBefore(newest?.data ?? "{}", stream.head + 1);
    return data === undefined
      ? undefined
      : this.#metadataEvent(streamName, data, 0);
  }

  /**
   * So does writing metadata: a second metadata event follows the first. If that
   * is no JSON object there is nothing to put `$tb` into: the stream is reopened
   * all the same, with its earlier events.
   */
  #reopeningByMetadata(
    metastream: string,
    first: number,
    events: readonly ProposedEvent[],
  ): BatchPart | undefined {
    const streamName = originalOfMetastream(metastream);
    const stream = this.#options.states.decided(streamName);
    const newest = events[events.length - 1];
    if (stream.truncateBefore < TRUNCATE_ALL || newest === undefined) {
      return undefined;
    }
    const data = withTruncateBefore(newest.data, stream.head + 1);
    return data === undefined
      ? undefined
      : this.#metadataEvent(streamName, data, first + events.length);
  }

  /**
   * A metadata event made by the server.
   *
   * @param leastNumber Lower bound of its number: above the events of the same
   * batch.
   */
  #metadataEvent(
    streamName: string,
    data: string,
    leastNumber: number,
  ): BatchPart {
    const { lists, newEventId } = this.#options;
    const metastream = metastreamOf(streamName);
    const streamId = lists.findOrCreate("stream", metastream);
    return {
      streamId,
      streamName: metastream,
      firstEventNumber: Math.max(leastNumber, lists.decidedNext[streamId] ?? 0),
      events: [{
        eventId: newEventId(),
        eventType: METADATA_EVENT_TYPE,
        isJson: true,
        data,
        metadata: "",
      }],
      flags: 0,
    };
  }
}

function linkOf({ streamName, eventNumber }: LinkTarget): string {
  return `${eventNumber}@${streamName}`;
}

/** Whether a link leads to an event of one append. */
function isOfBatch(
  link: LinkTarget,
  { streamName, first, count }: {
    readonly streamName: string;
    readonly first: number;
    readonly count: number;
  },
): boolean {
  return link.streamName === streamName && link.eventNumber >= first &&
    link.eventNumber < first + count;
}
