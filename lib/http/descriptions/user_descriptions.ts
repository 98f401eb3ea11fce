/**
 * What the routes of users and tokens do, in words.
 *
 * @module
 */

import type {
  AnswerDescription,
  RouteDescription,
} from "../openapi/description.ts";

const USERS = "Users";
const TOKENS = "Tokens";

const NEGOTIATED = { content: "negotiated" } as const;
const CHANGE_ANSWERS: Readonly<Record<number, AnswerDescription>> = {
  200: { text: "Done" },
  401: { text: "The caller lacks the right", ...NEGOTIATED },
  404: { text: "No such user", ...NEGOTIATED },
  408: { text: "Another request changed it at the same time", ...NEGOTIATED },
};
const READ_ANSWERS: Readonly<Record<number, AnswerDescription>> = {
  200: { text: "What was asked for" },
  401: { text: "The caller lacks the right", ...NEGOTIATED },
  404: { text: "No such user", ...NEGOTIATED },
};
const RESULT = { json: "UserResult" };
const LOGIN_BODY = "An object of named members";

/** By handler. */
export const USER_DESCRIPTIONS = {
  listUsers: {
    tag: USERS,
    summary: "All users",
    access: "users",
    answers: READ_ANSWERS,
    schemas: { json: "UserList" },
  },
  createUser: {
    tag: USERS,
    summary: "Make a user",
    access: "administrators",
    body: `${LOGIN_BODY}: loginName, fullName, groups, password`,
    bodySchemas: { json: "NewUser" },
    answers: {
      201: { text: "Made", headers: ["Location"], ...NEGOTIATED },
      401: { text: "The caller lacks the right", ...NEGOTIATED },
      404: { text: "No such user", ...NEGOTIATED },
      408: {
        text: "Another request created one at the same time",
        ...NEGOTIATED,
      },
      409: { text: "The name is in use", ...NEGOTIATED },
    },
    schemas: RESULT,
  },
  readUser: {
    tag: USERS,
    summary: "One user",
    access: "users",
    answers: READ_ANSWERS,
    schemas: { json: "OneUser" },
  },
  updateUser: {
    tag: USERS,
    summary: "Change a user's full name and groups",
    access: "administrators",
    body: `${LOGIN_BODY}: fullName, groups`,
    answers: CHANGE_ANSWERS,
    schemas: RESULT,
  },
  deleteUser: {
    tag: USERS,
    summary: "Delete a user",
    access: "administrators",
    answers: {
      ...CHANGE_ANSWERS,
      204: { text: "Deleted", content: "nothing" },
    },
    schemas: RESULT,
  },
  readCurrentUser: {
    tag: USERS,
    summary: "The present login",
    access: "users",
    answers: READ_ANSWERS,
    schemas: { json: "OneUser" },
  },
  enableUser: {
    tag: USERS,
    summary: "Let a user log in again",
    access: "administrators",
    answers: CHANGE_ANSWERS,
    schemas: RESULT,
  },
  disableUser: {
    tag: USERS,
    summary: "Disable a user",
    access: "administrators",
    answers: CHANGE_ANSWERS,
    schemas: RESULT,
  },
  resetPassword: {
    tag: USERS,
    summary: "Reset a user's password",
    access: "administrators",
    body: `${LOGIN_BODY}: newPassword`,
    answers: CHANGE_ANSWERS,
    schemas: RESULT,
  },
  changePassword: {
    tag: USERS,
    summary: "Change one's own password",
    access: "users",
    body: `${LOGIN_BODY}: currentPassword, newPassword`,
    answers: CHANGE_ANSWERS,
    schemas: RESULT,
  },
  listTokens: {
    tag: TOKENS,
    summary: "The tokens of a user, without their secrets",
    access: "users",
    answers: READ_ANSWERS,
  },
  createToken: {
    tag: TOKENS,
    summary: "Make a token that stands for a user",
    details: "The secret is shown this once. scopes is a list of feeds, " +
      "read, append, metrics and backup, and narrows the token to them; " +
      "without it the token allows what its user may do.",
    access: "users",
    body: `${LOGIN_BODY}: label, readOnly, scopes, expiresInSeconds`,
    answers: {
      201: { text: "Made", ...NEGOTIATED },
      401: { text: "The caller lacks the right", ...NEGOTIATED },
      404: { text: "No such user", ...NEGOTIATED },
      408: {
        text: "Another request changed it at the same time",
        ...NEGOTIATED,
      },
      409: { text: "The user has too many tokens", ...NEGOTIATED },
    },
  },
  revokeToken: {
    tag: TOKENS,
    summary: "Take a token back",
    access: "users",
    answers: CHANGE_ANSWERS,
    schemas: RESULT,
  },
  createAccessToken: {
    tag: TOKENS,
    summary: "Make an access token for opening live feeds in browsers",
    access: "users",
    answers: {
      201: { text: "Made", ...NEGOTIATED },
      401: { text: "Nobody is logged in", ...NEGOTIATED },
    },
  },
} as const satisfies Readonly<Record<string, RouteDescription>>;
