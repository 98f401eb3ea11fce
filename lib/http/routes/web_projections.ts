/**
 * Pages of projections, and the forms on them.
 *
 * @module
 */

import { logAudit } from "../../model/audit.ts";
import type {
  CommandOutcome,
  ProjectionConfig,
  ProjectionMode,
} from "../../projections/contract.ts";
import {
  type NewProjection,
  projectionPath,
} from "../../web/projections_page.tsx";
import {
  baseUrlOf,
  type RequestContext,
  requesterOf,
  segmentAt,
} from "../context.ts";
import { PIPELINE_REFUSALS, PROBLEMS } from "../errors.ts";
import { JAVASCRIPT } from "../negotiation.ts";
import { type FormFields, readForm, seeOther } from "../pages.ts";
import {
  projectionPageResponse,
  projectionsPageResponse,
} from "../projection_pages.ts";
import { problemResponse, redirectResponse } from "../respond.ts";
import { isKnownToClient } from "../request_headers.ts";
import { PUBLIC, type Route, UNNARROWED } from "../route.ts";
import {
  COMMANDS,
  isCommand,
  readConfigNumbers,
} from "./projection_commands.ts";
import {
  NO_PROJECTIONS,
  PROJECTION_PATH,
  projectionsForReader,
  projectionsOf,
} from "./projections.ts";
import { readEditor } from "../../web/editor_file.ts";
import { WEB_PAGE } from "./web.ts";
import { FORM_ANSWERS, WEB_FORM } from "./web_login.ts";
import { LOCATION } from "./parameters.ts";

const PROJECTION_FORM = {
  ...WEB_FORM,
  runsAt: placeOfForm,
  scopes: UNNARROWED,
  access: "administrators",
  path: PROJECTION_PATH,
  answers: {
    ...FORM_ANSWERS,
    400: { text: "The page once more, with what was wrong" },
    401: { text: "The caller lacks the right" },
    404: { text: "No such projection" },
  },
} as const satisfies Partial<Route>;

/** Part of `ROUTES`. */
export const WEB_PROJECTIONS_ROUTES: readonly Route[] = [
  {
    ...WEB_PAGE,
    template: "/web/projections",
    scopes: PUBLIC,
    access: "users",
    handler: showProjections,
    summary: "All projections, and a form that makes one",
    answers: { 200: { text: "The page" }, 404: NO_PROJECTIONS },
  },
  {
    ...WEB_PAGE,
    template: "/web/projections.htm",
    response: "any",
    handler: redirectToList,
    summary: "Redirect to the page of projections",
    answers: { 302: { text: "Where it is", headers: LOCATION } },
  },
  {
    ...WEB_PAGE,
    template: "/web/editor.js",
    response: "any",
    handler: readEditorScript,
    summary: "The editor of queries, where it was built",
    answers: {
      200: { text: "The script", content: { type: JAVASCRIPT.name } },
      304: { text: "The client has it", content: "nothing" },
      404: { text: "The program was built without it" },
    },
  },
  {
    ...WEB_FORM,
    template: "/web/projections",
    scopes: UNNARROWED,
    access: "users",
    handler: createProjectionByForm,
    summary: "Make a projection by a form",
    answers: PROJECTION_FORM.answers,
  },
  {
    ...PROJECTION_FORM,
    template: "/web/projection/{name}/command/{command}",
    path: { ...PROJECTION_PATH, command: "enable, disable, reset or abort" },
    handler: commandProjectionByForm,
    summary: "Start, stop or reset a projection by a form",
  },
  {
    ...PROJECTION_FORM,
    template: "/web/projection/{name}/query",
    handler: updateProjectionQueryByForm,
    summary: "Replace the query of a projection by a form",
  },
  {
    ...PROJECTION_FORM,
    template: "/web/projection/{name}/config",
    handler: updateProjectionConfigByForm,
    summary: "Change the thresholds of a projection by a form",
  },
  {
    ...PROJECTION_FORM,
    template: "/web/projection/{name}/delete",
    handler: deleteProjectionByForm,
    summary: "Delete a projection by a form",
  },
];

/** `GET /web/projections` */
function showProjections(context: RequestContext): Promise<Response> {
  projectionsForReader(context);
  return projectionsPageResponse(context);
}

/** `GET /web/projections.htm`: where the original had it. */
function redirectToList(context: RequestContext): Response {
  return redirectResponse({
    status: 302,
    location: baseUrlOf(context) + "/web/projections",
    text: "Moved",
    isPermanent: false,
  }, context.allowedMethods);
}

/** `GET /web/editor.js` */
async function readEditorScript(context: RequestContext): Promise<Response> {
  const { request, allowedMethods } = context;
  const editor = await readEditor();
  if (editor === undefined) {
    return problemResponse(PROBLEMS.notFound, allowedMethods);
  }
  const headers = {
    "Content-Type": "text/javascript; charset=utf-8",
    "Cache-Control": "no-cache",
    "ETag": editor.etag,
    "X-Content-Type-Options": "nosniff",
  };
  return isKnownToClient(request.headers, editor.etag)
    ? new Response(null, { status: 304, headers })
    : new Response(editor.bytes, { headers });
}

const MODES: readonly ProjectionMode[] = ["Transient", "OneTime", "Continuous"];

/** `POST /web/projections` */
async function createProjectionByForm(
  context: RequestContext,
): Promise<Response> {
  const form = await readQueryForm(context);
  const typed = newProjectionOf(form);
  const { name, mode, query, emits, tracksEmitted, hasCheckpoints } = typed;
  const projections = projectionsOf(context);
  const outcome = await projections.create(context.caller, {
    mode,
    name: name === "" ? undefined : name,
    handlerType: "JS",
    query,
    isEnabled: true,
    hasCheckpoints,
    emitEnabled: emits,
    trackEmittedStreams: tracksEmitted,
  });
  if (outcome.kind === "done") {
    audit("created", outcome.name, context);
    return seeOther(`${projectionPath(outcome.name)}?done=created`, context);
  }
  if (outcome.kind === "unauthorized") throw PIPELINE_REFUSALS.unauthenticated;
  return await projectionsPageResponse(context, {
    status: outcome.kind === "conflict" ? 409 : 400,
    form: { ...typed, problem: problemOf(outcome) },
  });
}

/** `POST /web/projection/{name}/command/{command}` */
async function commandProjectionByForm(
  context: RequestContext,
): Promise<Response> {
  await readForm(context);
  const command = segmentAt(context, 4);
  if (!isCommand(command)) throw PIPELINE_REFUSALS.notFound;
  const outcome = await projectionsOf(context).command(
    context.caller,
    nameOf(context),
    command,
  );
  return await answerForm(COMMANDS[command], outcome, context);
}

/** `POST /web/projection/{name}/query` */
async function updateProjectionQueryByForm(
  context: RequestContext,
): Promise<Response> {
  const form = await readQueryForm(context);
  const query = queryIn(form);
  const outcome = await projectionsOf(context).updateQuery(context.caller, {
    name: nameOf(context),
    query,
    handlerType: undefined,
    emitEnabled: form.isTicked("emits"),
  });
  return await answerForm("query_updated", outcome, context, query);
}

/** `POST /web/projection/{name}/config` */
async function updateProjectionConfigByForm(
  context: RequestContext,
): Promise<Response> {
  const form = await readForm(context);
  const config: Partial<ProjectionConfig> = readConfigNumbers((name) =>
    form.optional(name)
  );
  const outcome = await projectionsOf(context).updateConfig(
    context.caller,
    nameOf(context),
    config,
  );
  return await answerForm("config_updated", outcome, context);
}

/** `POST /web/projection/{name}/delete` */
async function deleteProjectionByForm(
  context: RequestContext,
): Promise<Response> {
  const form = await readForm(context);
  const name = nameOf(context);
  const outcome: CommandOutcome = form.text("confirm").trim() === name.trim()
    ? await projectionsOf(context).delete(context.caller, {
      name,
      deletesCheckpointStream: form.isTicked("checkpoints"),
      deletesStateStream: false,
      deletesEmittedStreams: form.isTicked("emitted"),
    })
    : {
      kind: "refused",
      reason: "The name that was typed is not that of the projection",
    };
  return await answerForm("deleted", outcome, context);
}

async function answerForm(
  event: string,
  outcome: CommandOutcome,
  context: RequestContext,
  typed?: string,
): Promise<Response> {
  if (outcome.kind === "done") {
    const { name } = outcome;
    audit(event, name, context);
    return event === "deleted"
      ? seeOther("/web/projections", context)
      : seeOther(`${projectionPath(name)}?done=${event}`, context);
  }
  if (outcome.kind === "unauthorized") throw PIPELINE_REFUSALS.unauthenticated;
  const projections = projectionsOf(context);
  const statistics = projections.statistics(nameOf(context));
  if (statistics === undefined) throw PIPELINE_REFUSALS.notFound;
  return await projectionPageResponse(projections, statistics, context, {
    status: 400,
    typed,
    notice: { kind: "bad", text: problemOf(outcome) },
  });
}

function problemOf(outcome: CommandOutcome): string {
  return "reason" in outcome ? outcome.reason : "It is gone";
}

async function placeOfForm(
  context: RequestContext,
): Promise<string | undefined> {
  const { projections } = context.services;
  return await projections?.ownerElsewhere(nameOf(context));
}

/** The name in `/web/projection/{name}/…`. */
function nameOf(context: RequestContext): string {
  return segmentAt(context, 2);
}

/** A form with a query in it, each unit of which may take nine bytes. */
function readQueryForm(context: RequestContext): Promise<FormFields> {
  const { requestBytesMax, projectionQueryLengthMax } = context.limits;
  return readForm(
    context,
    Math.min(requestBytesMax, projectionQueryLengthMax * 9),
  );
}

/** Forms end lines with CR LF. */
function queryIn(form: FormFields): string {
  return form.text("query").replaceAll("\r\n", "\n").toWellFormed();
}

function newProjectionOf(form: FormFields): NewProjection {
  const mode = form.text("mode");
  return {
    name: form.text("name").trim().toWellFormed(),
    mode: MODES.find((known) => known === mode) ?? "Transient",
    query: queryIn(form),
    emits: form.isTicked("emits"),
    tracksEmitted: form.isTicked("tracksEmitted"),
    hasCheckpoints: form.isTicked("hasCheckpoints"),
  };
}

function audit(event: string, name: string, context: RequestContext): void {
  logAudit(context.services.logger, {
    event: `projection.${event}`,
    requester: requesterOf(context),
    fields: { projection: name },
  });
}
