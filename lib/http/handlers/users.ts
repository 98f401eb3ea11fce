/**
 * Users (spec: users §2.2).
 *
 * @module
 */

import type { UserOutcome, UserReadOutcome } from "../../users/contract.ts";
import { LIMITS } from "../../model/limits.ts";
import { encodePathSegment } from "../../text/path_segment.ts";
import {
  type HandlerServices,
  type RequestContext,
  requesterOf,
  segmentAt,
} from "../context.ts";
import { APPLICATION_JSON } from "../media_types.ts";
import { decodeNamedMembers, type NamedMembers } from "../named_members.ts";
import { USER_PROBLEMS } from "../problem.ts";
import { malformed } from "../refusal.ts";
import { documentResponse } from "../responses.ts";
import {
  currentUserDocument,
  type DocumentValue,
  refusedDocument,
  renderUserDocument,
  resultDocument,
  userDocument,
  type UserDocumentKind,
  usersDocument,
} from "../user_documents.ts";

/** `GET /users/` */
export async function listUsers(
  context: RequestContext,
  services: HandlerServices,
): Promise<Response> {
  const outcome = await services.users.list(requesterOf(context));
  if (outcome.kind === "unauthorized") {
    return refused("users", outcome, context);
  }
  const baseUrl = services.baseUrlOf(context.request, context.info);
  return answer(200, usersDocument(outcome.users, baseUrl), context);
}

/** `GET /users/{login}` */
export async function readUser(
  context: RequestContext,
  services: HandlerServices,
): Promise<Response> {
  const outcome = await services.users.read(
    requesterOf(context),
    segmentAt(context, 1),
  );
  if (outcome.kind !== "user") return refused("user", outcome, context);
  const baseUrl = services.baseUrlOf(context.request, context.info);
  return answer(200, userDocument(outcome.user, baseUrl), context);
}

/** `GET /users/$current` */
export async function readCurrentUser(
  context: RequestContext,
  services: HandlerServices,
): Promise<Response> {
  const outcome = await services.users.readCurrent(requesterOf(context));
  if (outcome.kind !== "user") return refused("current", outcome, context);
  return answer(200, currentUserDocument(outcome.user), context);
}

/** `POST /users/` */
export async function createUser(
  context: RequestContext,
  services: HandlerServices,
): Promise<Response> {
  const members = await readMembers(context, services);
  const login = required(members, "loginName");
  const baseUrl = services.baseUrlOf(context.request, context.info);
  const outcome = await services.users.create(requesterOf(context), {
    login,
    fullName: members.readText("fullName"),
    groups: members.readTexts("groups"),
    password: required(members, "password"),
  });
  if (outcome.kind !== "success") return answerChange(login, outcome, context);
  return documentResponse({
    status: 201,
    ...rendered(resultDocument(login, "Success"), context),
    location: `${baseUrl}/users/${encodePathSegment(login)}`,
  }, context.allowedMethods);
}

/** `PUT /users/{login}` */
export async function updateUser(
  context: RequestContext,
  services: HandlerServices,
): Promise<Response> {
  const login = segmentAt(context, 1);
  const members = await readMembers(context, services);
  const outcome = await services.users.update(requesterOf(context), {
    login,
    fullName: members.readText("fullName"),
    groups: members.readTexts("groups"),
  });
  return answerChange(login, outcome, context);
}

/** `DELETE /users/{login}` */
export async function deleteUser(
  context: RequestContext,
  services: HandlerServices,
): Promise<Response> {
  const login = segmentAt(context, 1);
  const outcome = await services.users.delete(requesterOf(context), login);
  return answerChange(login, outcome, context);
}

/** `POST /users/{login}/command/enable` */
export async function enableUser(
  context: RequestContext,
  services: HandlerServices,
): Promise<Response> {
  const login = segmentAt(context, 1);
  const outcome = await services.users.enable(requesterOf(context), login);
  return answerChange(login, outcome, context);
}

/** `POST /users/{login}/command/disable` */
export async function disableUser(
  context: RequestContext,
  services: HandlerServices,
): Promise<Response> {
  const login = segmentAt(context, 1);
  const outcome = await services.users.disable(requesterOf(context), login);
  return answerChange(login, outcome, context);
}

/** `POST /users/{login}/command/reset-password` */
export async function resetPassword(
  context: RequestContext,
  services: HandlerServices,
): Promise<Response> {
  const login = segmentAt(context, 1);
  const members = await readMembers(context, services);
  const outcome = await services.users.resetPassword(requesterOf(context), {
    login,
    newPassword: required(members, "newPassword"),
  });
  return answerChange(login, outcome, context);
}

/** `POST /users/{login}/command/change-password` */
export async function changePassword(
  context: RequestContext,
  services: HandlerServices,
): Promise<Response> {
  const login = segmentAt(context, 1);
  const members = await readMembers(context, services);
  const outcome = await services.users.changePassword(requesterOf(context), {
    login,
    currentPassword: required(members, "currentPassword"),
    newPassword: required(members, "newPassword"),
    request: context.client,
  });
  return answerChange(login, outcome, context);
}

/** Reads the body of a request about users. */
export async function readMembers(
  context: RequestContext,
  services: HandlerServices,
): Promise<NamedMembers> {
  const { request, requestType, requestCharset, limits } = context;
  const bytesMax = Math.min(limits.requestBytesMax, LIMITS.userBodyBytesMax);
  const encoding = { requestType, requestCharset };
  const body = await services.receiving.readText(
    request,
    { ...encoding, bytesMax },
  );
  return decodeNamedMembers(body, requestType ?? APPLICATION_JSON, limits);
}

/** Answers with how a change ended. */
export function answerChange(
  login: string,
  { kind }: UserOutcome,
  context: RequestContext,
): Response {
  const { status, code } = USER_PROBLEMS[kind];
  return answer(status, resultDocument(login, code), context);
}

function refused(
  documentKind: UserDocumentKind,
  { kind }: Exclude<UserReadOutcome, { readonly kind: "user" }>,
  context: RequestContext,
): Response {
  const { status, code } = USER_PROBLEMS[kind];
  return answer(status, refusedDocument(documentKind, code), context);
}

function answer(
  status: number,
  document: DocumentValue,
  context: RequestContext,
): Response {
  return documentResponse(
    { status, ...rendered(document, context) },
    context.allowedMethods,
  );
}

function rendered(document: DocumentValue, { responseType }: RequestContext) {
  const type = responseType ?? APPLICATION_JSON;
  return { type, body: renderUserDocument(document, type) };
}

function required(members: NamedMembers, name: string): string {
  const text = members.readText(name);
  if (text === undefined) {
    throw malformed(`Request body invalid: ${name} is missing`);
  }
  return text;
}
