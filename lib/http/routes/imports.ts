/**
 * Imports over HTTP: an addition to the original's interface, by which a store
 * is filled while its server runs.
 *
 * @module
 */

import { type Route, type Schema, UNNARROWED } from "../route.ts";
import { type RequestContext, requesterOf } from "../context.ts";
import { malformed, Refusal } from "../errors.ts";
import { JSON_ALONE } from "../negotiation.ts";
import { jsonResponse } from "../respond.ts";
import { parametersOf } from "../router.ts";
import { objectOf, WHOLE } from "./schemas.ts";

const IMPORT_SCHEMA: Schema = {
  name: "Import",
  shape: objectOf({
    lineCount: WHOLE,
    importedCount: WHOLE,
    knownCount: WHOLE,
    leftOutCount: WHOLE,
    userCount: WHOLE,
    rightsCount: WHOLE,
    settingsCount: WHOLE,
    end: WHOLE,
  }, ["lineCount", "importedCount", "knownCount"]),
};

/** Part of `ROUTES`. */
export const IMPORT_ROUTES: readonly Route[] = [
  {
    tag: "Maintenance",
    method: "POST",
    template: "/admin/import",
    request: "any",
    response: JSON_ALONE,
    scopes: UNNARROWED,
    access: "owners",
    handler: importLines,
    summary: "Write events with the numbers, ids and times that they have",
    details: "Lines as /admin/export and quipu export write them; the first " +
      "and the last line of an export may be left out. Lines that were " +
      "imported before change nothing, so a request may be repeated. A line " +
      "that does not fit is refused: another event with its number is there, " +
      "or a number is missing before it. What stands before it stays " +
      "imported. An event that is older than the last one of the store gets " +
      "the time of that.",
    query: {
      "with-system": "true: streams of the system, too: users, tokens, " +
        "settings and metadata. The sender decides on all rights",
    },
    body: "Lines of JSON",
    answers: {
      200: { text: "How much was imported, and how much was known" },
      400: { text: "A line is refused; the text names it" },
      501: { text: "The store cannot import" },
      503: { text: "The server is read-only, or imports too much already" },
    },
    schemas: { json: IMPORT_SCHEMA },
  },
];

/** `POST /admin/import`: see `Uploads`. */
async function importLines(context: RequestContext): Promise<Response> {
  const { services, request, target } = context;
  const { uploads } = services.maintenance;
  if (!uploads.isPossible) {
    throw new Refusal(
      "unsupportedByStore",
      "Not Implemented: the store of this server cannot import",
    );
  }
  const withSystem = withSystemOf(target.query);
  const giveUp = services.quota.take("imports", context);
  try {
    const bytes = await services.receiving.readBytes(request);
    const report = await uploads.importLines(bytes, {
      withSystem,
      requester: requesterOf(context),
      signal: request.signal,
    });
    return jsonResponse(report, context, { cacheControl: "no-store" });
  } finally {
    giveUp();
  }
}

function withSystemOf(query: string): boolean {
  const parameters = parametersOf(query);
  for (const name of parameters.keys()) {
    if (name !== "with-system") {
      throw malformed("Wanted no parameters but with-system");
    }
  }
  const value = parameters.get("with-system") ?? "false";
  if (value === "true" || value === "false") return value === "true";
  throw malformed("with-system must be true or false");
}
