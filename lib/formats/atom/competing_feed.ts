/**
 * The feed that consumers of a persistent subscription read: messages with
 * links to acknowledge each of them, or all (spec: subscriptions §4).
 *
 * @module
 */

import type { ResolvedEvent } from "../../model/feed.ts";
import type { ByteText } from "../../text/byte_text.ts";
import { encodeUtf8 } from "../../text/utf8.ts";
import { quoteJson } from "../json/json_string.ts";
import { EntryBytes } from "./entry_bytes.ts";
import { renderEntryLine } from "./feed_json.ts";
import { type Feed, formatUpdated, NEVER_UPDATED } from "./feed.ts";
import { type FeedLink, StreamRefs, subscriptionUri } from "./links.ts";

/** A message as a consumer gets it. */
export interface MessagePage {
  readonly streamName: string;
  readonly groupName: string;
  /** Messages that were asked for. */
  readonly count: number;
  /** In the order of delivery. */
  readonly events: readonly ResolvedEvent[];
}

/**
 * The feed of messages, the last one first.
 *
 * @param baseUrl `http://host[:port][/prefix]`, no slash at its end.
 */
export function feedOfMessages(page: MessagePage, baseUrl: string): Feed {
  const { streamName, groupName, count, events } = page;
  const uri = subscriptionUri(baseUrl, page);
  return {
    title: `Messages for '${streamName}/${groupName}'`,
    id: uri,
    updated: updatedOf(events),
    streamName: undefined,
    isHeadOfStream: false,
    hasSelfUrl: false,
    etag: undefined,
    links: [
      ...linksToAll(uri, events),
      { relation: "previous", uri: `${uri}/${count}` },
      { relation: "self", uri },
    ],
    entries: events.toReversed(),
    moreEntries: undefined,
    refs: new StreamRefs(baseUrl),
    linksOfEntry: (event) => messageLinks(uri, event),
  };
}

/**
 * Links that answer for one message.
 *
 * @param uri Absolute URI of the subscription.
 */
function messageLinks(uri: string, event: ResolvedEvent): FeedLink[] {
  const messageId = messageIdOf(event);
  return [
    { relation: "ack", uri: `${uri}/ack/${messageId}` },
    { relation: "nack", uri: `${uri}/nack/${messageId}` },
  ];
}

/** Lines whose streams' names are remembered, to write them faster. */
const REMEMBERED_LINES = 1_000;

/** The end of every entry: its links are its last member. */
const ENTRY_END = "]}";

/** Writes messages as entries with their links, each on one line. */
export class MessageLines {
  readonly #entries: EntryBytes;
  /** The parts of the link to acknowledge before and after the id. */
  readonly #ackStart: Uint8Array;
  readonly #nackStart: Uint8Array;
  readonly #end = encodeUtf8('","relation": "nack"}' + ENTRY_END);
  #lineCount = 0;

  /** @param baseUrl `http://host[:port][/prefix]`, no slash at its end. */
  constructor(
    baseUrl: string,
    group: Pick<MessagePage, "streamName" | "groupName">,
  ) {
    this.#entries = new EntryBytes(
      baseUrl,
      "body",
      (event, refs) => renderEntryLine(event, refs, "body"),
    );
    const uri = quoteJson(subscriptionUri(baseUrl, group)).slice(0, -1);
    this.#ackStart = encodeUtf8(`,{"uri": ${uri}/ack/`);
    this.#nackStart = encodeUtf8(
      `","relation": "ack"},{"uri": ${uri}/nack/`,
    );
  }

  /** Appends a message. */
  write(out: ByteText, event: ResolvedEvent): void {
    if (++this.#lineCount % REMEMBERED_LINES === 0) {
      this.#entries.forgetStreams();
    }
    this.#entries.write(out, event);
    out.length -= ENTRY_END.length;
    const messageId = messageIdOf(event);
    out.pushBytes(this.#ackStart);
    out.pushAscii(messageId);
    out.pushBytes(this.#nackStart);
    out.pushAscii(messageId);
    out.pushBytes(this.#end);
  }
}

/** The id that acknowledges a message: that of the link, if it is one. */
export function messageIdOf({ original }: ResolvedEvent): string {
  return original.eventId;
}

function linksToAll(
  uri: string,
  events: readonly ResolvedEvent[],
): FeedLink[] {
  if (events.length === 0) return [];
  const ids = events.map(messageIdOf).join(",");
  return [
    { relation: "ackAll", uri: `${uri}/ack?ids=${ids}` },
    { relation: "nackAll", uri: `${uri}/nack?ids=${ids}` },
  ];
}

/** As the original: no time if the first message is a link to nothing. */
function updatedOf(events: readonly ResolvedEvent[]): string {
  const [first] = events;
  const last = events.at(-1);
  const dating = first && last && shownOf(first) && shownOf(last);
  return dating === undefined
    ? NEVER_UPDATED
    : formatUpdated(dating.createdAtUs);
}

function shownOf({ original, link, target }: ResolvedEvent) {
  return link === undefined ? original : target;
}
