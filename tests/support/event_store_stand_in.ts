/**
 * A stand-in for an Event Store 4.0.2, as far as a migration asks one: pages of
 * `$all`, events, users, subscriptions and projections in the recorded forms,
 * over a log that is given by a function, so that it may be of any length.
 *
 * `event_store_stand_in_test.ts` compares its answers with the recorded ones.
 *
 * @module
 */

import { encodePathSegment } from "../../lib/text/path_segment.ts";

/** An event of the stand-in. */
export interface StandInEvent {
  readonly streamId: string;
  /** A tombstone has the largest number. */
  readonly eventNumber: number | "tombstone";
  readonly eventId: string;
  readonly eventType: string;
  readonly isJson: boolean;
  readonly data: string | Uint8Array<ArrayBuffer>;
  readonly metadata?: string;
  /** ISO 8601 with up to seven digits after the second. */
  readonly updated: string;
  /** Whether it can no longer be read in its stream. */
  readonly isHidden?: boolean;
}

/** What the stand-in has. */
export interface StandInStore {
  readonly length: number;
  at(index: number): StandInEvent;
  /** Finds an event in its stream. */
  find(streamId: string, eventNumber: number): StandInEvent | undefined;
  /** Documents by path: `/users/`, `/subscriptions`, … */
  readonly documents?: Readonly<Record<string, string>>;
}

/** A store of a few events. */
export function standInStore(
  events: readonly StandInEvent[],
  documents: StandInStore["documents"] = {},
): StandInStore {
  return {
    get length() {
      return events.length;
    },
    at: (index) => events[index] ?? unknownEvent(index),
    find: (streamId, eventNumber) =>
      events.find((event) =>
        event.streamId === streamId && event.eventNumber === eventNumber
      ),
    documents,
  };
}

function unknownEvent(index: number): never {
  throw new RangeError(`There is no event ${index}`);
}

/** Bytes that a record of the log seems to have. */
const RECORD_BYTES = 321;
const TOMBSTONE_NUMBER = "9223372036854775807";
const PAGE_MAX = 4096;
/** Instead of the seconds that a long poll asks for. */
const HELD_MS = 40;
const LOGIN = "Basic " + btoa("admin:changeit");
const ALL_PAGE =
  /^\/streams\/(?:%24|\$)all\/([0-9A-Fa-f]{32}|head)\/(forward|backward)\/(\d+)$/;
const EVENT = /^\/streams\/([^/]+)\/(\d+|head)$/;

/** What was asked, for tests. */
export interface StandIn {
  readonly handle: (request: Request) => Response | Promise<Response>;
  /** Paths and queries of requests, in order. */
  readonly asked: readonly string[];
}

/** Makes one that answers for a store. */
export function createStandIn(store: StandInStore): StandIn {
  const asked: string[] = [];
  return {
    asked,
    handle(request) {
      const url = new URL(request.url);
      asked.push(url.pathname + url.search);
      if (request.headers.get("Authorization") !== LOGIN) {
        return refusal(401, "Unauthorized");
      }
      const page = ALL_PAGE.exec(url.pathname);
      if (page !== null) return answerPage(store, url, page, request);
      const document = store.documents?.[decodeURIComponent(url.pathname)];
      if (document !== undefined) return new Response(document);
      const event = EVENT.exec(url.pathname);
      if (event !== null) return answerEvent(store, event, request);
      return refusal(404, "Not Found");
    },
  };
}

function refusal(status: number, statusText: string): Response {
  return new Response("", { status, statusText });
}

/** A page of `$all` (spec: streams §8). */
async function answerPage(
  store: StandInStore,
  { origin, searchParams }: URL,
  [, position = "", direction, countText]: readonly string[],
  request: Request,
): Promise<Response> {
  const count = Number(countText);
  if (count > PAGE_MAX) return refusal(500, "Read size too big");
  const waitMs = request.headers.has("ES-LongPoll") ? HELD_MS : 0;
  const start = position === "head"
    ? store.length
    : Math.ceil(commitOf(position) / RECORD_BYTES);
  for (let waited = 0; waited < waitMs && start >= store.length; waited += 20) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const from = direction === "forward" ? start : Math.max(0, start - count);
  const to = direction === "forward"
    ? Math.min(store.length, start + count)
    : Math.min(store.length, start);
  const entries: string[] = [];
  const embed = searchParams.get("embed") ?? "none";
  for (let index = to - 1; index >= from; index--) {
    entries.push(entryOf(store.at(index), embed, origin));
  }
  const links = direction === "forward"
    ? forwardLinks(from, to, count)
    : backwardLinks(from, to, count);
  const updated = to > from ? store.at(to - 1).updated : NEVER;
  return new Response(
    `{
  "title": "All events",
  "id": "${origin}/streams/%24all",
  "updated": "${updated}",
  "author": {
    "name": "EventStore"
  },
  "headOfStream": false,
  "links": [
${
      links.map(([relation, path]) => linkText(origin + path, relation)).join(
        ",\n",
      )
    }
  ],
  "entries": ${entries.length === 0 ? "[]" : `[\n${entries.join(",\n")}\n  ]`}
}`,
    {
      headers: {
        "Content-Type": "application/vnd.eventstore.atom+json; charset=utf-8",
      },
    },
  );
}

const NEVER = "0001-01-01T00:00:00Z";
const ALL = "/streams/%24all";
type Link = readonly [relation: string, path: string];

function forwardLinks(from: number, to: number, count: number): Link[] {
  return [
    ["self", ALL],
    ["first", `${ALL}/head/backward/${count}`],
    ...(from > 0
      ? [
        ["last", `${ALL}/${positionOf(0, 0)}/forward/${count}`],
        ["next", `${ALL}/${positionOf(from, from)}/backward/${count}`],
      ] as const
      : []),
    ...(to > from
      ? [["previous", `${ALL}/${positionOf(to, 0)}/forward/${count}`]] as const
      : []),
    ["metadata", `${ALL}/metadata`],
  ];
}

function backwardLinks(from: number, to: number, count: number): Link[] {
  return [
    ["self", ALL],
    ["first", `${ALL}/head/backward/${count}`],
    ...(to - from === count
      ? [
        ["last", `${ALL}/${positionOf(0, 0)}/forward/${count}`],
        ["next", `${ALL}/${positionOf(from, from)}/backward/${count}`],
      ] as const
      : []),
    ["previous", `${ALL}/${positionOf(to, to)}/forward/${count}`],
    ["metadata", `${ALL}/metadata`],
  ];
}

function positionOf(commit: number, prepare: number): string {
  return [commit, prepare].map((index) =>
    (index * RECORD_BYTES).toString(16).toUpperCase().padStart(16, "0")
  ).join("");
}

function commitOf(position: string): number {
  return Number.parseInt(position.slice(0, 16), 16);
}

function linkText(uri: string, relation: string, indent = "    "): string {
  return `${indent}{
${indent}  "uri": "${uri}",
${indent}  "relation": "${relation}"
${indent}}`;
}

/** An entry of a page (spec: streams §5.4, §5.7). */
function entryOf(event: StandInEvent, embed: string, origin: string): string {
  const number = numberOf(event);
  const path = `${origin}/streams/${
    encodePathSegment(event.streamId)
  }/${number}`;
  const title = JSON.stringify(`${number}@${event.streamId}`);
  const links = ["edit", "alternate"].map((relation) =>
    linkText(path, relation, "        ")
  ).join(",\n");
  return `    {
${embed === "none" ? "" : richFields(event, embed)}      "title": ${title},
      "id": "${path}",
      "updated": "${event.updated}",
      "author": {
        "name": "EventStore"
      },
      "summary": ${JSON.stringify(event.eventType)},
      "links": [
${links}
      ]
    }`;
}

function richFields(event: StandInEvent, embed: string): string {
  const { eventId, eventType, metadata = "" } = event;
  const streamId = JSON.stringify(event.streamId);
  const shown = shownData(event, embed);
  const number = numberOf(event);
  return `      "eventId": "${eventId}",
      "eventType": ${JSON.stringify(eventType)},
      "eventNumber": ${number},
` +
    (shown.data === undefined
      ? ""
      : `      "data": ${JSON.stringify(shown.data)},\n`) +
    (metadata === ""
      ? ""
      : `      "metaData": ${JSON.stringify(metadata)},\n`) +
    `      "streamId": ${streamId},
      "isJson": ${shown.isJson},
      "isMetaData": ${metadata !== ""},
      "isLinkMetaData": false,
      "positionEventNumber": ${number},
      "positionStreamId": ${streamId},
`;
}

function shownData(
  { data, isJson, eventNumber }: StandInEvent,
  embed: string,
): { readonly data?: string; readonly isJson: boolean } {
  if (isJson) return { data: textOf(data), isJson };
  if (embed !== "tryharder" || eventNumber === "tombstone") return { isJson };
  const text = textOf(data);
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) {
      return { data: JSON.stringify(value, null, 2), isJson: true };
    }
  } catch {
    // Shown as it is.
  }
  return { data: text, isJson };
}

/** One event (spec: streams §6). */
function answerEvent(
  store: StandInStore,
  [, segment = "", numberText = ""]: readonly string[],
  request: Request,
): Response {
  const streamId = decodeURIComponent(segment);
  const event = store.find(streamId, Number(numberText));
  const accept = request.headers.get("Accept");
  if (event === undefined || event.isHidden === true) {
    // The original hangs, and gives up after ten seconds.
    return accept === "application/octet-stream"
      ? refusal(408, "Server was unable to handle request in time")
      : new Response("{}", { status: 404, statusText: "Not Found" });
  }
  const { data } = event;
  if (accept === "application/octet-stream") return new Response(data);
  const dto = {
    eventStreamId: streamId,
    eventNumber: event.eventNumber,
    eventType: event.eventType,
    eventId: event.eventId,
    data: event.isJson ? JSON.parse(textOf(data)) : textOf(data),
    metadata: event.metadata ?? "",
  };
  return new Response(JSON.stringify(dto, null, 2));
}

function numberOf({ eventNumber }: StandInEvent): string {
  return eventNumber === "tombstone" ? TOMBSTONE_NUMBER : String(eventNumber);
}

const DECODER = new TextDecoder("utf-8", { ignoreBOM: true });

/** Bytes as .NET shows them. */
function textOf(data: string | Uint8Array): string {
  return typeof data === "string" ? data : DECODER.decode(data);
}
