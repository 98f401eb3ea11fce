/**
 * Users (spec: http-api §2.6, users §2).
 *
 * @module
 */

import {
  type AnswerDescription,
  READ,
  type Route,
  type Schema,
  UNNARROWED,
} from "../route.ts";
import { APPLICATION_JSON, JSON_OR_TEXT_XML, USERS } from "../negotiation.ts";
import { wantsPage } from "../pages.ts";
import { userPageResponse, usersPageResponse } from "../user_pages.ts";
import { LOCATION } from "./parameters.ts";
import type { UserOutcome, UserReadOutcome } from "../../users/contract.ts";
import { encodePathSegment } from "../../text/path_segment.ts";
import {
  baseUrlOf,
  type RequestContext,
  requesterOf,
  segmentAt,
} from "../context.ts";
import { type NamedMembers, readMembers } from "../named_members.ts";
import { malformed, PROBLEMS, USER_PROBLEMS } from "../errors.ts";
import { documentResponse, problemResponse } from "../respond.ts";
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
import { FLAG, listOf, objectOf, TEXT, WHOLE } from "./schemas.ts";

const TEXTS = listOf(TEXT);
const RESULT = {
  success: FLAG,
  error: TEXT,
  msgTypeId: WHOLE,
};
const USER = objectOf({
  loginName: TEXT,
  fullName: TEXT,
  groups: TEXTS,
  disabled: FLAG,
  links: listOf({ type: "object" }),
});

const NEW_USER_SCHEMA: Schema = {
  name: "NewUser",
  shape: objectOf({
    loginName: TEXT,
    fullName: TEXT,
    groups: TEXTS,
    password: TEXT,
  }, ["loginName", "fullName", "password"]),
};

const RESULT_SCHEMA: Schema = {
  name: "UserResult",
  shape: objectOf({ loginName: TEXT, ...RESULT }, ["success", "error"]),
};

const ONE_USER_SCHEMA: Schema = {
  name: "OneUser",
  shape: objectOf({ data: USER, ...RESULT }, ["success", "error"]),
};

const USER_LIST_SCHEMA: Schema = {
  name: "UserList",
  shape: objectOf({ data: listOf(USER), ...RESULT }, ["success", "error"]),
};

/** An answer as a document, whatever its status. */
export function documentOf(text: string): AnswerDescription {
  return { text, content: "negotiated" };
}

const NO_RIGHT = documentOf("The caller lacks the right");
const NO_USER = documentOf("No such user");

/** Properties that reads of users and tokens share. */
export const READING = {
  method: "GET",
  response: JSON_OR_TEXT_XML,
  access: "users",
  path: {
    login: "Name of the user; $current in routes of tokens",
    token: "Id of the token",
  },
  answers: {
    200: { text: "What was asked for" },
    401: NO_RIGHT,
    404: NO_USER,
  },
} as const satisfies Partial<Route>;

/** Properties that changes to users and tokens share. */
export const CHANGING = {
  response: JSON_OR_TEXT_XML,
  scopes: UNNARROWED,
  access: "administrators",
  path: READING.path,
  answers: {
    200: { text: "Done" },
    401: NO_RIGHT,
    404: NO_USER,
    408: documentOf("Another request changed it at the same time"),
  },
  schemas: { json: RESULT_SCHEMA },
} as const satisfies Partial<Route>;

const TAGGED = { tag: "Users" } as const;

/** The original serves `/users/` alone; its documents speak of `/users`. */
const ALL_USERS = ["/users/", "/users"] as const;

/** Part of `ROUTES`. */
export const USER_ROUTES: readonly Route[] = [
  ...ALL_USERS.flatMap((template): Route[] => [
    {
      ...TAGGED,
      ...READING,
      template,
      response: USERS,
      scopes: READ,
      handler: listUsers,
      summary: "All users",
      schemas: { json: USER_LIST_SCHEMA },
    },
    {
      ...TAGGED,
      ...CHANGING,
      method: "POST",
      template,
      request: JSON_OR_TEXT_XML,
      handler: createUser,
      summary: "Make a user",
      body: "An object of named members: loginName, fullName, groups, password",
      bodySchemas: { json: NEW_USER_SCHEMA },
      answers: {
        201: { ...documentOf("Made"), headers: LOCATION },
        401: NO_RIGHT,
        404: NO_USER,
        408: documentOf("Another request created one at the same time"),
        409: documentOf("The name is in use"),
      },
    },
  ]),
  {
    ...TAGGED,
    ...READING,
    template: "/users/{login}",
    response: USERS,
    scopes: READ,
    handler: readUser,
    summary: "One user",
    schemas: { json: ONE_USER_SCHEMA },
  },
  {
    ...TAGGED,
    ...CHANGING,
    method: "PUT",
    template: "/users/{login}",
    request: JSON_OR_TEXT_XML,
    handler: updateUser,
    summary: "Change a user's full name and groups",
    body: "An object of named members: fullName, groups",
  },
  {
    ...TAGGED,
    ...CHANGING,
    method: "DELETE",
    template: "/users/{login}",
    handler: deleteUser,
    summary: "Delete a user",
    answers: {
      ...CHANGING.answers,
      204: { text: "Deleted", content: "nothing" },
    },
  },
  {
    ...TAGGED,
    ...READING,
    template: "/users/$current",
    response: USERS,
    scopes: READ,
    handler: readCurrentUser,
    summary: "The present login",
    schemas: { json: ONE_USER_SCHEMA },
  },
  {
    ...TAGGED,
    ...CHANGING,
    method: "POST",
    template: "/users/{login}/command/enable",
    handler: enableUser,
    summary: "Let a user log in again",
  },
  {
    ...TAGGED,
    ...CHANGING,
    method: "POST",
    template: "/users/{login}/command/disable",
    handler: disableUser,
    summary: "Disable a user",
  },
  {
    ...TAGGED,
    ...CHANGING,
    method: "POST",
    template: "/users/{login}/command/reset-password",
    request: JSON_OR_TEXT_XML,
    handler: resetPassword,
    summary: "Reset a user's password",
    body: "An object of named members: newPassword",
  },
  {
    ...TAGGED,
    ...CHANGING,
    method: "POST",
    template: "/users/{login}/command/change-password",
    request: JSON_OR_TEXT_XML,
    access: "users",
    handler: changePassword,
    summary: "Change one's own password",
    body: "An object of named members: currentPassword, newPassword",
  },
];

/** `GET /users/` */
async function listUsers(context: RequestContext): Promise<Response> {
  if (wantsPage(context)) return await usersPageResponse(context);
  const outcome = await context.services.users.list(requesterOf(context));
  if (outcome.kind === "unauthorized") {
    return refused("users", outcome, context);
  }
  const baseUrl = baseUrlOf(context);
  return answer(200, usersDocument(outcome.users, baseUrl), context);
}

/** `GET /users/{login}` */
async function readUser(context: RequestContext): Promise<Response> {
  const outcome = await context.services.users.read(
    requesterOf(context),
    segmentAt(context, 1),
  );
  if (outcome.kind !== "user") return refused("user", outcome, context);
  if (wantsPage(context)) return await userPageResponse(outcome.user, context);
  const baseUrl = baseUrlOf(context);
  return answer(200, userDocument(outcome.user, baseUrl), context);
}

/** `GET /users/$current` */
async function readCurrentUser(context: RequestContext): Promise<Response> {
  const outcome = await context.services.users.readCurrent(
    requesterOf(context),
  );
  if (outcome.kind !== "user") return refused("current", outcome, context);
  if (wantsPage(context)) return await userPageResponse(outcome.user, context);
  return answer(200, currentUserDocument(outcome.user), context);
}

/** `POST /users/` */
async function createUser(context: RequestContext): Promise<Response> {
  const members = await readMembers(context);
  const login = required(members, "loginName");
  const baseUrl = baseUrlOf(context);
  const outcome = await context.services.users.create(requesterOf(context), {
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
async function updateUser(context: RequestContext): Promise<Response> {
  const login = segmentAt(context, 1);
  const members = await readMembers(context);
  const outcome = await context.services.users.update(requesterOf(context), {
    login,
    fullName: members.readText("fullName"),
    groups: members.readTexts("groups"),
  });
  return answerChange(login, outcome, context);
}

/** `DELETE /users/{login}` */
async function deleteUser(context: RequestContext): Promise<Response> {
  const login = segmentAt(context, 1);
  const outcome = await context.services.users.delete(
    requesterOf(context),
    login,
  );
  return answerChange(login, outcome, context);
}

/** `POST /users/{login}/command/enable` */
async function enableUser(context: RequestContext): Promise<Response> {
  const login = segmentAt(context, 1);
  const outcome = await context.services.users.enable(
    requesterOf(context),
    login,
  );
  return answerChange(login, outcome, context);
}

/** `POST /users/{login}/command/disable` */
async function disableUser(context: RequestContext): Promise<Response> {
  const login = segmentAt(context, 1);
  const outcome = await context.services.users.disable(
    requesterOf(context),
    login,
  );
  return answerChange(login, outcome, context);
}

/** `POST /users/{login}/command/reset-password` */
async function resetPassword(context: RequestContext): Promise<Response> {
  const login = segmentAt(context, 1);
  const members = await readMembers(context);
  const outcome = await context.services.users.resetPassword(
    requesterOf(context),
    {
      login,
      newPassword: required(members, "newPassword"),
    },
  );
  return answerChange(login, outcome, context);
}

/** `POST /users/{login}/command/change-password` */
async function changePassword(context: RequestContext): Promise<Response> {
  const login = segmentAt(context, 1);
  const members = await readMembers(context);
  const outcome = await context.services.users.changePassword(
    requesterOf(context),
    {
      login,
      currentPassword: required(members, "currentPassword"),
      newPassword: required(members, "newPassword"),
      request: context.client,
    },
  );
  return answerChange(login, outcome, context);
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
  if (wantsPage(context)) {
    const problem = kind === "notFound"
      ? PROBLEMS.notFound
      : PROBLEMS.unauthorized;
    return problemResponse(problem, context.allowedMethods);
  }
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
