/**
 * `?from=` on a head page: leads to the numbered page that begins there (an
 * addition to the original's interface).
 *
 * @module
 */

import { formatAllPosition } from "../../formats/atom/links.ts";
import { encodePathSegment } from "../../text/path_segment.ts";
import type { LiveStart } from "../../streams/outcomes.ts";
import type { HandlerServices, RequestContext } from "../context.ts";
import { readProblemOf } from "../errors.ts";
import { decodeParameter } from "../query.ts";
import { problemResponse, redirectResponse } from "../respond.ts";

/** The page that is looked for. */
export interface FromTarget {
  readonly streamName: string;
  /** Events of the page. */
  readonly count: number;
  readonly isAll: boolean;
  /** What `from` says; the head itself needs no leading to. */
  readonly start: Extract<LiveStart, { readonly kind: "at" | "time" }>;
}

/** Sends the client to the page: 307. */
export async function redirectToPage(
  { streamName, count, isAll, start }: FromTarget,
  context: RequestContext,
  services: HandlerServices,
): Promise<Response> {
  const { allowedMethods, caller, request, info } = context;
  let place = start.kind === "at" ? start.place : 0;
  if (start.kind === "time") {
    const { timeUs } = start;
    const outcome = await services.streams.locateTime(caller, {
      streamName,
      timeUs,
    });
    if (outcome.kind !== "place") {
      return problemResponse(readProblemOf(outcome.kind), allowedMethods);
    }
    place = outcome.place;
  }
  const begin = isAll
    ? formatAllPosition({ commit: place, prepare: place })
    : String(place);
  return redirectResponse({
    status: 307,
    location: services.baseUrlOf(request, info) +
      `/streams/${encodePathSegment(streamName)}/${begin}/forward/${count}` +
      otherParameters(context.target.query),
    text: "Temporary Redirect",
    isPermanent: false,
  }, allowedMethods);
}

/** The query without `from`. */
function otherParameters(query: string): string {
  const others = query.split("&").filter((parameter) => {
    const [name = ""] = parameter.split("=", 1);
    return parameter !== "" && decodeParameter(name).toLowerCase() !== "from";
  });
  return others.length === 0 ? "" : "?" + others.join("&");
}
