/**
 * The history of scavenges, in streams of the store itself
 * (`scavenge_events.ts` says how they look): what an operator started over
 * HTTP, what came of each segment, and how it ended.
 *
 * A scavenge never waits for its history, nor fails for it: a full disk is
 * where one is needed most. What cannot be written stays in memory, in order,
 * and is written once the store takes writes again. Each event keeps its id, so
 * that one whose answer was lost is not written twice.
 *
 * The process may end between any two writes. The next one looks at the last
 * link of `$scavenges`, so the link to a beginning is written before that:
 *
 *   written until then             what the next start adds
 *   nothing                        nothing: the scavenge had not begun
 *   link                           beginning, end, link
 *   link, beginning, segments …    end, link
 *   link, beginning … end          link
 *   link, beginning … end, link    nothing
 *
 * @module
 */

import type { Clock } from "../model/clock.ts";
import type { ProposedEvent } from "../model/event.ts";
import type { AppendResult, EventStore } from "../store/event_store.ts";
import type { ExpectedVersion } from "../model/expected_version.ts";
import { LIMITS } from "../model/limits.ts";
import { LINK_TYPE } from "../model/links.ts";
import type { Logger } from "../model/logger.ts";
import type { ScavengedSegment, ScavengeReport } from "../store/maintenance.ts";
import { METADATA_EVENT_TYPE } from "../model/stream_metadata.ts";
import { metastreamOf } from "../model/stream_names.ts";
import {
  CHUNKS_COMPLETED,
  INDEX_INITIALIZED,
  renderChunk,
  renderCompleted,
  renderMaxAge,
  renderStarted,
  SCAVENGE_COMPLETED,
  SCAVENGE_STARTED,
  type ScavengeEnd,
  scavengeOfStream,
  SCAVENGES_STREAM,
  streamOfScavenge,
} from "./scavenge_events.ts";
import { decodeJsonText } from "../text/utf8.ts";

export interface ScavengeHistoryOptions {
  readonly store: Pick<
    EventStore,
    "append" | "readState" | "readEvent" | "readStream" | "status"
  >;
  readonly clock: Clock;
  readonly newEventId: () => string;
  readonly logger: Logger;
  /** This node: `host:port`. */
  readonly nodeEndpoint: string;
  /** Days after which the history forgets. */
  readonly maxAgeDays: number;
}

/** A scavenge that tells how it is going. */
export type ScavengeWork = (
  onSegment: (segment: ScavengedSegment) => void,
) => Promise<ScavengeReport>;

/** One event that is to be written. */
interface Entry {
  readonly streamName: string;
  readonly event: ProposedEvent;
  /** Id of the link that follows it in `$scavenges`; undefined: none does. */
  readonly linkId: string | undefined;
}

const INTERRUPTED: Pick<ScavengeEnd, "result" | "error"> = {
  result: "Failed",
  error: "The node was restarted.",
};

export class ScavengeHistory {
  readonly #options: ScavengeHistoryOptions;
  readonly #pending: Entry[] = [];
  #writing: Promise<void> | undefined;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #isClosed = false;

  constructor(options: ScavengeHistoryOptions) {
    this.#options = options;
  }

  /**
   * Does a scavenge and keeps what came of it.
   *
   * @param signal Aborted when it is told to stop: with its reason it has
   * stopped, with another error it has failed.
   * @throws What `work` does.
   */
  async keep(
    scavengeId: string,
    signal: AbortSignal,
    work: ScavengeWork,
  ): Promise<ScavengeReport> {
    const { clock, nodeEndpoint } = this.#options;
    const name = { scavengeId, nodeEndpoint };
    const streamName = streamOfScavenge(scavengeId);
    const startedAtUs = clock.nowUs();
    let freedBytes = 0;
    const end = async (result: ScavengeEnd["result"], error: string | null) => {
      const tookUs = clock.nowUs() - startedAtUs;
      const data = renderCompleted(name, { result, error, tookUs, freedBytes });
      this.#add(streamName, SCAVENGE_COMPLETED, data);
      await this.flush();
    };
    this.#addLink(`0@${streamName}`);
    this.#add(streamName, SCAVENGE_STARTED, renderStarted(name));
    await this.flush();
    try {
      const report = await work((segment) => {
        freedBytes += segment.freedBytes;
        this.#add(streamName, CHUNKS_COMPLETED, renderChunk(name, segment));
        this.flush();
      });
      freedBytes = report.freedBytes;
      await end("Success", null);
      return report;
    } catch (error) {
      const isStopped = signal.aborted && error === signal.reason;
      const reason = error instanceof Error ? error.message : String(error);
      await end(isStopped ? "Stopped" : "Failed", isStopped ? null : reason);
      throw error;
    }
  }

  /**
   * Makes the history of the newest scavenge whole where a crash ended it.
   * Never throws: a store that cannot be read has other troubles.
   */
  async endInterrupted(): Promise<void> {
    try {
      await this.#endInterrupted();
    } catch (error) {
      this.#warn("scavenge.history_unread", error);
    }
  }

  async #endInterrupted(): Promise<void> {
    const { store, nodeEndpoint } = this.#options;
    const { head } = await store.readState(SCAVENGES_STREAM);
    const link = await store.readEvent(SCAVENGES_STREAM, Math.max(0, head));
    if (link?.event.eventType !== LINK_TYPE) return;
    const { number, streamName } = targetOf(link.event.data);
    const scavengeId = scavengeOfStream(streamName);
    if (scavengeId === undefined) return;
    const name = { scavengeId, nodeEndpoint };
    const { head: last, isTombstoned } = await store.readState(streamName);
    if (isTombstoned) return;
    const end = (how: Pick<ScavengeEnd, "tookUs" | "freedBytes">) => {
      const data = renderCompleted(name, { ...INTERRUPTED, ...how });
      this.#add(streamName, SCAVENGE_COMPLETED, data);
    };
    if (last < 0) {
      if (number !== 0) return;
      this.#add(streamName, SCAVENGE_STARTED, renderStarted(name));
      end({ tookUs: undefined, freedBytes: undefined });
      return await this.flush();
    }
    const newest = (await store.readEvent(streamName, last))?.event;
    switch (newest?.eventType) {
      case SCAVENGE_STARTED:
      case CHUNKS_COMPLETED:
        end({
          tookUs: newest.createdAtUs - link.event.createdAtUs,
          freedBytes: await this.#freedBytesOf(streamName, last),
        });
        break;
      case SCAVENGE_COMPLETED:
        if (number !== last) this.#addLink(`${last}@${streamName}`);
        break;
    }
    await this.flush();
  }

  /** The space given back, by the newest events of a scavenge. */
  async #freedBytesOf(streamName: string, last: number): Promise<number> {
    const { entries } = await this.#options.store.readStream({
      streamName,
      from: last,
      count: LIMITS.pageEventsMax,
      direction: "backward",
      withBodies: true,
    });
    let freedBytes = 0;
    for (const { event } of entries) freedBytes += spaceSavedOf(event.data);
    return freedBytes;
  }

  /** Writes what is to be written, as far as the store takes it now. */
  async flush(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
    if (this.#pending.length === 0) return;
    this.#writing = this.#writeAll();
    await this.#writing;
    this.#writing = undefined;
  }

  /** Writes what is left, if the store takes it, and tries no more. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#retry);
    await this.flush();
  }

  /** The start of a scavenge is linked to already, its end will be. */
  #add(streamName: string, eventType: string, data: string): void {
    const isEnd = eventType === SCAVENGE_COMPLETED;
    this.#enqueue({
      streamName,
      event: this.#eventOf(eventType, data),
      linkId: isEnd ? this.#options.newEventId() : undefined,
    });
  }

  /** @param target `number@stream`. */
  #addLink(target: string): void {
    const event = linkTo(target, this.#options.newEventId());
    this.#enqueue({ streamName: SCAVENGES_STREAM, event, linkId: undefined });
  }

  #enqueue(entry: Entry): void {
    if (this.#pending.length < LIMITS.scavengeHistoryPendingMax) {
      this.#pending.push(entry);
      return;
    }
    const { streamName, event: { eventType } } = entry;
    const { logger } = this.#options;
    logger.warn("scavenge.history_dropped", { streamName, eventType });
  }

  /** Never throws. */
  async #writeAll(): Promise<void> {
    clearTimeout(this.#retry);
    try {
      for (;;) {
        const entry = this.#pending[0];
        if (entry === undefined) return;
        const { readOnlyReason } = this.#options.store.status();
        if (readOnlyReason !== undefined) break;
        await this.#write(entry);
        this.#pending.shift();
      }
    } catch (error) {
      this.#warn("scavenge.history_unwritten", error);
    }
    if (this.#isClosed) return;
    this.#retry = setTimeout(
      () => this.flush(),
      LIMITS.scavengeHistoryRetryMs,
    );
  }

  async #write({ streamName, event, linkId }: Entry): Promise<void> {
    await this.#describe(streamName);
    if (streamName === SCAVENGES_STREAM) await this.#beginIndex();
    const written = await this.#append(streamName, event, "any");
    // Somebody deleted the stream for good: it wants no history.
    if (!("firstEventNumber" in written) || linkId === undefined) return;
    const link = linkTo(`${written.firstEventNumber}@${streamName}`, linkId);
    await this.#append(SCAVENGES_STREAM, link, "any");
  }

  /** The stream of links begins with an event that says so. */
  async #beginIndex(): Promise<void> {
    const { store } = this.#options;
    const { head } = await store.readState(SCAVENGES_STREAM);
    if (head >= 0) return;
    const event = this.#eventOf(INDEX_INITIALIZED, "{}");
    await this.#append(SCAVENGES_STREAM, event, "noStream");
  }

  /** Gives a stream its age, unless somebody has described it before. */
  async #describe(streamName: string): Promise<void> {
    const { store, maxAgeDays } = this.#options;
    const { metadataNumber } = await store.readState(streamName);
    if (metadataNumber >= 0) return;
    const event = this.#eventOf(METADATA_EVENT_TYPE, renderMaxAge(maxAgeDays));
    await this.#append(metastreamOf(streamName), event, "noStream");
  }

  #append(
    streamName: string,
    event: ProposedEvent,
    expectedVersion: ExpectedVersion,
  ): Promise<AppendResult> {
    const { store } = this.#options;
    return store.append({ streamName, expectedVersion, events: [event] });
  }

  #eventOf(eventType: string, data: string): ProposedEvent {
    const eventId = this.#options.newEventId();
    return { eventId, eventType, isJson: true, data, metadata: "" };
  }

  #warn(event: string, error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    this.#options.logger.warn(event, { reason });
  }
}

function linkTo(target: string, eventId: string): ProposedEvent {
  return {
    eventId,
    eventType: LINK_TYPE,
    isJson: false,
    data: target,
    metadata: "",
  };
}

/** Where a link points to; anybody may have written another one. */
function targetOf(
  data: Uint8Array,
): { readonly number: number; readonly streamName: string } {
  const text = decodeJsonText(data);
  const at = text.indexOf("@");
  return {
    number: Number(text.slice(0, Math.max(0, at))),
    streamName: text.slice(at + 1),
  };
}

/** The contents of a segment's event; other writers may have made some. */
function spaceSavedOf(data: Uint8Array): number {
  try {
    const { spaceSaved } = JSON.parse(decodeJsonText(data));
    return Number.isSafeInteger(spaceSaved) ? spaceSaved : 0;
  } catch {
    return 0;
  }
}
