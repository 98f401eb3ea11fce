/**
 * The documents as pages, with a search.
 *
 * @module
 */

import { documentPath } from "../../web/docs/document.tsx";
import {
  findDocument,
  searchDocuments,
  START,
} from "../../web/docs/library.ts";
import { docsPage, docsSearchPage } from "../../web/docs_page.tsx";
import { type RequestContext, segmentAt } from "../context.ts";
import { PROBLEMS } from "../errors.ts";
import { pageResponse, prefixOf, seeOther } from "../pages.ts";
import { problemResponse } from "../respond.ts";
import { parameterOf } from "../router.ts";
import type { Route } from "../route.ts";
import { unslashed } from "./redirects.ts";
import { WEB_PAGE } from "./web.ts";

/** Part of `ROUTES`. */
export const WEB_DOCS_ROUTES: readonly Route[] = [
  {
    ...WEB_PAGE,
    template: "/docs",
    handler: showDocuments,
    summary: "The documents: their start, or where in them some words are",
    query: { q: "Words to search for" },
    answers: { 200: { text: "The page" } },
  },
  unslashed({ ...WEB_PAGE, template: "/docs/" }),
  {
    ...WEB_PAGE,
    template: "/docs/{document}",
    handler: showDocument,
    summary: "A document",
    path: { document: "Its name" },
    answers: {
      200: { text: "The page" },
      303: { text: "Its address without the ending .md" },
      404: { text: "No such document" },
    },
  },
];

/** `GET /docs` and `GET /docs?q=…` */
function showDocuments(context: RequestContext): Response {
  const query = parameterOf(context.target.query, "q")?.trim() ?? "";
  if (query === "") return answerDocument(START, context);
  const page = docsSearchPage({
    prefix: prefixOf(context),
    query,
    places: searchDocuments(query),
  });
  return pageResponse(page, context);
}

/** `GET /docs/{document}` */
function showDocument(context: RequestContext): Response {
  const name = segmentAt(context, 1);
  const [, file] = /^(.+)\.md$/.exec(name) ?? [];
  return file !== undefined && findDocument(file) !== undefined
    ? seeOther(documentPath(file, ""), context)
    : answerDocument(name, context);
}

function answerDocument(name: string, context: RequestContext): Response {
  const document = findDocument(name);
  if (document === undefined) {
    return problemResponse(PROBLEMS.notFound, context.allowedMethods);
  }
  const prefix = prefixOf(context);
  return pageResponse(docsPage({ prefix, name, document }), context);
}
