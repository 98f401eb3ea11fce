/**
 * The description of the whole interface, made once and when it is asked for.
 *
 * @module
 */

import type { RouteDescription } from "../openapi/description.ts";
import { buildOpenApi, type OpenApiDocument } from "../openapi/document.ts";
import { renderApiPage } from "../openapi/page.ts";
import { type HandlerKey, ROUTES } from "../routes.ts";
import { NODE_DESCRIPTIONS } from "./node_descriptions.ts";
import { STREAM_DESCRIPTIONS } from "./stream_descriptions.ts";
import { UPKEEP_DESCRIPTIONS } from "./upkeep_descriptions.ts";
import { USER_DESCRIPTIONS } from "./user_descriptions.ts";
import { VOCABULARY } from "./vocabulary.ts";

/** What each handler does: none is left out, or this does not compile. */
const DESCRIPTIONS: Readonly<Record<HandlerKey, RouteDescription>> = {
  ...STREAM_DESCRIPTIONS,
  ...USER_DESCRIPTIONS,
  ...NODE_DESCRIPTIONS,
  ...UPKEEP_DESCRIPTIONS,
};

/** The interface, described. */
export interface ApiDescription {
  readonly document: OpenApiDocument;
  /** As OpenAPI. */
  readonly json: string;
  /** As a page. */
  readonly html: string;
}

let made:
  | { readonly version: string; readonly api: ApiDescription }
  | undefined;

/** Describes the interface of a version of the program. */
export function describeApi(version: string): ApiDescription {
  if (made?.version !== version) made = { version, api: describe(version) };
  return made.api;
}

function describe(version: string): ApiDescription {
  const document = buildOpenApi({
    version,
    title: "Quipu",
    about: "An event store with the HTTP (AtomPub) interface of Event Store " +
      "4.0.2. Every answer may carry X-Request-Id.",
    routes: ROUTES,
    descriptions: DESCRIPTIONS,
    vocabulary: VOCABULARY,
  });
  return {
    document,
    json: JSON.stringify(document),
    html: renderApiPage(document),
  };
}
