/**
 * Tokens of users: an addition to the original's interface.
 *
 * @module
 */

import { FEEDS, UNNARROWED } from "../access.ts";
import {
  createAccessToken,
  createToken,
  listTokens,
  revokeToken,
} from "../handlers/tokens.ts";
import { JSON_OR_TEXT_XML } from "../media_types.ts";
import type { Route } from "../route.ts";
import { CHANGING, documentOf, READING } from "./users.ts";

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
