/**
 * What operators may ask of the node (spec: admin).
 *
 * @module
 */

import {
  ROLE_ADMINS,
  ROLE_BACKUP,
  ROLE_MONITORS,
  ROLE_OPS,
} from "../../model/principal.ts";
import { logAudit } from "../../model/audit.ts";
import {
  type HandlerServices,
  type RequestContext,
  requesterOf,
} from "../context.ts";
import { APPLICATION_JSON } from "../media_types.ts";
import { PROBLEMS } from "../problem.ts";
import {
  documentResponse,
  emptyResponse,
  problemResponse,
} from "../responses.ts";

/** `POST /admin/shutdown`: answers, then stops the server as a signal would. */
export function shutDown(
  context: RequestContext,
  services: HandlerServices,
): Response {
  const { allowedMethods } = context;
  if (!isOperator(context)) {
    return problemResponse(PROBLEMS.unauthorized, allowedMethods);
  }
  logAudit(services.logger, {
    event: "node.shutdown_requested",
    requester: requesterOf(context),
    fields: {},
  });
  services.shutDown();
  return emptyResponse(200, allowedMethods);
}

/** `GET /info/options` */
export function listOptions(
  context: RequestContext,
  { node }: HandlerServices,
): Response {
  const { allowedMethods, responseType } = context;
  if (!isOperator(context)) {
    return problemResponse(PROBLEMS.unauthorized, allowedMethods);
  }
  const type = responseType ?? APPLICATION_JSON;
  const body = JSON.stringify(node.options ?? [], null, 2);
  return documentResponse({ status: 200, type, body }, allowedMethods);
}

/** Whether an administrator or an operator asks. */
export function isOperator(context: RequestContext): boolean {
  return holdsOne(context, [ROLE_ADMINS, ROLE_OPS]);
}

/** Whether somebody asks who may watch the node. */
export function isMonitor(context: RequestContext): boolean {
  return holdsOne(context, [ROLE_ADMINS, ROLE_OPS, ROLE_MONITORS]);
}

/**
 * Whether somebody asks who may take backups and exports. Operators may not:
 * an export holds every event, whatever its access list says.
 */
export function mayBackUp(context: RequestContext): boolean {
  return holdsOne(context, [ROLE_ADMINS, ROLE_BACKUP]);
}

function holdsOne(
  { caller }: RequestContext,
  roles: readonly string[],
): boolean {
  return caller !== undefined && roles.some((role) => caller.roles.has(role));
}
