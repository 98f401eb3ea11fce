/**
 * Projections as pages.
 *
 * @module
 */

import type {
  ProjectionService,
  ProjectionStatistics,
} from "../projections/contract.ts";
import {
  projectionPage,
  type ProjectionPageFacts,
} from "../web/projection_page.tsx";
import {
  EMPTY_PROJECTION,
  type NewProjection,
  projectionsPage,
} from "../web/projections_page.tsx";
import { readEditor } from "../web/editor_file.ts";
import type { RequestContext } from "./context.ts";
import { markOf, pageResponse, prefixOf } from "./pages.ts";
import { listedProjectionOf } from "./projection_documents.ts";
import { readProjectionList } from "./projection_lists.ts";
import { parametersOf } from "./router.ts";

/** Answers with the list of projections. */
export async function projectionsPageResponse(
  context: RequestContext,
  { form = EMPTY_PROJECTION, status = 200 }: {
    readonly form?: NewProjection;
    readonly status?: number;
  } = {},
): Promise<Response> {
  const page = projectionsPage({
    prefix: prefixOf(context),
    csrf: markOf(context),
    projections: (await readProjectionList(context, {
      filter: "any",
      path: "/projections/any",
    })).map(listedProjectionOf),
    form,
    editor: await editorAddress(context),
  });
  return pageResponse(page, context, { status });
}

/** Address of the editor's script; it changes with what the script is. */
export async function editorAddress(
  context: RequestContext,
): Promise<string | undefined> {
  const editor = await readEditor();
  return editor &&
    `${prefixOf(context)}/web/editor.js?v=${editor.etag.slice(1, -1)}`;
}

/** What came of a form, by the word in the address that it led to. */
const DONE: ReadonlyMap<string, string> = new Map([
  ["created", "The projection is made."],
  ["enabled", "The projection is enabled."],
  ["disabled", "The projection is disabled."],
  ["reset", "The projection begins again."],
  ["aborted", "The projection is aborted."],
  ["query_updated", "The query is saved."],
  ["config_updated", "The settings are saved."],
]);

/** Answers with the page of a projection. */
export async function projectionPageResponse(
  projections: ProjectionService,
  statistics: ProjectionStatistics,
  context: RequestContext,
  { status = 200, ...shown }:
    & Pick<ProjectionPageFacts, "notice" | "typed">
    & { readonly status?: number } = {},
): Promise<Response> {
  const { caller, target } = context;
  const { name } = statistics;
  const parameters = parametersOf(target.query);
  const partition = parameters.get("partition") ?? "";
  const done = DONE.get(parameters.get("done") ?? "");
  const page = projectionPage({
    prefix: prefixOf(context),
    csrf: markOf(context),
    statistics,
    partition,
    state: await projections.state(caller, name, partition),
    result: await projections.result(caller, name, partition),
    query: projections.query(caller, name),
    config: projections.config(caller, name),
    log: await projections.log(caller, name),
    editor: await editorAddress(context),
    notice: done === undefined ? undefined : { kind: "good", text: done },
    ...shown,
  });
  return pageResponse(page, context, { status });
}
