/**
 * Messages of persistent subscriptions: taking them, being pushed them, and
 * acknowledging or refusing them (spec: subscriptions §4, §5).
 *
 * @module
 */

import {
  feedOfMessages,
  type MessagePage,
} from "../../formats/atom/competing_feed.ts";
import { renderFeedJson } from "../../formats/atom/feed_json.ts";
import { renderFeedXml } from "../../formats/atom/feed_xml.ts";
import type { RenderedBody } from "../../formats/atom/feed.ts";
import type { NackAction } from "../../subscriptions/contract.ts";
import type { GroupId } from "../../model/subscription_group.ts";
import { limitKeyOfAddress } from "../../text/addresses.ts";
import { type Meanings, READ, type Route, type Schema } from "../route.ts";
import { baseUrlOf, type RequestContext, segmentAt } from "../context.ts";
import { readLongPollMs, REQUEST_HEADERS } from "../request_headers.ts";
import {
  COMPETING_JSON,
  COMPETING_XML,
  EVENT_STREAM,
  isXml,
  JSON_OR_TEXT_XML,
  type MediaType,
} from "../negotiation.ts";
import {
  malformed,
  PIPELINE_REFUSALS,
  PROBLEMS,
  readProblemOf,
  Refusal,
} from "../errors.ts";
import { parameterOf } from "../router.ts";
import {
  documentResponse,
  emptyResponse,
  liveResponse,
  problemResponse,
} from "../respond.ts";
import { MessagePush } from "../subscription_push.ts";
import {
  GROUP_PATH,
  groupOf,
  readIds,
  readWholeNumber,
  serviceOf,
} from "./subscriptions.ts";
import { FLAG, listOf, objectOf, TEXT } from "./schemas.ts";

/** Messages that one read hands out at most. */
const READ_COUNT_MAX = 100;

/** Messages that a consumer which is pushed to holds if it does not say. */
const DEFAULT_SLOTS = 10;

/** `GET /subscriptions/{stream}/{group}` and `…/{count}` */
export async function readMessages(context: RequestContext): Promise<Response> {
  const { allowedMethods, caller, request } = context;
  const type = context.responseType ?? COMPETING_XML;
  // A HEAD must change nothing, and a read takes messages from others.
  if (request.method === "HEAD") throw PIPELINE_REFUSALS.methodNotAllowed;
  const subscriptions = serviceOf(context);
  const group = groupOf(context);
  const count = readCount(context.segments[3]);
  if (type === EVENT_STREAM) {
    return await connectConsumer(group, context);
  }
  const longPollMs = readLongPollMs(request.headers);
  const read = () =>
    subscriptions.read(caller, {
      group,
      count,
      longPollMs,
      signal: () => request.signal,
    });
  const outcome = longPollMs > 0
    ? await context.services.quota.hold(context, read)
    : await read();
  switch (outcome.kind) {
    case "messages": {
      const events = outcome.messages.map(({ event }) => event);
      const baseUrl = baseUrlOf(context);
      const body = renderMessages(
        { ...group, count, events },
        { type, baseUrl, context },
      );
      return documentResponse({
        status: 200,
        type,
        body: context.services.sending.bodyOf(body),
      }, allowedMethods);
    }
    case "tooManyHeld":
      throw new Refusal("overloaded", "Too many reads wait for messages");
    default:
      return problemResponse(readProblemOf(outcome.kind), allowedMethods);
  }
}

/** `POST /subscriptions/{stream}/{group}/ack/{messageid}` */
export function ackOne(context: RequestContext): Promise<Response> {
  return ack(readIds(segmentAt(context, 4)), context);
}

/** `POST /subscriptions/{stream}/{group}/ack?ids=` */
export function ackSeveral(context: RequestContext): Promise<Response> {
  const ids = readIds(parameterOf(context.target.query, "ids"));
  return ack(ids, context);
}

/** `POST /subscriptions/{stream}/{group}/nack/{messageid}?action=` */
export function nackOne(context: RequestContext): Promise<Response> {
  return nack(readIds(segmentAt(context, 4)), context);
}

/** `POST /subscriptions/{stream}/{group}/nack?ids=&action=` */
export function nackSeveral(context: RequestContext): Promise<Response> {
  const ids = readIds(parameterOf(context.target.query, "ids"));
  return nack(ids, context);
}

async function ack(
  ids: readonly string[],
  context: RequestContext,
): Promise<Response> {
  const group = groupOf(context);
  const outcome = await serviceOf(context).ack(context.caller, {
    group,
    ids,
  });
  return answerTaken(outcome.kind, context);
}

async function nack(
  ids: readonly string[],
  context: RequestContext,
): Promise<Response> {
  const outcome = await serviceOf(context).nack(context.caller, {
    group: groupOf(context),
    ids,
    action: readAction(parameterOf(context.target.query, "action")),
  });
  return answerTaken(outcome.kind, context);
}

function answerTaken(
  kind: "accepted" | "unauthorized",
  { allowedMethods }: RequestContext,
): Response {
  return kind === "accepted"
    ? emptyResponse(202, allowedMethods)
    : problemResponse(PROBLEMS.unauthorized, allowedMethods);
}

/** A consumer that messages are pushed to (an addition to the original's). */
async function connectConsumer(
  group: GroupId,
  context: RequestContext,
): Promise<Response> {
  const { allowedMethods, caller, client, limits } = context;
  const slotsMax = limits.subscriptionSlotsMax;
  const slotCount = readWholeNumber(context, "buffer") ?? DEFAULT_SLOTS;
  if (slotCount < 1 || slotCount > slotsMax) {
    throw malformed(`Invalid buffer: a number from 1 to ${slotsMax} is needed`);
  }
  const baseUrl = baseUrlOf(context);
  const { quota, sending } = context.services;
  const outcome = await quota.keep("consumers", context, async () => {
    const outcome = await serviceOf(context).connect(caller, {
      group,
      slotCount,
      address: limitKeyOfAddress(client.remoteAddress),
    });
    if (outcome.kind !== "connected") return outcome;
    const { kind, consumer } = outcome;
    const source = new MessagePush({ group, consumer, baseUrl, limits });
    return { kind, source };
  });
  switch (outcome.kind) {
    case "connected": {
      const body = sending.endless(outcome.source);
      return liveResponse({ type: EVENT_STREAM, body }, allowedMethods);
    }
    case "tooMany":
      throw new Refusal("overloaded", outcome.reason);
    default:
      return problemResponse(readProblemOf(outcome.kind), allowedMethods);
  }
}

/**
 * Messages wanted, as the original reads it: a 32-bit number in digits, or 0.
 *
 * @param text Undefined without the segment: one message.
 */
function readCount(text: string | undefined): number {
  if (text === undefined) return 1;
  const number = /^\s*[+-]?\d{1,20}\s*$/.test(text) ? Number(text) : 0;
  const count = number === (number | 0) ? number : 0;
  if (count < 1 || count > READ_COUNT_MAX) {
    throw malformed(
      `Message count must be an integer between 1 and ${READ_COUNT_MAX} ` +
        `'count' ='${count}'`,
    );
  }
  return count;
}

/** Anything unknown is a retry, as in the original. */
function readAction(text: string | undefined): NackAction {
  switch (text?.trim().toLowerCase()) {
    case "park":
      return "park";
    case "skip":
      return "skip";
    case "stop":
      return "stop";
  }
  return "retry";
}

function renderMessages(
  page: MessagePage,
  { type, baseUrl, context }: {
    readonly type: MediaType;
    readonly baseUrl: string;
    readonly context: RequestContext;
  },
): RenderedBody {
  const feed = feedOfMessages(page, baseUrl);
  const { embed } = context.query;
  return isXml(type) ? renderFeedXml(feed, embed) : renderFeedJson(feed, embed);
}

const MESSAGES_SCHEMA: Schema = {
  name: "Messages",
  shape: {
    description: "Messages for one consumer, the last one first.",
    ...objectOf({
      title: TEXT,
      id: TEXT,
      updated: TEXT,
      headOfStream: FLAG,
      links: listOf({ type: "object" }),
      entries: listOf({ $ref: "#/components/schemas/Entry" }),
    }, ["title", "id", "updated", "links", "entries"]),
  },
};

const CONSUME = {
  tag: "Subscriptions",
  scopes: READ,
  access: "accessList",
} as const satisfies Partial<Route>;

const READ_MESSAGES = {
  ...CONSUME,
  method: "GET",
  isWrite: true,
  response: [COMPETING_XML, COMPETING_JSON, EVENT_STREAM],
  handler: readMessages,
  details: "They are in flight, and handed to nobody else, until they are " +
    "acknowledged or time out. As text/event-stream, messages are pushed for " +
    "as long as the connection is open.",
  query: {
    embed: "How much of its events the feed holds: none, content, rich, " +
      "body, pretty",
    format: "sse: messages are pushed",
    buffer: "Messages that are pushed and not acknowledged, at most",
    access_token: "Access token for being pushed to",
  },
  headers: {
    [REQUEST_HEADERS.longPoll]: "Seconds to wait for a first message",
  },
  answers: {
    200: { text: "Messages, perhaps none, the last one first" },
    400: { text: "The count is not from 1 to 100" },
    404: { text: "No such subscription" },
    503: {
      text: "The server is overloaded, has no subscriptions, or the " +
        "subscription has as many consumers as it may have",
    },
  },
  schemas: { atomJson: MESSAGES_SCHEMA },
} as const satisfies Partial<Route>;

const ANSWER = {
  ...CONSUME,
  method: "POST",
  response: JSON_OR_TEXT_XML,
  answers: {
    202: {
      text: "Taken, whether or not there is such a message",
      content: "nothing",
    },
    400: { text: "An id is no UUID" },
  },
} as const satisfies Partial<Route>;

const MESSAGE_PATH: Meanings = {
  ...GROUP_PATH,
  messageid: "Id of the message, a UUID",
};

const IDS: Meanings = { ids: "Ids of messages, with commas between them" };

const ACTION: Meanings = {
  action: "What becomes of them: Park, Retry, Skip or Stop; without it Retry",
};

/** Part of `ROUTES`. */
export const MESSAGE_ROUTES: readonly Route[] = [
  // Twice, as the original registered it.
  ...[1, 2].map((): Route => ({
    ...READ_MESSAGES,
    template: "/subscriptions/{stream}/{group}",
    path: GROUP_PATH,
    summary: "Take a message",
  })),
  {
    ...READ_MESSAGES,
    template: "/subscriptions/{stream}/{group}/{count}",
    path: { ...GROUP_PATH, count: "How many messages to take, 1 to 100" },
    summary: "Take messages",
  },
  {
    ...ANSWER,
    template: "/subscriptions/{stream}/{group}/ack/{messageid}",
    handler: ackOne,
    summary: "Acknowledge a message",
    path: MESSAGE_PATH,
  },
  {
    ...ANSWER,
    template: "/subscriptions/{stream}/{group}/nack/{messageid}",
    handler: nackOne,
    summary: "Refuse a message",
    path: MESSAGE_PATH,
    query: ACTION,
  },
  {
    ...ANSWER,
    template: "/subscriptions/{stream}/{group}/ack",
    handler: ackSeveral,
    summary: "Acknowledge messages",
    path: GROUP_PATH,
    query: IDS,
  },
  {
    ...ANSWER,
    template: "/subscriptions/{stream}/{group}/nack",
    handler: nackSeveral,
    summary: "Refuse messages",
    path: GROUP_PATH,
    query: { ...IDS, ...ACTION },
  },
];
