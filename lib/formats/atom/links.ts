/**
 * URIs of streams and events (spec: http-api §6.2); links of feeds and, besides
 * their own two, of entries; paging links in their fixed order (spec: streams
 * §5.3 and §8.5).
 *
 * @module
 */

import { formatEventNumber } from "../../model/event_number.ts";
import type { AllPage, AllPosition, StreamPage } from "../../model/feed.ts";
import { encodePathSegment } from "../../text/path_segment.ts";
import { quoteJson } from "../json/json_string.ts";

export interface FeedLink {
  readonly relation:
    | "self"
    | "first"
    | "last"
    | "next"
    | "previous"
    | "metadata"
    | "ackAll"
    | "nackAll"
    | "ack"
    | "nack";
  /** Absolute. */
  readonly uri: string;
}

/**
 * Links of a stream's page.
 *
 * @param streamUri Absolute URI of the stream.
 * @param query Added to the links to pages: empty, or `?` and parameters.
 */
export function streamPageLinks(
  page: StreamPage,
  streamUri: string,
  query = "",
): FeedLink[] {
  const { count } = page.range;
  const { next, previous } = page.follow ?? followOf(page);
  const links: FeedLink[] = [
    { relation: "self", uri: streamUri + query },
    { relation: "first", uri: `${streamUri}/head/backward/${count}${query}` },
  ];
  if (next !== undefined) {
    links.push(
      { relation: "last", uri: `${streamUri}/0/forward/${count}${query}` },
      {
        relation: "next",
        uri: `${streamUri}/${next}/backward/${count}${query}`,
      },
    );
  }
  if (previous !== undefined) {
    links.push({
      relation: "previous",
      uri: `${streamUri}/${previous}/forward/${count}${query}`,
    });
  }
  links.push({ relation: "metadata", uri: `${streamUri}/metadata` });
  return links;
}

/** Numbers that a page which shows whole runs of numbers leads on to. */
function followOf(page: StreamPage): {
  readonly next: number | bigint | undefined;
  readonly previous: number | bigint | undefined;
} {
  const { range, head } = page;
  const { count } = range;
  const from = range.kind === "head" ? head : range.from;
  const isForward = range.kind === "forward";
  const hasNext = isForward ? from > 0 : !page.isEndOfStream;
  const hasPrevious = !isForward || !page.isEndOfStream || page.hasEntries;
  const newest = isForward ? plus(from, count - 1) : from;
  // A head page of which `$tb` hides everything begins anew (spec: streams
  // §9.3). Beyond the head there is nothing yet: go on right after it.
  const previous = range.kind === "head" && page.isHidden === true
    ? 0
    : newest < head
    ? plus(newest, 1)
    : head + 1;
  return {
    next: hasNext ? minus(from, isForward ? 1 : count) : undefined,
    previous: hasPrevious ? previous : undefined,
  };
}

/** Beyond the safe integers `from` is a bigint, and so is the result. */
function plus(from: number | bigint, added: number): number | bigint {
  return typeof from === "bigint" ? from + BigInt(added) : from + added;
}

function minus(from: number | bigint, taken: number): number | bigint {
  if (typeof from === "bigint") return from - BigInt(taken);
  return Math.max(0, from - taken);
}

const ALL_START = "0".repeat(32);

/**
 * Links of a page of `$all`.
 *
 * @param allUri Absolute URI of `$all`.
 * @param query Added to the links to pages: empty, or `?` and parameters.
 */
export function allPageLinks(
  page: AllPage,
  allUri: string,
  query = "",
): FeedLink[] {
  const { count } = page.range;
  const links: FeedLink[] = [
    { relation: "self", uri: allUri + query },
    { relation: "first", uri: `${allUri}/head/backward/${count}${query}` },
  ];
  if (page.hasLast) {
    links.push({
      relation: "last",
      uri: `${allUri}/${ALL_START}/forward/${count}${query}`,
    });
  }
  if (page.next !== undefined) {
    links.push({
      relation: "next",
      uri: `${allUri}/${
        formatAllPosition(page.next)
      }/backward/${count}${query}`,
    });
  }
  if (page.previous !== undefined) {
    links.push({
      relation: "previous",
      uri: `${allUri}/${
        formatAllPosition(page.previous)
      }/forward/${count}${query}`,
    });
  }
  links.push({ relation: "metadata", uri: `${allUri}/metadata` });
  return links;
}

/** Writes a position as 32 hex digits. */
export function formatAllPosition(position: AllPosition): string {
  return formatHalf(position.commit) + formatHalf(position.prepare);
}

function formatHalf(half: number | bigint): string {
  return half.toString(16).toUpperCase().padStart(16, "0");
}

/** A stream's name in the forms that rendering needs. */
interface StreamRef {
  readonly name: string;
  /** Absolute URI. */
  readonly uri: string;
  /** Name and URI as they stand inside a JSON string. */
  readonly jsonName: string;
  readonly jsonUri: string;
}

/** Makes the forms of a stream's name. */
export function streamRef(baseUrl: string, name: string): StreamRef {
  const uri = `${baseUrl}/streams/${encodePathSegment(name)}`;
  return {
    name,
    uri,
    jsonName: quoteJson(name).slice(1, -1),
    jsonUri: quoteJson(uri).slice(1, -1),
  };
}

/** Names a persistent subscription. */
interface GroupName {
  readonly streamName: string;
  readonly groupName: string;
}

/** Absolute URI of a persistent subscription. */
export function subscriptionUri(baseUrl: string, group: GroupName): string {
  return `${baseUrl}/subscriptions/${encodePathSegment(group.streamName)}/${
    encodePathSegment(group.groupName)
  }`;
}

/** Makes each stream's forms once for a whole page. */
export class StreamRefs {
  readonly baseUrl: string;
  readonly #refs = new Map<string, StreamRef>();
  #last: StreamRef | undefined;

  /** @param baseUrl `http://host[:port][/prefix]`, no slash at its end. */
  constructor(baseUrl: string) {
    this.baseUrl = baseUrl;
  }

  of(name: string): StreamRef {
    if (this.#last !== undefined && this.#last.name === name) return this.#last;
    let ref = this.#refs.get(name);
    if (ref === undefined) {
      ref = streamRef(this.baseUrl, name);
      this.#refs.set(name, ref);
    }
    this.#last = ref;
    return ref;
  }
}

/** Absolute URI of an event. */
export function eventUri(stream: StreamRef, eventNumber: number): string {
  return `${stream.uri}/${formatEventNumber(eventNumber)}`;
}
