/**
 * The header of HTTP Basic (RFC 7617) as login and password.
 *
 * @module
 */

import { decodeUtf8IfValid } from "../text/utf8.ts";

/** What a client claims to know. */
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
