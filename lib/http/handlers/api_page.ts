/**
 * What the interface says of itself: as OpenAPI, and as a page to read.
 *
 * @module
 */

import type { HandlerServices, RequestContext } from "../context.ts";
import { describeApi } from "../descriptions/api_description.ts";
import { APPLICATION_JSON, TEXT_HTML } from "../media_types.ts";
import { documentResponse } from "../responses.ts";

const CACHE_CONTROL = "max-age=60, public";

/** `GET /openapi.json` */
export function readOpenApi(
  { allowedMethods }: RequestContext,
  { node }: HandlerServices,
): Response {
  return documentResponse({
    status: 200,
    type: APPLICATION_JSON,
    body: describeApi(node.version).json,
    cacheControl: CACHE_CONTROL,
  }, allowedMethods);
}

/** `GET /docs` */
export function showApi(
  { allowedMethods }: RequestContext,
  { node }: HandlerServices,
): Response {
  return documentResponse({
    status: 200,
    type: TEXT_HTML,
    body: describeApi(node.version).html,
    cacheControl: CACHE_CONTROL,
  }, allowedMethods);
}
