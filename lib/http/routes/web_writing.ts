/**
 * Writing by forms: appending an event, changing metadata, deleting.
 *
 * @module
 */

import { type AppendFields, appendPage } from "../../web/append_page.tsx";
import { deletePage } from "../../web/delete_page.tsx";
import { NUMBER_FIELDS, RIGHT_FIELDS } from "../../web/metadata_page.tsx";
import { QuipuError } from "../../model/errors.ts";
import type { ProposedEvent } from "../../model/event.ts";
import type { ExpectedVersion } from "../../model/expected_version.ts";
import { METADATA_EVENT_TYPE } from "../../model/stream_metadata.ts";
import { isMetastream, metastreamOf } from "../../model/stream_names.ts";
import { runSteps } from "../../text/steps.ts";
import { streamPath } from "../../web/streams_page.tsx";
import { decodeEventsTextInSteps, logRights } from "../appending.ts";
import type { RequestContext } from "../context.ts";
import {
  errorProblemOf,
  malformed,
  PROBLEMS,
  Refusal,
  refusalProblemOf,
} from "../errors.ts";
import { metadataPageResponse } from "../event_pages.ts";
import {
  type FormFields,
  markOf,
  pageResponse,
  prefixOf,
  readForm,
  seeOther,
} from "../pages.ts";
import { problemResponse } from "../respond.ts";
import { parameterOf } from "../router.ts";
import { APPEND, type Route, UNNARROWED } from "../route.ts";
import { WEB_PAGE } from "./web.ts";
import { FORM_ANSWERS, WEB_FORM } from "./web_login.ts";

const WRITING_ANSWERS = {
  ...FORM_ANSWERS,
  400: { text: "The form once more, with what is wrong" },
} as const;

const OF_STREAM = { stream: "Name of the stream" } as const;

/** Part of `ROUTES`. */
export const WEB_WRITING_ROUTES: readonly Route[] = [
  {
    ...WEB_PAGE,
    template: "/web/append",
    handler: showAppend,
    summary: "The form to append an event with",
    query: OF_STREAM,
    answers: { 200: { text: "The page" } },
  },
  {
    ...WEB_FORM,
    template: "/web/append",
    scopes: APPEND,
    access: "accessList",
    handler: appendByForm,
    summary: "Append an event by a form",
    answers: WRITING_ANSWERS,
  },
  {
    ...WEB_FORM,
    template: "/web/metadata",
    scopes: UNNARROWED,
    access: "accessList",
    handler: writeMetadataByForm,
    summary: "Change a stream's metadata by a form",
    answers: WRITING_ANSWERS,
  },
  {
    ...WEB_PAGE,
    template: "/web/delete",
    handler: showDelete,
    summary: "The form to delete a stream with",
    query: OF_STREAM,
    answers: {
      200: { text: "The page" },
      303: { text: "No stream is named: to the list of streams" },
    },
  },
  {
    ...WEB_FORM,
    template: "/web/delete",
    scopes: UNNARROWED,
    access: "accessList",
    handler: deleteByForm,
    summary: "Delete a stream by a form",
    answers: WRITING_ANSWERS,
  },
];

/** How a form ended: where to go on, or why it is shown again. */
type FormEnd =
  | { readonly goOn: string }
  | { readonly problem: string }
  | "unauthorized";

/** Does what a form asks for; what is refused is told beside the form. */
async function attempt(act: () => Promise<FormEnd>): Promise<FormEnd> {
  try {
    return await act();
  } catch (error) {
    if (error instanceof Refusal) {
      return { problem: refusalProblemOf(error).text };
    }
    if (error instanceof QuipuError) {
      return { problem: errorProblemOf(error).text };
    }
    throw error;
  }
}

function answerForm(
  end: FormEnd,
  context: RequestContext,
  again: (problem: string) => Response | Promise<Response>,
): Response | Promise<Response> {
  if (end === "unauthorized") {
    return problemResponse(PROBLEMS.unauthorized, context.allowedMethods);
  }
  return "goOn" in end ? seeOther(end.goOn, context) : again(end.problem);
}

function streamOfQuery({ target }: RequestContext): string {
  return (parameterOf(target.query, "stream") ?? "").toWellFormed();
}

/** `GET /web/append?stream=…` */
function showAppend(context: RequestContext): Response {
  return appendPageResponse({
    stream: streamOfQuery(context),
    eventType: "",
    eventId: context.services.newId(),
    data: "{\n  \n}",
    metadata: "",
    expected: "any",
    version: "",
  }, context);
}

function appendPageResponse(
  fields: AppendFields,
  context: RequestContext,
  problem?: string,
): Response {
  const prefix = prefixOf(context);
  const page = appendPage({ prefix, csrf: markOf(context), fields, problem });
  const status = problem === undefined ? 200 : 400;
  return pageResponse(page, context, { status });
}

/** `POST /web/append` */
async function appendByForm(context: RequestContext): Promise<Response> {
  const { caller, services, limits } = context;
  const form = await readForm(context, limits.requestBytesMax);
  const fields: AppendFields = {
    stream: form.text("stream").trim().toWellFormed(),
    eventType: form.text("type").trim(),
    eventId: form.text("id").trim(),
    data: form.text("data"),
    metadata: form.text("metadata"),
    expected: form.text("expected"),
    version: form.text("version").trim(),
  };
  const { stream: streamName } = fields;
  const end = await attempt(async () => {
    if (streamName === "") throw malformed("Name a stream");
    const outcome = await services.streams.append(caller, {
      streamName,
      expectedVersion: expectedOf(fields),
      events: eventsOf(fields, context),
    });
    switch (outcome.kind) {
      case "written":
        logRights(streamName, outcome.rights, context);
        return {
          goOn: `${streamPath(streamName)}/${outcome.firstEventNumber}`,
        };
      case "conflict":
        return {
          problem: outcome.head < 0
            ? "The stream is not as expected: it does not exist"
            : "The stream is not as expected: its last event is number " +
              outcome.head,
        };
      case "deleted":
        return { problem: "The stream is deleted for ever" };
      case "unauthorized":
        return "unauthorized";
    }
  });
  return await answerForm(
    end,
    context,
    (problem) => appendPageResponse(fields, context, problem),
  );
}

function expectedOf({ expected, version }: AppendFields): ExpectedVersion {
  switch (expected) {
    case "any":
    case "noStream":
    case "streamExists":
      return expected;
  }
  if (/^\d{1,15}$/.test(version)) return Number(version);
  throw malformed("Say which event number you expect as the last one");
}

/** The event, by the same rules as an append by a program. */
function eventsOf(
  { eventId, eventType, data, metadata }: AppendFields,
  { limits }: RequestContext,
): ProposedEvent[] {
  const members = [
    `"eventId":${JSON.stringify(eventId)}`,
    `"eventType":${JSON.stringify(eventType)}`,
    ...jsonMember("data", data),
    ...jsonMember("metadata", metadata),
  ];
  const text = `[{${members.join(",")}}]`;
  return runSteps(decodeEventsTextInSteps(text, limits));
}

/** A member whose value was typed; none where nothing was. */
function jsonMember(name: string, text: string): string[] {
  if (text.trim() === "") return [];
  try {
    JSON.parse(text);
  } catch {
    throw malformed(`The ${name} is no JSON`);
  }
  return [`"${name}":${text}`];
}

/** `POST /web/metadata` */
async function writeMetadataByForm(context: RequestContext): Promise<Response> {
  const { caller, services, limits } = context;
  const form = await readForm(context, limits.requestBytesMax);
  const streamName = form.text("stream").toWellFormed();
  const version = Number(form.text("version"));
  const end = await attempt(async () => {
    if (streamName === "" || isMetastream(streamName)) {
      throw malformed("A metastream has no metadata");
    }
    const document = metadataOf(form);
    const event = {
      eventId: services.newId(),
      eventType: METADATA_EVENT_TYPE,
      isJson: true,
      data: document,
      metadata: "",
    };
    const outcome = await services.streams.appendMetadata(caller, {
      streamName,
      expectedVersion: version >= 0 ? version : "noStream",
      events: [event],
    });
    switch (outcome.kind) {
      case "written":
        logRights(metastreamOf(streamName), outcome.rights, context);
        return { goOn: `${streamPath(streamName)}/metadata?done=saved` };
      case "conflict":
        return {
          problem: "Somebody else changed it meanwhile: this is what it is now",
        };
      case "deleted":
        return { problem: "The stream is deleted for ever" };
      case "unauthorized":
        return "unauthorized";
    }
  });
  return await answerForm(
    end,
    context,
    (problem) => metadataPageResponse(streamName, context, { problem }),
  );
}

/** The document that a form makes, its members as they were typed. */
function metadataOf(form: FormFields): string {
  const members: string[] = [];
  for (const [name, , label] of NUMBER_FIELDS) {
    const text = form.text(name).trim();
    if (text === "") continue;
    if (!/^\d{1,19}$/.test(text)) throw malformed(`${label}: a whole number`);
    members.push(`"${name}": ${BigInt(text)}`);
  }
  const rights = RIGHT_FIELDS.flatMap(([name]) => {
    const roles = form.text(name).split(",").map((role) => role.trim())
      .filter((role) => role !== "");
    return roles.length === 0 ? [] : [`"${name}": ${JSON.stringify(roles)}`];
  });
  if (rights.length > 0) members.push(`"$acl": {${rights.join(", ")}}`);
  const further = form.text("further").trim();
  if (further !== "") members.push(...furtherMembersOf(further));
  return `{${members.join(", ")}}`;
}

function furtherMembersOf(text: string): string[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw malformed("Further members: this is no JSON");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw malformed("Further members: this is no JSON object");
  }
  return Object.keys(value).length === 0
    ? []
    // As they were typed, between the braces.
    : [text.slice(text.indexOf("{") + 1, text.lastIndexOf("}"))];
}

/** `GET /web/delete?stream=…` */
function showDelete(context: RequestContext): Response {
  const streamName = streamOfQuery(context);
  if (streamName === "") return seeOther("/web/streams", context);
  return deletePageResponse(streamName, context);
}

function deletePageResponse(
  streamName: string,
  context: RequestContext,
  problem?: string,
): Response {
  const facts = { prefix: prefixOf(context), csrf: markOf(context) };
  return pageResponse(
    deletePage({ ...facts, streamName, problem }),
    context,
    { status: problem === undefined ? 200 : 400 },
  );
}

/** `POST /web/delete` */
async function deleteByForm(context: RequestContext): Promise<Response> {
  const { caller, services } = context;
  const form = await readForm(context);
  const streamName = form.text("stream").toWellFormed();
  const end = await attempt(async () => {
    if (streamName === "" || form.text("confirm") !== streamName) {
      return { problem: "Nothing was deleted: the name is another one" };
    }
    const outcome = await services.streams.deleteStream(caller, {
      streamName,
      expectedVersion: "any",
      isHard: form.text("mode") === "hard",
    });
    switch (outcome.kind) {
      case "done":
        logRights(streamName, outcome.rights, context);
        return { goOn: "/web/streams?by=recent" };
      case "conflict":
        return { problem: "There is no such stream" };
      case "deleted":
        return { problem: "The stream is deleted for ever already" };
      case "unauthorized":
        return "unauthorized";
    }
  });
  return await answerForm(
    end,
    context,
    (problem) => deletePageResponse(streamName, context, problem),
  );
}
