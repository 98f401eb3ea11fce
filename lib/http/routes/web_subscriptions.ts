/**
 * Pages of persistent subscriptions, and the forms on them.
 *
 * @module
 */

import { logAudit } from "../../model/audit.ts";
import type { GroupId } from "../../model/subscription_group.ts";
import type { CommandOutcome } from "../../subscriptions/contract.ts";
import {
  decodeSettings,
  DEFAULT_SETTINGS,
  type RequestedSettings,
} from "../../subscriptions/settings.ts";
import { parseEventId } from "../../text/uuid.ts";
import { groupPath } from "../../web/subscriptions_page.tsx";
import { type RequestContext, requesterOf, segmentAt } from "../context.ts";
import { PIPELINE_REFUSALS } from "../errors.ts";
import { type FormFields, readForm, seeOther } from "../pages.ts";
import { type Route, UNNARROWED } from "../route.ts";
import {
  AUDIT_EVENTS,
  GROUP_PATH,
  serviceOf,
  STATUS,
} from "./subscriptions.ts";
import type { SubscriptionCommand } from "../subscription_documents.ts";
import {
  subscriptionPageResponse,
  subscriptionsPageResponse,
} from "../subscription_pages.ts";
import { FORM_ANSWERS, WEB_FORM } from "./web_login.ts";

const GROUP_FORM = {
  ...WEB_FORM,
  scopes: UNNARROWED,
  access: "settings",
  path: GROUP_PATH,
  answers: {
    ...FORM_ANSWERS,
    401: { text: "The caller may not write $settings" },
    404: { text: "No such subscription" },
  },
} as const satisfies Partial<Route>;

/** Part of `ROUTES`. */
export const WEB_SUBSCRIPTIONS_ROUTES: readonly Route[] = [
  {
    ...WEB_FORM,
    template: "/web/subscriptions",
    scopes: UNNARROWED,
    access: "settings",
    handler: createSubscriptionByForm,
    summary: "Make a persistent subscription by a form",
    answers: FORM_ANSWERS,
  },
  {
    ...GROUP_FORM,
    template: "/web/subscriptions/{stream}/{group}/settings",
    handler: updateSubscriptionByForm,
    summary: "Replace the settings of a persistent subscription by a form",
  },
  {
    ...GROUP_FORM,
    template: "/web/subscriptions/{stream}/{group}/replay",
    handler: replayParkedByForm,
    summary: "Deliver parked messages again by a form",
  },
  {
    ...GROUP_FORM,
    template: "/web/subscriptions/{stream}/{group}/discard",
    handler: discardParkedByForm,
    summary: "Discard parked messages by a form",
  },
  {
    ...GROUP_FORM,
    template: "/web/subscriptions/{stream}/{group}/delete",
    handler: deleteSubscriptionByForm,
    summary: "Delete a persistent subscription by a form",
  },
];

/** `POST /web/subscriptions` */
async function createSubscriptionByForm(
  context: RequestContext,
): Promise<Response> {
  const form = await readForm(context);
  const group = {
    streamName: form.text("stream").trim().toWellFormed(),
    groupName: form.text("group").trim().toWellFormed(),
  };
  const decoded = settingsOf(form);
  const service = serviceOf(context);
  const isNamed = group.streamName !== "" && group.groupName !== "";
  const outcome = decoded.problem === undefined && isNamed
    ? await service.create(context.caller, {
      group,
      settings: decoded.settings,
    })
    : failure(decoded.problem ?? "Name a stream and a group");
  if (outcome.result === "Success") {
    audit("create", group, context);
    return seeOther(`${groupPath(group)}?done=created`, context);
  }
  return subscriptionsPageResponse(await service.list(), context, {
    status: STATUS[outcome.result],
    form: {
      stream: group.streamName,
      group: group.groupName,
      settings: decoded.settings,
      problem: problemOf(outcome),
    },
  });
}

/** `POST /web/subscriptions/{stream}/{group}/settings` */
async function updateSubscriptionByForm(
  context: RequestContext,
): Promise<Response> {
  const decoded = settingsOf(await readForm(context));
  const group = groupOf(context);
  const outcome = decoded.problem === undefined
    ? await serviceOf(context).update(context.caller, {
      group,
      settings: decoded.settings,
    })
    : failure(decoded.problem);
  return await answerForm("update", outcome, context, decoded.settings);
}

/** `POST /web/subscriptions/{stream}/{group}/replay` */
async function replayParkedByForm(context: RequestContext): Promise<Response> {
  await readForm(context);
  const outcome = await serviceOf(context).replayParked(context.caller, {
    group: groupOf(context),
    stopAt: undefined,
  });
  return await answerForm("replayParked", outcome, context);
}

/** `POST /web/subscriptions/{stream}/{group}/discard` */
async function discardParkedByForm(context: RequestContext): Promise<Response> {
  const form = await readForm(context);
  const ids = form.all("id").map(parseEventId).filter((id) => id !== undefined);
  const outcome = ids.length === 0
    ? failure("Tick the messages to discard")
    : await serviceOf(context).discardParked(context.caller, {
      group: groupOf(context),
      ids,
    });
  return await answerForm("discardParked", outcome, context);
}

/** `POST /web/subscriptions/{stream}/{group}/delete` */
async function deleteSubscriptionByForm(
  context: RequestContext,
): Promise<Response> {
  const form = await readForm(context);
  const group = groupOf(context);
  const outcome = form.text("confirm").trim() === group.groupName.trim()
    ? await serviceOf(context).delete(context.caller, group)
    : failure("The name that was typed is not that of the group");
  return await answerForm("delete", outcome, context);
}

const WORDS: Readonly<Record<SubscriptionCommand, string>> = {
  create: "created",
  update: "updated",
  delete: "deleted",
  replayParked: "replayed",
  discardParked: "discarded",
};

async function answerForm(
  command: SubscriptionCommand,
  outcome: CommandOutcome,
  context: RequestContext,
  typed?: RequestedSettings,
): Promise<Response> {
  const group = groupOf(context);
  if (outcome.result === "Success") {
    audit(command, group, context);
    return command === "delete"
      ? seeOther("/subscriptions", context)
      : seeOther(`${groupPath(group)}?done=${WORDS[command]}`, context);
  }
  const info = await serviceOf(context).info(group);
  if (info === undefined) throw PIPELINE_REFUSALS.notFound;
  return await subscriptionPageResponse(info, context, {
    status: STATUS[outcome.result],
    typed,
    notice: { kind: "bad", text: problemOf(outcome) },
  });
}

function problemOf({ result, reason }: CommandOutcome): string {
  return result === "AccessDenied"
    ? "Log in as an administrator: it takes the right to write $settings"
    : reason;
}

function failure(reason: string): CommandOutcome {
  return { result: "Fail", reason };
}

function settingsOf(form: FormFields): {
  readonly settings: RequestedSettings;
  readonly problem?: string;
} {
  const decoded = decodeSettings((name) => form.optional(name));
  return decoded.kind === "settings"
    ? decoded
    : { settings: DEFAULT_SETTINGS, problem: decoded.reason };
}

/** The group in `/web/subscriptions/{stream}/{group}/…`. */
function groupOf(context: RequestContext): GroupId {
  return {
    streamName: segmentAt(context, 2),
    groupName: segmentAt(context, 3),
  };
}

function audit(
  command: SubscriptionCommand,
  { streamName, groupName }: GroupId,
  context: RequestContext,
): void {
  logAudit(context.services.logger, {
    event: AUDIT_EVENTS[command],
    requester: requesterOf(context),
    fields: { stream: streamName, group: groupName },
  });
}
