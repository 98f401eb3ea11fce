/**
 * One user: what it is, its tokens, and what can be done with it.
 *
 * @module
 */

import { TOKEN_SCOPES } from "../model/principal.ts";
import type { TokenInfo, User } from "../users/contract.ts";
import {
  ActionForm,
  ConfirmField,
  Empty,
  Facts,
  Field,
  Name,
  Notice,
  PasswordField,
  Table,
  Time,
} from "./components.tsx";
import type { Page } from "./frame.tsx";
import type { Html } from "./html.ts";
import { Groups, userPath } from "./users_page.tsx";

/** What the page shows. */
export interface UserPageFacts {
  readonly prefix: string;
  readonly csrf: string;
  readonly user: User;
  /** Undefined: they are not for the reader. */
  readonly tokens: readonly TokenInfo[] | undefined;
  /** Whether the user is the reader. */
  readonly isSelf: boolean;
  readonly isAdministrator: boolean;
  /** What was done. */
  readonly notice?: string | undefined;
  /** Why nothing was done. */
  readonly problem?: string | undefined;
  /** A token that was just made, shown this once. */
  readonly secret?: string | undefined;
}

/** Makes the page. */
export function userPage(facts: UserPageFacts): Page {
  const { prefix, user, notice, problem, secret } = facts;
  const { login, fullName, groups = [], isDisabled, updatedAtUs } = user;
  return {
    title: login,
    section: "users",
    crumbs: [{ text: "Users", href: prefix + "/users/" }, { text: login }],
    body: (
      <>
        <h1>
          <Name>{login}</Name>
        </h1>
        {notice === undefined ? null : <Notice kind="good">{notice}</Notice>}
        {problem === undefined ? null : <Notice kind="bad">{problem}</Notice>}
        {secret === undefined ? null : <Secret secret={secret} />}
        <Facts
          rows={[
            ["Full name", <Name>{fullName ?? "—"}</Name>],
            ["Groups", <Name>{groups.join(", ") || "—"}</Name>],
            ["State", isDisabled ? "disabled" : "active"],
            ["Changed", <Time us={updatedAtUs} />],
          ]}
        />
        {facts.tokens === undefined ? null : <Tokens {...facts} />}
        {facts.isSelf ? <NewToken {...facts} /> : null}
        {facts.isSelf ? <OwnPassword {...facts} /> : null}
        {facts.isAdministrator ? <Administration {...facts} /> : null}
      </>
    ),
  };
}

function Secret({ secret }: { readonly secret: string }): Html {
  return (
    <div class="notice good" role="status">
      The token is made. It is shown this once:
      <pre id="secret">{secret}</pre>
      <button type="button" data-copy="secret" hidden>Copy</button>
    </div>
  );
}

function actionOf({ prefix, user }: UserPageFacts, name: string): string {
  return `${prefix}/web${userPath(user.login)}/${name}`;
}

function Tokens(facts: UserPageFacts): Html {
  const { csrf, tokens = [] } = facts;
  return (
    <>
      <h2>Sessions and tokens</h2>
      {tokens.length === 0 ? <Empty>There are none.</Empty> : (
        <Table
          label="Sessions and tokens"
          heads={["What", "Allows", "Made", "Ends", "Action"]}
        >
          {tokens.map((token) => (
            <tr>
              <td class="wide">
                {token.isSession
                  ? "Session of a browser"
                  : <Name>{token.label ?? "Token"}</Name>}
              </td>
              <td>{allowedText(token)}</td>
              <td>
                <Time us={token.createdAtUs} />
              </td>
              <td>
                <Time us={token.expiresAtUs} />
              </td>
              <td>
                <ActionForm
                  action={actionOf(facts, "revoke")}
                  csrf={csrf}
                  class="inline"
                >
                  <input type="hidden" name="token" value={token.tokenId} />
                  <button type="submit" class="plain">
                    {token.isSession ? "End" : "Revoke"}
                  </button>
                </ActionForm>
              </td>
            </tr>
          ))}
        </Table>
      )}
    </>
  );
}

function allowedText({ scopes, isReadOnly }: TokenInfo): string {
  return scopes?.join(", ") ??
    (isReadOnly ? "reading" : "whatever the user may do");
}

function NewToken(facts: UserPageFacts): Html {
  return (
    <details class="more">
      <summary>Make a token</summary>
      <ActionForm action={actionOf(facts, "token")} csrf={facts.csrf}>
        <div class="columns">
          <Field label="What it is for">
            <input name="label" autocomplete="off" />
          </Field>
          <Field label="Days that it lasts">
            <input name="days" value="30" inputmode="numeric" pattern="\d+" />
          </Field>
        </div>
        <fieldset>
          <legend>Allow no more than</legend>
          <p class="dim">Nothing ticked: whatever the user may do.</p>
          <div class="actions">
            {TOKEN_SCOPES.map((scope) => (
              <label class="field row">
                <input type="checkbox" name="scope" value={scope} />
                <span>{scope}</span>
              </label>
            ))}
          </div>
        </fieldset>
        <PasswordField label="Your password, once more" of="current" />
        <div class="actions">
          <button type="submit" class="primary">Make the token</button>
        </div>
      </ActionForm>
    </details>
  );
}

function OwnPassword(facts: UserPageFacts): Html {
  return (
    <details class="more">
      <summary>Change your password</summary>
      <ActionForm
        action={actionOf(facts, "password")}
        csrf={facts.csrf}
        class="form narrow"
      >
        <PasswordField label="Present password" of="current" name="current" />
        <PasswordField label="New password" of="new" />
        <div class="actions">
          <button type="submit" class="primary">Change it</button>
        </div>
      </ActionForm>
    </details>
  );
}

function Administration(facts: UserPageFacts): Html {
  const { csrf, user } = facts;
  const { fullName = "", groups = [], isDisabled } = user;
  const change = isDisabled ? "enable" : "disable";
  return (
    <>
      <h2>Administration</h2>
      <details class="more">
        <summary>Change name and groups</summary>
        <ActionForm action={actionOf(facts, "update")} csrf={csrf}>
          <Field label="Full name">
            <input name="fullName" value={fullName} autocomplete="off" />
          </Field>
          <Groups value={groups.join(", ")} />
          <div class="actions">
            <button type="submit" class="primary">Save</button>
          </div>
        </ActionForm>
      </details>
      <details class="more">
        <summary>Reset the password</summary>
        <ActionForm
          action={actionOf(facts, "reset")}
          csrf={csrf}
          class="form narrow"
        >
          <PasswordField
            label="New password"
            of="new"
            help="Ends all sessions and tokens"
          />
          <div class="actions">
            <button type="submit" class="primary">Reset it</button>
          </div>
        </ActionForm>
      </details>
      <details class="more">
        <summary>{isDisabled ? "Enable" : "Disable"} or delete</summary>
        <ActionForm action={actionOf(facts, change)} csrf={csrf}>
          <p>
            {isDisabled
              ? "The user can log in again, with the password as it was."
              : "The user cannot log in any more, and is logged out at once."}
          </p>
          <div class="actions">
            <button type="submit">{isDisabled ? "Enable" : "Disable"}</button>
          </div>
        </ActionForm>
        <ActionForm action={actionOf(facts, "delete")} csrf={csrf}>
          <ConfirmField label="Type the login to delete the user" />
          <div class="actions">
            <button type="submit" class="danger">Delete the user</button>
          </div>
        </ActionForm>
      </details>
    </>
  );
}
