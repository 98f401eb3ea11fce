/**
 * Users: all of them, and making one.
 *
 * @module
 */

import type { User } from "../users/contract.ts";
import { encodePathSegment } from "../text/path_segment.ts";
import {
  ActionForm,
  Empty,
  Field,
  Name,
  Notice,
  PasswordField,
  Table,
  Time,
} from "./components.tsx";
import type { Page } from "./frame.tsx";
import type { Html } from "./html.ts";

/** What was typed into the form of a new user, but for the password. */
export interface NewUserFields {
  readonly login: string;
  readonly fullName: string;
  readonly groups: string;
}

/** What the page shows. */
export interface UsersPageFacts {
  readonly prefix: string;
  readonly csrf: string;
  readonly users: readonly User[];
  /** Whether the reader may make users. */
  readonly isAdministrator: boolean;
  readonly fields?: NewUserFields | undefined;
  /** Why no user was made. */
  readonly problem?: string | undefined;
  readonly notice?: string | undefined;
}

/** Path of a user, behind the prefix. */
export function userPath(login: string): string {
  // That one word means whoever asks: decoded once, it must be another.
  return login === "$current"
    ? "/users/%2524current"
    : `/users/${encodePathSegment(login)}`;
}

/** Makes the page. */
export function usersPage(facts: UsersPageFacts): Page {
  const { prefix, users, isAdministrator, notice } = facts;
  return {
    title: "Users",
    section: "users",
    body: (
      <>
        <h1>Users</h1>
        {notice === undefined ? null : <Notice kind="good">{notice}</Notice>}
        {users.length === 0 ? <Empty>There are none.</Empty> : (
          <Table
            label="Users"
            heads={["Login", "Full name", "Groups", "State", "Changed"]}
          >
            {users.map((user) => <Row prefix={prefix} user={user} />)}
          </Table>
        )}
        {isAdministrator ? <NewUser {...facts} /> : null}
      </>
    ),
  };
}

function Row(
  { prefix, user }: { readonly prefix: string; readonly user: User },
): Html {
  const { login, fullName, groups = [], isDisabled, updatedAtUs } = user;
  return (
    <tr>
      <td class="wide">
        <a href={prefix + userPath(login)}>
          <Name>{login}</Name>
        </a>
      </td>
      <td class="wide">
        <Name>{fullName ?? ""}</Name>
      </td>
      <td class="wide">
        <Name>{groups.join(", ")}</Name>
      </td>
      <td>
        {isDisabled
          ? <span class="tag bad">disabled</span>
          : <span class="tag good">active</span>}
      </td>
      <td>
        <Time us={updatedAtUs} />
      </td>
    </tr>
  );
}

function NewUser({ prefix, csrf, fields, problem }: UsersPageFacts): Html {
  const { login = "", fullName = "", groups = "" } = fields ?? {};
  return (
    <details class="more" open={problem !== undefined}>
      <summary>Make a user</summary>
      <ActionForm action={prefix + "/web/users"} csrf={csrf}>
        {problem === undefined ? null : <Notice kind="bad">{problem}</Notice>}
        <div class="columns">
          <Field label="Login">
            <input
              name="login"
              value={login}
              required
              autocomplete="off"
              spellcheck={false}
            />
          </Field>
          <Field label="Full name">
            <input name="fullName" value={fullName} autocomplete="off" />
          </Field>
        </div>
        <Groups value={groups} />
        <PasswordField label="Password" of="new" />
        <div class="actions">
          <button type="submit" class="primary">Make the user</button>
        </div>
      </ActionForm>
    </details>
  );
}

/** The field of a user's groups. */
export function Groups({ value }: { readonly value: string }): Html {
  return (
    <Field
      label="Groups"
      help={
        <>
          With commas between them. <code>$admins</code> may do everything,{" "}
          <code>$ops</code> look after the server.
        </>
      }
    >
      <input
        name="groups"
        value={value}
        autocomplete="off"
        spellcheck={false}
      />
    </Field>
  );
}
