/**
 * Persistent subscriptions as documents: results of commands, summaries and
 * descriptions (spec: subscriptions §2, §3), as JSON and XML.
 *
 * @module
 */

import { quoteJson } from "../formats/json/json_string.ts";
import { subscriptionUri } from "../formats/atom/links.ts";
import { formatInt64 } from "../model/event_number.ts";
import { newlineAt } from "../formats/json/json_layout.ts";
import { escapeXmlAttribute, escapeXmlText } from "../formats/xml/xml_text.ts";
import type {
  CommandOutcome,
  ConnectionInfo,
  GroupInfo,
} from "../subscriptions/contract.ts";
import type { GroupId } from "../model/subscription_group.ts";
import { infoMembersOf } from "../subscriptions/settings.ts";
import { encodePathSegment } from "../text/path_segment.ts";
import { isXml, type MediaType } from "./negotiation.ts";

/** A link of a description. */
interface DocumentLink {
  readonly href: string;
  readonly rel: string;
}

type Value =
  | string
  | number
  | boolean
  | Document
  | readonly Document[];

/** A document: members in order; those that are undefined are left out. */
export interface Document {
  readonly [name: string]: Value | undefined;
}

/** Numbers of the original's internals; clients ignore them. */
const MESSAGE_TYPES = {
  create: 142,
  update: 144,
  delete: 148,
  replayParked: 155,
  discardParked: 155,
} as const;

/** A command that is answered with a result. */
export type SubscriptionCommand = keyof typeof MESSAGE_TYPES;

/** How a command ended. */
export function resultDocument(
  command: SubscriptionCommand,
  { result, reason }: CommandOutcome,
  correlationId: string,
): Document {
  return { correlationId, reason, result, msgTypeId: MESSAGE_TYPES[command] };
}

/** A subscription as lists have it. */
export function summaryDocument(info: GroupInfo, baseUrl: string): Document {
  const { group } = info;
  return {
    links: [detailLink(group, baseUrl)],
    eventStreamId: group.streamName,
    groupName: group.groupName,
    parkedMessageUri: parkedMessageUri(group, baseUrl),
    getMessagesUri: getMessagesUri(group, baseUrl),
    status: info.status,
    averageItemsPerSecond: info.averageItemsPerSecond,
    totalItemsProcessed: info.totalItemsProcessed,
    lastProcessedEventNumber: info.lastProcessedEventNumber,
    lastKnownEventNumber: info.lastKnownEventNumber,
    connectionCount: info.connections.length,
    totalInFlightMessages: info.totalInFlightMessages,
  };
}

/**
 * A subscription, described. Additions to the original come last, and in JSON
 * alone: readers of XML often check it against a schema.
 */
export function infoDocument(
  info: GroupInfo,
  baseUrl: string,
  type: MediaType,
): Document {
  const hasAdditions = !isXml(type);
  const { group } = info;
  const { href } = detailLink(group, baseUrl);
  const uri = subscriptionUri(baseUrl, group);
  return {
    links: [
      { href, rel: "detail" },
      { href: `${uri}/replayParked`, rel: "replayParked" },
    ],
    config: Object.fromEntries(infoMembersOf(info.settings)),
    eventStreamId: group.streamName,
    groupName: group.groupName,
    status: info.status,
    averageItemsPerSecond: info.averageItemsPerSecond,
    parkedMessageUri: parkedMessageUri(group, baseUrl),
    getMessagesUri: getMessagesUri(group, baseUrl),
    totalItemsProcessed: info.totalItemsProcessed,
    countSinceLastMeasurement: info.countSinceLastMeasurement,
    lastProcessedEventNumber: info.lastProcessedEventNumber,
    lastKnownEventNumber: info.lastKnownEventNumber,
    readBufferCount: info.readBufferCount,
    liveBufferCount: info.liveBufferCount,
    retryBufferCount: info.retryBufferCount,
    totalInFlightMessages: info.totalInFlightMessages,
    connections: info.connections.map(connectionDocument),
    ...(hasAdditions && additionsOf(info)),
  };
}

/** Members that the original does not have. */
function additionsOf(info: GroupInfo): Document {
  return {
    outstandingMessagesCount: info.outstandingMessagesCount,
    parkedMessagesCount: info.parkedMessageCount,
    oldestInFlightMilliseconds: info.oldestInFlightMs,
    lagEvents: info.lagEvents,
    lagMilliseconds: info.lagMs,
  };
}

function connectionDocument(connection: ConnectionInfo): Document {
  return {
    from: connection.from,
    username: connection.username,
    averageItemsPerSecond: connection.averageItemsPerSecond,
    totalItemsProcessed: connection.totalItemsProcessed,
    countSinceLastMeasurement: connection.countSinceLastMeasurement,
    extraStatistics: [],
    availableSlots: connection.availableSlots,
    inFlightMessages: connection.inFlightMessages,
  };
}

function detailLink(group: GroupId, baseUrl: string) {
  const href = `${subscriptionUri(baseUrl, group)}/info`;
  return { href, rel: "detail" } satisfies DocumentLink;
}

function parkedMessageUri(
  { streamName, groupName }: GroupId,
  baseUrl: string,
): string {
  return `${baseUrl}/streams/%24persistentsubscription-${
    encodePathSegment(streamName)
  }::${encodePathSegment(groupName)}-parked`;
}

function getMessagesUri(group: GroupId, baseUrl: string): string {
  return `${subscriptionUri(baseUrl, group)}/1`;
}

/** Names of elements, as the original has them. */
const ROOTS = {
  result: "SubscriptionResult",
  summary: "SubscriptionSummary",
  info: "SubscriptionInfo",
} as const;

/** The kind of a document: the name of its root element. */
export type DocumentKind = keyof typeof ROOTS;

/** Renders one document, or a list of them. */
export function renderSubscriptionDocument(
  kind: DocumentKind,
  document: Document | readonly Document[],
  type: MediaType,
): string {
  if (!isXml(type)) return renderJson(document);
  const item = ROOTS[kind];
  const root = isList(document) ? `ArrayOf${item}` : item;
  const content = isList(document)
    ? document.map((one) => element(item, one)).join("")
    : contentOf(document);
  const start = `${root}${NAMESPACES}`;
  return DECLARATION +
    (content === "" ? `<${start} />` : `<${start}>${content}</${root}>`);
}

/** Writes JSON: a rate has a decimal, and a number may be that of a deletion. */
function renderJson(
  document: Document | readonly Document[],
  depth = 0,
): string {
  const inner = newlineAt(depth + 1);
  const [open, close] = isList(document) ? ["[", "]"] : ["{", "}"];
  const parts = isList(document)
    ? document.map((item) => renderJson(item, depth + 1))
    : Object.entries(document).flatMap(([name, value]) =>
      value === undefined
        ? []
        : [`"${name}": ${jsonValueOf(name, value, depth + 1)}`]
    );
  return parts.length === 0
    ? open + close
    : open + inner + parts.join("," + inner) + newlineAt(depth) + close;
}

function jsonValueOf(name: string, value: Value, depth: number): string {
  switch (typeof value) {
    case "object":
      return renderJson(value, depth);
    case "string":
      return quoteJson(value);
    case "number":
      return name === "averageItemsPerSecond" && Number.isInteger(value)
        ? value.toFixed(1)
        : formatInt64(value);
    default:
      return String(value);
  }
}

const DECLARATION = '<?xml version="1.0" encoding="utf-8"?>';
const NAMESPACES = ' xmlns:xsd="http://www.w3.org/2001/XMLSchema" ' +
  'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"';

/** Elements of items, by the member that they are in. */
const ITEMS: Readonly<Record<string, string>> = {
  links: "RelLink",
  connections: "ConnectionInfo",
  extraStatistics: "Statistic",
};

function contentOf(document: Document): string {
  return Object.entries(document).map(([name, value]) => {
    if (value === undefined) return "";
    const tag = name.charAt(0).toUpperCase() + name.slice(1);
    return isList(value)
      ? listElement(tag, value, ITEMS[name] ?? "Item")
      : element(tag, value);
  }).join("");
}

function listElement(
  tag: string,
  items: readonly Document[],
  itemTag: string,
): string {
  if (items.length === 0) return `<${tag} />`;
  const content = items.map((item) =>
    "href" in item
      ? `<${itemTag}>${linkElement(item)}</${itemTag}>`
      : element(itemTag, item)
  ).join("");
  return `<${tag}>${content}</${tag}>`;
}

function linkElement({ href, rel }: Document): string {
  return `<link href="${escapeXmlAttribute(String(href))}" rel="${rel}" />`;
}

function element(tag: string, value: Exclude<Value, readonly Document[]>) {
  const content = typeof value === "object" ? contentOf(value) : escapeXmlText(
    typeof value === "number" ? formatInt64(value) : String(value),
  );
  return content === "" ? `<${tag} />` : `<${tag}>${content}</${tag}>`;
}

function isList(
  value: Value | readonly Document[],
): value is readonly Document[] {
  return Array.isArray(value);
}
