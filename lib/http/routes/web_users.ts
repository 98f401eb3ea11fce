/**
 * Users, passwords and tokens by forms.
 *
 * @module
 */

import { QuipuError } from "../../model/errors.ts";
import type { UserOutcome } from "../../users/contract.ts";
import { userPath } from "../../web/users_page.tsx";
import { type RequestContext, requesterOf, segmentAt } from "../context.ts";
import { errorProblemOf, PROBLEMS } from "../errors.ts";
import { type FormFields, readForm, seeOther } from "../pages.ts";
import { problemResponse } from "../respond.ts";
import { type Route, UNNARROWED } from "../route.ts";
import {
  unauthorizedPage,
  userPageResponse,
  usersPageResponse,
} from "../user_pages.ts";
import { basicOf, FORM_ANSWERS, WEB_FORM } from "./web_login.ts";

const USER_FORM = {
  ...WEB_FORM,
  scopes: UNNARROWED,
  access: "users",
  path: {
    login: "Name of the user",
    action: "token, revoke, password, update, reset, enable, disable or delete",
  },
  answers: {
    ...FORM_ANSWERS,
    400: { text: "The form once more, with what is wrong" },
    401: { text: "The caller lacks the right" },
    404: { text: "No such user or action" },
  },
} as const satisfies Partial<Route>;

/** Part of `ROUTES`. */
export const WEB_USERS_ROUTES: readonly Route[] = [
  {
    ...USER_FORM,
    template: "/web/users",
    handler: createUserByForm,
    summary: "Make a user by a form",
  },
  {
    ...USER_FORM,
    template: "/web/users/{login}/{action}",
    handler: changeUserByForm,
    summary: "Change a user, its password or its tokens by a form",
  },
];

/** Why a change was refused, in words. */
const REFUSALS: Readonly<
  Record<Exclude<UserOutcome["kind"], "success" | "unauthorized">, string>
> = {
  notFound: "There is no such user or token",
  conflict: "There is such a user already, or there are too many tokens",
  tryAgain: "Somebody else changed it at the same time: try again",
};

/** What a form did; `kind` as services say it, or words. */
type Done = UserOutcome | { readonly kind: "refused"; readonly text: string };

async function attempt(act: () => Promise<Done>): Promise<Done> {
  try {
    return await act();
  } catch (error) {
    if (!(error instanceof QuipuError)) throw error;
    return { kind: "refused", text: errorProblemOf(error).text };
  }
}

function problemOf(done: Exclude<Done, { readonly kind: "success" }>): string {
  if (done.kind === "refused") return done.text;
  return done.kind === "success" || done.kind === "unauthorized"
    ? PROBLEMS.unauthorized.text
    : REFUSALS[done.kind];
}

function groupsOf(form: FormFields): string[] {
  return form.text("groups").split(",").map((group) => group.trim())
    .filter((group) => group !== "");
}

/** `POST /web/users` */
async function createUserByForm(context: RequestContext): Promise<Response> {
  const form = await readForm(context);
  const login = form.text("login").trim();
  const done = await attempt(() =>
    context.services.users.create(requesterOf(context), {
      login,
      fullName: form.text("fullName").trim(),
      groups: groupsOf(form),
      password: form.text("password"),
    })
  );
  if (done.kind === "success") {
    return seeOther(`${userPath(login)}?done=created`, context);
  }
  if (done.kind === "unauthorized") return unauthorizedPage(context);
  return await usersPageResponse(context, {
    problem: problemOf(done),
    fields: {
      login,
      fullName: form.text("fullName"),
      groups: form.text("groups"),
    },
  });
}

/** What the forms of a user do, and the word for the page after it. */
const ACTIONS: ReadonlyMap<
  string,
  readonly [
    done: string,
    act: (
      login: string,
      form: FormFields,
      context: RequestContext,
    ) => Promise<Done>,
  ]
> = new Map([
  ["revoke", [
    "revoked",
    (login, form, context) =>
      context.services.tokens.revoke(requesterOf(context), {
        login,
        tokenId: form.text("token"),
      }),
  ]],
  ["password", [
    "password",
    (login, form, context) =>
      context.services.users.changePassword(requesterOf(context), {
        login,
        currentPassword: form.text("current"),
        newPassword: form.text("password"),
        request: context.client,
      }),
  ]],
  ["update", [
    "updated",
    (login, form, context) =>
      context.services.users.update(requesterOf(context), {
        login,
        fullName: form.text("fullName").trim(),
        groups: groupsOf(form),
      }),
  ]],
  ["reset", [
    "reset",
    (login, form, context) =>
      context.services.users.resetPassword(requesterOf(context), {
        login,
        newPassword: form.text("password"),
      }),
  ]],
  ["enable", [
    "enabled",
    (login, _form, context) =>
      context.services.users.enable(requesterOf(context), login),
  ]],
  ["disable", [
    "disabled",
    (login, _form, context) =>
      context.services.users.disable(requesterOf(context), login),
  ]],
  ["delete", ["deleted", deleteUserByForm]],
]);

async function deleteUserByForm(
  login: string,
  form: FormFields,
  context: RequestContext,
): Promise<Done> {
  return form.text("confirm") === login
    ? await context.services.users.delete(requesterOf(context), login)
    : {
      kind: "refused",
      text: "Nothing was deleted: the login is another one",
    };
}

/** `POST /web/users/{login}/{action}` */
async function changeUserByForm(context: RequestContext): Promise<Response> {
  const form = await readForm(context);
  const login = segmentAt(context, 2);
  const name = segmentAt(context, 3);
  if (name === "token") return await createTokenByForm(login, form, context);
  const action = ACTIONS.get(name);
  if (action === undefined) {
    return problemResponse(PROBLEMS.notFound, context.allowedMethods);
  }
  const [word, act] = action;
  const done = await attempt(() => act(login, form, context));
  if (done.kind === "success") {
    const path = name === "delete" ? "/users/" : userPath(login);
    return seeOther(`${path}?done=${word}`, context);
  }
  const problem = name === "password" && done.kind === "unauthorized"
    ? "The present password is another one"
    : problemOf(done);
  return await showAgain(login, context, { problem });
}

/** `POST /web/users/{login}/token`: who is logged in shows the password again. */
async function createTokenByForm(
  login: string,
  form: FormFields,
  context: RequestContext,
): Promise<Response> {
  const { services, client } = context;
  if (context.caller?.login !== login) return unauthorizedPage(context);
  const caller = await services.authenticate(
    basicOf(login, form.text("password")),
    client,
  );
  if (caller === undefined || caller === "rejected") {
    const problem = "No token was made: the password is another one";
    return await showAgain(login, context, { problem });
  }
  const scopes = form.all("scope");
  const days = Number(form.optional("days") ?? "30");
  let secret: string | undefined;
  const done = await attempt(async () => {
    const outcome = await services.tokens.create(
      { ...requesterOf(context), caller },
      {
        login,
        label: form.optional("label"),
        isReadOnly: false,
        scopes: scopes.length === 0 ? undefined : scopes,
        lifetimeSeconds: Math.round(days * 24 * 3600),
      },
    );
    if (outcome.kind !== "created") return outcome;
    secret = outcome.secret;
    return { kind: "success" };
  });
  return await showAgain(
    login,
    context,
    secret === undefined || done.kind !== "success"
      ? { problem: problemOf(done) }
      : { secret },
  );
}

async function showAgain(
  login: string,
  context: RequestContext,
  facts: { readonly problem: string } | { readonly secret: string },
): Promise<Response> {
  const outcome = await context.services.users.read(
    requesterOf(context),
    login,
  );
  if (outcome.kind === "user") {
    return await userPageResponse(outcome.user, context, facts);
  }
  return outcome.kind === "unauthorized"
    ? unauthorizedPage(context)
    : problemResponse(PROBLEMS.notFound, context.allowedMethods);
}
