/**
 * Events out of an XML list (spec: streams §2.4).
 *
 * @module
 */

import type { ProposedEvent } from "../model/event.ts";
import { LIMITS, type Limits } from "../model/limits.ts";
import { type XmlContent, xmlContentOf } from "../text/xml_json.ts";
import { parseXml } from "../text/xml_parse.ts";
import { childElements, textOf, type XmlElement } from "../text/xml_tree.ts";
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
  const parsed = parseXml(text, {
    depthMax: limits.xmlDepthMax,
    rootChildrenMax: limits.batchEventsMax,
  });
  switch (parsed.kind) {
    case "malformed":
    case "doctype":
      throw invalidBody();
    case "tooDeep":
      throw nestedTooDeeply();
    case "tooMany":
      throw tooManyEvents(limits);
  }
  const events = childElements(parsed.root).map(partsOf);
  if (events.length === 0) throw invalidBody();
  // What cannot be read anywhere makes the whole body invalid, before what is
  // missing in some event is looked at.
  const eventIds = events.map(readEventId);
  return events.map((event, index) =>
    proposeEvent(event, eventIds[index], limits)
  );
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

function readEventId({ eventid }: EventParts): string | undefined {
  if (eventid === undefined) return undefined;
  const eventId = parseEventId(textOf(eventid));
  if (eventId === undefined) throw invalidBody();
  return eventId;
}

function proposeEvent(
  { eventtype, data, metadata }: EventParts,
  eventId: string | undefined,
  limits: Limits,
): ProposedEvent {
  if (eventId === undefined || eventId === ZERO_EVENT_ID) throw emptyEventId();
  const eventType = eventtype === undefined ? "" : textOf(eventtype);
  if (eventType === "") throw emptyEventType();
  const dataContent = contentOf(data, limits);
  const metadataContent = contentOf(metadata, limits);
  const proposed: ProposedEvent = {
    eventId,
    eventType,
    isJson: dataContent.kind === "json" || metadataContent.kind === "json",
    data: storedText(dataContent),
    metadata: storedText(metadataContent),
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
