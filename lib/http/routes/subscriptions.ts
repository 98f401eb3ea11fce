/**
 * Persistent subscriptions, groups of consumers that share one position: making
 * and changing them, their lists and descriptions, and their parked messages
 * (spec: subscriptions §2, §3, §6). Consumers: `subscription_messages.ts`.
 *
 * @module
 */

import { logAudit } from "../../model/audit.ts";
import type {
  CommandOutcome,
  CommandResult,
  GroupInfo,
  SubscriptionService,
} from "../../subscriptions/contract.ts";
import type { GroupId } from "../../model/subscription_group.ts";
import {
  decodeSettings,
  type RequestedSettings,
} from "../../subscriptions/settings.ts";
import { encodePathSegmentSparely } from "../../text/path_segment.ts";
import {
  type AnswerDescription,
  type Meanings,
  PUBLIC,
  type Route,
  type Schema,
  UNNARROWED,
} from "../route.ts";
import {
  baseUrlOf,
  type RequestContext,
  requesterOf,
  segmentAt,
  streamNameOf,
} from "../context.ts";
import { parseEventId } from "../../text/uuid.ts";
import {
  APPLICATION_JSON,
  JSON_OR_TEXT_XML,
  JSON_OR_TEXT_XML_OR_HTML,
} from "../negotiation.ts";
import { readMembers } from "../named_members.ts";
import { malformed, PROBLEMS, Refusal } from "../errors.ts";
import { parameterOf } from "../router.ts";
import { documentResponse, problemResponse } from "../respond.ts";
import { wantsPage } from "../pages.ts";
import {
  subscriptionPageResponse,
  subscriptionsPageResponse,
} from "../subscription_pages.ts";
import {
  type Document,
  type DocumentKind,
  infoDocument,
  renderSubscriptionDocument,
  resultDocument,
  type SubscriptionCommand,
  summaryDocument,
} from "../subscription_documents.ts";
import { FLAG, listOf, objectOf, oneOf, TEXT, WHOLE } from "./schemas.ts";

/** `PUT /subscriptions/{stream}/{group}` */
export async function createSubscription(
  context: RequestContext,
): Promise<Response> {
  const settings = await readSettings(context);
  const outcome = await serviceOf(context).create(context.caller, {
    group: groupOf(context),
    settings,
  });
  return answerCommand("create", outcome, context);
}

/** `POST /subscriptions/{stream}/{group}` */
export async function updateSubscription(
  context: RequestContext,
): Promise<Response> {
  const settings = await readSettings(context);
  const outcome = await serviceOf(context).update(context.caller, {
    group: groupOf(context),
    settings,
  });
  return answerCommand("update", outcome, context);
}

/** `DELETE /subscriptions/{stream}/{group}` */
export async function deleteSubscription(
  context: RequestContext,
): Promise<Response> {
  const outcome = await serviceOf(context).delete(
    context.caller,
    groupOf(context),
  );
  return answerCommand("delete", outcome, context);
}

/** `POST /subscriptions/{stream}/{group}/replayParked?stopAt=` */
export async function replayParked(context: RequestContext): Promise<Response> {
  const outcome = await serviceOf(context).replayParked(
    context.caller,
    {
      group: groupOf(context),
      stopAt: readWholeNumber(context, "stopAt"),
    },
  );
  return answerCommand("replayParked", outcome, context);
}

/** `POST /subscriptions/{stream}/{group}/discardParked?ids=` */
export async function discardParked(
  context: RequestContext,
): Promise<Response> {
  const outcome = await serviceOf(context).discardParked(
    context.caller,
    {
      group: groupOf(context),
      ids: readIds(parameterOf(context.target.query, "ids")),
    },
  );
  return answerCommand("discardParked", outcome, context);
}

/** `GET /subscriptions` */
export async function listSubscriptions(
  context: RequestContext,
): Promise<Response> {
  const infos = await serviceOf(context).list();
  return wantsPage(context)
    ? subscriptionsPageResponse(infos, context)
    : answerList(200, infos, context);
}

/** `GET /subscriptions/{stream}` */
export async function listSubscriptionsOf(
  context: RequestContext,
): Promise<Response> {
  const streamName = streamNameOf(context);
  const infos = await serviceOf(context).listOf(streamName);
  if (wantsPage(context)) {
    return subscriptionsPageResponse(infos ?? [], context, { streamName });
  }
  return infos === undefined
    ? answerList(404, [], context)
    : answerList(200, infos, context);
}

/** `GET /subscriptions/{stream}/{group}/info` */
export async function readSubscriptionInfo(
  context: RequestContext,
): Promise<Response> {
  const info = await serviceOf(context).info(groupOf(context));
  if (info === undefined) {
    return problemResponse(PROBLEMS.notFound, context.allowedMethods);
  }
  if (wantsPage(context)) return await subscriptionPageResponse(info, context);
  const baseUrl = baseUrlOf(context);
  const type = context.responseType ?? APPLICATION_JSON;
  const document = infoDocument(info, baseUrl, type);
  return answer({ status: 200, kind: "info", document }, context);
}

/**
 * The service behind the routes.
 *
 * @throws {Refusal} If this server has none.
 */
export function serviceOf(
  { services: { subscriptions } }: RequestContext,
): SubscriptionService {
  if (subscriptions !== undefined) return subscriptions;
  throw new Refusal(
    "overloaded",
    "Persistent subscriptions are not available on this server",
  );
}

/** The group in `/subscriptions/{stream}/{group}…`. */
export function groupOf(context: RequestContext): GroupId {
  return {
    streamName: streamNameOf(context),
    groupName: segmentAt(context, 2),
  };
}

async function readSettings(
  context: RequestContext,
): Promise<RequestedSettings> {
  const members = await readMembers(context);
  const outcome = decodeSettings((name) => members.readValue(name));
  if (outcome.kind === "invalid") throw malformed(outcome.reason);
  return outcome.settings;
}

/**
 * A parameter that is a whole number, 0 or more; undefined without it.
 *
 * @throws {Refusal} If it is none.
 */
export function readWholeNumber(
  { target }: RequestContext,
  name: string,
): number | undefined {
  const text = parameterOf(target.query, name);
  if (text === undefined) return undefined;
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw malformed(`Invalid ${name}: a whole number is needed`);
}

/**
 * Ids of messages, with commas between them.
 *
 * @throws {Refusal} If one is no UUID, or there is none.
 */
export function readIds(text: string | undefined): string[] {
  return (text ?? "").split(",").map((part) => {
    const id = parseEventId(part);
    if (id === undefined) {
      throw malformed("messageid should be a properly formed guid");
    }
    return id;
  });
}

/** Status of an answer to a command. */
export const STATUS = {
  Success: 200,
  AlreadyExists: 409,
  DoesNotExist: 404,
  AccessDenied: 401,
  // The original blames itself: 500.
  Fail: 400,
} satisfies Record<CommandResult, number>;

/** Names of commands in the audit. */
export const AUDIT_EVENTS = {
  create: "subscription.created",
  update: "subscription.updated",
  delete: "subscription.deleted",
  replayParked: "subscription.parked_replayed",
  discardParked: "subscription.parked_discarded",
} satisfies Record<SubscriptionCommand, string>;

function answerCommand(
  command: SubscriptionCommand,
  outcome: CommandOutcome,
  context: RequestContext,
): Response {
  const isDone = outcome.result === "Success";
  const isCreated = command === "create" && isDone;
  const isNamed = command === "create" || command === "update";
  if (isDone) {
    const { streamName, groupName } = groupOf(context);
    logAudit(context.services.logger, {
      event: AUDIT_EVENTS[command],
      requester: requesterOf(context),
      fields: { stream: streamName, group: groupName },
    });
  }
  return answer({
    status: isCreated ? 201 : STATUS[outcome.result],
    kind: "result",
    document: resultDocument(command, outcome, context.services.newId()),
    location: isNamed ? locationOf(context) : undefined,
  }, context);
}

/** The names stand in it as they are, as far as an address may hold them. */
function locationOf(context: RequestContext): string {
  const { streamName, groupName } = groupOf(context);
  return baseUrlOf(context) +
    `/subscriptions/${encodePathSegmentSparely(streamName)}/${
      encodePathSegmentSparely(groupName)
    }`;
}

function answerList(
  status: number,
  infos: readonly GroupInfo[],
  context: RequestContext,
): Response {
  const baseUrl = baseUrlOf(context);
  const document = infos.map((info) => summaryDocument(info, baseUrl));
  return answer({ status, kind: "summary", document }, context);
}

function answer(
  { status, kind, document, location }: {
    readonly status: number;
    readonly kind: DocumentKind;
    readonly document: Document | readonly Document[];
    readonly location?: string | undefined;
  },
  { responseType, allowedMethods }: RequestContext,
): Response {
  const type = responseType ?? APPLICATION_JSON;
  const body = renderSubscriptionDocument(kind, document, type);
  return documentResponse({
    status,
    type,
    body,
    ...(location !== undefined && { location }),
  }, allowedMethods);
}

const RATE = { type: "number" };
const LINKS = listOf(objectOf({ href: TEXT, rel: TEXT }, ["href", "rel"]));

/** Settings of a subscription, as they are sent and shown. */
const SETTINGS = objectOf({
  resolveLinktos: FLAG,
  startFrom: WHOLE,
  messageTimeoutMilliseconds: WHOLE,
  extraStatistics: FLAG,
  maxRetryCount: WHOLE,
  liveBufferSize: WHOLE,
  bufferSize: WHOLE,
  readBatchSize: WHOLE,
  preferRoundRobin: FLAG,
  checkPointAfterMilliseconds: WHOLE,
  minCheckPointCount: WHOLE,
  maxCheckPointCount: WHOLE,
  maxSubscriberCount: WHOLE,
  namedConsumerStrategy: oneOf("RoundRobin", "DispatchToSingle", "Pinned"),
  filterType: TEXT,
  filterStream: TEXT,
  system: FLAG,
});

const SETTINGS_SCHEMA: Schema = {
  name: "SubscriptionSettings",
  shape: {
    ...SETTINGS,
    description: "What is left out, 0 or false has its default. Numbers and " +
      "flags may be texts.",
  },
};

const RESULT_SCHEMA: Schema = {
  name: "SubscriptionResult",
  shape: objectOf({
    correlationId: TEXT,
    reason: TEXT,
    result: oneOf(
      "Success",
      "AlreadyExists",
      "DoesNotExist",
      "AccessDenied",
      "Fail",
    ),
    msgTypeId: WHOLE,
  }, ["reason", "result"]),
};

/** Properties that lists and descriptions share. */
const COMMON_MEMBERS = {
  links: LINKS,
  eventStreamId: TEXT,
  groupName: TEXT,
  parkedMessageUri: TEXT,
  getMessagesUri: TEXT,
  status: TEXT,
  averageItemsPerSecond: RATE,
  totalItemsProcessed: WHOLE,
  lastProcessedEventNumber: WHOLE,
  lastKnownEventNumber: WHOLE,
  totalInFlightMessages: WHOLE,
};

const LIST_SCHEMA: Schema = {
  name: "SubscriptionList",
  shape: listOf(
    objectOf({ ...COMMON_MEMBERS, connectionCount: WHOLE }, [
      "eventStreamId",
      "groupName",
      "status",
    ]),
  ),
};

const INFO_SCHEMA: Schema = {
  name: "SubscriptionInfo",
  shape: objectOf({
    ...COMMON_MEMBERS,
    config: SETTINGS,
    countSinceLastMeasurement: WHOLE,
    readBufferCount: WHOLE,
    liveBufferCount: WHOLE,
    retryBufferCount: WHOLE,
    connections: listOf({ type: "object" }),
    outstandingMessagesCount: WHOLE,
    parkedMessagesCount: WHOLE,
    oldestInFlightMilliseconds: WHOLE,
    lagEvents: WHOLE,
    lagMilliseconds: WHOLE,
  }, ["config", "eventStreamId", "groupName", "status"]),
};

/** Placeholders of the routes. */
export const GROUP_PATH: Meanings = {
  stream: "Name of the stream; $all is the whole log",
  group: "Name of the group of consumers",
};

const LOCATION: Meanings = { Location: "Address of the subscription" };

function documentOf(text: string): AnswerDescription {
  return { text, content: "negotiated" };
}

function locatedOf(text: string): AnswerDescription {
  return { text, content: "negotiated", headers: LOCATION };
}

const UNAVAILABLE: AnswerDescription = {
  text: "The server is overloaded, cannot write, or has no subscriptions",
};

const COMMAND = {
  tag: "Subscriptions",
  response: JSON_OR_TEXT_XML,
  scopes: UNNARROWED,
  access: "settings",
  path: GROUP_PATH,
  schemas: { json: RESULT_SCHEMA },
} as const satisfies Partial<Route>;

/** Commands that say how a subscription is to be. */
const CONFIGURE = {
  ...COMMAND,
  template: "/subscriptions/{stream}/{group}",
  request: JSON_OR_TEXT_XML,
  body: "The settings; an empty body or object leaves all at their defaults",
  bodySchemas: { json: SETTINGS_SCHEMA },
} as const satisfies Partial<Route>;

const LOOK = {
  tag: "Subscriptions",
  method: "GET",
  response: JSON_OR_TEXT_XML_OR_HTML,
  scopes: PUBLIC,
  access: "everybody",
} as const satisfies Partial<Route>;

/** Part of `ROUTES`. */
export const SUBSCRIPTION_ROUTES: readonly Route[] = [
  {
    ...LOOK,
    template: "/subscriptions",
    handler: listSubscriptions,
    summary: "All persistent subscriptions",
    answers: { 200: { text: "Their summaries" }, 503: UNAVAILABLE },
    schemas: { json: LIST_SCHEMA },
  },
  {
    ...LOOK,
    template: "/subscriptions/{stream}",
    handler: listSubscriptionsOf,
    summary: "The persistent subscriptions of a stream",
    path: GROUP_PATH,
    answers: {
      200: { text: "Their summaries" },
      404: documentOf("The stream never had one"),
      503: UNAVAILABLE,
    },
    schemas: { json: LIST_SCHEMA },
  },
  {
    ...CONFIGURE,
    method: "PUT",
    handler: createSubscription,
    summary: "Make a persistent subscription",
    answers: {
      201: locatedOf("Made"),
      400: locatedOf("The settings make no sense"),
      401: locatedOf("The caller may not write $settings"),
      409: locatedOf("There is one of that name"),
      503: UNAVAILABLE,
    },
  },
  {
    ...CONFIGURE,
    method: "POST",
    handler: updateSubscription,
    summary: "Replace the settings of a persistent subscription",
    details: "It starts anew after its checkpoint; what was in flight is " +
      "delivered again.",
    answers: {
      200: { text: "Replaced", headers: LOCATION },
      400: locatedOf("The settings make no sense"),
      401: locatedOf("The caller may not write $settings"),
      404: locatedOf("No such subscription"),
      503: UNAVAILABLE,
    },
  },
  {
    ...COMMAND,
    method: "DELETE",
    template: "/subscriptions/{stream}/{group}",
    handler: deleteSubscription,
    summary: "Delete a persistent subscription and its parked messages",
    answers: {
      200: { text: "Deleted" },
      401: documentOf("The caller may not write $settings"),
      404: documentOf("No such subscription"),
      503: UNAVAILABLE,
    },
  },
  {
    ...LOOK,
    template: "/subscriptions/{stream}/{group}/info",
    handler: readSubscriptionInfo,
    summary: "What a persistent subscription is and does",
    path: GROUP_PATH,
    answers: {
      200: { text: "Its settings, counts and consumers" },
      404: { text: "No such subscription" },
      503: UNAVAILABLE,
    },
    schemas: { json: INFO_SCHEMA },
  },
  {
    ...COMMAND,
    method: "POST",
    template: "/subscriptions/{stream}/{group}/replayParked",
    handler: replayParked,
    summary: "Deliver parked messages again",
    query: {
      stopAt: "Number in the stream of parked messages to stop before",
    },
    answers: {
      200: { text: "They will be delivered" },
      400: { text: "stopAt is no number" },
      401: documentOf("The caller may not write $settings"),
      404: documentOf("No such subscription"),
      503: UNAVAILABLE,
    },
  },
  {
    ...COMMAND,
    method: "POST",
    template: "/subscriptions/{stream}/{group}/discardParked",
    handler: discardParked,
    summary: "Give parked messages up",
    query: { ids: "Ids of the parked link events, with commas between them" },
    answers: {
      200: { text: "They are counted and replayed no more" },
      400: { text: "An id is no UUID" },
      401: documentOf("The caller may not write $settings"),
      404: documentOf("No such subscription"),
      503: UNAVAILABLE,
    },
  },
];
