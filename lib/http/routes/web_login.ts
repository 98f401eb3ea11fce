/**
 * Logging in and out on pages.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { loginPage } from "../../web/login_form.tsx";
import { type RequestContext, requesterOf } from "../context.ts";
import { FORM } from "../negotiation.ts";
import {
  markOf,
  pageResponse,
  prefixOf,
  readForm,
  safePath,
  seeOther,
} from "../pages.ts";
import { parameterOf } from "../router.ts";
import { sessionTokenOf } from "../sessions.ts";
import type { Route } from "../route.ts";
import { WEB_PAGE } from "./web.ts";

/** What forms have in common. */
export const WEB_FORM = {
  ...WEB_PAGE,
  method: "POST",
  request: FORM,
  body: "A form of a page, with its mark",
} as const;

/** Answers that forms have in common. */
export const FORM_ANSWERS = {
  200: { text: "The form once more, with what was wrong" },
  303: { text: "Done: where to go on", headers: { Location: "The next page" } },
} as const;

/** Part of `ROUTES`. */
export const WEB_LOGIN_ROUTES: readonly Route[] = [
  {
    ...WEB_PAGE,
    template: "/web/login",
    handler: showLogin,
    summary: "The form to log in with",
    query: { return: "Path of the page to come back to" },
    answers: { 200: { text: "The page" } },
  },
  {
    ...WEB_FORM,
    template: "/web/login",
    handler: logIn,
    summary: "Log in: begin a session",
    answers: {
      ...FORM_ANSWERS,
      401: { text: "The login or the password is wrong" },
    },
  },
  {
    ...WEB_FORM,
    template: "/web/logout",
    handler: logOut,
    summary: "Log out: end the session",
    answers: { 303: FORM_ANSWERS[303] },
  },
];

/** `GET /web/login?return=…` */
function showLogin(context: RequestContext): Response {
  const { target } = context;
  return pageResponse(
    loginPage({
      prefix: prefixOf(context),
      csrf: markOf(context),
      path: safePath(parameterOf(target.query, "return")),
    }),
    context,
  );
}

/** `POST /web/login` */
async function logIn(context: RequestContext): Promise<Response> {
  const { services, client } = context;
  const form = await readForm(context);
  const login = form.text("login");
  const path = safePath(form.text("return"));
  const caller = await services.authenticate(
    basicOf(login, form.text("password")),
    client,
  );
  const opened = caller === undefined || caller === "rejected"
    ? undefined
    : await services.tokens.openSession({ ...requesterOf(context), caller });
  if (opened?.kind === "created") {
    return seeOther(path, context, { session: { token: opened.secret } });
  }
  const page = loginPage({
    prefix: prefixOf(context),
    csrf: markOf(context),
    path,
    login,
    problem: "The login or the password is wrong, or the user is disabled.",
  });
  return pageResponse(page, context, { status: 401 });
}

/** The header that a program would log in with. */
export function basicOf(login: string, password: string): string {
  return "Basic " + Buffer.from(`${login}:${password}`).toString("base64");
}

/** `POST /web/logout` */
async function logOut(context: RequestContext): Promise<Response> {
  await readForm(context);
  const token = sessionTokenOf(context.request);
  if (token !== undefined) {
    await context.services.tokens.closeSession(requesterOf(context), token);
  }
  return seeOther("/web/index.html", context, {
    session: { token: undefined },
  });
}
