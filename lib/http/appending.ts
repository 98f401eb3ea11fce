/**
 * Appends over HTTP: from a request's headers and body to what the service is
 * told, and from its outcome to the answer (spec: streams §2, §9.1).
 *
 * @module
 */

import { logAudit } from "../model/audit.ts";
import type { ProposedEvent } from "../model/event.ts";
import type { ExpectedVersion } from "../model/expected_version.ts";
import type { AppendOutcome, RightsChange } from "../streams/outcomes.ts";
import { encodePathSegment } from "../text/path_segment.ts";
import { runSteps, type Steps } from "../text/steps.ts";
import { baseUrlOf, type RequestContext, requesterOf } from "./context.ts";
import {
  decodeEventsJsonInSteps,
  decodeEventsXmlInSteps,
  invalidBody,
  proposeEvent,
} from "./decode_events.ts";
import { PROBLEMS } from "./errors.ts";
import { checkRequireMaster, readExpectedVersion } from "./request_headers.ts";
import { createdResponse, problemResponse } from "./respond.ts";

/** An append, as far as an address and headers say it. */
export interface RequestedAppend {
  /** That the answer's Location and the audit name. */
  readonly streamName: string;
  /** Of the one event in a body that holds only its data. */
  readonly eventId: string | undefined;
  readonly eventType: string | undefined;
  /** Appends what was read. */
  readonly write: (read: ReadAppend) => Promise<AppendOutcome>;
}

/** What else is read of an append. */
export interface ReadAppend {
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
