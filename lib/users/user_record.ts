/**
 * A user's stream, and a user as the data of an event in it (spec: users §1, "Storage facts"): the
 * original's members, and `algorithm` for hashes that are not the original's.
 * Members that are false or null are left out.
 *
 * @module
 */

import type { PasswordHash } from "./password.ts";
import type { RecordedEvent } from "../model/event.ts";
import { decodeJsonText } from "../text/utf8.ts";

/** The prefix of users' streams. */
export const USER_STREAM_PREFIX = "$user-";

/** Name of the stream of the user `login`. */
export function streamOfUser(login: string): string {
  return USER_STREAM_PREFIX + login;
}

/** The stored fields of a user besides its login. */
export interface UserFields {
  readonly fullName: string | undefined;
  readonly groups: readonly string[] | undefined;
  readonly isDisabled: boolean;
  readonly password: PasswordHash;
}

/** Types of a user's events. */
export type UserEventType = "$UserCreated" | "$UserUpdated";

/** Encodes a user as the original does, indented. */
export function encodeUser(login: string, fields: UserFields): string {
  const { fullName, groups, isDisabled, password } = fields;
  const document = {
    loginName: login,
    fullName,
    salt: password.salt,
    hash: password.hash,
    disabled: isDisabled ? true : undefined,
    groups,
    algorithm: password.algorithm,
  };
  return JSON.stringify(document, null, 2);
}

/** Decodes a user's event; undefined when it isn't one. */
export function decodeUser(event: RecordedEvent): UserFields | undefined {
  const { eventType } = event;
  if (eventType !== "$UserCreated" && eventType !== "$UserUpdated") {
    return undefined;
  }
  const document = parseObject(event.data);
  if (document === undefined) return undefined;
  const { fullName, groups, salt, hash, disabled, algorithm } = document;
  if (typeof salt !== "string" || typeof hash !== "string") return undefined;
  return {
    fullName: typeof fullName === "string" ? fullName : undefined,
    groups: Array.isArray(groups)
      ? groups.filter((group) => typeof group === "string")
      : undefined,
    // Whatever is no clear "no" keeps the user out.
    isDisabled: disabled !== undefined && disabled !== null &&
      disabled !== false,
    password: {
      salt,
      hash,
      // An algorithm of another type must not pass for the original's.
      algorithm: algorithm === undefined || algorithm === null
        ? undefined
        : String(algorithm),
    },
  };
}

/** A user's state and rights, for the audit; null: there is no such user. */
export function rightsTextOf(fields: UserFields | undefined): string | null {
  if (fields === undefined) return null;
  const { groups, isDisabled } = fields;
  return JSON.stringify({ groups, ...(isDisabled && { disabled: true }) });
}

/** Parses bytes that should be a JSON object; undefined when they are not. */
export function parseObject(
  data: Uint8Array,
): Readonly<Record<string, unknown>> | undefined {
  let document: unknown;
  try {
    document = JSON.parse(decodeJsonText(data));
  } catch {
    return undefined;
  }
  return typeof document === "object" && document !== null
    ? { ...document }
    : undefined;
}
