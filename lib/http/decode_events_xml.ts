/**
 * Events out of an XML list (spec: streams §2.4).
 *
 * @module
 */

import type { ProposedEvent } from "../model/event.ts";
import { LIMITS, type Limits } from "../model/limits.ts";
import { type XmlContent, xmlContentOf } from "../formats/xml/xml_json.ts";
import { runSteps, type Steps } from "../text/steps.ts";
import { parseXmlInSteps } from "../formats/xml/xml_parse.ts";
import {
  childElements,
  textOf,
  type XmlElement,
} from "../formats/xml/xml_tree.ts";
import { parseEventId, ZERO_EVENT_ID } from "./event_id.ts";
import {
  checkEvent,
  emptyEventId,
  emptyEventType,
  eventTooLarge,
  invalidBody,
  nestedTooDeeply,
  tooManyEvents,
} from "./event_refusals.ts";

/**
 * Decodes the body of the types `events+xml`, `event+xml` and `atom+xml`. Every
 * child of the root is an event, whatever it is called.
 *
 * @returns At least one event.
 * @throws {Refusal} If it is no list of events, or one of them lacks something.
 */
export function decodeEventsXml(
  text: string,
  limits: Limits = LIMITS,
): ProposedEvent[] {
  return runSteps(decodeEventsXmlInSteps(text, limits));
}

/** As {@link decodeEventsXml}, with pauses. */
export function* decodeEventsXmlInSteps(
  text: string,
  limits: Limits = LIMITS,
): Steps<ProposedEvent[]> {
  const events: ReadEvent[] = [];
  const parsed = yield* parseXmlInSteps(text, {
    depthMax: limits.xmlDepthMax,
    rootChildrenMax: limits.batchEventsMax,
    nodesMax: Math.ceil(limits.eventBytesMax / NODE_BYTES_MIN),
    attributesMax: limits.xmlAttributesMax,
    // Only what is stored of an event is kept until all are read.
    takeRootChild: (element) => events.push(readEvent(element, limits)),
  });
  switch (parsed.kind) {
    case "malformed":
    case "doctype":
    case "tooManyAttributes":
      throw invalidBody();
    case "tooDeep":
      throw nestedTooDeeply();
    case "tooMany":
      throw tooManyEvents(limits);
    case "tooLarge":
      throw eventTooLarge(limits);
  }
  if (events.length === 0) throw invalidBody();
  // What cannot be read anywhere makes the whole body invalid, before what is
  // missing in some event is looked at.
  const eventIds = events.map(readEventId);
  return events.map((event, index) =>
    proposeEvent(event, eventIds[index], limits)
  );
}

/** Every node of data is written, as JSON, in so many bytes at least. */
const NODE_BYTES_MIN = 8;

/** What is stored of an event; undefined: there is no such child. */
interface ReadEvent {
  readonly eventId: string | undefined;
  readonly eventType: string | undefined;
  readonly data: StoredContent;
  readonly metadata: StoredContent;
}

function readEvent(element: XmlElement, limits: Limits): ReadEvent {
  const { eventid, eventtype, data, metadata } = partsOf(element);
  return {
    eventId: eventid && textOf(eventid),
    eventType: eventtype && textOf(eventtype),
    data: contentOf(data, limits),
    metadata: contentOf(metadata, limits),
  };
}

/** The known children of one event; the last of equal names counts. */
interface EventParts {
  eventid?: XmlElement;
  eventtype?: XmlElement;
  data?: XmlElement;
  metadata?: XmlElement;
}

function partsOf(event: XmlElement): EventParts {
  const parts: EventParts = {};
  for (const child of childElements(event)) {
    const name = child.name.toLowerCase();
    if (
      name === "eventid" || name === "eventtype" || name === "data" ||
      name === "metadata"
    ) parts[name] = child;
  }
  return parts;
}

function readEventId({ eventId: text }: ReadEvent): string | undefined {
  if (text === undefined) return undefined;
  const eventId = parseEventId(text);
  if (eventId === undefined) throw invalidBody();
  return eventId;
}

function proposeEvent(
  { eventType, data, metadata }: ReadEvent,
  eventId: string | undefined,
  limits: Limits,
): ProposedEvent {
  if (eventId === undefined || eventId === ZERO_EVENT_ID) throw emptyEventId();
  if (eventType === undefined || eventType === "") throw emptyEventType();
  const proposed: ProposedEvent = {
    eventId,
    eventType,
    isJson: data.kind === "json" || metadata.kind === "json",
    data: storedText(data),
    metadata: storedText(metadata),
  };
  checkEvent(proposed, limits);
  return proposed;
}

type StoredContent = Exclude<XmlContent, { readonly kind: "tooLong" }>;

const EMPTY: StoredContent = { kind: "empty" };

function contentOf(
  element: XmlElement | undefined,
  limits: Limits,
): StoredContent {
  if (element === undefined) return EMPTY;
  // Comments have no place in the JSON that this becomes; the original refuses.
  if (hasComment(element)) throw invalidBody();
  const content = xmlContentOf(element, limits.eventBytesMax);
  if (content.kind === "tooLong") throw eventTooLarge(limits);
  return content;
}

function hasComment(element: XmlElement): boolean {
  return element.children.some((child) =>
    child.kind === "comment" || (child.kind === "element" && hasComment(child))
  );
}

function storedText(content: StoredContent): string {
  return content.kind === "empty" ? "" : content.text;
}
