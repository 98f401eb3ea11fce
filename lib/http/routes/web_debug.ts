/**
 * The page that steps a query over real events.
 *
 * @module
 */

import type {
  DebugRequest,
  DebugView,
  StateView,
} from "../../projections/contract.ts";
import {
  DEBUG_PATH,
  debugPage,
  type DebugPageFacts,
} from "../../web/debug_page.tsx";
import { EMPTY_PROJECTION } from "../../web/projections_page.tsx";
import type { RequestContext } from "../context.ts";
import { PIPELINE_REFUSALS, Refusal } from "../errors.ts";
import {
  type FormFields,
  markOf,
  pageResponse,
  prefixOf,
  readForm,
} from "../pages.ts";
import { positionText } from "../projection_documents.ts";
import { editorAddress } from "../projection_pages.ts";
import { READ, type Route } from "../route.ts";
import { parametersOf } from "../router.ts";
import { readPosition, readStates } from "./projection_source.ts";
import {
  NO_PROJECTIONS,
  projectionsForReader,
  projectionsOf,
} from "./projections.ts";
import { WEB_PAGE } from "./web.ts";
import { WEB_FORM } from "./web_login.ts";

/** Part of `ROUTES`. */
export const WEB_DEBUG_ROUTES: readonly Route[] = [
  {
    ...WEB_PAGE,
    template: DEBUG_PATH,
    scopes: READ,
    access: "users",
    handler: showDebugger,
    summary: "A form that steps a query over real events",
    query: { name: "A projection whose query it begins with" },
    answers: { 200: { text: "The page" }, 404: NO_PROJECTIONS },
  },
  {
    ...WEB_FORM,
    template: DEBUG_PATH,
    scopes: READ,
    access: "users",
    handler: debugByForm,
    summary: "Step a query over real events by a form",
    answers: {
      200: { text: "The page, with what each event did" },
      400: { text: "The page, with what is wrong" },
      404: NO_PROJECTIONS,
    },
  },
];

const COUNT_DEFAULT = 10;
/** States of a query that are sent back to be gone on with. */
const STATES_LENGTH_MAX = 1024 * 1024;

/** `GET /web/projections/debug?name=` */
async function showDebugger(context: RequestContext): Promise<Response> {
  const name = parametersOf(context.target.query).get("name") ?? "";
  const found = projectionsForReader(context).query(context.caller, name);
  return await answer({
    query: found.kind === "found" ? found.view.query : EMPTY_PROJECTION.query,
    count: COUNT_DEFAULT,
    view: undefined,
    next: undefined,
  }, context);
}

/** `POST /web/projections/debug` */
async function debugByForm(context: RequestContext): Promise<Response> {
  const { requestBytesMax } = context.limits;
  const form = await readForm(context, requestBytesMax);
  const query = form.text("query").replaceAll("\r\n", "\n").toWellFormed();
  const count = Number(form.optional("count") ?? COUNT_DEFAULT);
  const typed = { query, count, view: undefined, next: undefined };
  try {
    const request = readRequest(form, query, count);
    const outcome = await projectionsOf(context).debug(context.caller, request);
    if (outcome.kind === "unauthorized") {
      throw PIPELINE_REFUSALS.unauthenticated;
    }
    if (outcome.kind === "refused") {
      return await answer({ ...typed, problem: outcome.reason }, context, 400);
    }
    const { view } = outcome;
    return await answer(
      { ...typed, view, next: nextOf(request, view) },
      context,
    );
  } catch (error) {
    if (!(error instanceof Refusal) || error.code !== "malformed") throw error;
    return await answer({ ...typed, problem: error.message }, context, 400);
  }
}

function readRequest(
  form: FormFields,
  query: string,
  count: number,
): DebugRequest {
  const goesOn = form.text("from") === "next";
  const sharedState = form.optional("sharedState");
  return {
    query,
    maxEvents: [1, 10, 100].includes(count) ? count : COUNT_DEFAULT,
    position: goesOn ? readPosition(parsed(form.text("position"))) : {},
    states: goesOn
      ? readStates(parsed(form.text("states")))
      : new Map<string, StateView["text"]>(),
    sharedState: goesOn ? sharedState : undefined,
  };
}

/** Undefined for a text that is no JSON. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What the next events begin with; undefined: it cannot go on. */
function nextOf(
  request: DebugRequest,
  { definition, position, fault, steps }: DebugView,
): DebugPageFacts["next"] {
  if (definition === undefined || fault !== undefined) return undefined;
  const states = new Map(request.states);
  let { sharedState } = request;
  for (const step of steps) {
    if (step.partition !== null && step.state !== undefined) {
      states.set(step.partition, step.state);
    }
    sharedState = step.sharedState ?? sharedState;
  }
  const members = [...states].map(([name, state]) =>
    `${JSON.stringify(name)}:${state}`
  );
  const text = `{${members.join(",")}}`;
  return text.length > STATES_LENGTH_MAX ? undefined : {
    position: positionText(position),
    states: text,
    sharedState: sharedState ?? "",
  };
}

async function answer(
  facts: Omit<DebugPageFacts, "prefix" | "csrf" | "editor">,
  context: RequestContext,
  status = 200,
): Promise<Response> {
  const page = debugPage({
    ...facts,
    prefix: prefixOf(context),
    csrf: markOf(context),
    editor: await editorAddress(context),
  });
  return pageResponse(page, context, { status });
}
