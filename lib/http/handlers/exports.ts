/**
 * Exports over HTTP: events as lines of JSON, made as they are sent.
 *
 * @module
 */

import type { ExportSelection, LogPoint } from "../../store/transfer.ts";
import { parseIsoTime } from "../../text/iso_time.ts";
import {
  type HandlerServices,
  type RequestContext,
  requesterOf,
} from "../context.ts";
import { PROBLEMS } from "../problem.ts";
import { parametersOf } from "../query.ts";
import { malformed } from "../refusal.ts";
import { exportResponse, problemResponse } from "../responses.ts";
import { mayBackUp } from "./admin.ts";
import { withUpkeep } from "./jobs.ts";

/**
 * `GET /admin/export`: what `?stream=` or `?category=`, `?from=` and `?to=`
 * select of everything that is committed now. The last line says how much it
 * was; an answer without one is not whole.
 */
export function downloadExport(
  context: RequestContext,
  services: HandlerServices,
): Response {
  return withUpkeep(context, services, ({ exports }) => {
    const { allowedMethods, target } = context;
    const selection = selectionOf(target.query);
    const download = exports.start(selection, requesterOf(context));
    if (download === undefined) {
      return problemResponse(PROBLEMS.tooManyExports, allowedMethods);
    }
    const { stream, end } = download;
    return exportResponse(
      { body: stream, name: `quipu-${end}.ndjson` },
      allowedMethods,
    );
  }, mayBackUp);
}

const NAMES: readonly string[] = [
  "stream",
  "category",
  "from",
  "to",
  "with-system",
];

function selectionOf(query: string): ExportSelection {
  const parameters = parametersOf(query);
  for (const [name, value] of parameters) {
    // Left out, it would be an export of more than was asked for.
    if (!NAMES.includes(name)) {
      throw malformed(`Wanted no parameters but ${NAMES.join(", ")}`);
    }
    if (value === "") throw malformed(`${name} is empty`);
  }
  const streamName = parameters.get("stream");
  const category = parameters.get("category");
  const from = parameters.get("from");
  const to = parameters.get("to");
  const withSystem = parameters.get("with-system") ?? "false";
  if (withSystem !== "true" && withSystem !== "false") {
    throw malformed("with-system must be true or false");
  }
  return {
    withSystem: withSystem === "true",
    ...(streamName !== undefined && { streamName }),
    ...(category !== undefined && { category }),
    ...(from !== undefined && { fromUs: timeOf(from, "from must be") }),
    ...(to !== undefined && { to: pointOf(to) }),
  };
}

function pointOf(text: string): LogPoint {
  if (/^\d{1,16}$/.test(text)) {
    const position = Number(text);
    if (Number.isSafeInteger(position)) return { position };
  }
  return { timeUs: timeOf(text, "to must be a log position or") };
}

function timeOf(text: string, wanted: string): number {
  const timeUs = parseIsoTime(text);
  if (timeUs !== undefined) return timeUs;
  throw malformed(`${wanted} a time such as 2026-03-01T12:00:00Z`);
}
