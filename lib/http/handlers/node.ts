/**
 * What the node says of itself: `/ping`, `/info` and `/health`.
 *
 * @module
 */

import type { HandlerServices, RequestContext } from "../context.ts";
import { warningsOf } from "../damage_warning.ts";
import { APPLICATION_JSON, isXml } from "../media_types.ts";
import { documentResponse } from "../responses.ts";

const PING_TEXT = "Ping request successfully handled";

/** The number is one of the original's internals; clients ignore it. */
const PING_JSON = `{\n  "msgTypeId": 175,\n  "text": "${PING_TEXT}"\n}`;

const PING_XML = '<?xml version="1.0" encoding="utf-8"?>' +
  '<TextMessage xmlns:xsd="http://www.w3.org/2001/XMLSchema" ' +
  'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">' +
  `<Text>${PING_TEXT}</Text></TextMessage>`;

/** Version of the server whose interface this is: clients look at it. */
const EMULATED_VERSION = "4.0.2.0";

/** `GET /ping` */
export function ping(context: RequestContext): Response {
  const type = context.responseType ?? APPLICATION_JSON;
  const body = type.form === "json"
    ? PING_JSON
    : isXml(type)
    ? PING_XML
    : `Text: ${PING_TEXT}`;
  return documentResponse({ status: 200, type, body }, context.allowedMethods);
}

/** `GET /info`: JSON, whatever type was asked for, as in the original. */
export function info(
  context: RequestContext,
  { node, readOnlyReason }: HandlerServices,
): Response {
  const type = context.responseType ?? APPLICATION_JSON;
  const body = JSON.stringify(
    {
      esVersion: EMULATED_VERSION,
      state: "master",
      projectionsMode: node.projectionsMode,
      quipuVersion: node.version,
      // Only while it lasts: otherwise the answer is the original's.
      readOnlyReason: readOnlyReason(),
    },
    null,
    2,
  );
  return documentResponse({ status: 200, type, body }, context.allowedMethods);
}

/** `GET /sys/subsystems`: those of the original that run. */
export function listSubsystems(
  { allowedMethods }: RequestContext,
  { node }: HandlerServices,
): Response {
  const names = node.projectionsMode === "None" ? [] : ["Projections"];
  return documentResponse({
    status: 200,
    type: APPLICATION_JSON,
    body: JSON.stringify(names, null, 2),
  }, allowedMethods);
}

/** `GET /health`: 200, or 503 with the reason while nothing can be written. */
export function health(
  context: RequestContext,
  { readOnlyReason, observation }: HandlerServices,
): Response {
  const reason = readOnlyReason();
  const warnings = warningsOf(observation.storeStatus());
  const body = JSON.stringify(
    {
      ...(reason === undefined
        ? { status: "ok" }
        : { status: "readOnly", reason }),
      ...(warnings.length > 0 && { warnings }),
    },
    null,
    2,
  );
  return documentResponse({
    status: reason === undefined ? 200 : 503,
    type: APPLICATION_JSON,
    body,
    cacheControl: "no-store",
  }, context.allowedMethods);
}
