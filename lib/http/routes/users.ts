/**
 * Users (spec: http-api §2.6, users §2).
 *
 * @module
 */

import { READ, UNNARROWED } from "../access.ts";
import {
  changePassword,
  createUser,
  deleteUser,
  disableUser,
  enableUser,
  listUsers,
  readCurrentUser,
  readUser,
  resetPassword,
  updateUser,
} from "../handlers/users.ts";
import { JSON_OR_TEXT_XML } from "../media_types.ts";
import type { AnswerDescription, Route, Schema } from "../route.ts";
import { LOCATION } from "./parameters.ts";

const TEXT = { type: "string" };
const TEXTS = { type: "array", items: TEXT };
const RESULT = {
  success: { type: "boolean" },
  error: TEXT,
  msgTypeId: { type: "integer" },
};
const USER = {
  type: "object",
  properties: {
    loginName: TEXT,
    fullName: TEXT,
    groups: TEXTS,
    disabled: { type: "boolean" },
    links: { type: "array", items: { type: "object" } },
  },
};

const NEW_USER_SCHEMA: Schema = {
  name: "NewUser",
  shape: {
    type: "object",
    properties: {
      loginName: TEXT,
      fullName: TEXT,
      groups: TEXTS,
      password: TEXT,
    },
    required: ["loginName", "fullName", "password"],
  },
};

const RESULT_SCHEMA: Schema = {
  name: "UserResult",
  shape: {
    type: "object",
    properties: { loginName: TEXT, ...RESULT },
    required: ["success", "error"],
  },
};

const ONE_USER_SCHEMA: Schema = {
  name: "OneUser",
  shape: {
    type: "object",
    properties: { data: USER, ...RESULT },
    required: ["success", "error"],
  },
};

const USER_LIST_SCHEMA: Schema = {
  name: "UserList",
  shape: {
    type: "object",
    properties: { data: { type: "array", items: USER }, ...RESULT },
    required: ["success", "error"],
  },
};

/** An answer as a document, whatever its status. */
export function documentOf(text: string): AnswerDescription {
  return { text, content: "negotiated" };
}

const NO_RIGHT = documentOf("The caller lacks the right");
const NO_USER = documentOf("No such user");

/** What reads of users and tokens have in common. */
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

/** What changes to users and tokens have in common. */
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

const USERS = { tag: "Users" } as const;

/** The original serves `/users/` alone; its documents speak of `/users`. */
const ALL_USERS = ["/users/", "/users"] as const;

/** Part of `ROUTES`. */
export const USER_ROUTES: readonly Route[] = [
  ...ALL_USERS.flatMap((template): Route[] => [
    {
      ...USERS,
      ...READING,
      template,
      scopes: READ,
      handler: listUsers,
      summary: "All users",
      schemas: { json: USER_LIST_SCHEMA },
    },
    {
      ...USERS,
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
    ...USERS,
    ...READING,
    template: "/users/{login}",
    scopes: READ,
    handler: readUser,
    summary: "One user",
    schemas: { json: ONE_USER_SCHEMA },
  },
  {
    ...USERS,
    ...CHANGING,
    method: "PUT",
    template: "/users/{login}",
    request: JSON_OR_TEXT_XML,
    handler: updateUser,
    summary: "Change a user's full name and groups",
    body: "An object of named members: fullName, groups",
  },
  {
    ...USERS,
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
    ...USERS,
    ...READING,
    template: "/users/$current",
    scopes: READ,
    handler: readCurrentUser,
    summary: "The present login",
    schemas: { json: ONE_USER_SCHEMA },
  },
  {
    ...USERS,
    ...CHANGING,
    method: "POST",
    template: "/users/{login}/command/enable",
    handler: enableUser,
    summary: "Let a user log in again",
  },
  {
    ...USERS,
    ...CHANGING,
    method: "POST",
    template: "/users/{login}/command/disable",
    handler: disableUser,
    summary: "Disable a user",
  },
  {
    ...USERS,
    ...CHANGING,
    method: "POST",
    template: "/users/{login}/command/reset-password",
    request: JSON_OR_TEXT_XML,
    handler: resetPassword,
    summary: "Reset a user's password",
    body: "An object of named members: newPassword",
  },
  {
    ...USERS,
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
