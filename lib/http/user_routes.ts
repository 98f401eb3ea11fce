/**
 * Rows of the routes of users and tokens (spec: http-api §2.6, users §2).
 *
 * @module
 */

import { JSON_OR_TEXT_XML } from "./media_types.ts";
import { FEEDS, READ, UNNARROWED } from "./scopes.ts";

const NO_BODY = { request: undefined, response: JSON_OR_TEXT_XML } as const;
const WITH_BODY = {
  request: JSON_OR_TEXT_XML,
  response: JSON_OR_TEXT_XML,
} as const;

/** The original serves `/users/` alone; its documents speak of `/users`. */
const USERS = ["/users/", "/users"] as const;

/** Part of `ROUTES`. */
export const USER_ROUTES = [
  ...USERS.flatMap((template) =>
    [
      {
        method: "GET",
        template,
        ...NO_BODY,
        handler: "listUsers",
        operation: "readUsers",
        scopes: READ,
      },
      {
        method: "POST",
        template,
        ...WITH_BODY,
        handler: "createUser",
        operation: "changeUsers",
        scopes: UNNARROWED,
      },
    ] as const
  ),
  {
    method: "GET",
    template: "/users/{login}",
    ...NO_BODY,
    handler: "readUser",
    operation: "readUsers",
    scopes: READ,
  },
  {
    method: "PUT",
    template: "/users/{login}",
    ...WITH_BODY,
    handler: "updateUser",
    operation: "changeUsers",
    scopes: UNNARROWED,
  },
  {
    method: "DELETE",
    template: "/users/{login}",
    ...NO_BODY,
    handler: "deleteUser",
    operation: "changeUsers",
    scopes: UNNARROWED,
  },
  {
    method: "GET",
    template: "/users/$current",
    ...NO_BODY,
    handler: "readCurrentUser",
    operation: "readUsers",
    scopes: READ,
  },
  {
    method: "POST",
    template: "/users/{login}/command/enable",
    ...NO_BODY,
    handler: "enableUser",
    operation: "changeUsers",
    scopes: UNNARROWED,
  },
  {
    method: "POST",
    template: "/users/{login}/command/disable",
    ...NO_BODY,
    handler: "disableUser",
    operation: "changeUsers",
    scopes: UNNARROWED,
  },
  {
    method: "POST",
    template: "/users/{login}/command/reset-password",
    ...WITH_BODY,
    handler: "resetPassword",
    operation: "changeUsers",
    scopes: UNNARROWED,
  },
  {
    method: "POST",
    template: "/users/{login}/command/change-password",
    ...WITH_BODY,
    handler: "changePassword",
    operation: "changeUsers",
    scopes: UNNARROWED,
  },
  // Tokens: an addition.
  {
    method: "GET",
    template: "/users/{login}/tokens",
    ...NO_BODY,
    handler: "listTokens",
    operation: "readUsers",
    scopes: UNNARROWED,
  },
  {
    method: "POST",
    template: "/users/{login}/tokens",
    ...WITH_BODY,
    handler: "createToken",
    operation: "changeUsers",
    scopes: UNNARROWED,
  },
  {
    method: "DELETE",
    template: "/users/{login}/tokens/{token}",
    ...NO_BODY,
    handler: "revokeToken",
    operation: "changeUsers",
    scopes: UNNARROWED,
  },
  {
    method: "POST",
    template: "/users/$current/access-token",
    ...NO_BODY,
    handler: "createAccessToken",
    operation: "createAccessToken",
    scopes: FEEDS,
  },
] as const;
