/**
 * Credentials in headers, parsed and not yet verified: HTTP
 * Basic (RFC 7617), bearer tokens, and `ES-TrustedAuth`.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import type { Principal } from "../model/principal.ts";
import { decodeUtf8IfValid } from "../text/utf8.ts";

/** The credentials that a client claims to know. */
export interface BasicCredentials {
  readonly login: string;
  readonly password: string;
}

/**
 * The value after an authentication scheme, without surrounding spaces.
 *
 * @param scheme Lower case.
 * @returns `undefined` when the header names another scheme or has no value.
 */
export function credentialsOfScheme(
  authorization: string,
  scheme: string,
): string | undefined {
  if (authorization.charCodeAt(scheme.length) !== 0x20) return undefined;
  if (authorization.slice(0, scheme.length).toLowerCase() !== scheme) {
    return undefined;
  }
  const value = authorization.slice(scheme.length + 1).trim();
  return value === "" ? undefined : value;
}

/**
 * Decodes the header. UTF-8 where it is, otherwise Latin-1, as old clients
 * send it.
 *
 * @returns `undefined` for another scheme, for broken base64 and for a text
 * without `:` (spec: users §1.4).
 */
export function decodeBasicCredentials(
  authorization: string,
): BasicCredentials | undefined {
  const encoded = credentialsOfScheme(authorization, "basic");
  // The original insists on padding; `atob` doesn't.
  if (encoded === undefined || encoded.length % 4 !== 0) return undefined;
  let latin1: string;
  try {
    latin1 = atob(encoded);
  } catch {
    return undefined;
  }
  const text = decodeText(latin1);
  const colonIndex = text.indexOf(":");
  if (colonIndex < 0) return undefined;
  return {
    login: text.slice(0, colonIndex),
    password: text.slice(colonIndex + 1),
  };
}

function decodeText(latin1: string): string {
  const bytes = Uint8Array.from(latin1, (unit) => unit.charCodeAt(0));
  return decodeUtf8IfValid(bytes) ?? latin1;
}

/** A text that has the shape of a token. */
export interface ClaimedToken {
  readonly login: string;
  readonly secret: string;
}

/**
 * The start of bearer tokens: `quipu.<login, base64url>.<256 random bits,
 * base64url>`. The login stands in the token so that a token is found by
 * reading one event.
 */
export const TOKEN_PREFIX = "quipu.";
/** Characters of a secret: base64url of 32 bytes. */
const SECRET_CHARS = 43;

/** Takes a bearer token apart; undefined when the header has another shape. */
export function decodeBearerToken(
  authorization: string,
): ClaimedToken | undefined {
  const text = credentialsOfScheme(authorization, "bearer");
  if (!text?.startsWith(TOKEN_PREFIX)) return undefined;
  const [encodedLogin = "", secret = "", ...rest] = text.slice(
    TOKEN_PREFIX.length,
  )
    .split(".");
  const isShaped = rest.length === 0 && secret.length === SECRET_CHARS &&
    /^[\w-]+$/.test(secret) && /^[\w-]+$/.test(encodedLogin);
  if (!isShaped) return undefined;
  const login = decodeUtf8IfValid(Buffer.from(encodedLogin, "base64url"));
  return login === undefined ? undefined : { login, secret };
}

/** Who a header says it is. */
export function claimedLoginOf(authorization: string): string | undefined {
  return decodeBearerToken(authorization)?.login ??
    decodeBasicCredentials(authorization)?.login;
}

/**
 * Decodes `ES-TrustedAuth`, by which a proxy says who a request comes from
 * (spec: users §1.6): `<login>` or `<login>; <group>, <group>`. No password is
 * checked: it counts only from the addresses that the operator named.
 *
 * @returns `undefined` when it has another shape.
 */
export function decodeTrustedAuth(header: string): Principal | undefined {
  const [loginPart, groupsPart, ...rest] = header.split(";");
  const login = loginPart?.trim() ?? "";
  if (login === "" || rest.length > 0) return undefined;
  const groups = (groupsPart ?? "").split(",").map((group) => group.trim());
  const roles = new Set(groups.filter((group) => group !== ""));
  roles.add(login);
  return { login, roles, isReadOnly: false };
}
