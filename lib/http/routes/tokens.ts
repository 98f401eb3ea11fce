/**
 * Tokens of users: an addition to the original's interface.
 *
 * @module
 */

import { FEEDS, type Route, UNNARROWED } from "../route.ts";
import { APPLICATION_JSON, JSON_OR_TEXT_XML } from "../negotiation.ts";
import { readMembers } from "../named_members.ts";
import { answerChange, CHANGING, documentOf, READING } from "./users.ts";
import { type RequestContext, requesterOf, segmentAt } from "../context.ts";
import { USER_PROBLEMS } from "../errors.ts";
import { documentResponse } from "../respond.ts";
import {
  type DocumentValue,
  formatTime,
  renderUserDocument,
  resultDocument,
  tokenDocument,
} from "../user_documents.ts";

const TOKENS = { tag: "Tokens", access: "users" } as const;

/** Part of `ROUTES`. */
export const TOKEN_ROUTES: readonly Route[] = [
  {
    ...READING,
    ...TOKENS,
    template: "/users/{login}/tokens",
    scopes: UNNARROWED,
    handler: listTokens,
    summary: "The tokens of a user, without their secrets",
  },
  {
    ...READING,
    ...TOKENS,
    method: "POST",
    template: "/users/{login}/tokens",
    request: JSON_OR_TEXT_XML,
    scopes: UNNARROWED,
    handler: createToken,
    summary: "Make a token that stands for a user",
    details: "The secret is shown this once. scopes is a list of feeds, " +
      "read, append, metrics and backup, and narrows the token to them; " +
      "without it the token allows what its user may do.",
    body: "An object of named members: label, readOnly, scopes, " +
      "expiresInSeconds",
    answers: {
      201: documentOf("Made"),
      401: CHANGING.answers[401],
      404: CHANGING.answers[404],
      408: CHANGING.answers[408],
      409: documentOf("The user has too many tokens"),
    },
  },
  {
    ...CHANGING,
    ...TOKENS,
    method: "DELETE",
    template: "/users/{login}/tokens/{token}",
    handler: revokeToken,
    summary: "Take a token back",
  },
  {
    ...READING,
    ...TOKENS,
    method: "POST",
    template: "/users/$current/access-token",
    scopes: FEEDS,
    handler: createAccessToken,
    summary: "Make an access token for opening live feeds in browsers",
    answers: {
      201: documentOf("Made"),
      401: documentOf("Nobody is logged in"),
    },
  },
];

/** Stands for the caller where a login is wanted. */
const CURRENT = "$current";

/** `POST /users/{login}/tokens`: body `{label?, readOnly?, scopes?, expiresInSeconds?}`. */
async function createToken(context: RequestContext): Promise<Response> {
  const login = loginOf(context);
  const members = await readMembers(context);
  const outcome = await context.services.tokens.create(requesterOf(context), {
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
async function listTokens(context: RequestContext): Promise<Response> {
  const login = loginOf(context);
  const outcome = await context.services.tokens.list(
    requesterOf(context),
    login,
  );
  if (outcome.kind !== "tokens") return answerChange(login, outcome, context);
  const { tokens } = outcome;
  return answer(200, { tokens: tokens.map(tokenDocument) }, context);
}

/** `DELETE /users/{login}/tokens/{tokenId}` */
async function revokeToken(context: RequestContext): Promise<Response> {
  const login = loginOf(context);
  const outcome = await context.services.tokens.revoke(requesterOf(context), {
    login,
    tokenId: segmentAt(context, 3),
  });
  return answerChange(login, outcome, context);
}

/** `POST /users/$current/access-token`: for `?access_token=` of live feeds. */
function createAccessToken(context: RequestContext): Response {
  const outcome = context.services.tokens.createAccessToken(
    requesterOf(context),
  );
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
