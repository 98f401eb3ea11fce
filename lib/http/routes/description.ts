/**
 * The interface's own description: as OpenAPI, and as a page to read.
 *
 * @module
 */

import { PUBLIC, type Route } from "../route.ts";
import type { RequestContext } from "../context.ts";
import {
  APPLICATION_JSON,
  JSON_ALONE,
  type MediaType,
  TEXT_HTML,
} from "../negotiation.ts";
import { apiPage } from "../../web/api_page.tsx";
import { pageResponse, prefixOf } from "../pages.ts";
import {
  apiPageFacts,
  buildOpenApi,
  type OpenApiDocument,
} from "../openapi.ts";
import { documentResponse } from "../respond.ts";
import { CACHEABLE } from "./parameters.ts";

/**
 * Part of `ROUTES`.
 *
 * @param routes All of them, these included.
 */
export function describingRoutes(routes: () => readonly Route[]): Route[] {
  // Made when it is asked for, and kept.
  let made: OpenApiDocument | undefined;

  function describe({ services }: RequestContext): OpenApiDocument {
    const { version } = services.node;
    if (made?.info.version !== version) made = buildOpenApi(routes(), version);
    return made;
  }

  function readOpenApi(context: RequestContext): Response {
    const document = JSON.stringify(describe(context));
    return answer(APPLICATION_JSON, document, context);
  }

  function showApi(context: RequestContext): Response {
    const facts = apiPageFacts(describe(context));
    return pageResponse(
      apiPage({ prefix: prefixOf(context), ...facts }),
      context,
    );
  }

  const reading = {
    method: "GET",
    tag: "The node",
    scopes: PUBLIC,
    access: "everybody",
  } as const;
  return [
    {
      ...reading,
      template: "/openapi.json",
      response: JSON_ALONE,
      handler: readOpenApi,
      summary: "This interface as OpenAPI",
      answers: { 200: { text: "The document", headers: CACHEABLE } },
    },
    {
      ...reading,
      template: "/docs/api",
      response: [TEXT_HTML],
      handler: showApi,
      summary: "This interface as an HTML page",
      answers: { 200: { text: "The page", headers: CACHEABLE } },
    },
  ];
}

function answer(
  type: MediaType,
  body: string,
  { allowedMethods }: RequestContext,
): Response {
  return documentResponse({
    status: 200,
    type,
    body,
    cacheControl: "max-age=60, public",
  }, allowedMethods);
}
