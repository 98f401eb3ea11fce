/**
 * Addresses with a slash too many: they lead to the one without it
 * (spec: http-api §2.10).
 *
 * @module
 */

import { encodePathSegment } from "../../text/path_segment.ts";
import { baseUrlOf, type RequestContext } from "../context.ts";
import { redirectResponse } from "../respond.ts";
import { escapeForUri } from "../router.ts";
import type { Route } from "../route.ts";
import { CACHEABLE, LOCATION } from "./parameters.ts";

/** The row of an address that ends in a slash, from the row of the other. */
export function unslashed(
  { method, template, request, response, scopes, path }: Pick<
    Route,
    "method" | "template" | "request" | "response" | "scopes" | "path"
  >,
): Route {
  return {
    method,
    template,
    ...(request !== undefined && { request }),
    response,
    scopes,
    access: "everybody",
    handler: redirectToUnslashed,
    tag: "Redirects",
    summary: "Redirect to the address without the trailing slash",
    ...(path !== undefined && { path }),
    body: "The body that the other address takes",
    answers: {
      307: {
        text: "Where to repeat the request",
        headers: { ...LOCATION, ...CACHEABLE },
      },
    },
  };
}

/** Sends the client to the address without the slash at its end. */
export function redirectToUnslashed(context: RequestContext): Response {
  const { target, allowedMethods } = context;
  const path = escapeForUri(displayForm(target.path)).replace(
    /(?:\/|%2f)$/i,
    "",
  );
  const query = target.query === "" ? "" : "?" + escapeForUri(target.query);
  return redirectResponse({
    status: 307,
    location: baseUrlOf(context) + path + query,
    text: "Moved Permanently",
    isPermanent: true,
  }, allowedMethods);
}

/**
 * The path with the escapes decoded that a path doesn't need. Segments of dots
 * alone stay names: clients take them for steps.
 */
function displayForm(path: string): string {
  const decoded = path.replace(/%[0-9a-f]{2}/gi, (escape) => {
    const character = String.fromCharCode(parseInt(escape.slice(1), 16));
    return /[A-Za-z0-9._~!$&'()*+,;=:@-]/.test(character) ? character : escape;
  });
  return decoded.replace(
    /(?<=\/)\.{1,2}(?=\/|$)/g,
    (dots) => encodePathSegment(dots),
  );
}
