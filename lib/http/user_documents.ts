/**
 * Users and tokens as documents (spec: users §2.1). The original's XML is
 * empty; here it says what the JSON says.
 *
 * @module
 */

import { formatUpdated } from "../formats/atom/feed.ts";
import type { TokenInfo, User } from "../users/contract.ts";
import { escapeXmlText } from "../formats/xml/xml_text.ts";
import { isXml, type MediaType } from "./negotiation.ts";
import { encodePathSegmentSparely } from "../text/path_segment.ts";

/** Numbers of the original's internals; clients ignore them. */
const MESSAGE_TYPES = { result: 50, user: 51, users: 52, current: 53 } as const;

/** Which kind of document answers: it shows in a number. */
export type UserDocumentKind = keyof typeof MESSAGE_TYPES;

/** A value of a document: JSON, where undefined leaves a member out. */
export type DocumentValue =
  | string
  | number
  | boolean
  | undefined
  | readonly DocumentValue[]
  | { readonly [name: string]: DocumentValue };

/** How a request about users ended, in the original's words. */
export type UserResultCode =
  | "Success"
  | "NotFound"
  | "Conflict"
  | "Unauthorized"
  | "TryAgain";

/** The answer to a change. */
export function resultDocument(
  login: string,
  code: UserResultCode,
): DocumentValue {
  return { loginName: login, ...endOf("result", code) };
}

/** The answer to a read that shows nobody. */
export function refusedDocument(
  kind: UserDocumentKind,
  code: UserResultCode,
): DocumentValue {
  return endOf(kind, code);
}

/** One user, with links to what can be done with it. */
export function userDocument(user: User, baseUrl: string): DocumentValue {
  return { data: linkedUser(user, baseUrl), ...endOf("user", "Success") };
}

/** All users. */
export function usersDocument(
  users: readonly User[],
  baseUrl: string,
): DocumentValue {
  return {
    data: users.map((user) => linkedUser(user, baseUrl)),
    ...endOf("users", "Success"),
  };
}

/** The caller; a principal of a proxy is no stored user. */
export function currentUserDocument(user: User): DocumentValue {
  const { login, fullName, groups, isDisabled, updatedAtUs } = user;
  return {
    data: {
      loginName: login,
      fullName,
      groups,
      dateLastUpdated: formatTime(updatedAtUs),
      disabled: isDisabled,
    },
    ...endOf("current", "Success"),
  };
}

/** A token as it is listed, never with its secret. */
export function tokenDocument(token: TokenInfo): {
  readonly [name: string]: DocumentValue;
} {
  const { tokenId, label, isReadOnly, scopes, createdAtUs, expiresAtUs } =
    token;
  return {
    tokenId,
    label,
    readOnly: isReadOnly,
    scopes,
    created: formatTime(createdAtUs),
    expires: formatTime(expiresAtUs),
    session: token.isSession,
  };
}

/** A time as the original shows it here: with an offset. */
export function formatTime(timeUs: number): string {
  return formatUpdated(timeUs).replace("Z", "+00:00");
}

/** Renders a document. */
export function renderUserDocument(
  document: DocumentValue,
  type: MediaType,
): string {
  return isXml(type)
    ? '<?xml version="1.0" encoding="utf-8"?>' +
      renderElement("UserResult", document)
    : JSON.stringify(document, null, 2);
}

/** URI of a user, with those characters as they are that a path may hold. */
export function userUri(login: string, baseUrl: string): string {
  // That one word means the caller: decoded once, it must be another.
  if (login === "$current") return `${baseUrl}/users/%2524current`;
  return `${baseUrl}/users/${encodePathSegmentSparely(login)}`;
}

function endOf(kind: UserDocumentKind, code: UserResultCode) {
  return {
    success: code === "Success",
    error: code,
    msgTypeId: MESSAGE_TYPES[kind],
  };
}

function linkedUser(user: User, baseUrl: string): DocumentValue {
  const { login, fullName, groups, isDisabled } = user;
  const uri = userUri(login, baseUrl);
  const change = isDisabled ? "enable" : "disable";
  return {
    loginName: login,
    fullName,
    groups,
    disabled: isDisabled,
    links: [
      { href: `${uri}/command/reset-password`, rel: "reset-password" },
      { href: `${uri}/command/change-password`, rel: "change-password" },
      { href: uri, rel: "edit" },
      { href: uri, rel: "delete" },
      { href: `${uri}/command/${change}`, rel: change },
    ],
  };
}

function renderElement(name: string, value: DocumentValue): string {
  if (value === undefined) return "";
  return `<${name}>${renderContent(value)}</${name}>`;
}

function renderContent(value: Exclude<DocumentValue, undefined>): string {
  if (typeof value !== "object") return escapeXmlText(String(value));
  if (isList(value)) {
    return value.map((item) => renderElement("Item", item)).join("");
  }
  return Object.entries(value).map(([name, member]) =>
    renderElement(name.charAt(0).toUpperCase() + name.slice(1), member)
  ).join("");
}

function isList(value: object): value is readonly DocumentValue[] {
  return Array.isArray(value);
}
