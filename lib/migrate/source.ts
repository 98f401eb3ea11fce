/**
 * The source: everything that a server with Event Store's HTTP interface tells
 * of its events, in the order of `$all`.
 *
 * Pages of `$all` name the next one, so one reader goes from page to page, a
 * page ahead of its caller. Data that a page does not show (of events that are
 * not JSON, or not UTF-8) is asked for by several readers: a page's worth at
 * once as text where there is much of it, event by event else.
 *
 * @module
 */

import { ClientError } from "../client/errors.ts";
import { parseDocument } from "../client/events.ts";
import type { Answer, Transport } from "../client/transport.ts";
import { LIMITS } from "../model/limits.ts";
import type { NumberedEvent } from "../store/transfer.ts";
import { encodePathSegment } from "../text/path_segment.ts";
import { MigrationError } from "./errors.ts";
import { isBroken, type SourceEntry, sourceEntryOf } from "./source_entry.ts";
import { isTaken } from "./taken_streams.ts";

/** Where `$all` begins. */
export const ALL_START = "0".repeat(32);

/** Events with hidden data from which on a whole page is asked for again. */
const TEXT_PAGE_MIN = 8;

/** What of the source cannot be told by its interface. */
export interface SourceLosses {
  /** Events whose data nobody may read any more; they become empty. */
  unreadableCount: number;
  /** Events whose metadata is not UTF-8, with U+FFFD in place of bytes. */
  brokenMetadataCount: number;
  /** The first of them, as `number@stream`. */
  readonly examples: string[];
}

/** Examples of losses that are named. */
const EXAMPLES_MAX = 20;

/** A page of the source. */
export interface SourceBatch {
  /** Those that are taken, in order. */
  readonly events: readonly NumberedEvent[];
  /** Entries of the page. */
  readonly entryCount: number;
  /** Where to go on. */
  readonly next: string;
  /** Whether nothing was there after the batch before. */
  readonly isEmpty: boolean;
}

export interface SourceOptions {
  readonly transport: Transport;
  /** Entries of a page, 1 to 4,096. */
  readonly pageEvents: number;
  /** Requests for data at the same time. */
  readonly readers: number;
  readonly signal: AbortSignal;
}

interface Page {
  readonly entries: readonly unknown[];
  readonly position: string;
  readonly count: number;
  readonly next: string;
}

const ATOM_JSON = "application/vnd.eventstore.atom+json";
const EVENT_JSON = "application/vnd.eventstore.event+json";

/** Reads a server. */
export class EventSource {
  losses: SourceLosses = noLosses();
  readonly #options: SourceOptions;
  #pageEvents: number;

  constructor(options: SourceOptions) {
    this.#options = options;
    this.#pageEvents = Math.min(options.pageEvents, LIMITS.pageEventsMax);
  }

  /**
   * Reads on from a position; ends with a batch that is empty.
   *
   * @param waitSeconds How long the last request waits for something to come.
   * @throws {ClientError | MigrationError} If the source cannot be read.
   */
  async *read(from: string, waitSeconds = 0): AsyncGenerator<SourceBatch> {
    let ahead = this.#readPage(from, 0);
    for (;;) {
      let page = await ahead;
      if (page.entries.length === 0 && waitSeconds > 0) {
        page = await this.#readPage(page.position, waitSeconds);
      }
      const isEmpty = page.entries.length === 0;
      if (!isEmpty) {
        ahead = this.#readPage(page.next, 0);
        // It is awaited later, if at all.
        ahead.catch(() => {});
      }
      const events = await this.#eventsOf(page);
      const { entries, next } = page;
      yield { events, entryCount: entries.length, next, isEmpty };
      if (isEmpty) return;
    }
  }

  /** Begins to count losses anew. */
  forgetLosses(): void {
    this.losses = noLosses();
  }

  /** Commit position at the end of the log, for progress; 0 if not known. */
  async readEnd(): Promise<number> {
    const page = await this.#page("head", "backward", { count: 1 });
    const links = page["links"];
    const previous = linkOf(links, "previous");
    return previous === undefined ? 0 : commitOf(previous);
  }

  /** Keys of the newest events, as many as one page may have. */
  async readNewest(): Promise<ReadonlySet<string>> {
    const { entries } = await this.#page("head", "backward", {
      count: LIMITS.pageEventsMax,
      embed: "rich",
    });
    if (!Array.isArray(entries)) throw notAPage();
    return new Set(
      entries.map((entry) => keyOf(sourceEntryOf(entry).numbered)),
    );
  }

  /** A page, with fewer entries if they are too large together. */
  async #readPage(position: string, waitSeconds: number): Promise<Page> {
    for (;;) {
      const count = this.#pageEvents;
      try {
        const page = await this.#page(position, "forward", {
          count,
          embed: "body",
          waitSeconds,
        });
        const { entries, links } = page;
        if (!Array.isArray(entries)) throw notAPage();
        const next = linkOf(links, "previous") ?? position;
        if (entries.length > 0 && next === position) throw notAPage();
        return { entries: entries.reverse(), position, count, next };
      } catch (error) {
        const isTooLarge = error instanceof ClientError &&
          (error.code === "tooLarge" || error.status === 500);
        if (!isTooLarge || count === 1) throw error;
        this.#pageEvents = Math.max(1, count >> 2);
      }
    }
  }

  async #page(
    position: string,
    direction: "forward" | "backward",
    { count, embed, waitSeconds = 0 }: {
      readonly count: number;
      readonly embed?: string;
      readonly waitSeconds?: number;
    },
  ): Promise<Readonly<Record<string, unknown>>> {
    const { text } = await this.#options.transport.send({
      path: `/streams/%24all/${position}/${direction}/${count}`,
      query: { embed },
      headers: {
        "Accept": ATOM_JSON,
        "ES-ResolveLinkTos": "False",
        "ES-LongPoll": waitSeconds > 0 ? String(waitSeconds) : undefined,
      },
      signal: this.#options.signal,
      bytesMax: LIMITS.migrationPageBytesMax,
    });
    return parseDocument(text);
  }

  async #eventsOf(page: Page): Promise<NumberedEvent[]> {
    const taken: SourceEntry[] = [];
    const lacking: number[] = [];
    for (const entry of page.entries) {
      const streamName: unknown = Object(entry)["streamId"];
      if (typeof streamName === "string" && !isTaken(streamName)) continue;
      const read = sourceEntryOf(entry);
      if (read.hasBrokenMetadata) {
        this.losses.brokenMetadataCount++;
        this.#note(read.numbered);
      }
      if (read.lacksData) lacking.push(taken.length);
      taken.push(read);
    }
    const events = taken.map(({ numbered }) => numbered);
    if (lacking.length > 0) await this.#complete(page, events, lacking);
    return events;
  }

  /** Puts data into events that the page does not show it of. */
  async #complete(
    page: Page,
    events: NumberedEvent[],
    lacking: readonly number[],
  ): Promise<void> {
    const texts = lacking.length < TEXT_PAGE_MIN
      ? new Map<string, string>()
      : await this.#textsOf(page);
    const left = lacking[Symbol.iterator]();
    const work = async () => {
      for (const index of left) {
        const event = events[index];
        if (event === undefined) continue;
        const text = texts.get(placeOf(event));
        const data = text ?? await this.#dataOf(event);
        events[index] = { ...event, event: { ...event.event, data } };
      }
    };
    const { readers } = this.#options;
    await Promise.all(
      Array.from({ length: Math.min(readers, lacking.length) }, work),
    );
  }

  /** Data of events that are not JSON, as far as a page shows it as it is. */
  async #textsOf({ position, count }: Page): Promise<Map<string, string>> {
    const texts = new Map<string, string>();
    const { entries } = await this.#page(position, "forward", {
      count,
      embed: "tryharder",
    });
    if (!Array.isArray(entries)) throw notAPage();
    for (const entry of entries) {
      const { streamId, eventNumber, isJson, data } = Object(entry);
      // What reads as JSON is shown with other blanks than it has.
      const isAsItIs = isJson === false && typeof data === "string" &&
        !isBroken(data);
      if (isAsItIs) texts.set(`${eventNumber}@${streamId}`, data);
    }
    return texts;
  }

  /** The data of an event; empty if it can be read no more. */
  async #dataOf(numbered: NumberedEvent): Promise<string | Uint8Array> {
    const { event } = numbered;
    try {
      if (event.isJson) return (await this.#get(numbered, ANY_BYTES)).bytes;
      // Asked first: of an event that is gone this one says so at once.
      const { text } = await this.#get(numbered, EVENT_JSON);
      const { data } = parseDocument(text);
      if (typeof data === "string" && !isBroken(data)) return data;
      return (await this.#get(numbered, ANY_BYTES)).bytes;
    } catch (error) {
      const isGone = error instanceof ClientError &&
        (error.code === "notFound" || error.code === "deleted");
      if (!isGone) throw error;
      this.losses.unreadableCount++;
      this.#note(numbered);
      return event.data;
    }
  }

  async #get(numbered: NumberedEvent, accept: string): Promise<Answer> {
    const { streamName, eventNumber } = numbered;
    return await this.#options.transport.send({
      path: `/streams/${encodePathSegment(streamName)}/${eventNumber}`,
      headers: { "Accept": accept, "ES-ResolveLinkTos": "False" },
      signal: this.#options.signal,
      bytesMax: LIMITS.migrationPageBytesMax,
    });
  }

  #note(numbered: NumberedEvent): void {
    const { examples } = this.losses;
    if (examples.length < EXAMPLES_MAX) examples.push(placeOf(numbered));
  }
}

function noLosses(): SourceLosses {
  return { unreadableCount: 0, brokenMetadataCount: 0, examples: [] };
}

const ANY_BYTES = "application/octet-stream";

/** Tells an event from every other one, but for a tombstone. */
export function keyOf(numbered: NumberedEvent): string {
  return `${numbered.event.eventId} ${placeOf(numbered)}`;
}

function placeOf({ streamName, eventNumber }: NumberedEvent): string {
  return `${eventNumber}@${streamName}`;
}

const POSITION = /\/([0-9A-Fa-f]{32})\/forward\/\d+(?:$|\?)/;

/** The position that a link of a page goes on from. */
function linkOf(links: unknown, relation: string): string | undefined {
  if (!Array.isArray(links)) return undefined;
  const link = links.find((link) => Object(link)["relation"] === relation);
  return POSITION.exec(String(Object(link)["uri"]))?.[1]?.toUpperCase();
}

/** The place in the log that a position says. */
export function commitOf(position: string): number {
  return Number.parseInt(position.slice(0, 16), 16);
}

function notAPage(): MigrationError {
  return new MigrationError(
    "The source answers with something that is no page of $all",
  );
}
