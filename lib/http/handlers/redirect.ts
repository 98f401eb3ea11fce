/**
 * Redirects: URIs with a slash too many (spec: http-api §2.10), and the web
 * page.
 *
 * @module
 */

import type { HandlerServices, RequestContext } from "../context.ts";
import { redirectResponse } from "../responses.ts";
import { escapeForUri } from "../router.ts";
import { encodePathSegment } from "../../text/path_segment.ts";

/** Every route that ends in a slash: to the URI without it. */
export function redirectToUnslashed(
  context: RequestContext,
  services: HandlerServices,
): Response {
  const { request, info, target, allowedMethods } = context;
  const path = escapeForUri(displayForm(target.path)).replace(
    /(?:\/|%2f)$/i,
    "",
  );
  const query = target.query === "" ? "" : "?" + escapeForUri(target.query);
  return redirectResponse({
    status: 307,
    location: services.baseUrlOf(request, info) + path + query,
    text: "Moved Permanently",
    isPermanent: true,
  }, allowedMethods);
}

/** `GET /` and `GET /web` */
export function redirectToWeb(
  context: RequestContext,
  services: HandlerServices,
): Response {
  const { request, info, allowedMethods } = context;
  return redirectResponse({
    status: 302,
    location: services.baseUrlOf(request, info) + "/web/index.html",
    text: "Moved",
    isPermanent: false,
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
