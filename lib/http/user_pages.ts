/**
 * Users as pages.
 *
 * @module
 */

import { isUnnarrowed, ROLE_ADMINS } from "../model/principal.ts";
import type { User } from "../users/contract.ts";
import { userPage } from "../web/user_page.tsx";
import { type NewUserFields, usersPage } from "../web/users_page.tsx";
import { type RequestContext, requesterOf } from "./context.ts";
import { PROBLEMS } from "./errors.ts";
import { markOf, pageResponse, prefixOf } from "./pages.ts";
import { problemResponse } from "./respond.ts";
import { parameterOf } from "./router.ts";

/** What was done, by the word that leads to the page after it. */
const DONE: ReadonlyMap<string, string> = new Map([
  ["created", "The user is made."],
  ["updated", "The user is changed."],
  ["reset", "The password is reset; sessions and tokens have ended."],
  ["password", "Your password is changed."],
  ["enabled", "The user can log in again."],
  ["disabled", "The user is disabled and logged out."],
  ["deleted", "The user is deleted."],
  ["revoked", "The session or token has ended."],
]);

/** Answers that the caller may not see it. */
export function unauthorizedPage({ allowedMethods }: RequestContext): Response {
  return problemResponse(PROBLEMS.unauthorized, allowedMethods);
}

/** Answers with all users as a page. */
export async function usersPageResponse(
  context: RequestContext,
  refused: {
    readonly fields?: NewUserFields;
    readonly problem?: string;
  } = {},
): Promise<Response> {
  const outcome = await context.services.users.list(requesterOf(context));
  if (outcome.kind !== "users") return unauthorizedPage(context);
  const page = usersPage({
    prefix: prefixOf(context),
    csrf: markOf(context),
    users: outcome.users,
    isAdministrator: isAdministrator(context),
    notice: noticeOf(context),
    ...refused,
  });
  const status = refused.problem === undefined ? 200 : 400;
  return pageResponse(page, context, { status });
}

/** Answers with one user as a page. */
export async function userPageResponse(
  user: User,
  context: RequestContext,
  { problem, secret }: {
    readonly problem?: string;
    readonly secret?: string;
  } = {},
): Promise<Response> {
  const { caller, services } = context;
  const listed = await services.tokens.list(requesterOf(context), user.login);
  const page = userPage({
    prefix: prefixOf(context),
    csrf: markOf(context),
    user,
    tokens: listed.kind === "tokens" ? listed.tokens : undefined,
    isSelf: caller?.login === user.login,
    isAdministrator: isAdministrator(context),
    notice: noticeOf(context),
    problem,
    secret,
  });
  const status = problem === undefined ? 200 : 400;
  return pageResponse(page, context, { status });
}

function isAdministrator({ caller }: RequestContext): boolean {
  return caller !== undefined && isUnnarrowed(caller) &&
    caller.roles.has(ROLE_ADMINS);
}

function noticeOf({ target }: RequestContext): string | undefined {
  return DONE.get(parameterOf(target.query, "done") ?? "");
}
