/**
 * Appends over HTTP: from a request's headers and body to what the service is
 * told, and from its outcome to the answer (spec: streams §2, §9.1). A body is
 * one event as its data, or an array of events as JSON or XML; what is wrong with
 * them is told in the texts of the original.
 *
 * @module
 */

import {
  type JsonMember,
  scanEventArrayInSteps,
  type ScannedEvent,
} from "../formats/json/json_events.ts";
import {
  type PlainEvent,
  scanPlainEventsInSteps,
} from "../formats/json/json_events_bytes.ts";
import { type XmlContent, xmlContentOf } from "../formats/xml/xml_json.ts";
import {
  childElements,
  parseXmlInSteps,
  textOf,
  type XmlElement,
} from "../formats/xml/xml_parse.ts";
import { logAudit } from "../model/audit.ts";
import type { ProposedEvent } from "../model/event.ts";
import type { ExpectedVersion } from "../model/expected_version.ts";
import { LIMITS, type Limits } from "../model/limits.ts";
import type { AppendOutcome, RightsChange } from "../streams/outcomes.ts";
import { encodePathSegment } from "../text/path_segment.ts";
import { runSteps, type Steps } from "../text/steps.ts";
import { decodeUtf8, isLongerThan } from "../text/utf8.ts";
import { parseEventId, ZERO_EVENT_ID } from "../text/uuid.ts";
import { bodyTextOf } from "./body.ts";
import { baseUrlOf, type RequestContext, requesterOf } from "./context.ts";
import { describeBytes, malformed, PROBLEMS, Refusal } from "./errors.ts";
import { checkRequireMaster, readExpectedVersion } from "./request_headers.ts";
import { createdResponse, problemResponse } from "./respond.ts";

/** An append, as far as an address and headers say it. */
interface RequestedAppend {
  /** That the answer's Location and the audit name. */
  readonly streamName: string;
  /** Of the one event in a body that holds only its data. */
  readonly eventId: string | undefined;
  readonly eventType: string | undefined;
  /** Appends what was read. */
  readonly write: (read: ReadAppend) => Promise<AppendOutcome>;
}

/** An append as its headers and body ask for it. */
interface ReadAppend {
  readonly expectedVersion: ExpectedVersion;
  readonly events: readonly ProposedEvent[];
}

/**
 * Reads the rest of a request, appends, and answers.
 *
 * @throws {Refusal} If the request is malformed, before anything is written.
 */
export async function answerAppend(
  { streamName, eventId, eventType, write }: RequestedAppend,
  context: RequestContext,
): Promise<Response> {
  const { request: { headers }, allowedMethods } = context;
  const expectedVersion = readExpectedVersion(headers);
  checkRequireMaster(headers);
  const body = await readBody(context);
  const decoded = decodeBody(body, context, { eventId, eventType });
  const events = decoded instanceof Promise ? await decoded : decoded;
  const streamUri = streamUriOf(streamName, context);
  const outcome = await write({ expectedVersion, events });
  switch (outcome.kind) {
    case "written":
      logRights(streamName, outcome.rights, context);
      return createdResponse(
        `${streamUri}/${outcome.firstEventNumber}`,
        allowedMethods,
      );
    case "conflict":
      return problemResponse(PROBLEMS.conflict, allowedMethods, {
        currentVersion: outcome.head,
      });
    case "deleted":
      return problemResponse(PROBLEMS.deletedWrite, allowedMethods);
    case "unauthorized":
      return problemResponse(PROBLEMS.unauthorized, allowedMethods);
  }
}

/**
 * URI of a stream. To be made before anything is written: a request whose host
 * is refused must change nothing.
 */
export function streamUriOf(
  streamName: string,
  context: RequestContext,
): string {
  return `${baseUrlOf(context)}/streams/${encodePathSegment(streamName)}`;
}

/** Writes a line of the audit, if a write to the stream changed rights. */
export function logRights(
  streamName: string,
  change: RightsChange | undefined,
  context: RequestContext,
): void {
  const { logger } = context.services;
  if (change === undefined) return;
  logAudit(logger, {
    event: "stream.rights_changed",
    requester: requesterOf(context),
    fields: { stream: streamName, ...change },
  });
}

/** Reads the body as its type wants it: as a text, or as the bytes that came. */
function readBody(context: RequestContext): Promise<string | Uint8Array> {
  const { receiving } = context.services;
  const { request } = context;
  switch (context.requestType?.form) {
    case "eventJson":
    case "atomJson":
    case "bytes":
      return receiving.readBytes(request);
    case "eventXml":
    case "atomXml":
    case "json":
    case "xml":
      return receiving.readText(request, context);
    default:
      throw invalidBody();
  }
}

/**
 * Decodes a body; a large one in turns with other requests.
 *
 * @param body As `readBody` reads it.
 */
function decodeBody(
  body: string | Uint8Array,
  { requestType, limits }: RequestContext,
  named: Pick<RequestedAppend, "eventId" | "eventType">,
): ProposedEvent[] | Promise<ProposedEvent[]> {
  const form = requestType?.form;
  if (form === "bytes" || form === "json" || form === "xml") {
    // The data as it is; it need not be what its type says.
    const isJson = form === "json";
    return [
      proposeEvent({ ...named, isJson, data: body, metadata: "" }, limits),
    ];
  }
  const steps = typeof body === "string"
    ? decodeEventsXmlInSteps(body, limits)
    : decodeEventsJsonInSteps(body, limits);
  return body.length < limits.decodeTurnsBytesMin
    ? runSteps(steps)
    : runInTurns(steps);
}

/** Does long work, and gives way to other requests after each of its steps. */
async function runInTurns<Result>(steps: Steps<Result>): Promise<Result> {
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
    // Not `setImmediate`: it comes again before the sockets had their turn.
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
}

/** An event as a body or headers have it; undefined: it is missing. */
interface WrittenEvent {
  readonly eventId: string | undefined;
  readonly eventType: string | undefined;
  readonly isJson: boolean;
  readonly data: string | Uint8Array;
  readonly metadata: string;
}

/**
 * An event with all that it needs; `refusalOf` in `lib/store` judges the rest.
 *
 * @throws {Refusal} If something is missing, or it is too large.
 */
function proposeEvent(
  { eventId, eventType, isJson, data, metadata }: WrittenEvent,
  limits: Limits,
): ProposedEvent {
  if (eventId === undefined || eventId === ZERO_EVENT_ID) {
    throw malformed("Empty eventId provided.");
  }
  if (eventType === undefined || eventType === "") {
    throw malformed("Empty eventType provided.");
  }
  if (isLongerThan(limits.eventBytesMax, data, metadata)) {
    throw undecodable("tooLarge", limits);
  }
  return { eventId, eventType, isJson, data, metadata };
}

/** Why a body cannot be decoded; the scanners of both formats say it. */
type Fault =
  | "malformed"
  | "doctype"
  | "tooManyAttributes"
  | "tooDeep"
  | "tooLong"
  | "tooLarge"
  | "tooMany";

function undecodable(fault: Fault, limits: Limits): Refusal {
  switch (fault) {
    case "malformed":
    case "doctype":
    case "tooManyAttributes":
      return invalidBody();
    case "tooDeep":
      return malformed("Write request body invalid. It is nested too deeply.");
    case "tooLong":
    case "tooLarge":
      return new Refusal(
        "bodyTooLarge",
        `Too large events received. Limit is ${
          describeBytes(limits.eventBytesMax)
        }`,
      );
    case "tooMany":
      return new Refusal(
        "bodyTooLarge",
        `Too many events received. Limit is ${limits.batchEventsMax}`,
      );
  }
}

/** The body is not what its type promises. */
function invalidBody(): Refusal {
  return malformed("Write request body invalid.");
}

/** An id as a body writes it; undefined without one. */
function readEventId(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const eventId = parseEventId(text);
  if (eventId === undefined) throw invalidBody();
  return eventId;
}

/**
 * Decodes the body of the types `events+json`, `event+json` and `atom+json`
 * from its bytes, with pauses; plain bodies the quick way.
 *
 * @returns At least one event.
 * @throws {Refusal} If it is no array of events, or one of them lacks something.
 */
export function* decodeEventsJsonInSteps(
  bytes: Uint8Array,
  limits: Limits = LIMITS,
): Steps<ProposedEvent[]> {
  const plain = yield* scanPlainEventsInSteps(bytes, {
    depthMax: limits.jsonDepthMax,
    eventsMax: limits.batchEventsMax,
    valueMax: limits.eventBytesMax,
    make: (event) =>
      isWithin(event, limits) ? new BytesEvent(event, bytes) : undefined,
  });
  if (plain !== undefined) return plain;
  yield;
  const text = bodyTextOf(bytes);
  yield;
  return yield* decodeEventsTextInSteps(text, limits);
}

/** The other way refuses all that is not, and says why. */
function isWithin(event: PlainEvent, limits: Limits): boolean {
  return !isZeroId(event) &&
    !isLongerThan(limits.eventBytesMax, event.data, event.metadata);
}

function isZeroId({ eventIdBytes, eventIdOffset }: PlainEvent): boolean {
  for (let index = 0; index < 16; index++) {
    if (eventIdBytes[eventIdOffset + index] !== 0) return false;
  }
  return true;
}

/** An event that was read from bytes; few of its ids are ever asked for as text. */
class BytesEvent implements ProposedEvent {
  readonly eventIdBytes: Uint8Array;
  readonly eventIdOffset: number;
  readonly eventType: string;
  readonly isJson: boolean;
  readonly data: Uint8Array;
  readonly metadata: Uint8Array;
  readonly #body: Uint8Array;
  readonly #eventIdStart: number;

  constructor(event: PlainEvent, body: Uint8Array) {
    const { dataKind, metadataKind } = event;
    const isDataJson = dataKind !== "string" && dataKind !== "null" &&
      dataKind !== "absent";
    const isMetadataKept = metadataKind === "object" ||
      metadataKind === "string";
    this.eventIdBytes = event.eventIdBytes;
    this.eventIdOffset = event.eventIdOffset;
    this.eventType = event.eventType;
    this.isJson = isDataJson || metadataKind === "object";
    this.data = dataKind === "null" ? NO_BYTES : event.data;
    this.metadata = isMetadataKept ? event.metadata : NO_BYTES;
    this.#body = body;
    this.#eventIdStart = event.eventIdStart;
  }

  get eventId(): string {
    const start = this.#eventIdStart;
    return decodeUtf8(
      this.#body.subarray(start, start + ZERO_EVENT_ID.length),
    );
  }
}

const NO_BYTES = new Uint8Array(0);

/** As {@link decodeEventsJsonInSteps}, from text, whatever is in it. */
export function* decodeEventsTextInSteps(
  text: string,
  limits: Limits = LIMITS,
): Steps<ProposedEvent[]> {
  const scanned = yield* scanEventArrayInSteps(text, {
    depthMax: limits.jsonDepthMax,
    layoutMax: limits.eventBytesMax,
    eventsMax: limits.batchEventsMax,
  });
  if (scanned.kind !== "events") throw undecodable(scanned.kind, limits);
  if (scanned.events.length === 0) throw invalidBody();
  // An id that cannot be read makes the whole body invalid, before what is
  // missing in some event is looked at.
  const eventIds = scanned.events.map(eventIdOf);
  return scanned.events.map((event, index) => {
    if (event === null) throw invalidBody();
    const { data, metadata } = event;
    return proposeEvent({
      eventId: eventIds[index],
      eventType: eventTypeOf(event.eventType),
      isJson: isJson(data) || metadata?.kind === "object",
      data: data === undefined || data.kind === "null" ? "" : data.text,
      metadata: storedMetadata(metadata),
    }, limits);
  });
}

function eventIdOf(event: ScannedEvent | null): string | undefined {
  if (event?.eventId === undefined) return undefined;
  const { kind, text } = event.eventId;
  if (kind !== "string") throw invalidBody();
  return readEventId(text);
}

/** Scalars become their text, as the original's JSON reader makes them. */
function eventTypeOf(member: JsonMember | undefined): string {
  if (member === undefined) return "";
  switch (member.kind) {
    case "string":
    case "number":
      return member.text;
    case "boolean":
      return member.text === "true" ? "True" : "False";
    case "null":
      return "";
    case "object":
    case "array":
      throw invalidBody();
  }
}

/**
 * The original stores arrays, numbers and booleans as nothing at all; here they
 * are kept as the JSON they are.
 */
function isJson(member: JsonMember | undefined): boolean {
  return member !== undefined && member.kind !== "string" &&
    member.kind !== "null";
}

/** Metadata is an object or a text; anything else is none, as recorded. */
function storedMetadata(member: JsonMember | undefined): string {
  const isKept = member?.kind === "object" || member?.kind === "string";
  return isKept ? member.text : "";
}

/**
 * Decodes the body of the types `events+xml`, `event+xml` and `atom+xml`, with
 * pauses. Every child of the root is an event, whatever it is called.
 *
 * @returns At least one event.
 * @throws {Refusal} If it is no list of events, or one of them lacks something.
 */
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
  if (parsed.kind !== "document") throw undecodable(parsed.kind, limits);
  if (events.length === 0) throw invalidBody();
  const eventIds = events.map(({ eventId }) => readEventId(eventId));
  return events.map(({ eventType, data, metadata }, index) =>
    proposeEvent({
      eventId: eventIds[index],
      eventType,
      isJson: data.kind === "json" || metadata.kind === "json",
      data: storedText(data),
      metadata: storedText(metadata),
    }, limits)
  );
}

/** Every node of data is written, as JSON, in so many bytes at least. */
const NODE_BYTES_MIN = 8;

/** The stored parts of an event; undefined: there is no such child. */
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
  if (content.kind === "tooLong") throw undecodable("tooLong", limits);
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
