/**
 * What requests are decided on when what usually holds did not: states of
 * streams, places of ids and times of links' targets, all of one moment.
 *
 * @module
 */

import type { LinkTarget } from "../../lib/model/feed.ts";
import { LINK_TYPE, parseLink } from "../../lib/model/links.ts";
import type { ProposedEvent } from "../../lib/model/event.ts";
import { describedStream, isMetastream } from "../../lib/model/stream_names.ts";
import type { ExpectedVersion } from "../../lib/model/expected_version.ts";
import type { StreamState } from "../../lib/store/event_store.ts";
import { encodeUtf8 } from "../../lib/text/utf8.ts";
import {
  arrayText,
  bytesArrayText,
  type Connection,
  type Row,
} from "./driver.ts";
import { listArguments, listsArguments, stateOfColumns } from "./names.ts";

/** Metadata of a stream as it was written. */
export interface MetadataEvent {
  readonly isJson: boolean;
  readonly data: Uint8Array;
}

/** State of a stream with the event that its metadata is of. */
export interface LookedState extends StreamState {
  readonly metadataEvent: MetadataEvent | undefined;
}

/** Where a stream has an id. */
interface IdPlace {
  /** Lowest number that is not truncated; undefined: none. */
  readonly first: number | undefined;
  /** Whether the number that was asked for has it. */
  readonly isAt: boolean;
}

/** Gathers what is to be looked up, looks once, and tells. */
export class Look {
  readonly #streams = new Map<string, number>();
  readonly #ids = {
    index: new Map<string, number>(),
    streams: [] as Uint8Array[],
    metas: [] as boolean[],
    ids: [] as string[],
    numbers: [] as (number | undefined)[],
  };
  readonly #times = {
    index: new Map<string, number>(),
    targets: [] as LinkTarget[],
  };
  readonly #states = new Map<string, LookedState>();
  #places: IdPlace[] = [];
  #createdUs: (number | undefined)[] = [];

  /** Wants the state of a stream, or of a system list. */
  wantState(streamName: string): void {
    if (!this.#streams.has(streamName)) {
      this.#streams.set(streamName, this.#streams.size);
    }
  }

  /** Wants what an append of events to a stream is decided on. */
  wantAppend(
    streamName: string,
    expected: ExpectedVersion,
    events: readonly ProposedEvent[],
  ): void {
    this.wantState(streamName);
    if (isMetastream(streamName)) this.wantState(describedStream(streamName));
    const first = expected === "noStream"
      ? 0
      : typeof expected === "number" && expected < Number.MAX_SAFE_INTEGER
      ? expected + 1
      : undefined;
    for (const [index, { eventId }] of events.entries()) {
      this.wantId(
        streamName,
        eventId,
        first === undefined ? first : first + index,
      );
    }
    this.wantLinks(events);
  }

  /** Wants to know of the targets of those events that are links. */
  wantLinks(events: readonly ProposedEvent[]): void {
    for (const { eventType, data } of events) {
      const link = eventType === LINK_TYPE
        ? parseLink(typeof data === "string" ? encodeUtf8(data) : data)
        : undefined;
      if (link !== undefined) this.#wantTarget(link);
    }
  }

  /** Wants to know where a stream has an id, and whether a number has it. */
  wantId(streamName: string, eventId: string, number?: number): void {
    const key = idKey(streamName, eventId, number);
    const { index, streams, metas, ids, numbers } = this.#ids;
    if (index.has(key)) return;
    index.set(key, ids.length);
    streams.push(encodeUtf8(describedStream(streamName)));
    metas.push(isMetastream(streamName));
    ids.push(eventId);
    numbers.push(number);
  }

  #wantTarget(link: LinkTarget): void {
    this.wantState(link.streamName);
    const { index, targets } = this.#times;
    const key = `${link.eventNumber}@${link.streamName}`;
    if (index.has(key) || !Number.isSafeInteger(link.eventNumber)) return;
    index.set(key, targets.length);
    targets.push(link);
  }

  /**
   * Looks.
   *
   * @throws {DatabaseError}
   */
  async look(connection: Connection): Promise<void> {
    const names = [...this.#streams.keys()];
    const { streams, metas, ids, numbers } = this.#ids;
    const { targets } = this.#times;
    const lists = targets.map(({ streamName }) => listArguments(streamName));
    const rows = await connection.call("look_v1", [
      ...listsArguments(names),
      bytesArrayText(streams),
      arrayText(metas),
      arrayText(ids),
      arrayText(numbers),
      arrayText(lists.map(([kind]) => kind)),
      bytesArrayText(lists.map(([, name]) => name)),
      arrayText(lists.map(([, , isMeta]) => isMeta)),
      arrayText(targets.map(({ eventNumber }) => eventNumber)),
    ]);
    this.#places = Array(ids.length);
    this.#createdUs = Array(targets.length);
    for (const row of rows) this.#take(names, row);
  }

  #take(names: readonly string[], row: Row): void {
    const [part, o, number, metadataNumber, isTrue, flags, data] = row;
    const index = Number(o) - 1;
    if (part === 1) {
      const first = number === null ? undefined : Number(number);
      this.#places[index] = { first, isAt: isTrue === true };
      return;
    }
    if (part === 2) {
      this.#createdUs[index] = number === null ? undefined : Number(number);
      return;
    }
    const streamName = names[index] ?? "";
    const columns = [number, metadataNumber, isTrue, flags, data];
    this.#states.set(streamName, {
      ...stateOfColumns(streamName, columns),
      metadataEvent: data instanceof Uint8Array
        ? { isJson: (Number(flags) & 1) !== 0, data }
        : undefined,
    });
  }

  /** A state that was wanted. */
  stateOf(streamName: string): LookedState {
    const state = this.#states.get(streamName);
    if (state === undefined) throw new Error("Nobody wanted this state");
    return state;
  }

  /** Where the stream has an id that was wanted. */
  placeOf(streamName: string, eventId: string, number?: number): IdPlace {
    const index = this.#ids.index.get(idKey(streamName, eventId, number));
    const place = index === undefined ? undefined : this.#places[index];
    if (place === undefined) throw new Error("Nobody wanted this id");
    return place;
  }

  /** Time of a link's target; undefined: there is none. */
  timeOf(link: LinkTarget): number | undefined {
    const key = `${link.eventNumber}@${link.streamName}`;
    const index = this.#times.index.get(key);
    return index === undefined ? undefined : this.#createdUs[index];
  }
}

function idKey(
  streamName: string,
  eventId: string,
  number: number | undefined,
): string {
  return `${eventId} ${number ?? ""} ${streamName}`;
}
