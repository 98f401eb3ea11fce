/**
 * Logging in: the form, on a page of its own and on those that need a login.
 *
 * @module
 */

import { ActionForm, Field, Notice, PasswordField } from "./components.tsx";
import type { Page } from "./frame.tsx";
import type { Html } from "./html.ts";

/** What the form is filled with. */
export interface LoginFormFacts {
  readonly prefix: string;
  readonly csrf: string;
  /** Path to come back to. */
  readonly path: string;
  /** As it was sent before. */
  readonly login?: string | undefined;
  /** Why it was not enough. */
  readonly problem?: string | undefined;
}

/** The form alone. */
export function LoginForm(facts: LoginFormFacts): Html {
  const { prefix, csrf, path, login = "", problem } = facts;
  return (
    <ActionForm action={prefix + "/web/login"} csrf={csrf} class="form narrow">
      {problem === undefined ? null : <Notice kind="bad">{problem}</Notice>}
      <input type="hidden" name="return" value={path} />
      <Field label="Login">
        <input
          name="login"
          value={login}
          autocomplete="username"
          autocapitalize="none"
          spellcheck={false}
          required
        />
      </Field>
      <PasswordField label="Password" of="current" />
      <div class="actions">
        <button type="submit" class="primary">Log in</button>
      </div>
    </ActionForm>
  );
}

/** The page with the form. */
export function loginPage(facts: LoginFormFacts): Page {
  return {
    title: "Log in",
    body: (
      <>
        <h1>Log in</h1>
        <LoginForm {...facts} />
      </>
    ),
  };
}
