/**
 * Tokens of users: an addition to the original's interface.
 *
 * @module
 */

import {
  type HandlerServices,
  type RequestContext,
  requesterOf,
  segmentAt,
} from "../context.ts";
import { APPLICATION_JSON } from "../media_types.ts";
import { USER_PROBLEMS } from "../problem.ts";
import { documentResponse } from "../responses.ts";
import {
  type DocumentValue,
  formatTime,
  renderUserDocument,
  resultDocument,
  tokenDocument,
} from "../user_documents.ts";
import { answerChange, readMembers } from "./users.ts";

/** Stands for the caller where a login is wanted. */
const CURRENT = "$current";

/** `POST /users/{login}/tokens`: body `{label?, readOnly?, scopes?, expiresInSeconds?}`. */
export async function createToken(
  context: RequestContext,
  services: HandlerServices,
): Promise<Response> {
  const login = loginOf(context);
  const members = await readMembers(context, services);
  const outcome = await services.tokens.create(requesterOf(context), {
    login,
    label: members.readText("label"),
    isReadOnly: members.readFlag("readOnly") ?? false,
    scopes: members.readTexts("scopes"),
    lifetimeSeconds: members.readNumber("expiresInSeconds"),
  });
  if (outcome.kind !== "created") return answerChange(login, outcome, context);
  const document = { ...tokenDocument(outcome.token), token: outcome.secret };
  return answer(201, document, context);
}

/** `GET /users/{login}/tokens` */
export async function listTokens(
  context: RequestContext,
  services: HandlerServices,
): Promise<Response> {
  const login = loginOf(context);
  const outcome = await services.tokens.list(requesterOf(context), login);
  if (outcome.kind !== "tokens") return answerChange(login, outcome, context);
  const { tokens } = outcome;
  return answer(200, { tokens: tokens.map(tokenDocument) }, context);
}

/** `DELETE /users/{login}/tokens/{tokenId}` */
export async function revokeToken(
  context: RequestContext,
  services: HandlerServices,
): Promise<Response> {
  const login = loginOf(context);
  const outcome = await services.tokens.revoke(requesterOf(context), {
    login,
    tokenId: segmentAt(context, 3),
  });
  return answerChange(login, outcome, context);
}

/** `POST /users/$current/access-token`: for `?access_token=` of live feeds. */
export function createAccessToken(
  context: RequestContext,
  services: HandlerServices,
): Response {
  const outcome = services.tokens.createAccessToken(requesterOf(context));
  if (outcome.kind !== "created") {
    const { status, code } = USER_PROBLEMS[outcome.kind];
    return answer(status, resultDocument(loginOf(context), code), context);
  }
  const { accessToken, expiresAtUs } = outcome;
  const document = { accessToken, expires: formatTime(expiresAtUs) };
  return answer(201, document, context);
}

function loginOf(context: RequestContext): string {
  const login = segmentAt(context, 1);
  return login === CURRENT ? context.caller?.login ?? "" : login;
}

/** Secrets stay in no cache. */
function answer(
  status: number,
  document: DocumentValue,
  { responseType, allowedMethods }: RequestContext,
): Response {
  const type = responseType ?? APPLICATION_JSON;
  const body = renderUserDocument(document, type);
  return documentResponse(
    { status, type, body, cacheControl: "no-store" },
    allowedMethods,
  );
}
