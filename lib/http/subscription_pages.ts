/**
 * Persistent subscriptions as pages.
 *
 * @module
 */

import { LIMITS } from "../model/limits.ts";
import { type GroupInfo, parkedStreamOf } from "../subscriptions/contract.ts";
import { stillParkedOf } from "../subscriptions/parked.ts";
import { DEFAULT_SETTINGS } from "../subscriptions/settings.ts";
import {
  type ParkedFacts,
  subscriptionPage,
  type SubscriptionPageFacts,
} from "../web/subscription_page.tsx";
import {
  subscriptionsPage,
  type SubscriptionsPageFacts,
} from "../web/subscriptions_page.tsx";
import type { RequestContext } from "./context.ts";
import { markOf, pageResponse, prefixOf } from "./pages.ts";
import { parameterOf } from "./router.ts";

const EMPTY_FORM: SubscriptionsPageFacts["form"] = {
  stream: "",
  group: "",
  settings: DEFAULT_SETTINGS,
};

/** Answers with the list of subscriptions. @param streamName Of this stream. */
export function subscriptionsPageResponse(
  groups: readonly GroupInfo[],
  context: RequestContext,
  { streamName, form, status = 200 }: {
    readonly streamName?: string | undefined;
    readonly form?: SubscriptionsPageFacts["form"];
    readonly status?: number;
  } = {},
): Response {
  const page = subscriptionsPage({
    prefix: prefixOf(context),
    csrf: markOf(context),
    groups,
    streamName,
    form: form ?? { ...EMPTY_FORM, stream: streamName ?? "" },
  });
  return pageResponse(page, context, { status });
}

const DONE: Readonly<Record<string, string>> = {
  created: "The subscription is made.",
  updated: "The settings are saved.",
  replayed: "The parked messages are handed out again.",
  discarded: "What was ticked is discarded.",
};

/** Answers with the page of a subscription. */
export async function subscriptionPageResponse(
  info: GroupInfo,
  context: RequestContext,
  { status = 200, ...shown }:
    & Pick<SubscriptionPageFacts, "typed" | "notice">
    & { readonly status?: number } = {},
): Promise<Response> {
  const done = DONE[parameterOf(context.target.query, "done") ?? ""];
  const page = subscriptionPage({
    prefix: prefixOf(context),
    csrf: markOf(context),
    info,
    parked: await readParked(info, context),
    notice: done === undefined ? undefined : { kind: "good", text: done },
    ...shown,
  });
  return pageResponse(page, context, { status });
}

async function readParked(
  { group, parkedMessageCount }: GroupInfo,
  { caller, services: { streams } }: RequestContext,
): Promise<ParkedFacts> {
  const streamName = parkedStreamOf(group);
  if (parkedMessageCount === 0) {
    return { kind: "messages", streamName, events: [] };
  }
  const outcome = await streams.readFeed(caller, {
    streamName,
    range: { kind: "head", count: LIMITS.webParkedMessages },
    resolveLinks: true,
    withBodies: true,
    longPollMs: 0,
  });
  if (outcome.kind === "unauthorized") return outcome;
  const events = outcome.kind === "page"
    ? stillParkedOf(outcome.page.entries)
    : [];
  return { kind: "messages", streamName, events };
}
